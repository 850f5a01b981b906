"""`guard()`: wrap what exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast, overload

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda, RunnableSerializable
from langchain_core.tools import BaseTool
from langchain_core.tools import tool as make_tool
from langgraph.graph.state import CompiledStateGraph, StateGraph
from langgraph.pregel import Pregel

from guarded_agent.agent.canary import fly
from guarded_agent.agent.chain import CHAIN, GuardedChain, build_chain, is_executor, look_chain
from guarded_agent.agent.code import composed
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.graph import GuardedGraph, Guarding, carry
from guarded_agent.agent.inside import is_workflow
from guarded_agent.agent.made_of import model_id
from guarded_agent.agent.net import Net
from guarded_agent.agent.rebuild import Graph, Rebuild
from guarded_agent.agent.report import Report
from guarded_agent.agent.restoring import restoring
from guarded_agent.agent.runtime import PolicySource, open_monitor
from guarded_agent.agent.selftest import selftest
from guarded_agent.core import Guard
from guarded_agent.core.errors import UnprovableGraph
from guarded_agent.monitor import Monitor
from guarded_agent.store import Store
from guarded_agent.store.checkpoints import checkpointer

Tools = Sequence[BaseTool | Callable[..., Any]]
Chain = Runnable[Any, Any]


# A graph is a Runnable too: the first that fits counts.
@overload
def guard(
    target: Pregel[Any, Any, Any, Any] | StateGraph[Any, Any, Any, Any],
    *,
    policy: PolicySource = ...,
    store: str | Store | None = ...,
    trust: Mapping[str, str] | None = ...,
    guards: Iterable[Guard] = ...,
) -> GuardedGraph: ...


@overload
def guard(
    target: Tools,
    *,
    policy: PolicySource = ...,
    store: str | Store | None = ...,
    trust: Mapping[str, str] | None = ...,
    guards: Iterable[Guard] = ...,
) -> list[BaseTool]: ...


@overload
def guard(
    target: RunnableSerializable[Any, Any] | RunnableLambda[Any, Any],
    *,
    policy: PolicySource = ...,
    store: str | Store | None = ...,
    trust: Mapping[str, str] | None = ...,
    guards: Iterable[Guard] = ...,
) -> GuardedChain: ...


def guard(
    target: Any,
    *,
    policy: PolicySource = None,
    store: str | Store | None = None,
    trust: Mapping[str, str] | None = None,
    guards: Iterable[Guard] = (),
) -> Any:
    """Return `target` guarded: every tool call and every output passes the monitor.

    The target itself is not changed.

    Args:
        target: A compiled LangGraph graph, a `StateGraph`, an `@entrypoint` workflow, a
            chain, a classic `AgentExecutor`, or a list of tools.
        policy: A path to a policy file, a mapping, a `Policy`, or None for the default
            policy: reads are allowed, anything that writes or sends asks a human.
        store: Where approvals, audit and, for a graph without a checkpointer,
            checkpoints live: a database URL or an open store. By default the SQLite
            file `guarded_agent.db` in the working directory.
        trust: Declares what cannot be proven, as report keys mapped to the reason.
        guards: More guards, which run after those of the policy.

    Returns:
        A graph or a chain with the whole interface of the one it wraps, or a list of
        guarded tools.

    Raises:
        UnprovableGraph: Something in the graph cannot be shown to be guarded.
        PolicyError: The policy is wrong, or does not fit the tools.
        StoreError: The store cannot be opened.

    Example:
        >>> from langchain_core.tools import tool
        >>> @tool
        ... def add(a: int, b: int) -> int:
        ...     "Add two numbers."
        ...     return a + b
        >>> policy = {"version": 1, "tools": {"add": {"access": "read"}}}
        >>> [safe_add] = guard([add], policy=policy, store="sqlite://")
        >>> safe_add.invoke({"a": 2, "b": 3})
        5
    """
    if isinstance(target, StateGraph):
        target = cast("StateGraph[Any, Any, Any, Any]", target).compile()
    declared = trust or {}
    if isinstance(target, CompiledStateGraph) or is_workflow(target):
        return _guard_graph(cast("Graph", target), policy, store, declared, guards)
    if isinstance(target, (list, tuple)):
        return _guard_tools(cast("Tools", target), policy, store, declared, guards)
    if isinstance(target, GuardedChain) or is_executor(target) or composed(target) is not None:
        return _guard_chain(cast("Chain", target), policy, store, declared, guards)
    raise UnprovableGraph(*_refusal(target))


def _guard_graph(
    graph: Graph,
    policy: PolicySource,
    store: str | Store | None,
    trust: Mapping[str, str],
    guards: Iterable[Guard],
) -> GuardedGraph:
    selftest()
    report = Report(graph.name or "graph")
    if isinstance(graph, GuardedGraph):
        report.add("graph", "unproven", "is guarded already: wrap the agent once, not twice")
        raise UnprovableGraph(str(report), report.unproven)
    rebuild = Rebuild(trust, report)
    rebuild.look(graph)
    monitor = _monitor(rebuild, policy, store, guards)
    if graph.checkpointer is None or graph.checkpointer is False:
        # Without one an approval could never be resumed.
        new = rebuild.build(graph, monitor, checkpointer=checkpointer(monitor.store))
    else:
        new = rebuild.build(graph, monitor)
    return restoring(carry(new, Guarding(monitor, report, Net(monitor, trust))))


def _guard_tools(
    tools: Tools,
    policy: PolicySource,
    store: str | Store | None,
    trust: Mapping[str, str],
    guards: Iterable[Guard],
) -> list[BaseTool]:
    made = [item if isinstance(item, BaseTool) else make_tool(item) for item in tools]
    rebuild = Rebuild(trust, Report("tools"))
    for item in made:
        rebuild.look_tool(item)
    monitor = _monitor(rebuild, policy, store, guards)
    return [rebuild.tool(item, monitor) for item in made]


def _guard_chain(
    chain: Chain,
    policy: PolicySource,
    store: str | Store | None,
    trust: Mapping[str, str],
    guards: Iterable[Guard],
) -> GuardedChain:
    selftest()
    report = Report(chain.get_name())
    rebuild = Rebuild(trust, report)
    if isinstance(chain, GuardedChain):
        report.add(CHAIN, "unproven", "is guarded already: wrap the agent once, not twice")
    else:
        look_chain(rebuild, chain)
    return build_chain(rebuild, chain, _monitor(rebuild, policy, store, guards))


def _monitor(
    rebuild: Rebuild, policy: PolicySource, store: str | Store | None, guards: Iterable[Guard]
) -> Monitor:
    """Return the monitor for what was looked at, once all of it is proven."""
    fly(rebuild)
    rebuild.require_proof()
    rebuild.report.add_surfaces(of_chain=not rebuild.graphs)
    specs = [Shape.of(tool).spec for tool in rebuild.tools.values()]
    models = [model_id(model) for held in rebuild.found for model in held.models]
    prompts = [prompt for held in rebuild.found for prompt in held.prompts]
    monitor = open_monitor(policy, store, specs, guards, models=models, prompts=prompts)
    rebuild.report.observes = monitor.observes
    return monitor


def _refusal(target: Any) -> tuple[str, dict[str, str]]:
    kind = type(target).__name__
    if isinstance(target, BaseChatModel):
        why = "a model alone runs no tools: guard the agent that uses it"
    elif isinstance(target, BaseTool):
        why = "guard() takes a list of tools: put this one in a list"
    else:
        why = (
            "guard() takes a compiled LangGraph graph, a StateGraph, an @entrypoint workflow, a "
            "chain of known parts, a classic AgentExecutor or a list of tools"
        )
    report = Report(kind)
    report.add(kind, "unproven", why)
    return str(report), report.unproven

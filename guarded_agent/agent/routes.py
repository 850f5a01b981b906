"""Where a guard node leads: the ways that left the node it stands for, taken when they are due.

A gate that ran its call itself goes on as the tool node would have; one that opened
lanes goes nowhere else, and `X.exec` goes on. A model whose message was judged inside it,
and only asks for calls, goes straight to the gates; every other message passes `M.output`.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph._internal._runnable import RunnableCallable
from langgraph.graph._branch import BranchSpec
from langgraph.graph.state import StateGraph
from langgraph.types import Send

from guarded_agent.agent.step import alone, has_sent

Builder = StateGraph[Any, Any, Any, Any]
Path = Runnable[Any, Any]
Judged = Callable[[Any, RunnableConfig], bool]
"""Whether all that a state's last message says was judged already, and passes as it is."""


def onward(path: Path, approval: str, execute: str) -> RunnableCallable:
    """Return `path` for a gate: it leads nowhere once lanes are open."""

    def opened(config: RunnableConfig) -> bool:
        return has_sent(config, approval) or has_sent(config, execute)

    def choose(state: Any, config: RunnableConfig) -> Any:
        return [] if opened(config) else path.invoke(state, config)

    async def achoose(state: Any, config: RunnableConfig) -> Any:
        return [] if opened(config) else await path.ainvoke(state, config)

    return RunnableCallable(choose, achoose, trace=False)


def always(ends: Sequence[str]) -> RunnableCallable:
    """Return the path that fixed edges are."""

    def choose(state: Any) -> list[str]:
        del state
        return list(ends)

    return RunnableCallable(choose, trace=False)


def shortcut(
    path: Path,
    ends: Mapping[Hashable, str] | None,
    *,
    gates: Collection[str],
    output: str,
    judged: Judged,
) -> RunnableCallable:
    """Return `path` for a model node: to the gates where nothing is left to judge.

    Args:
        path: Where the model's message led.
        ends: What its answers mean, where they are not nodes themselves.
        gates: The nodes that are gates.
        output: The node that judges what the model said.
        judged: Whether that was done already.
    """

    def leads(answer: Any) -> Any:
        several = cast("Sequence[Any]", answer if isinstance(answer, (list, tuple)) else [answer])
        straight = bool(several) and all(_node(item, ends) in gates for item in several)
        return cast("Any", answer) if straight else output

    def choose(state: Any, config: RunnableConfig) -> Any:
        straight = alone(config) and judged(state, config)
        return leads(path.invoke(state, config)) if straight else output

    async def achoose(state: Any, config: RunnableConfig) -> Any:
        straight = alone(config) and judged(state, config)
        return leads(await path.ainvoke(state, config)) if straight else output

    return RunnableCallable(choose, achoose, trace=False)


def _node(answer: Any, ends: Mapping[Hashable, str] | None) -> str:
    if isinstance(answer, Send):
        return answer.node
    return ends.get(answer, "") if ends is not None else str(answer)


def at_once_in(builder: Builder) -> frozenset[str]:
    """Return the nodes whose work may go on in their own step, without one of its own.

    What a node retries, caches or limits in time is its own work, and a node that others
    are waited for with keeps its steps.
    """
    if builder._node_defaults != type(builder._node_defaults)():
        return frozenset()
    joined = {start for starts, _ in builder.waiting_edges for start in starts}
    return frozenset(
        name
        for name, spec in builder.nodes.items()
        if name not in joined
        and not (spec.retry_policy or spec.cache_policy or spec.timeout or spec.defer)
    )


def ways_on(builder: Builder, name: str, approval: str, execute: str) -> dict[str, BranchSpec]:
    """Return where the gate of tool node `name` leads once it has run its call."""
    ways = {
        key: branch._replace(path=onward(branch.path, approval, execute))
        for key, branch in builder.branches.get(name, {}).items()
    }
    fixed = sorted(end for start, end in builder.edges if start == name)
    if fixed:
        path = onward(always(fixed), approval, execute)
        ways["guard"] = BranchSpec(path, {end: end for end in fixed})
    return ways


def way_through(
    builder: Builder,
    name: str,
    gates: Collection[str],
    output: str,
    judged: Judged,
) -> BranchSpec | None:
    """Return where model node `name` leads, if a choice of its own could lead to a gate."""
    branches = list(builder.branches.get(name, {}).values())
    fixed = any(start == name for start, _ in builder.edges)
    if fixed or len(branches) != 1:
        return None
    branch = branches[0]
    path = shortcut(branch.path, branch.ends, gates=gates, output=output, judged=judged)
    ends = branch.ends or {gate: gate for gate in gates}
    straight = {answer: node for answer, node in ends.items() if node in gates}
    return branch._replace(path=path, ends={**straight, output: output})

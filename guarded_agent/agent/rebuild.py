"""Rebuild a graph with guard nodes in it. The original is copied, never changed.

A tool node `X` keeps its name as the gate, so every edge, `Send("X")` and
`Command(goto="X")` still lands on it; what left `X` now leaves `X.exec`. Behind
a model node `M` stands `M.output`, and what left `M` leaves from there.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import copy
import dataclasses
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.tools import BaseTool
from langgraph.channels import EphemeralValue
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from guarded_agent.agent.code import Holdings, holdings
from guarded_agent.agent.inside import (
    Builder,
    already_guarded,
    and_holds,
    inside_tool,
    is_workflow,
    replaces_by_id,
    resolves_late,
    unbuilt,
    unknown,
    unreachable,
    what_it_holds,
)
from guarded_agent.agent.model import guard_model, is_guarded_model
from guarded_agent.agent.net import Net, remote
from guarded_agent.agent.nodes import (
    Approval,
    Gate,
    Output,
    alane_wrapper,
    exec_node,
    lane_wrapper,
    wrapped_model_node,
)
from guarded_agent.agent.origin import shadowed
from guarded_agent.agent.passing import cleaned
from guarded_agent.agent.report import BODY, Report
from guarded_agent.agent.routes import at_once_in, way_through, ways_on
from guarded_agent.agent.swap import swapped
from guarded_agent.agent.tool import guard_tool, is_guarded
from guarded_agent.agent.voice import heard
from guarded_agent.core import Stage
from guarded_agent.core.errors import UnprovableGraph
from guarded_agent.monitor import Monitor

Graph = CompiledStateGraph[Any, Any, Any, Any]

_ERROR_HANDLER = "__default_error_handler__"
_TOOL_NODE_METHODS = ("_func", "_afunc", "_run_one", "_arun_one", "_parse_input")


@dataclass(slots=True)
class Rebuild:
    """One rebuilding of a graph and everything nested in it.

    Attributes:
        trust: What the user declared, as keys mapped to reasons.
        report: What was found.
        tools: Every tool that was found, by name.
        tool_nodes: The class of every tool node that was found, by its key.
        answers: Whether guarded tools give refusals as results; see `guard_tool`.
    """

    trust: Mapping[str, str]
    report: Report
    tools: dict[str, BaseTool] = field(default_factory=dict[str, BaseTool])
    tool_nodes: dict[str, type[ToolNode]] = field(default_factory=dict[str, type[ToolNode]])
    answers: bool = False
    _held: dict[int, Holdings] = field(default_factory=dict[int, Holdings])
    _done: dict[int, Graph] = field(default_factory=dict[int, Graph])
    _made: dict[int, BaseTool] = field(default_factory=dict[int, BaseTool])
    _seen: set[int] = field(default_factory=set[int])

    @property
    def graphs(self) -> bool:
        """Whether any graph was found."""
        return bool(self._seen)

    # -- first pass: look -------------------------------------------------------------

    def look(self, graph: Graph, prefix: str = "") -> None:
        """Classify every node, edge and tool of `graph`, by allow-list."""
        if id(graph) in self._seen:
            return
        self._seen.add(id(graph))
        if is_workflow(graph):
            for name, node in graph.nodes.items():
                self.look_code(f"{prefix}{name}", node.bound)
            return
        builder = cast("Builder", graph.builder)
        for name, spec in builder.nodes.items():
            self._look_node(builder, f"{prefix}{name}", name, cast("Any", spec.runnable))
        for source, branches in builder.branches.items():
            for branch_name, branch in branches.items():
                self._look_edge(f"{prefix}{source}:{branch_name}", branch.path)
        for source, end in sorted(builder.edges):
            self.report.add(f"{prefix}{source} -> {end}", "plain", "is fixed: it runs nothing")

    def _look_node(self, builder: Builder, key: str, name: str, runnable: Any) -> None:
        if isinstance(runnable, ToolNode):
            self._look_tool_node(builder, key, runnable)
        elif isinstance(runnable, CompiledStateGraph) or is_workflow(runnable):
            self.report.add(key, "guarded", "a graph inside; its own nodes follow")
            self.look(cast("Graph", runnable), f"{key}/")
        elif isinstance(runnable, Pregel):
            self.unproven(key, f"a {type(runnable).__name__} has no builder to copy")
        else:
            self._look_code(builder, key, name, runnable)

    def _look_tool_node(self, builder: Builder, key: str, node: ToolNode) -> None:
        changed = [
            name
            for name in _TOOL_NODE_METHODS
            if getattr(type(node), name) is not getattr(ToolNode, name)
        ]
        if changed:
            self.unproven(key, f"a ToolNode that changes {', '.join(changed)}")
            return
        if set(builder.channels) == {"__root__"}:
            self.unproven(key, "the state is a bare list, which cannot travel call by call")
            return
        self.tool_nodes[key] = type(node)
        names = ", ".join(sorted(node.tools_by_name)) or "none"
        self.report.add(key, "guarded", f"gate, approval and exec for: {names}")
        for wrapper in (node._wrap_tool_call, node._awrap_tool_call):
            self._look_held(f"{key}:wrapper", holdings(wrapper, name="a wrapper of tool calls"))
        for tool in node.tools_by_name.values():
            self.look_tool(tool)

    def look_tool(self, tool: BaseTool) -> None:
        """Classify a tool and everything inside of it."""
        key = f"tool:{tool.name}"
        if id(tool) in self._held:
            return
        inside = self._held[id(tool)] = inside_tool(tool)
        problem = shadowed(tool, self.tools.values())
        known = self.tools.setdefault(tool.name, tool)
        if problem:
            self.unproven(key, problem)
            return
        again = "is guarded already, perhaps under another policy" if is_guarded(tool) else None
        problem = again or unbuilt(inside) or unreachable(tool) or ""
        if problem:
            self.unproven(key, problem)
        elif known is tool:
            self.report.add(key, "guarded", f"runs only with a receipt{and_holds(inside)}")
            if inside.unknown:
                why = "code of its own: the net sees the tools that it starts, and nothing else"
                self.report.add(f"{key}{BODY}", "runtime-only", why, "body")
        self._look_inside(inside, key)

    @property
    def found(self) -> list[Holdings]:
        """What all the code that was looked at holds."""
        return list(self._held.values())

    def _look_inside(self, held: Holdings, key: str) -> None:
        known = {line.key for line in self.report.lines}
        for name in sorted({f"tool:{served}" for served in held.served} - known):
            self.unproven(name, remote(name.removeprefix("tool:")))
        for tool in held.tools:
            self.look_tool(tool)
        for graph in held.graphs:
            if isinstance(graph, CompiledStateGraph) or is_workflow(graph):
                self.look(cast("Graph", graph), f"{key}/")

    def _look_code(self, builder: Builder, key: str, name: str, runnable: Any) -> None:
        held = holdings(runnable, name=name)
        self._held[id(runnable)] = held
        problem = already_guarded(runnable) or unknown(held) or unbuilt(held)
        if problem is None and held.models and not replaces_by_id(builder):
            problem = "calls a model, but the graph has no `messages` channel with add_messages"
        elif problem is None and not held.models and resolves_late(runnable):
            problem = "chooses its model while it runs, so it cannot be guarded before"
        if problem is not None:
            self.unproven(key, problem)
        elif held.models:
            self.report.add(key, "guarded", "calls a model; an output guard follows")
        elif held.graphs or held.tools:
            self.report.add(key, "guarded", f"a function{and_holds(held)}")
        elif key in self.trust:
            self.report.add(key, "trusted", self.trust[key])
        else:
            self.report.add(key, "plain", "reaches no tool, no model and nothing unknown")
        self._look_inside(held, key)

    def _look_edge(self, key: str, path: Any) -> None:
        held = holdings(path, name="its condition")
        if held.tools or held.graphs or held.models:
            self.unproven(key, "a condition only chooses: it may not run tools, models or graphs")
        elif held.unknown:
            self._look_held(key, held)
        else:
            self.report.add(key, "plain", "only chooses where to go", "edge")

    def _look_held(self, key: str, held: Holdings) -> None:
        problem = unknown(held)
        if problem is not None:
            self.unproven(key, problem)

    def unproven(self, key: str, why: str) -> None:
        """Report `key` as trusted if it was declared, else as unproven."""
        if key in self.trust:
            self.report.add(key, "trusted", f"{self.trust[key]} [{why}]")
        else:
            self.report.add(key, "unproven", why)

    def require_proof(self) -> None:
        """Refuse to go on with anything unproven, or with a declaration that fits nothing.

        Raises:
            UnprovableGraph: The report says what to declare.
        """
        for key in sorted(set(self.trust) - self.report.keys):
            self.report.add(key, "unproven", "is declared in trust=, but nothing has this name")
        if self.report.unproven:
            raise UnprovableGraph(str(self.report), self.report.unproven)

    def look_code(self, key: str, value: Any) -> Holdings:
        """Classify code outside of a graph, and everything that it runs."""
        held = holdings(value, name=key)
        self._held[id(value)] = held
        problem = unknown(held) or unbuilt(held)
        if problem is not None:
            self.unproven(key, problem)
        else:
            self.report.add(key, "guarded" if and_holds(held) else "plain", what_it_holds(held))
        self._look_inside(held, key)
        return held

    # -- second pass: build -----------------------------------------------------------

    def build(self, graph: Graph, monitor: Monitor, **compile_with: Any) -> Graph:
        """Return a copy of `graph` with guard nodes, compiled like the original."""
        if id(graph) in self._done:
            return self._done[id(graph)]
        if is_workflow(graph):
            self._done[id(graph)] = self._workflow(graph, monitor, compile_with)
            return self._done[id(graph)]
        after = graph.interrupt_after_nodes
        # What is retried, or pauses after a node, does so step by step.
        stepwise = after == "*" or bool(graph.retry_policy)
        builder, renamed = self._builder(
            cast("Builder", graph.builder),
            monitor,
            stops=None if stepwise else frozenset(after),
        )
        options: dict[str, Any] = {
            "checkpointer": graph.checkpointer,
            "cache": graph.cache,
            "store": graph.store,
            "interrupt_before": graph.interrupt_before_nodes,
            "interrupt_after": after if after == "*" else [renamed.get(n, n) for n in after],
            "debug": graph.debug,
            "name": graph.name,
            "transformers": graph.stream_transformers,
        }
        new = cast("Graph", builder.compile(**(options | compile_with)))
        for attribute in ("config", "stream_mode", "step_timeout", "retry_policy", "cache_policy"):
            setattr(new, attribute, getattr(graph, attribute))
        self._done[id(graph)] = new
        return new

    def _workflow(self, workflow: Graph, monitor: Monitor, changed: dict[str, Any]) -> Graph:
        """Return a copy of a functional workflow, whose function runs guarded objects."""
        nodes = {
            name: node.copy({"bound": heard(self.code(name, node.bound, monitor), monitor, name)})
            for name, node in workflow.nodes.items()
        }
        return workflow.copy({"nodes": nodes, **changed})

    def _builder(
        self, old: Builder, monitor: Monitor, *, stops: frozenset[str] | None
    ) -> tuple[Builder, dict[str, str]]:
        """Copy a builder with guard nodes in it.

        Args:
            old: The builder.
            monitor: What its guard nodes ask.
            stops: The nodes behind which the graph pauses; None for every one.
        """
        new = copy.copy(old)
        for attribute in ("channels", "managed", "schemas"):
            setattr(new, attribute, copy.copy(getattr(old, attribute)))
        new.compiled = False
        new.nodes = {}
        if _ERROR_HANDLER in old.nodes:  # compiling added it; compiling again would collide
            new._node_defaults = dataclasses.replace(old._node_defaults, error_handler=None)
        renamed: dict[str, str] = {}
        at_once = frozenset[str]() if stops is None else at_once_in(old) - stops
        for name, spec in old.nodes.items():
            runnable = cast("Any", spec.runnable)
            if isinstance(runnable, ToolNode):
                renamed[name] = self._add_tool_node(
                    new, name, spec, runnable, monitor, runs=name in at_once
                )
            elif isinstance(runnable, Pregel):
                inner = self.build(cast("Graph", runnable), monitor)
                new.nodes[name] = dataclasses.replace(spec, runnable=inner)
            else:
                out = self._add_code(new, name, spec, runnable, monitor)
                if out is not None:
                    renamed[name] = out
        for name, spec in new.nodes.items():
            judges = (spec.metadata or {}).get("guard") in ("gate", "output")
            if not ((judges and name not in at_once) or isinstance(spec.runnable, Pregel)):
                node = heard(cast("Any", spec.runnable), monitor, name)
                new.nodes[name] = dataclasses.replace(spec, runnable=node)
        new.edges = {(renamed.get(start, start), end) for start, end in old.edges}
        for model, out in renamed.items():
            if out.endswith(".output"):
                new.edges.add((model, out))
        new.waiting_edges = {
            (tuple(renamed.get(start, start) for start in starts), end)
            for starts, end in old.waiting_edges
        }
        new.branches = type(old.branches)(dict)
        for start, branches in old.branches.items():
            new.branches[renamed.get(start, start)] = dict(branches)
        gates = {name for name, out in renamed.items() if out.endswith(".exec")}
        judged = Output(monitor, "messages").judged
        for name in at_once & renamed.keys():
            if name in gates:
                new.branches[name] = ways_on(old, name, f"{name}.approval", renamed[name])
            elif (way := way_through(old, name, gates, renamed[name], judged)) is not None:
                new.edges.discard((name, renamed[name]))
                new.branches[name] = {"guard": way}
        return new, renamed

    def _add_tool_node(
        self, new: Builder, name: str, spec: Any, node: ToolNode, monitor: Monitor, *, runs: bool
    ) -> str:
        approval, exec_name = f"{name}.approval", f"{name}.exec"
        tools = {key: self.tool(tool, monitor) for key, tool in node.tools_by_name.items()}
        shapes = {key: cast("Any", tool)._guard.shape for key, tool in tools.items()}
        key = node._messages_key
        inner = _with_tools(node, exec_name, tools)
        here = inner if runs else None
        gate = Gate(monitor, node, shapes, approval, exec_name, here).runnable(name)
        wait = Approval(monitor, shapes, inner, exec_name).runnable(approval)
        run = exec_node(inner, exec_name, messages_key=key)
        # Judging is not repeated, and nothing cached, by a policy meant for the tool's body.
        once: dict[str, Any] = {"retry_policy": None, "cache_policy": None, "timeout": None}
        meta = dict(spec.metadata or {})
        new.nodes[name] = dataclasses.replace(
            spec,
            runnable=gate,
            ends=(approval, exec_name),
            metadata=meta | {"guard": "gate"},
            **once,
        )
        new.nodes[approval] = dataclasses.replace(
            spec,
            runnable=wait,
            ends=(exec_name,),
            metadata=meta | {"guard": "approval"},
            cache_policy=None,
        )
        new.nodes[exec_name] = dataclasses.replace(
            spec, runnable=run, metadata=meta | {"guard": "exec"}
        )
        return exec_name

    def _add_code(
        self, new: Builder, name: str, spec: Any, runnable: Any, monitor: Monitor
    ) -> str | None:
        held = self._held[id(runnable)]
        if not (held.models or held.graphs or held.tools):
            new.nodes[name] = spec
            return None
        rebuilt, hits = self._swapped(name, runnable, held, monitor)
        if not held.models:
            new.nodes[name] = dataclasses.replace(spec, runnable=rebuilt)
            return None
        if not hits:
            rebuilt = wrapped_model_node(rebuilt, monitor, name)
        new.nodes[name] = dataclasses.replace(spec, runnable=rebuilt)
        output = f"{name}.output"
        carried = tuple(
            key for key, channel in new.channels.items() if isinstance(channel, EphemeralValue)
        )
        new.nodes[output] = dataclasses.replace(
            spec,
            runnable=Output(monitor, "messages", carried).runnable(output),
            ends=(),
            input_schema=new.state_schema,
            metadata=dict(spec.metadata or {}) | {"guard": "output"},
            retry_policy=None,
            cache_policy=None,
            timeout=None,
        )
        return output

    def code(self, key: str, value: Any, monitor: Monitor) -> Any:
        """Return code that was looked at, over guarded objects."""
        held = self._held[id(value)]
        if not (held.models or held.graphs or held.tools):
            return value
        return self._swapped(key, value, held, monitor)[0]

    def tool(self, tool: BaseTool, monitor: Monitor) -> BaseTool:
        """Return the guarded tool; what runs inside it is guarded as well."""
        if id(tool) not in self._made:
            held = self._held[id(tool)]
            inner = tool
            if held.graphs or held.tools or held.models:
                inner = tool.model_copy()
                for name in ("func", "coroutine"):
                    function = getattr(tool, name, None)
                    setattr(inner, name, self._swapped(tool.name, function, held, monitor)[0])
            net = Net(monitor, self.trust)
            self._made[id(tool)] = guard_tool(inner, monitor, net=net, answers=self.answers)
        return self._made[id(tool)]

    def _swapped(self, name: str, value: Any, held: Holdings, monitor: Monitor) -> tuple[Any, int]:
        """Return `value` over guarded objects, and how many took their place.

        Raises:
            UnprovableGraph: Something unguarded is left in a place that was not reached.
        """
        by_hand = {id(tool) for tool in held.tools}
        rebuilt, hits = swapped(value, lambda item: self._replace(item, by_hand, monitor))
        left = holdings(rebuilt, name=name)
        built = {id(graph) for graph in self._done.values()}
        names = [type(model).__name__ for model in left.models if not is_guarded_model(model)]
        names += [graph.name or "a graph" for graph in left.graphs if id(graph) not in built]
        names += [tool.name for tool in left.tools if not is_guarded(tool)]
        if names:
            why = f"holds {', '.join(names)} where it cannot be replaced by a guarded one"
            raise UnprovableGraph(f"{name}: {why}; keep it in a plain variable", {name: why})
        return rebuilt, hits

    def _replace(self, value: Any, by_hand: set[int], monitor: Monitor) -> Any:
        if isinstance(value, BaseTool):
            return self.tool(value, monitor) if id(value) in by_hand else value
        if isinstance(value, BaseChatModel):
            return guard_model(value, monitor)
        if isinstance(value, SystemMessage):  # what puts it into a prompt announces it
            return cleaned(monitor, Stage.INPUT, value)
        if _executes_model(value):
            return _guarding(value, monitor)
        if isinstance(value, CompiledStateGraph) or is_workflow(value):
            return self.build(cast("Graph", value), monitor)
        return value


def _with_tools(node: ToolNode, name: str, tools: dict[str, BaseTool]) -> ToolNode:
    new = copy.copy(node)
    new.name = name
    new._tools_by_name = tools
    new._wrap_tool_call = cast("Any", lane_wrapper(node._wrap_tool_call))
    user_async = node._awrap_tool_call
    if user_async is None and node._wrap_tool_call is not None:
        new._awrap_tool_call = None  # LangGraph falls back to the sync wrapper
    else:
        new._awrap_tool_call = cast("Any", alane_wrapper(user_async))
    # The bound methods that the constructor took belong to the original.
    new.func = types.MethodType(type(node)._func, new)
    new.afunc = types.MethodType(type(node)._afunc, new)
    return new


def _executes_model(value: Any) -> bool:
    """Return whether `value` is where create_agent calls the model that middleware chose."""
    return (
        isinstance(value, types.FunctionType)
        and value.__module__ == "langchain.agents.factory"
        and value.__name__ in ("_execute_model_sync", "_execute_model_async")
    )


def _guarding(execute: Callable[[Any], Any], monitor: Monitor) -> Callable[[Any], Any]:
    def guarded(request: Any) -> Any:
        return execute(request.override(model=guard_model(request.model, monitor)))

    return guarded

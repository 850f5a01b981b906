"""What stands in code that a graph runs, and what keeps it from being rebuilt, in words."""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

from typing import Any, cast

from langchain_core.tools import BaseTool
from langgraph._internal._constants import PREVIOUS, TASKS
from langgraph._internal._runnable import RunnableCallable
from langgraph.channels.binop import BinaryOperatorAggregate
from langgraph.constants import END, START
from langgraph.graph.state import CompiledStateGraph, StateGraph
from langgraph.pregel import Pregel

from guarded_agent.agent.code import Holdings, holdings

Builder = StateGraph[Any, Any, Any, Any]


def is_workflow(value: Any) -> bool:
    """Return whether `value` is what `@entrypoint` makes of a function."""
    return (
        type(value) is Pregel
        and set(value.channels) - {TASKS} == {START, END, PREVIOUS}
        and len(value.nodes) == 1
    )


def unknown(held: Holdings) -> str | None:
    """Return what in code cannot be followed; None where all of it can."""
    if not held.unknown:
        return None
    more = len(held.unknown) - 1
    return held.unknown[0] + (f" (and {more} more)" if more else "")


def unbuilt(held: Holdings) -> str | None:
    """Return which graph in code has nothing to rebuild it from; None where each has."""
    for inner in held.graphs:
        if not (isinstance(inner, CompiledStateGraph) or is_workflow(inner)):
            return f"holds a {type(inner).__name__}, which has no builder to copy"
    return None


def inside_tool(tool: BaseTool) -> Holdings:
    """Return what a tool's function holds. What else it does is its own: its call is judged."""
    functions = [getattr(tool, "func", None), getattr(tool, "coroutine", None)]
    return holdings(functions, name=tool.name)


def unreachable(tool: BaseTool) -> str | None:
    """Return what a tool keeps in its own fields, where nothing is replaced; None for nothing."""
    held = holdings(
        [value for name, value in vars(tool).items() if name not in ("func", "coroutine")],
        name=tool.name,
    )
    inside = [*(graph.name or "a graph" for graph in held.graphs)]
    inside += [inner.name for inner in held.tools]
    inside += [type(model).__name__ for model in held.models]
    if not inside:
        return None
    return f"keeps {', '.join(inside)} in its fields, where it cannot be guarded"


def and_holds(held: Holdings) -> str:
    """Return words on what else is guarded within code, to be added to others; empty if nothing."""
    parts = [f"the graph {graph.name or ''}".strip() for graph in held.graphs]
    parts += [f"the tool {tool.name}" for tool in held.tools]
    parts += [f"a {type(model).__name__}" for model in held.models]
    return f"; inside, guarded too: {', '.join(dict.fromkeys(parts))}" if parts else ""


def what_it_holds(held: Holdings) -> str:
    """Return words on what code is worth looking at for."""
    return f"code{and_holds(held)}" if and_holds(held) else "runs no tool and no model"


def already_guarded(runnable: Any) -> str | None:
    """Return why a node may not be rebuilt: it is one of ours. None where it is not."""
    if any(word.startswith("guarded_agent.agent.") for word in _modules(runnable)):
        return "is a guard node already: wrap the agent once, not twice"
    return None


def replaces_by_id(builder: Builder) -> bool:
    """Return whether a message with a known id takes the old one's place in `messages`."""
    channel = cast("Any", builder.channels.get("messages"))
    if isinstance(channel, BinaryOperatorAggregate):
        return "add_messages" in getattr(cast("Any", channel).operator, "__name__", "")
    return type(channel).__name__ == "DeltaChannel"


def resolves_late(runnable: Any) -> bool:
    """Return whether a builder's model node holds a function that chooses the model."""
    function = getattr(runnable, "func", None) if isinstance(runnable, RunnableCallable) else None
    name = getattr(function, "__name__", "")
    return name in ("model_node", "call_model") and "langgraph.prebuilt" in str(
        getattr(function, "__module__", "")
    )


def _modules(runnable: Any) -> list[str]:
    found = [getattr(runnable, name, None) for name in ("func", "afunc")]
    owners = [getattr(item, "__self__", None) for item in found]
    return [
        *(str(getattr(item, "__module__", "")) for item in found if item is not None),
        *(type(owner).__module__ for owner in owners if owner is not None),
    ]

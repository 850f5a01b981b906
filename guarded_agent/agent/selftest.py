"""Check, once, that the parts of LangGraph and LangChain that are not public are as expected.

The rebuild reads them. A version that moved one must stop `guard()` with a clear
message, not let a tool slip past it.
"""

from __future__ import annotations

import functools
from importlib.metadata import version

from langchain_core.tools import BaseTool
from langgraph._internal._runnable import RunnableCallable, RunnableSeq
from langgraph.graph import MessagesState
from langgraph.graph.state import CompiledStateGraph, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest

from guarded_agent.core.errors import UnprovableGraph

_METHODS: dict[type, tuple[str, ...]] = {
    ToolNode: (
        "_func",
        "_afunc",
        "_run_one",
        "_arun_one",
        "_parse_input",
        "_extract_state",
        "tools_by_name",
    ),
    BaseTool: ("_run", "_arun", "_to_args_and_kwargs", "run", "arun", "tool_call_schema"),
    RunnableCallable: ("invoke", "ainvoke"),
    RunnableSeq: ("invoke", "ainvoke"),
    ToolCallRequest: ("override",),
    StateGraph: ("compile",),
    CompiledStateGraph: ("stream", "astream", "invoke", "ainvoke", "get_state"),
}
_FIELDS: dict[str, tuple[object, tuple[str, ...]]] = {
    "ToolNode": (
        ToolNode([]),
        ("_tools_by_name", "_messages_key", "_wrap_tool_call", "_awrap_tool_call", "func", "afunc"),
    ),
    "StateGraph": (
        StateGraph(MessagesState),
        (
            "nodes",
            "edges",
            "branches",
            "waiting_edges",
            "channels",
            "managed",
            "schemas",
            "compiled",
            "_node_defaults",
            "state_schema",
        ),
    ),
}


@functools.cache
def selftest() -> None:
    """Raise if anything that the rebuild reads is missing.

    Raises:
        UnprovableGraph: It names what is missing, and the installed versions.
    """
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in _METHODS.items()
        for name in names
        if not hasattr(owner, name)
    ]
    missing += [
        f"{owner}.{name}"
        for owner, (example, names) in _FIELDS.items()
        for name in names
        if not hasattr(example, name)
    ]
    if missing:
        versions = ", ".join(
            f"{name} {version(name)}"
            for name in ("langgraph", "langgraph-prebuilt", "langchain-core")
        )
        why = f"this version has no {', '.join(missing)} ({versions})"
        raise UnprovableGraph(
            f"guarded_agent cannot guard graphs here: {why}. Install a supported version.",
            {"langgraph": why},
        )

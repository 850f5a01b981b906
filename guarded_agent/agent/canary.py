"""The canary: before a tool node is taken for guarded, one of its kind is seen to be.

A node with a tool of our own is rebuilt by the same machinery as the user's node. It is
run in every way that a graph can be run, under a policy that denies all and under one
that allows all. Where LangGraph calls tools past the guarded objects, that shows when
the agent is wrapped, not when it acts.

It flies once for each class of tool node in a process, in a thread of its own and over a
store in memory: without callbacks, without tracing, with nothing of the user's.
"""

# langsmith's types are known in part only.
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, cast

from langchain_core.messages import AIMessage
from langchain_core.messages.tool import tool_call
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langsmith import tracing_context

from guarded_agent.agent.describe import Shape
from guarded_agent.agent.rebuild import Graph, Rebuild
from guarded_agent.agent.report import Report
from guarded_agent.agent.runtime import open_monitor
from guarded_agent.audit import AuditLog
from guarded_agent.store import Store

Effect = Literal["deny", "allow"]
Run = Callable[[Graph, list[Any], list[RunnableConfig]], Any]

TOOL = "canary"
_GUARDS = ("scope", "media", "impact", "secrets", "pii", "coercion")

WAYS: Mapping[str, Run] = {
    "invoke": lambda graph, given, around: graph.invoke(given[0], around[0]),
    "ainvoke": lambda graph, given, around: asyncio.run(graph.ainvoke(given[0], around[0])),
    "stream": lambda graph, given, around: list(graph.stream(given[0], around[0])),
    "batch": lambda graph, given, around: graph.batch(given, around),
}
"""The ways in which the canary is run. Only `batch` takes more than the first input."""


def fly(rebuild: Rebuild) -> None:
    """Report each tool node of a graph whose canary got past the monitor as unproven."""
    for key, kind in rebuild.tool_nodes.items():
        why = flown(kind)
        if why is not None:
            rebuild.unproven(key, why)


@functools.cache
def flown(kind: type[ToolNode]) -> str | None:
    """Return why nodes of this class are not guarded by being rebuilt, or None.

    The versions of LangGraph and LangChain cannot change within a process, so one flight
    for each class is enough.
    """
    with ThreadPoolExecutor(1, "guarded-agent-canary") as own:
        return own.submit(_flown, kind).result()  # a new thread inherits no context


def _flown(kind: type[ToolNode]) -> str | None:
    way = ""
    try:
        with tracing_context(enabled=False), Store.open("sqlite://", environ={}) as store:
            for effect in ("deny", "allow"):
                ran: list[str] = []
                graph = _rebuilt(kind, effect, store, ran)
                for way, run in WAYS.items():
                    threads = [f"{effect} {way} {number}" for number in range(2 - (way != "batch"))]
                    run(graph, [_asking(thread) for thread in threads], [*map(_around, threads)])
                    for thread in threads:
                        why = _wrong(effect, ran.count(thread), _seen(store, thread))
                        if why is not None:
                            return f"the canary of {kind.__name__}, run by {way}, {why}"
    except Exception as error:
        words = " ".join(str(error).split())[:200]
        return (
            f"the canary of {kind.__name__} failed{' in ' + way if way else ''}: "
            f"{type(error).__name__}: {words}"
        )
    return None


def _rebuilt(kind: type[ToolNode], effect: Effect, store: Store, ran: list[str]) -> Graph:
    def body(thread: str) -> str:
        ran.append(thread)
        return "sang"

    async def abody(thread: str) -> str:
        return body(thread)

    tool = StructuredTool.from_function(body, abody, name=TOOL, description="Sing.")
    node = ToolNode([tool])
    # Not by its own constructor: that is the user's, and may reach for the user's things.
    node.__class__ = kind
    builder = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    builder.add_edge("tools", END)
    policy: dict[str, Any] = {
        "version": 1,
        "agent": {"id": f"canary-{effect}"},
        "tools": {TOOL: {"access": "write", "rules": [{"effect": effect}]}},
        "guards": {name: {"off": True, "because": "nobody wrote this"} for name in _GUARDS},
    }
    monitor = open_monitor(policy, store, [Shape.of(tool).spec])
    monitor.redact = _as_it_is  # there is nothing of anybody's in it, and Presidio loads slowly
    graph = cast("Graph", builder.compile())
    rebuild = Rebuild({}, Report(TOOL))
    rebuild.look(graph)
    return rebuild.build(graph, monitor)


def _as_it_is(data: Any) -> Any:
    return data


def _asking(thread: str) -> dict[str, Any]:
    return {
        "messages": [
            AIMessage("", tool_calls=[tool_call(name=TOOL, args={"thread": thread}, id=thread)])
        ]
    }


def _around(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


def _seen(store: Store, thread: str) -> list[str]:
    return [event.kind for event in AuditLog(store).tail(10, thread_id=thread)]


def _wrong(effect: Effect, times: int, seen: list[str]) -> str | None:
    """Return what is wrong with how often the tool ran, and with what the monitor saw of it."""
    if effect == "deny" and times:
        return "ran a tool that the policy denies"
    if effect == "allow" and times != 1:
        return f"ran an allowed tool {times} times instead of once"
    judged = ["action.judged", *(["action.started", "action.done"] if effect == "allow" else [])]
    if seen != judged:
        return f"ran a tool past the monitor, which saw {', '.join(seen) or 'nothing'}"
    return None

"""What a model asked for is kept before it runs, whichever way the graph is run."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "hello")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
POLICY = {"version": 1, "tools": {"wire": {"access": "write", "rules": [{"effect": "allow"}]}}}


class Slow(InMemorySaver):
    """Keeps the model's message only when the body runs, or after half a second."""

    def __init__(self) -> None:
        super().__init__()
        self.body_runs = threading.Event()
        self.kept = False

    def put(self, config: Any, checkpoint: Any, *rest: Any) -> Any:
        messages = checkpoint["channel_values"].get("messages", [])
        asked = any(isinstance(message, AIMessage) for message in messages)
        if asked and not self.kept:
            self.body_runs.wait(0.5)
        done = super().put(config, checkpoint, *rest)
        self.kept = self.kept or asked
        return done

    async def aput(self, config: Any, checkpoint: Any, *rest: Any) -> Any:
        return await asyncio.to_thread(self.put, config, checkpoint, *rest)


async def run_invoke(safe: GuardedGraph) -> None:
    safe.invoke(HELLO, THREAD)


async def run_ainvoke(safe: GuardedGraph) -> None:
    await safe.ainvoke(HELLO, THREAD)


async def run_stream(safe: GuardedGraph) -> None:
    list(safe.stream(HELLO, THREAD))


async def run_astream(safe: GuardedGraph) -> None:
    _ = [item async for item in safe.astream(HELLO, THREAD)]


async def run_events(safe: GuardedGraph) -> None:
    _ = [item async for item in safe.astream_events(HELLO, THREAD, version="v2")]


@pytest.mark.parametrize("run", [run_invoke, run_ainvoke, run_stream, run_astream, run_events])
async def test_the_models_message_is_kept_before_a_write_runs(
    store: Store, run: Callable[[GuardedGraph], Any]
) -> None:
    saver = Slow()
    seen: list[bool] = []

    @tool
    def wire(to: str) -> str:
        """Wire money."""
        seen.append(saver.kept)
        saver.body_runs.set()
        return f"wired to {to}"

    model = ScriptedModel(script=[say("", call("wire", "c1", to="bob")), say("Done.")])

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([wire]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    safe = guard(builder.compile(checkpointer=saver), policy=POLICY, store=store)
    await run(safe)
    assert seen == [True]

"""Processes of one agent: one pauses many threads, others wake what people decided.

python waking.py pause URL FOLDER COUNT
python waking.py work  URL FOLDER sync|async     until it is killed, or told to end on stdin
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.testing import call, say

LEASE = 2.0
POLICY = {
    "version": 1,
    "agent": {"id": "teller"},
    "tools": {"wire": {"access": "write", "rules": [{"effect": "approve"}]}},
}


def build(url: str, folder: Path) -> GuardedGraph:
    """Make the agent; what it does stands in `effects`, and each end of a run in `ends`."""

    def note(file: str, what: str) -> None:
        line = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(line, f"{what}\n".encode())
        os.close(line)

    @tool
    def wire(to: str) -> str:
        """Wire money."""
        time.sleep(0.02)
        note("effects", to)
        return f"wired to {to}"

    def agent(state: MessagesState) -> dict[str, Any]:
        last = state["messages"][-1]
        if isinstance(last, ToolMessage):
            note("ends", str(state["messages"][0].content))
            time.sleep(0.05)
            return {"messages": [say("Done.")]}
        return {"messages": [say("", call("wire", f"c-{last.content}", to=str(last.content)))]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([wire]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    why = {"agent": "writes a line for the test"}
    return guard(builder.compile(), policy=POLICY, store=url, trust=why)


def pause(safe: GuardedGraph, count: int) -> None:
    for number in range(count):
        name = f"t{number}"
        safe.invoke({"messages": [("user", name)]}, {"configurable": {"thread_id": name}})


def work(safe: GuardedGraph, how: str) -> None:
    worker = safe.worker(lease=LEASE)

    def until_told() -> None:
        sys.stdin.readline()
        worker.stop()

    threading.Thread(target=until_told, daemon=True).start()
    print("ready", flush=True)
    if how == "async":
        asyncio.run(worker.arun())
    else:
        worker.run()


def main() -> None:
    command, url, folder, rest = sys.argv[1:]
    safe = build(url, Path(folder))
    if command == "pause":
        pause(safe, int(rest))
    else:
        work(safe, rest)


if __name__ == "__main__":
    main()

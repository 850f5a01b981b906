"""A process that may be killed in the middle of a tool call. Run by test_crashes.py."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.testing import ScriptedModel, call, say

FOLDER = Path(sys.argv[1])
DIE = sys.argv[2]
THREAD = {"configurable": {"thread_id": "t1"}}
POLICY = {"version": 1, "tools": {"wire": {"access": "write", "rules": [{"effect": "allow"}]}}}


def die(where: str) -> None:
    if where == DIE:
        os.kill(os.getpid(), signal.SIGKILL)


@tool
def wire(to: str) -> str:
    """Wire money."""
    die("before the effect")
    with (FOLDER / "effects").open("a") as file:
        file.write(f"{to}\n")
    die("after the effect")
    return f"wired to {to}"


def model_turn(_: object) -> object:
    die("in the next model call")
    return say("Done.")


def main() -> None:
    model = ScriptedModel(script=[say("", call("wire", "c1", to="bob")), model_turn])
    bound = model.bind_tools([wire])

    def agent(state: MessagesState) -> dict[str, object]:
        return {"messages": [bound.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([wire]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    safe = guard(builder.compile(), policy=POLICY, store=f"sqlite:///{FOLDER}/guard.db")
    if safe.get_state(THREAD).values:
        out = safe.resume("t1", durability="sync")
    else:
        out = safe.invoke({"messages": [("user", "pay bob")]}, THREAD, durability="sync")
    for item in out.get("__interrupt__", ()):
        print(item.value["type"], item.value["digest"])
    print(out["messages"][-1].content)


if __name__ == "__main__":
    main()

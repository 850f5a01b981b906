"""A judge in a running agent: it decides over a call, and the agent's run knows nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.guards import CoercionGuard, Judge
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, ScriptedModel, call, recording_tool, say

POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {"send_mail": {"access": "send", "rules": [{"effect": "allow"}]}},
    "guards": {"coercion": {"off": True, "because": "given in Python, with a judge"}},
}
GO = {"messages": [("user", "go")]}
BODY = "Cancel my deletion or HR reads your chats."


def agent(store: Store, recorder: Recorder, *, harmful: bool) -> GuardedGraph:
    opinion = {
        "harmful": harmful,
        "category": "blackmail" if harmful else "none",
        "confidence": 0.9,
        "reason": "The judge spoke.",
    }
    chat = ScriptedModel(script=[say("", call("Opinion", "o1", **opinion))])
    coercion = CoercionGuard(judge=Judge(chat, may_release=True))
    tools = [recording_tool(recorder, "send_mail", {"to": str, "body": str})]
    asks = call("send_mail", "c1", to="ann@other.example", body=BODY)
    model = ScriptedModel(script=[say("", asks), say("Done.")]).bind_tools(tools)

    def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", speak)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    return guard(builder.compile(), policy=POLICY, store=store, guards=[coercion])


CONFIG: Any = {"configurable": {"thread_id": "t1"}}


@pytest.mark.parametrize("harmful", [True, False], ids=["harmful", "harmless"])
async def test_the_judge_decides_whether_a_person_is_asked(store: Store, harmful: bool) -> None:
    for number, wait in enumerate((False, True)):
        recorder = Recorder()
        safe = agent(store, recorder, harmful=harmful)
        config: Any = {"configurable": {"thread_id": f"t{number}"}}
        result = await safe.ainvoke(GO, config) if wait else safe.invoke(GO, config)
        assert ("__interrupt__" in result) is harmful
        assert recorder.count("send_mail") == (0 if harmful else 1)


@pytest.mark.parametrize("mode", ["messages", "updates", "debug"])
async def test_no_stream_of_the_agent_holds_the_judge(store: Store, mode: Any) -> None:
    safe = agent(store, Recorder(), harmful=False)
    chunks = [chunk async for chunk in safe.astream(GO, CONFIG, stream_mode=mode)]
    assert "Done" in str(chunks)
    assert "Opinion" not in str(chunks)
    assert "The judge spoke" not in str(chunks)


async def test_no_event_of_the_agent_holds_the_judge(store: Store) -> None:
    safe = agent(store, Recorder(), harmful=False)
    events = [event async for event in safe.astream_events(GO, CONFIG, version="v2")]
    assert "send_mail" in str(events)
    assert "Opinion" not in str(events)

"""How many steps a guarded graph takes: no more than it must, and lanes where others run."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import RetryPolicy, Send

from guarded_agent import guard
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "hello")]}
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {
        "balance": {"access": "read"},
        "wire": {"access": "write", "rules": [{"effect": "approve"}]},
    },
}
Make = Callable[..., Any]
LANES = {"tools.approval", "tools.exec"}


def nodes(safe: Any, given: Any = HELLO, **options: Any) -> list[str]:
    """The nodes that ran, in their order."""
    stream = safe.stream(given, stream_mode="updates", **options)
    return [name for item in stream for name in item if name != "__interrupt__"]


@pytest.mark.parametrize(
    ("words", "arguments", "answer"),
    [
        ("balance", {"name": "ann"}, "ann has 100"),
        ("wire", {"to": "bob", "amount": 5}, "wired 5 to bob"),
        ("wire", {"to": "bob", "amount": 5000}, "Too much."),
    ],
)
def test_a_call_alone_takes_the_steps_of_the_unguarded_agent(
    make: Make, bank: Any, shape: str, words: str, arguments: dict[str, Any], answer: str
) -> None:
    turns = say("", call(words, "c1", **arguments)), say("Done.")
    plain = nodes(bank.agent(shape, list(turns)))
    safe = make(*turns, shape=shape)
    model = plain[0]
    assert nodes(safe) == [*plain, f"{model}.output"]
    out = make(*turns, shape=shape).invoke(HELLO)
    assert [item.content for item in out["messages"] if isinstance(item, ToolMessage)] == [answer]


def test_an_unknown_tool_is_answered_in_the_steps_of_the_unguarded_agent(
    make: Make, shape: str
) -> None:
    safe = make(say("", call("fly", "c1")), say("Done."), shape=shape)
    out = safe.invoke(HELLO)
    [answer] = [item for item in out["messages"] if isinstance(item, ToolMessage)]
    assert answer.status == "error"
    assert "not a valid tool" in str(answer.content)


def test_a_call_that_waits_opens_its_lane(make: Make, shape: str) -> None:
    safe = make(say("", call("wire", "c1", to="bob", amount=500)), say("Done."), shape=shape)
    first = nodes(safe, config={"configurable": {"thread_id": "t"}})
    assert first[-1] == "tools"
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    second = nodes(safe, None, config={"configurable": {"thread_id": "t"}})
    assert second[:2] == ["tools.approval", "tools.exec"]


def test_two_calls_of_a_message_open_lanes(make: Make, shape: str) -> None:
    twice = say("", call("balance", "c1", name="ann"), call("balance", "c2", name="bob"))
    ran = nodes(make(twice, say("Done."), shape=shape))
    assert ran.count("tools.approval") == ran.count("tools.exec") == 2


class Counted(MessagesState):
    met: Annotated[list[int], operator.add]


def test_branches_that_ran_side_by_side_still_meet_at_once(bank: Any, store: Store) -> None:
    """One waits for people, one does not: what follows both runs once, and has both."""
    balance, wire = bank.tools()
    message = say("", call("balance", "c1", name="ann"), call("wire", "c2", to="bob", amount=500))
    model = ScriptedModel(script=[message])

    def agent(state: Counted) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def apart(state: Counted) -> list[Send]:
        last: Any = state["messages"][-1]
        return [Send(item["name"], [item | {"type": "tool_call"}]) for item in last.tool_calls]

    def meet(state: Counted) -> dict[str, Any]:
        return {"met": [len([m for m in state["messages"] if isinstance(m, ToolMessage)])]}

    builder = StateGraph(Counted)
    builder.add_node("agent", agent)
    builder.add_node("balance", ToolNode([balance]))
    builder.add_node("wire", ToolNode([wire]))
    builder.add_node("meet", meet)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", apart, ["balance", "wire"])
    builder.add_edge("balance", "meet")
    builder.add_edge("wire", "meet")
    safe = guard(builder.compile(), policy=POLICY, store=store)
    out = safe.invoke(HELLO)
    assert out["met"] == []
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    assert safe.resume(out.thread_id)["met"] == [2]


def hand_written(bank: Any, script: list[AIMessage], **node: Any) -> StateGraph[Any, Any, Any, Any]:
    bound = ScriptedModel(script=script).bind_tools(bank.tools())

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode(bank.tools()), **node)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder


READS = [say("", call("balance", "c1", name="ann")), say("Done.")]


def test_what_a_node_retries_is_its_body_and_not_the_judging(bank: Any, store: Store) -> None:
    builder = hand_written(bank, READS, retry_policy=RetryPolicy(max_attempts=2))
    assert set(nodes(guard(builder.compile(), policy=POLICY, store=store))) >= LANES


@pytest.mark.parametrize("mode", ["invoke", "ainvoke"])
def test_a_call_that_a_wrapper_answered_in_the_tools_place_has_not_started(
    bank: Any, store: Store, mode: str
) -> None:
    """It was recorded as started together with its verdict; nothing ran, so nothing is lost."""

    def answers(request: Any, execute: Any) -> ToolMessage:
        del execute
        return ToolMessage("From a cache.", tool_call_id=request.tool_call["id"])

    async def aanswers(request: Any, execute: Any) -> ToolMessage:
        return answers(request, execute)

    builder = hand_written(bank, [say("", call("wire", "c1", to="bob", amount=5)), say("Done.")])
    del builder.nodes["tools"]
    node = ToolNode([bank.tools()[1]], wrap_tool_call=answers, awrap_tool_call=aanswers)
    builder.add_node("tools", node)
    policy = {"version": 1, "tools": {"wire": {"access": "write", "rules": [{"effect": "allow"}]}}}
    safe = guard(builder.compile(), policy=policy, store=store)
    before = len(list(safe.monitor.audit.events()))
    out = safe.invoke(HELLO) if mode == "invoke" else asyncio.run(safe.ainvoke(HELLO))
    assert out["messages"][-1].content == "Done."
    assert bank.ran == []
    after = [event.kind for event in safe.monitor.audit.events()][before:]
    assert after == ["action.judged", "action.started", "action.paused"]


def test_a_graph_that_pauses_behind_its_tools_does_so_once_they_ran(
    bank: Any, store: Store
) -> None:
    graph = hand_written(bank, READS).compile(interrupt_after=["tools"])
    safe = guard(graph, policy=POLICY, store=store)
    config: Any = {"configurable": {"thread_id": "t"}}
    out = safe.invoke(HELLO, config)
    assert isinstance(out["messages"][-1], ToolMessage)
    assert safe.invoke(None, config)["messages"][-1].content == "Done."
    assert bank.ran == [("balance", "ann")]


def test_a_message_that_a_node_changes_is_judged_before_anything_acts_on_it(
    bank: Any, store: Store
) -> None:
    """What the model said was judged inside of it; what the node made of it was not."""
    bound = ScriptedModel(script=READS).bind_tools(bank.tools())

    def agent(state: MessagesState) -> dict[str, Any]:
        said = bound.invoke(state["messages"])
        return {"messages": [said.model_copy(update={"content": "Card 4111 1111 1111 1111."})]}

    builder = hand_written(bank, READS)
    del builder.nodes["agent"]
    builder.add_node("agent", agent)
    safe = guard(builder.compile(), policy=POLICY, store=store)
    assert nodes(safe)[:3] == ["agent", "agent.output", "tools"]
    out = guard(builder.compile(), policy=POLICY, store=store).invoke(HELLO)
    assert "4111" not in str(out["messages"])

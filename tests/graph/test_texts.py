"""What an agent reads and says: judged on the way in, inside the model, and at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.core import Effect, Finding, Stage, Subject, Verdict
from guarded_agent.store import Store
from guarded_agent.testing import call, say

Make = Callable[..., GuardedGraph]
HELLO = {"messages": [("user", "hello")]}
CARD = "4111 1111 1111 1111"


def everything(safe: GuardedGraph, thread: str) -> str:
    """All that is kept of a thread: state, history, pending writes, the database itself."""
    config = {"configurable": {"thread_id": thread}}
    saved = [str(item) for item in safe.checkpointer.list(config)]
    return "\n".join([*saved, *map(str, safe.get_state_history(config))])


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "debug"])
def test_a_card_number_in_the_answer_is_in_no_stream(make: Make, shape: str, mode: Any) -> None:
    safe = make(say(f"Your card is {CARD}, as you asked."), shape=shape)
    config = {"configurable": {"thread_id": "t1"}}
    chunks = list(safe.stream(HELLO, config, stream_mode=mode))
    assert CARD not in str(chunks)
    assert "1111 1111" not in str(chunks)
    assert CARD not in everything(safe, "t1")


def test_the_streamed_text_is_the_redacted_text(make: Make, shape: str) -> None:
    safe = make(say(f"Your card is {CARD}, as you asked."), shape=shape)
    chunks = safe.stream(HELLO, stream_mode="messages")
    said = "".join(str(chunk.content) for chunk, _ in chunks)
    assert said == "Your card is [CARD], as you asked."


async def test_events_carry_no_card_number(make: Make, shape: str) -> None:
    safe = make(say(f"Your card is {CARD}, as you asked."), shape=shape)
    events = [event async for event in safe.astream_events(HELLO, version="v2")]
    assert "1111 1111" not in str(events)


def test_a_tool_result_is_redacted_before_anybody_sees_it(store: Store) -> None:
    @tool
    def customer(name: str) -> str:
        """Look up a customer."""
        return f"{name} pays with {CARD}"

    seen: list[str] = []

    def answer(messages: Any) -> AIMessage:
        seen.extend(str(item.content) for item in messages)
        return say("Done.")

    safe = _with_tool(customer, answer, store)
    events = list(safe.stream(HELLO, {"configurable": {"thread_id": "t1"}}, stream_mode="debug"))
    assert "ann pays with [CARD]" in seen
    assert CARD not in str(events)
    assert CARD not in everything(safe, "t1")


def _with_tool(made: Any, last: Any, store: Store, **policy: Any) -> GuardedGraph:
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import tools_condition

    from guarded_agent.testing import ScriptedModel

    args = dict.fromkeys(made.args, "ann")
    model = ScriptedModel(script=[say("", call(made.name, "c1", **args)), last])

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([made]))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    entry = {"access": "read"} | policy
    return guard(builder.compile(), policy={"version": 1, "tools": {made.name: entry}}, store=store)


def test_a_tools_error_says_no_card_number(store: Store) -> None:
    @tool
    def customer(name: str) -> str:
        """Look up a customer."""
        raise ValueError(f"no account for {CARD}")

    safe = _with_tool(customer, say("Sorry."), store)
    with pytest.raises(Exception, match="no account") as caught:
        safe.invoke(HELLO)
    errors = [caught.value, caught.value.__cause__, caught.value.__context__]
    assert not any(CARD in str(error) for error in errors if error)
    assert [event.kind for event in safe.monitor.audit.tail(1)] == ["action.failed"]


def test_a_body_that_asks_for_itself_is_run_again_and_ends_once(store: Store) -> None:
    ran: list[str] = []

    @tool
    def book(name: str) -> str:
        """Book a table."""
        when = interrupt("When?")
        ran.append(when)
        return f"booked for {when}"

    from langgraph.types import Command

    safe = _with_tool(book, say("Done."), store, access="write", rules=[{"effect": "allow"}])
    out = safe.invoke(HELLO)
    assert [item.value for item in out["__interrupt__"]] == ["When?"]
    out = safe.invoke(Command(resume="eight"), {"configurable": {"thread_id": out.thread_id}})
    assert ran == ["eight"]
    assert out["messages"][-1].content == "Done."


class Strict:
    """A guard of a user: nothing may mention the moon."""

    name = "strict"
    stages = frozenset({Stage.FINAL_OUTPUT, Stage.ACTION})

    def check(self, subject: Subject) -> Verdict:
        if "moon" in str(subject.payload):
            finding = Finding("moon", "mentions the moon", self.name)
            return Verdict(Effect.DENY, (finding,), message="No moon, please.")
        return Verdict(Effect.ALLOW)


def test_a_denied_answer_is_withheld(bank: Any, store: Store, shape: str) -> None:
    graph = bank.agent(shape, [say("Look at the moon.")])
    out = guard(graph, store=store, guards=[Strict()]).invoke(HELLO)
    assert [item.content for item in out["messages"]] == ["hello", "[withheld by guarded_agent]"]


def test_a_guard_of_ones_own_stops_calls(bank: Any, store: Store) -> None:
    turns = [say("", call("balance", "c1", name="moon")), say("Sorry.")]
    policy = {"version": 1, "tools": {"balance": {"access": "read"}, "wire": {"access": "write"}}}
    out = guard(
        bank.agent("hand_written", turns), policy=policy, store=store, guards=[Strict()]
    ).invoke(HELLO)
    assert "No moon, please." in [item.content for item in out["messages"]]
    assert bank.ran == []


def test_a_guard_that_breaks_stops_the_call_and_keeps_its_words(bank: Any, store: Store) -> None:
    class Broken(Strict):
        name = "broken"

        def check(self, subject: Subject) -> Verdict:
            raise RuntimeError(f"secret words about {subject.payload}")

    turns = [say("", call("balance", "c1", name="ann")), say("Sorry.")]
    policy = {"version": 1, "tools": {"balance": {"access": "read"}, "wire": {"access": "write"}}}
    safe = guard(bank.agent("hand_written", turns), policy=policy, store=store, guards=[Broken()])
    out = safe.invoke(HELLO)
    assert bank.ran == []
    assert "broken failed (RuntimeError)" in out["messages"][2].content
    assert "secret words" not in str(list(safe.monitor.audit.events()))

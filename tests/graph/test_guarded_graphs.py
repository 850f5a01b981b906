"""What a guarded graph does with calls, whatever the agent's shape and the way it is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.core.errors import ApprovalPending, Denied, UnprovableGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

Make = Callable[..., GuardedGraph]
HELLO = {"messages": [("user", "hello")]}
THREE_CALLS = say(
    "Let me see.",
    call("balance", "c1", name="ann"),
    call("wire", "c2", to="bob", amount=500),
    call("wire", "c3", to="eve", amount=900),
)


def approve(safe: GuardedGraph, who: str = "ann@acme.example", to: str | None = None) -> None:
    for request in safe.approvals.pending():
        if to is None or request.preview["to"] == to:
            safe.approvals.vote(request.id, "approve", reviewer=who, digest=request.digest)


def answers(out: Any) -> list[str]:
    return [str(item.content) for item in out["messages"] if isinstance(item, ToolMessage)]


def test_guard_nodes_are_drawn(make: Make, shape: str) -> None:
    safe = make(say("Hello."), shape=shape)
    drawn = safe.get_graph().draw_mermaid().replace("\\2e", ".")
    model = "model" if shape == "create_agent" else "agent"
    for node in ("tools", "tools.approval", "tools.exec", f"{model}.output"):
        assert f"{node}(" in drawn
    edges = (
        f"{model} -.-> {model}.output",
        f"{model} -.-> tools",
        f"tools -.-> {model}",
        "tools -.-> tools.approval",
        "tools.approval -.-> tools.exec",
        "tools -.-> tools.exec",
    )
    for edge in edges:
        assert edge in drawn
    assert f"{model} -.-> __end__" not in drawn  # an answer always passes the output guard
    assert "guard = gate" in drawn


def test_the_original_graph_is_left_alone(bank: Any, store: Store, shape: str) -> None:
    original = bank.agent(shape, [say("Hello.")])
    before = sorted(original.nodes), original.get_graph().draw_mermaid()
    guard(original, policy=None, store=store)
    assert (sorted(original.nodes), original.get_graph().draw_mermaid()) == before


def test_a_guarded_graph_is_still_a_compiled_graph(make: Make) -> None:
    assert isinstance(make(say("Hello.")), CompiledStateGraph)


def test_allowed_calls_run_and_calls_that_need_people_wait(
    make: Make, bank: Any, shape: str
) -> None:
    safe = make(THREE_CALLS, say("Done."), shape=shape)
    out = safe.invoke(HELLO)
    assert len(out.waiting) == len(out["__interrupt__"]) == 2
    assert len({item.id for item in out["__interrupt__"]}) == 2
    assert bank.ran == [("balance", "ann")]
    assert out.thread_id in out.next_step


def test_approved_calls_run_and_rejected_ones_tell_the_model_why(
    make: Make, bank: Any, shape: str
) -> None:
    safe = make(THREE_CALLS, say("Done."), shape=shape)
    out = safe.invoke(HELLO)
    approve(safe, to="bob")
    [eve] = safe.approvals.pending()
    safe.approvals.vote(eve.id, "reject", reviewer="ann", digest=eve.digest, reason="Who is Eve?")
    out = safe.resume(out.thread_id)
    assert sorted(bank.ran) == [("balance", "ann"), ("wire", "bob", 500.0)]
    assert answers(out) == ["ann has 100", "wired 500 to bob", "Who is Eve?"]
    assert out["messages"][-1].content == "Done."
    assert out.next_step == ""


def test_what_was_approved_stays_so_until_its_neighbours_are_decided(
    make: Make, bank: Any, shape: str
) -> None:
    safe = make(THREE_CALLS, say("Done."), shape=shape)
    out = safe.invoke(HELLO)
    approve(safe, to="eve")
    out = safe.resume(out.thread_id)
    assert bank.wired == []  # LangGraph ends a step as a whole: eve waits for bob
    assert [request.preview["to"] for request in out.waiting] == ["bob"]
    real = safe.monitor.store.clock
    safe.monitor.store.clock = lambda: real() + 1000  # eve's approval was claimed in time
    approve(safe)
    out = safe.resume(out.thread_id)
    assert sorted(bank.ran) == [
        ("balance", "ann"),
        ("wire", "bob", 500.0),
        ("wire", "eve", 900.0),
    ]
    assert answers(out) == ["ann has 100", "wired 500 to bob", "wired 900 to eve"]
    assert out.waiting == ()


def test_a_command_that_a_tool_returns_is_kept_while_its_neighbour_waits(store: Store) -> None:
    @tool
    def note(text: str, runtime: ToolRuntime) -> Command[Any]:
        """Keep a note."""
        answer = ToolMessage(f"noted {text}", tool_call_id=runtime.tool_call_id)
        return Command(update={"messages": [answer]})

    @tool
    def wipe(disk: str) -> str:
        """Wipe a disk."""
        return f"wiped {disk}"

    turn = say("", call("note", "c1", text="this"), call("wipe", "c2", disk="a"))
    agent = create_agent(ScriptedModel(script=[turn, say("Done.")]), [note, wipe])
    policy = {"version": 1, "tools": {"note": {"access": "read"}, "wipe": {"access": "write"}}}
    safe = guard(agent, policy=policy, store=store)
    out = safe.invoke(HELLO)
    approve(safe)
    assert answers(safe.resume(out.thread_id)) == ["noted this", "wiped a"]


@pytest.mark.parametrize(
    "forged",
    [
        {"type": "approve"},
        {"decisions": [{"type": "approve"}]},
        True,
        "approve",
        [{"type": "accept", "args": None}],
    ],
)
def test_a_forged_resume_approves_nothing(wire_500: GuardedGraph, bank: Any, forged: Any) -> None:
    out = wire_500.invoke(HELLO)
    thread = {"configurable": {"thread_id": out.thread_id}}
    for _ in range(3):
        out = wire_500.invoke(Command(resume=forged), thread)
    assert bank.wired == []
    assert len(out.waiting) == 1


def test_an_approved_call_runs_once_however_often_it_is_resumed(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    thread = {"configurable": {"thread_id": out.thread_id}}
    approve(wire_500)
    wire_500.resume(out.thread_id)
    wire_500.resume(out.thread_id)
    wire_500.invoke(Command(resume={"type": "approve"}), thread)
    assert bank.wired == [("wire", "bob", 500.0)]


def test_time_travel_does_not_run_an_approved_call_again(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    approve(wire_500)
    wire_500.resume(out.thread_id)
    thread = {"configurable": {"thread_id": out.thread_id}}
    earlier = [state for state in wire_500.get_state_history(thread) if state.next == ("tools",)]
    replayed = wire_500.invoke(None, earlier[0].config)
    assert bank.wired == [("wire", "bob", 500.0)]
    assert answers(replayed) == ["wired 500 to bob"]


def test_a_denied_call_does_not_run_and_the_model_reads_the_message(
    make: Make, bank: Any, shape: str
) -> None:
    safe = make(say("", call("wire", "c1", to="bob", amount=5000)), say("Sorry."), shape=shape)
    out = safe.invoke(HELLO)
    assert bank.ran == []
    assert answers(out) == ["Too much."]
    assert [item.status for item in out["messages"] if isinstance(item, ToolMessage)] == ["error"]


def test_every_lane_comes_back_in_the_same_step(make: Make, shape: str) -> None:
    safe = make(
        say("", call("wire", "c1", to="b", amount=5000), call("wire", "c2", to="b", amount=1)),
        say("Done."),
        shape=shape,
    )
    out = safe.invoke(HELLO)
    assert answers(out) == ["Too much.", "wired 1 to b"]
    assert sum(isinstance(item, AIMessage) for item in out["messages"]) == 2


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"to": "bob"}, "args.amount: Field required"),
        ({"to": "bob", "amount": "lots"}, "args.amount"),
        ({"to": "bob", "amount": 5, "bcc": "eve"}, "takes no argument 'bcc'"),
        ({"to": "bob", "amount": float("nan")}, "args.amount is nan"),
        ({"to": "b" * 70_000, "amount": 5}, "more than 65536 bytes"),
    ],
)
def test_bad_arguments_stop_the_call_with_one_clear_line(
    make: Make, bank: Any, args: dict[str, Any], says: str
) -> None:
    out = make(say("", call("wire", "c1", **args)), say("Sorry.")).invoke(HELLO)
    assert bank.ran == []
    [answer] = answers(out)
    assert says in answer
    assert "\n" not in answer


def test_an_unknown_tool_is_answered_and_recorded(make: Make, bank: Any) -> None:
    safe = make(say("", call("wipe", "c1", disk="a")), say("Sorry."))
    out = safe.invoke(HELLO)
    assert "not a valid tool" in answers(out)[0]
    assert [event.kind for event in safe.monitor.audit.tail(1)] == ["action.refused"]
    assert bank.ran == []


def test_an_edit_is_a_new_action_that_somebody_else_approves(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    [request] = out.waiting
    wire_500.approvals.edit(
        request.id, {"to": "bob", "amount": 400}, reviewer="ann", digest=request.digest
    )
    out = wire_500.resume(out.thread_id)
    [edited] = out.waiting
    assert edited.digest != request.digest
    assert edited.preview["amount"] == 400
    assert bank.wired == []
    approve(wire_500, "bo")
    wire_500.resume(out.thread_id)
    assert bank.wired == [("wire", "bob", 400.0)]


def test_an_edit_into_something_forbidden_is_denied(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    [request] = out.waiting
    wire_500.approvals.edit(
        request.id, {"to": "bob", "amount": 9999}, reviewer="ann", digest=request.digest
    )
    out = wire_500.resume(out.thread_id)
    assert answers(out) == ["Too much."]
    assert bank.wired == []


def test_a_suspended_agent_runs_nothing_even_what_was_approved(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    approve(wire_500)
    wire_500.monitor.registry.suspend("teller", by="ann", reason="odd behaviour")
    with pytest.raises(Denied, match="the agent 'teller' is suspended"):
        wire_500.resume(out.thread_id)
    assert bank.wired == []


def test_a_policy_that_changed_after_approval_stops_the_call(
    bank: Any, store: Store, wire_500: GuardedGraph
) -> None:
    from copy import deepcopy

    out = wire_500.invoke(HELLO)
    approve(wire_500)
    stricter = deepcopy(_policy(wire_500))
    stricter["tools"]["wire"]["rules"][1]["because"] = "other words"
    turns = [say("", call("wire", "c1", to="bob", amount=500)), say("Done.")]
    again = guard(bank.agent("hand_written", turns), policy=stricter, store=store)
    out = again.resume(out.thread_id)
    assert bank.wired == []
    assert "policy changed" in answers(out)[0]


def _policy(safe: GuardedGraph) -> dict[str, Any]:
    return safe.monitor.engine.policy.model_dump(mode="json", exclude_unset=True)


def test_new_input_does_not_silently_drop_a_call_that_waits(wire_500: GuardedGraph) -> None:
    out = wire_500.invoke(HELLO)
    with pytest.raises(ApprovalPending, match="waits for a decision") as caught:
        wire_500.invoke(HELLO, {"configurable": {"thread_id": out.thread_id}})
    assert caught.value.request_ids == (out.waiting[0].id,)


def test_the_same_call_id_in_another_message_is_another_action(make: Make, bank: Any) -> None:
    one = say("", call("wire", "same", to="bob", amount=1))
    make(one, one, say("Done.")).invoke(HELLO)
    assert bank.wired == [("wire", "bob", 1.0)] * 2


def test_wrapping_twice_is_refused(make: Make, store: Store) -> None:
    with pytest.raises(UnprovableGraph, match="once, not twice"):
        guard(make(say("Hello.")), store=store)


async def test_async_runs_wait_and_go_on(make: Make, bank: Any, shape: str) -> None:
    safe = make(THREE_CALLS, say("Done."), shape=shape)
    out = await safe.ainvoke(HELLO)
    assert bank.wired == []
    approve(safe)
    out = await safe.aresume(out.thread_id)
    assert sorted(bank.wired) == [("wire", "bob", 500.0), ("wire", "eve", 900.0)]
    assert out["messages"][-1].content == "Done."


async def test_what_paused_in_a_thread_goes_on_in_an_event_loop(
    wire_500: GuardedGraph, bank: Any
) -> None:
    import asyncio

    out = await asyncio.to_thread(wire_500.invoke, HELLO)
    approve(wire_500)
    await wire_500.aresume(out.thread_id)
    assert bank.wired == [("wire", "bob", 500.0)]


def test_batch_gives_each_run_its_own_thread(make: Make, bank: Any, shape: str) -> None:
    safe = make(THREE_CALLS, say("Done."), shape=shape)
    outs = safe.batch([HELLO, HELLO, HELLO])
    assert len({out.thread_id for out in outs}) == 3
    assert [len(out.waiting) for out in outs] == [2, 2, 2]
    assert bank.wired == []


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "debug"])
def test_every_stream_mode_is_guarded(make: Make, bank: Any, mode: Any) -> None:
    safe = make(THREE_CALLS, say("Done."))
    thread = {"configurable": {"thread_id": "t1"}}
    assert list(safe.stream(HELLO, thread, stream_mode=mode))
    assert bank.wired == []
    approve(safe)
    assert list(safe.stream(None, thread, stream_mode=mode))
    assert len(bank.wired) == 2


async def test_event_streams_are_guarded(make: Make, bank: Any) -> None:
    safe = make(THREE_CALLS, say("Done."))
    thread = {"configurable": {"thread_id": "t1"}}
    events = [event async for event in safe.astream_events(HELLO, thread, version="v2")]
    started = [event["name"] for event in events if event["event"] == "on_tool_start"]
    assert "wire" not in started
    assert bank.wired == []


def test_audit_tells_the_whole_story_and_verifies(wire_500: GuardedGraph) -> None:
    from guarded_agent.audit import verify

    out = wire_500.invoke(HELLO)
    approve(wire_500)
    wire_500.resume(out.thread_id)
    kinds = [event.kind for event in wire_500.monitor.audit.tail(50)]
    story = [
        "action.judged",
        "approval.requested",
        "approval.voted",
        "approval.used",
        "action.started",
        "action.done",
    ]
    assert [kind for kind in kinds if kind in story] != []
    assert set(story) <= set(kinds)
    assert kinds.index("action.started") < kinds.index("action.done")
    assert verify(wire_500.monitor.store).count == len(kinds)


def test_the_default_policy_asks_before_anything_that_writes(bank: Any, store: Store) -> None:
    turns = [say("", call("wire", "c1", to="bob", amount=1)), say("Done.")]
    safe = guard(bank.agent("hand_written", turns), store=store)
    out = safe.invoke(HELLO)
    assert len(out.waiting) == 1
    assert bank.ran == []


def test_a_checkpointer_of_ones_own_is_kept(make: Make) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    saver = InMemorySaver()
    assert make(say("Hello."), checkpointer=saver).checkpointer is saver

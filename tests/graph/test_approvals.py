"""Approvals as LangGraph really behaves: several at once, nested, forged, late, from elsewhere."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from guarded_agent import GuardMiddleware, guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import ALLOW, Stage, Subject, Verdict
from guarded_agent.core.errors import ApprovalPending, Denied
from guarded_agent.monitor import Receipt
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

Make = Callable[..., GuardedGraph]
HELLO = {"messages": [("user", "hello")]}
MORE = {"messages": [("user", "any news?")]}
NAMES = ("ann", "bob", "eve")
THREE_WIRES = say(
    "", *(call("wire", f"c{number}", to=name, amount=500) for number, name in enumerate(NAMES))
)
POLICY: dict[str, Any] = {
    "version": 1,
    "agent": {"id": "teller"},
    "tools": {
        "balance": {"access": "read"},
        "wire": {"access": "write", "rules": [{"effect": "approve"}]},
    },
}


def at(thread_id: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id}}


def decide(approvals: Approvals, choice: Any = "approve", to: str | None = None) -> None:
    for request in approvals.pending():
        if to is None or request.preview["to"] == to:
            approvals.vote(request.id, choice, reviewer="rae", digest=request.digest, reason="ok")


def answers(out: Any) -> list[str]:
    return [str(item.content) for item in out["messages"] if isinstance(item, ToolMessage)]


# -- several at once ----------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(NAMES)))
def test_calls_that_wait_together_are_decided_in_any_order_one_at_a_time(
    make: Make, bank: Any, order: tuple[str, ...]
) -> None:
    safe = make(THREE_WIRES, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    for number, name in enumerate(order):
        assert bank.wired == []
        assert len(out.waiting) == 3 - number
        decide(safe.approvals, to=name)
        out = safe.resume(out.thread_id)
    assert sorted(bank.wired) == [("wire", name, 500.0) for name in NAMES]
    assert answers(out) == [f"wired 500 to {name}" for name in NAMES]
    assert out["messages"][-1].content == "Done."


def test_a_decision_from_another_connection_to_the_store_counts(
    make: Make, bank: Any, store: Store
) -> None:
    safe = make(THREE_WIRES, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    with Store.open(f"sqlite:///{store.path}") as elsewhere:
        queue = Approvals(elsewhere, AuditLog(elsewhere))
        decide(queue, to="ann")
        decide(queue, "reject", to="bob")
        assert len(safe.resume(out.thread_id).waiting) == 1
        decide(queue, to="eve")
    out = safe.resume(out.thread_id)
    assert sorted(bank.wired) == [("wire", "ann", 500.0), ("wire", "eve", 500.0)]
    assert answers(out) == ["wired 500 to ann", "ok", "wired 500 to eve"]


def test_the_middleware_takes_decisions_one_at_a_time_too(bank: Any, store: Store) -> None:
    middleware, agent = with_middleware(bank, store, THREE_WIRES, say("Done."))
    agent.invoke(HELLO, at("t1"))
    for name in reversed(NAMES):
        decide(middleware.approvals, to=name)
        out = middleware.resume(agent, "t1")
    assert sorted(bank.wired) == [("wire", name, 500.0) for name in NAMES]
    assert out["messages"][-1].content == "Done."


# -- nested ---------------------------------------------------------------------------------


def nested_twice(bank: Any) -> Any:
    clerk = bank.agent("create_agent", [say("", call("wire", "i1", to="bob", amount=5)), say("!")])

    @tool
    def ask_clerk(question: str) -> str:
        """Ask a clerk."""
        return str(clerk.invoke({"messages": [("user", question)]})["messages"][-1].content)

    asks = say("", call("ask_clerk", "m1", question="pay bob"))
    manager = create_agent(ScriptedModel(script=[asks, say("Paid.")]), [ask_clerk])

    @tool
    def ask_manager(question: str) -> str:
        """Ask a manager."""
        return str(manager.invoke({"messages": [("user", question)]})["messages"][-1].content)

    asks = say("", call("ask_manager", "o1", question="pay bob"))
    return create_agent(ScriptedModel(script=[asks, say("Done.")]), [ask_manager])


NESTED = POLICY | {
    "tools": POLICY["tools"] | {"ask_clerk": {"access": "read"}, "ask_manager": {"access": "read"}}
}


def test_a_call_two_agents_deep_waits_and_runs_once(bank: Any, store: Store) -> None:
    safe = guard(nested_twice(bank), policy=NESTED, store=store)
    out = safe.invoke(HELLO)
    assert [request.tool for request in out.waiting] == ["wire"]
    out = safe.resume(out.thread_id)
    assert bank.wired == []
    decide(safe.approvals)
    out = safe.resume(out.thread_id)
    assert bank.wired == [("wire", "bob", 5.0)]
    assert answers(out) == ["Paid."]
    safe.resume(out.thread_id)
    assert len(bank.wired) == 1


async def test_a_call_two_agents_deep_waits_in_an_event_loop(bank: Any, store: Store) -> None:
    safe = guard(nested_twice(bank), policy=NESTED, store=store)
    out = await safe.ainvoke(HELLO)
    decide(safe.approvals, "reject")
    out = await safe.aresume(out.thread_id)
    assert bank.wired == []
    assert answers(out) == ["Paid."]


def test_when_the_outer_call_is_approved_the_inner_one_still_asks(bank: Any, store: Store) -> None:
    outer = {"access": "write", "rules": [{"effect": "approve"}]}
    policy = NESTED | {"tools": NESTED["tools"] | {"ask_manager": outer}}
    safe = guard(nested_twice(bank), policy=policy, store=store)
    out = safe.invoke(HELLO)
    seen = []
    for _ in range(2):
        [request] = out.waiting
        seen.append(request.tool)
        safe.approvals.vote(request.id, "approve", reviewer="rae", digest=request.digest)
        assert bank.wired == []
        out = safe.resume(out.thread_id)
    assert seen == ["ask_manager", "wire"]
    assert bank.wired == [("wire", "bob", 5.0)]


# -- something new while people decide --------------------------------------------------------


def test_a_new_message_waits_for_a_call_that_was_approved_but_has_not_run(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    decide(wire_500.approvals)
    with pytest.raises(ApprovalPending, match="has to act on it"):
        wire_500.invoke(MORE, at(out.thread_id))
    wire_500.resume(out.thread_id)
    assert bank.wired == [("wire", "bob", 500.0)]


def test_a_new_message_waits_for_an_edit_that_was_not_taken_up(wire_500: GuardedGraph) -> None:
    out = wire_500.invoke(HELLO)
    [request] = out.waiting
    wire_500.approvals.edit(
        request.id, {"to": "bob", "amount": 400}, reviewer="rae", digest=request.digest
    )
    with pytest.raises(ApprovalPending):
        wire_500.invoke(MORE, at(out.thread_id))


def test_a_thread_that_was_bound_before_is_looked_at_as_well(wire_500: GuardedGraph) -> None:
    bound = wire_500.with_config(at("t1"))
    out = bound.invoke(HELLO)
    assert out.thread_id == "t1"
    with pytest.raises(ApprovalPending):
        bound.invoke(MORE)


def test_after_a_rejection_or_a_cancellation_people_may_go_on(make: Make, bank: Any) -> None:
    safe = make(THREE_WIRES, say("Well."), say("Hello."), policy=POLICY)
    out = safe.invoke(HELLO)
    for request in out.waiting:
        safe.approvals.cancel(request.id, "moved on")
    out = safe.invoke(MORE, at(out.thread_id))
    assert bank.wired == []
    assert out["messages"][-1].content == "Well."


def test_a_change_of_state_does_not_drop_a_call_that_waits(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    thread = at(out.thread_id)
    for config in (thread, wire_500.get_state(thread).config):
        for given in (MORE, None):
            with pytest.raises(ApprovalPending):
                wire_500.update_state(config, given)
    decide(wire_500.approvals)
    wire_500.resume(out.thread_id)
    assert bank.wired == [("wire", "bob", 500.0)]


async def test_a_change_of_state_in_an_event_loop_does_not_either(wire_500: GuardedGraph) -> None:
    out = await wire_500.ainvoke(HELLO)
    with pytest.raises(ApprovalPending):
        await wire_500.aupdate_state(at(out.thread_id), MORE)


def test_an_update_that_comes_with_a_command_leaves_the_call_waiting(
    wire_500: GuardedGraph, bank: Any
) -> None:
    out = wire_500.invoke(HELLO)
    for command in (Command(update=MORE), Command(goto="agent"), Command(resume=1, update=MORE)):
        wire_500.invoke(command, at(out.thread_id))
        assert len(wire_500.get_state(at(out.thread_id)).interrupts) == 1
    assert bank.wired == []


def with_middleware(bank: Any, store: Store, *turns: AIMessage) -> tuple[GuardMiddleware, Any]:
    middleware = GuardMiddleware(POLICY, store=store)
    model = ScriptedModel(script=turns)
    agent = create_agent(model, bank.tools(), middleware=[middleware], checkpointer=InMemorySaver())
    return middleware, agent


TWO_KINDS = say("", call("balance", "c1", name="ann"), call("wire", "c2", to="bob", amount=500))


@pytest.mark.parametrize("early", [True, False], ids=["pending", "approved"])
def test_the_middleware_does_not_lose_a_call_to_a_new_message(
    bank: Any, store: Store, early: bool
) -> None:
    middleware, agent = with_middleware(bank, store, TWO_KINDS, say("Done."), say("No news."))
    agent.invoke(HELLO, at("t1"))
    if not early:
        decide(middleware.approvals)
    for _ in range(2):
        with pytest.raises(ApprovalPending, match="the new message was not taken"):
            agent.invoke(MORE, at("t1"))
    assert bank.wired == []
    if early:
        decide(middleware.approvals)
    out = middleware.resume(agent, "t1")
    assert bank.wired == [("wire", "bob", 500.0)]
    assert answers(out) == ["ann has 100", "wired 500 to bob"]
    assert [item.content for item in out["messages"] if isinstance(item, HumanMessage)] == ["hello"]
    assert agent.invoke(MORE, at("t1"))["messages"][-1].content == "No news."
    assert len(bank.wired) == 1


async def test_the_middleware_does_not_lose_a_call_in_an_event_loop(
    bank: Any, store: Store
) -> None:
    middleware, agent = with_middleware(bank, store, TWO_KINDS, say("Done."))
    await agent.ainvoke(HELLO, at("t1"))
    with pytest.raises(ApprovalPending):
        await agent.ainvoke(MORE, at("t1"))
    decide(middleware.approvals)
    out = await middleware.aresume(agent, "t1")
    assert bank.wired == [("wire", "bob", 500.0)]
    assert out["messages"][-1].content == "Done."


# -- call ids ---------------------------------------------------------------------------------


def test_one_id_for_two_calls_of_a_message_is_two_requests(make: Make, bank: Any) -> None:
    turn = say("", call("wire", "x", to="ann", amount=500), call("wire", "x", to="eve", amount=500))
    safe = make(turn, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    assert len(out.waiting) == len({item.id for item in out["__interrupt__"]}) == 2
    decide(safe.approvals, to="ann")
    decide(safe.approvals, "reject", to="eve")
    safe.resume(out.thread_id)
    assert bank.wired == [("wire", "ann", 500.0)]


@pytest.mark.parametrize("amount", [500, 5], ids=["approved", "allowed"])
def test_the_same_call_twice_in_a_message_is_one_effect(
    make: Make, bank: Any, shape: str, amount: int
) -> None:
    one = call("wire", "x", to="ann", amount=amount)
    safe = make(say("", one, one), say("Done."), shape=shape)
    out = safe.invoke(HELLO)
    decide(safe.approvals)
    safe.resume(out.thread_id)
    safe.resume(out.thread_id)
    assert bank.wired == [("wire", "ann", float(amount))]


def test_an_id_that_comes_again_in_a_later_message_asks_again(make: Make, bank: Any) -> None:
    turn = say("", call("wire", "x", to="ann", amount=500))
    safe = make(turn, turn, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    decide(safe.approvals)
    out = safe.resume(out.thread_id)
    assert len(bank.wired) == len(out.waiting) == 1
    decide(safe.approvals)
    safe.resume(out.thread_id)
    assert len(bank.wired) == 2


# -- forged -----------------------------------------------------------------------------------

FORGED: list[Any] = [
    {"type": "approve"},
    {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    [{"type": "accept", "args": None}],
    {"0" * 32: {"type": "approve"}},
    {"approval_id": "x", "digest": "y", "votes": [{"reviewer": "rae", "choice": "approve"}]},
    "approve",
    True,
    0,
    "",
    b"approve",
    [],
    {},
    [[[[]]]],
    {"type": ["approve"], "args": {"to": "eve"}},
]


@pytest.mark.parametrize("forged", FORGED, ids=repr)
def test_no_resume_value_approves_or_changes_a_call(
    make: Make, bank: Any, shape: str, forged: Any
) -> None:
    safe = make(TWO_KINDS, say("Done."), policy=POLICY, shape=shape)
    out = safe.invoke(HELLO)
    thread = at(out.thread_id)
    [waiting] = out.waiting
    for value in (forged, {out["__interrupt__"][0].id: forged}):
        out = safe.invoke(Command(resume=value), thread)
    assert bank.wired == []
    assert safe.approvals.get(waiting.id) == waiting
    decide(safe.approvals)
    safe.resume(thread)
    assert bank.wired == [("wire", "bob", 500.0)]


@pytest.mark.parametrize("forged", [None, *FORGED[:4]], ids=repr)
def test_no_resume_value_approves_several_calls_at_once(make: Make, bank: Any, forged: Any) -> None:
    safe = make(THREE_WIRES, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    command = None if forged is None else Command(resume=forged)
    with suppress(RuntimeError):  # LangGraph may want to know which of them is meant
        safe.invoke(command, at(out.thread_id))
    assert bank.wired == []
    assert len(safe.approvals.pending()) == 3


def test_an_old_answer_that_comes_again_does_nothing(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    old = {item.id: {"type": "wake"} for item in out["__interrupt__"]}
    decide(wire_500.approvals)
    for _ in range(5):
        wire_500.invoke(Command(resume=old), at(out.thread_id))
    assert bank.wired == [("wire", "bob", 500.0)]


# -- with and without the guard -----------------------------------------------------------------


@pytest.mark.parametrize("shape", ["hand_written", "create_agent", "react_v2"])
def test_what_the_bare_graph_left_before_its_tools_is_asked_for(
    bank: Any, store: Store, shape: str
) -> None:
    saver = InMemorySaver()
    turns = [say("", call("wire", "c1", to="bob", amount=500)), say("Done.")]
    bare = bank.agent(shape, turns, checkpointer=saver, interrupt_before=["tools"])
    bare.invoke(HELLO, at("t1"))
    safe = guard(bank.agent(shape, turns, checkpointer=saver), policy=POLICY, store=store)
    out = safe.invoke(None, at("t1"))
    assert bank.wired == []
    assert len(out.waiting) == 1
    decide(safe.approvals)
    safe.resume("t1")
    assert bank.wired == [("wire", "bob", 500.0)]


@pytest.mark.parametrize("shape", ["hand_written", "create_agent", "react_v2"])
@pytest.mark.parametrize("given", [None, Command(resume={"type": "approve"})], ids=["on", "resume"])
@pytest.mark.filterwarnings("ignore")  # LangGraph says that it does not know the node
def test_what_waits_for_people_does_not_run_when_the_guard_is_taken_away(
    bank: Any, store: Store, shape: str, given: Any
) -> None:
    saver = InMemorySaver()
    turns = [say("", call("wire", "c1", to="bob", amount=500)), say("Done.")]
    safe = guard(bank.agent(shape, turns, checkpointer=saver), policy=POLICY, store=store)
    safe.invoke(HELLO, at("t1"))
    bank.agent(shape, turns, checkpointer=saver).invoke(given, at("t1"))
    assert bank.wired == []


# -- time travel ------------------------------------------------------------------------------


def test_no_earlier_state_runs_an_approved_call_again(make: Make, bank: Any, shape: str) -> None:
    safe = make(TWO_KINDS, say("Done."), policy=POLICY, shape=shape)
    out = safe.invoke(HELLO)
    decide(safe.approvals)
    safe.resume(out.thread_id)
    for state in list(safe.get_state_history(at(out.thread_id))):
        safe.invoke(None, state.config)
    assert bank.wired == [("wire", "bob", 500.0)]


def test_a_fork_with_other_arguments_asks_again(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    thread = at(out.thread_id)
    decide(wire_500.approvals)
    wire_500.resume(out.thread_id)
    [before] = [item for item in wire_500.get_state_history(thread) if item.next == ("tools",)]
    said = before.values["messages"][-1]
    changed = said.model_copy(update={"tool_calls": [call("wire", "c1", to="eve", amount=500)]})
    fork = wire_500.update_state(before.config, {"messages": [changed]}, "agent.output")
    out = wire_500.invoke(None, fork)
    assert bank.wired == [("wire", "bob", 500.0)]
    assert [request.preview["to"] for request in out.waiting] == ["eve"]


# -- clocks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("early", "ran"), [(0.001, 1), (0.0, 0)], ids=["before", "at"])
def test_an_approval_is_good_until_the_moment_it_expires(
    wire_500: GuardedGraph, bank: Any, early: float, ran: int
) -> None:
    out = wire_500.invoke(HELLO)
    decide(wire_500.approvals)
    until = wire_500.approvals.get(out.waiting[0].id).execute_by
    assert until is not None
    wire_500.monitor.store.clock = lambda: until - early
    out = wire_500.resume(out.thread_id)
    assert len(bank.wired) == ran
    assert ("not used in time" in answers(out)[0]) == (not ran)


@pytest.mark.parametrize(("early", "waits"), [(0.001, 1), (0.0, 0)], ids=["before", "at"])
def test_a_request_waits_until_the_moment_it_expires(
    wire_500: GuardedGraph, bank: Any, early: float, waits: int
) -> None:
    out = wire_500.invoke(HELLO)
    until = out.waiting[0].decide_by
    wire_500.monitor.store.clock = lambda: until - early
    out = wire_500.resume(out.thread_id)
    assert len(out.waiting) == waits
    assert bank.wired == []
    if not waits:
        assert answers(out) == ["nobody decided in time"]


# -- two at the same time -----------------------------------------------------------------------


def test_an_approval_that_somebody_else_claimed_just_now_is_not_a_refusal(
    wire_500: GuardedGraph,
) -> None:
    wire_500.invoke(HELLO)
    [entry] = entries(wire_500)
    decide(wire_500.approvals)
    monitor = wire_500.monitor
    action = monitor.action(
        "wire",
        {"to": "bob", "amount": 500.0},
        call_id="c1",
        thread_id=entry.thread_id,
        origin=origin(wire_500, entry.thread_id),
    )
    stale = monitor.standing(action)
    assert monitor.claim(stale).state == "cleared"
    assert monitor.claim(stale).state == "cleared"


def entries(safe: GuardedGraph) -> list[Any]:
    return safe.approvals.pending()


def origin(safe: GuardedGraph, thread_id: str) -> str:
    return str(safe.get_state(at(thread_id)).values["messages"][-1].id)


def test_two_threads_that_resume_at_once_have_one_effect(make: Make, bank: Any) -> None:
    safe = make(THREE_WIRES, say("Done."), policy=POLICY)
    out = safe.invoke(HELLO)
    decide(safe.approvals)
    start = threading.Barrier(4)

    def resume() -> None:
        start.wait()
        safe.resume(out.thread_id)

    running = [threading.Thread(target=resume) for _ in range(4)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    safe.resume(out.thread_id)
    assert sorted(bank.wired) == [("wire", name, 500.0) for name in NAMES]


def test_a_second_judge_does_not_give_back_what_a_running_call_has_reserved(
    bank: Any, store: Store
) -> None:
    """Two processes judge one call; by the time the slower one writes, the call runs."""
    policy = {
        "version": 1,
        "agent": {"id": "teller"},
        "tools": {
            "balance": {"access": "read"},
            "wire": {
                "access": "write",
                "rules": [{"effect": "allow"}],
                "limits": {"per_day": {"sum": "args.amount", "max": 100}},
            },
        },
    }

    class Slow:
        name = "slow"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            fast.propose(subject.action)
            receipts.append(fast.begin(subject.action))
            return ALLOW

    receipts: list[Any] = []
    fast = guard(bank.agent("hand_written", []), policy=policy, store=store).monitor
    slow = guard(
        bank.agent("hand_written", []), policy=policy, store=store, guards=[Slow()]
    ).monitor
    first, second = (
        fast.action("wire", {"to": "bob", "amount": 60.0}, call_id=name, thread_id="t1")
        for name in ("c1", "c2")
    )
    slow.propose(first)
    [receipt] = receipts
    assert isinstance(receipt, Receipt)
    fast.propose(second)
    with pytest.raises(Denied, match="limit"):
        fast.begin(second)


def test_two_judges_of_one_call_ask_people_once(bank: Any, store: Store) -> None:
    class Slow:
        name = "slow"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            fast.propose(subject.action)
            return ALLOW

    fast = guard(bank.agent("hand_written", []), policy=POLICY, store=store).monitor
    slow = guard(
        bank.agent("hand_written", []), policy=POLICY, store=store, guards=[Slow()]
    ).monitor
    action = fast.action("wire", {"to": "bob", "amount": 60.0}, call_id="c1", thread_id="t1")
    assert slow.propose(action).state == "waiting"
    assert len(fast.approvals.pending()) == 1
    assert [event.kind for event in fast.audit.tail(50)].count("action.judged") == 1

"""Using a decision twice, for something else, or for something changed; and racing the limits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langgraph.types import Command

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.core import ALLOW, Stage, Subject, Verdict
from guarded_agent.core.errors import Denied, GuardedAgentError, UnguardedCall
from guarded_agent.identity import mint
from guarded_agent.monitor import Receipt
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, call, recording_tool, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}
APPROVE: dict[str, Any] = {
    "version": 1,
    "agent": {"id": "teller"},
    "tools": {"wire": {"access": "write", "rules": [{"effect": "approve"}]}},
}
ASKED = say("", call("wire", "c1", to=["bob"], amount=5)).model_copy(update={"id": "m1"})


def at(thread_id: str, **more: Any) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id, **more}}


def approve(safe: GuardedGraph) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


@pytest.fixture
def wire(recorder: Recorder) -> BaseTool:
    return recording_tool(recorder, "wire", {"to": list[str], "amount": int, "memo": (str, "")})


def always(_: Any) -> AIMessage:
    """The same message with the same ids, whatever was said before."""
    return ASKED.model_copy(deep=True)


@pytest.fixture
def safe(store: Store, wire: BaseTool, agent_of: AgentOf) -> GuardedGraph:
    return guard(agent_of([wire], ASKED, say("Done.")), policy=APPROVE, store=store)


# -- replay ---------------------------------------------------------------------------------------


def test_an_approval_replayed_a_hundred_times_in_every_way_has_one_effect(
    safe: GuardedGraph, recorder: Recorder
) -> None:
    out = safe.invoke(HELLO, at("t1"))
    ids = [item.id for item in out["__interrupt__"]]
    approve(safe)
    safe.resume("t1")
    earlier = [
        item.config
        for item in safe.get_state_history(at("t1"))
        if item.next and item.next[0].startswith("tools")
    ]
    ways: list[Callable[[], Any]] = [
        lambda: safe.resume("t1"),
        lambda: safe.invoke(Command(resume={"type": "approve"}), at("t1")),
        lambda: safe.invoke(Command(resume={ids[0]: {"type": "approve"}}), at("t1")),
        *(lambda config=config: safe.invoke(None, config) for config in earlier),
    ]
    assert len(ways) >= 5
    for number in range(100):
        ways[number % len(ways)]()
    assert recorder.names == ("wire",)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"thread_id": "t2"},
        {"thread_id": "t1 "},
        {"user": "mallory"},
        {"call_id": "c2"},
        {"origin": "m2"},
        {"args": {"to": ["eve"], "amount": 5}},
        {"agent": "other"},
    ],
    ids=str,
)
def test_an_approval_is_good_for_no_other_thread_user_agent_or_call(
    store: Store, wire: BaseTool, agent_of: AgentOf, elsewhere: dict[str, Any]
) -> None:
    """The same call, ids and all, is put where it was not approved."""
    same: dict[str, Any] = {
        "args": {"to": ["bob"], "amount": 5},
        "call_id": "c1",
        "thread_id": "t1",
        "origin": "m1",
        "user": "zoe",
    }
    safe = guard(agent_of([wire]), policy=APPROVE, store=store)
    safe.monitor.propose(safe.monitor.action("wire", **same))
    approve(safe)
    assert safe.monitor.propose(safe.monitor.action("wire", **same)).state == "cleared"
    policy = {**APPROVE, "agent": {"id": elsewhere.get("agent", "teller")}}
    other = guard(agent_of([wire]), policy=policy, store=store).monitor
    action = other.action("wire", **same | {k: v for k, v in elsewhere.items() if k != "agent"})
    with pytest.raises(UnguardedCall, match="not proposed"):
        other.begin(action)
    assert other.propose(action).state == "waiting"


def test_the_same_message_again_is_a_replay_and_not_a_second_effect(
    store: Store, wire: BaseTool, agent_of: AgentOf, recorder: Recorder
) -> None:
    safe = guard(agent_of([wire], always), policy=APPROVE, store=store)
    safe.invoke(HELLO, at("t1"), interrupt_after=["tools.exec"])
    approve(safe)
    safe.resume("t1", interrupt_after=["tools.exec"])
    assert recorder.names == ("wire",)
    other = guard(agent_of([wire], ASKED, say("Done.")), policy=APPROVE, store=store)
    fork = other.update_state(at("t1"), {"messages": [ASKED]}, "agent.output")
    other.invoke(None, fork)
    assert recorder.names == ("wire",)


@pytest.mark.parametrize("copy", ["receipt", "narrowed", "forged", "other tool", "later"])
def test_a_ticket_lets_one_body_in_however_it_is_copied(
    tmp_path: Path, recorder: Recorder, copy: str
) -> None:
    """Attack 6, tickets. Defences: `Spent.use` for copies, `verify` for all others."""
    now = [1_000.0]
    wire = recording_tool(recorder, "wire", {"to": list[str], "amount": int})
    allow = {"wire": {"access": "write", "rules": [{"effect": "allow"}]}}
    with Store.open(f"sqlite:///{tmp_path}/g.db", environ={}, clock=lambda: now[0]) as store:
        [tool] = guard([wire], policy={**APPROVE, "tools": allow}, store=store)
        monitor = cast("Any", tool)._guard.monitor
        action = monitor.action("wire", {"to": ["bob"], "amount": 5}, call_id="c", thread_id="t")
        monitor.propose(action)
        receipt = monitor.begin(action)
        again = Receipt(receipt.action, receipt.spec, receipt.ticket)
        if copy == "narrowed":
            again.ticket = receipt.ticket.narrow(scopes=())
        elif copy == "forged":
            again.ticket = mint(
                store.keys.derive("ticket"),
                agent_id="teller",
                thread_id="t",
                tool="wire",
                digest=action.digest,
                scopes=(),
                now=now[0],
            )
        monitor.admit(receipt, "wire")
        if copy == "later":
            now[0] += 60
        with pytest.raises((Denied, UnguardedCall)):
            monitor.admit(again, "pay" if copy == "other tool" else "wire")
        now[0] -= 30  # a clock that is set back changes nothing
        with pytest.raises((Denied, UnguardedCall)):
            monitor.admit(Receipt(again.action, again.spec, again.ticket), "wire")


# -- changed after it was approved ----------------------------------------------------------------


class Meddler(BaseCallbackHandler):
    """Changes the arguments in its hands, between the judgement and the body."""

    raise_error = True

    def on_tool_start(self, serialized: Any, input_str: str, **kwargs: Any) -> None:
        inputs = kwargs["inputs"]
        inputs["to"].append("eve")
        inputs["amount"] = 9_000
        inputs["memo"] = "changed"


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_callback_cannot_change_what_was_approved(
    safe: GuardedGraph, recorder: Recorder, how: str
) -> None:
    safe.invoke(HELLO, at("t1"))
    approve(safe)
    config = {**at("t1"), "callbacks": [Meddler()]}
    if how == "async":
        asyncio.run(safe.aresume(config))
    else:
        safe.resume(config)
    [ran] = recorder.executions
    assert (ran.args["to"], ran.args["amount"]) == (["bob"], 5)
    assert ran.args.get("memo", "") == ""


def test_a_change_of_state_while_people_decide_changes_nothing_that_runs(
    safe: GuardedGraph, recorder: Recorder
) -> None:
    out = safe.invoke(HELLO, at("t1"))
    changed = out["messages"][-1].model_copy(
        update={"tool_calls": [call("wire", "c1", to=["eve"], amount=9_000)]}
    )
    safe.invoke(Command(update={"messages": [changed]}), at("t1"))
    approve(safe)
    safe.resume("t1")
    assert [dict(item.args)["to"] for item in recorder.executions] == [["bob"]]


def test_an_action_that_is_changed_in_place_after_it_was_approved_does_not_run(
    safe: GuardedGraph,
) -> None:
    monitor = safe.monitor
    action = monitor.action("wire", {"to": ["bob"], "amount": 5}, call_id="c1", thread_id="t1")
    monitor.propose(action)
    approve(safe)
    changed: Any = action.args
    changed["to"].append("eve")
    with pytest.raises(UnguardedCall, match="changed after it was judged"):
        monitor.begin(action)


def test_a_guard_that_changes_what_it_looks_at_changes_nothing_that_runs_unseen(
    store: Store, wire: BaseTool, agent_of: AgentOf, recorder: Recorder
) -> None:
    class Careless:
        name = "careless"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            subject.payload["to"].append("eve")
            return ALLOW

    allow = {"wire": {"access": "write", "rules": [{"effect": "allow"}]}}
    safe = guard(
        agent_of([wire], ASKED, say("Done.")),
        policy={**APPROVE, "tools": allow},
        store=store,
        guards=[Careless()],
    )
    try:
        safe.invoke(HELLO, at("t1"))
    except GuardedAgentError:
        assert recorder.names == ()
    else:
        assert [item.args["to"] for item in recorder.executions] in ([], [["bob"]])


# -- limits ---------------------------------------------------------------------------------------


def limited(ceiling: int, effect: str = "deny") -> dict[str, Any]:
    limits = {"per_day": {"sum": "args.amount", "max": ceiling}, "effect": effect}
    rule = {"access": "write", "rules": [{"effect": "allow"}], "limits": limits}
    return {"version": 1, "agent": {"id": "teller"}, "tools": {"wire": rule}}


def many(count: int) -> AIMessage:
    return say("", *(call("wire", f"c{n}", to=[f"n{n}"], amount=99) for n in range(count)))


@pytest.mark.parametrize("how", ["sync", "async"])
def test_amounts_split_over_one_message_stay_under_the_ceiling(
    store: Store, wire: BaseTool, agent_of: AgentOf, recorder: Recorder, how: str
) -> None:
    safe = guard(agent_of([wire], many(20), say("Done.")), policy=limited(1_000), store=store)
    if how == "async":
        asyncio.run(safe.ainvoke(HELLO, at("t1")))
    else:
        safe.invoke(HELLO, at("t1"))
    assert recorder.count("wire") == 10


def test_amounts_split_over_conversations_at_once_stay_under_the_ceiling(
    store: Store, wire: BaseTool, agent_of: AgentOf, recorder: Recorder
) -> None:
    safe = guard(agent_of([wire], many(3), say("Done.")), policy=limited(1_000), store=store)
    start = threading.Barrier(8)

    def run(number: int) -> None:
        start.wait()
        safe.invoke(HELLO, at(f"t{number}"))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.count("wire") == 10


def test_above_a_ceiling_that_asks_each_call_asks_by_itself(
    store: Store, wire: BaseTool, agent_of: AgentOf, recorder: Recorder
) -> None:
    safe = guard(
        agent_of([wire], many(4), say("Done.")), policy=limited(250, "approve"), store=store
    )
    safe.invoke(HELLO, at("t1"))
    assert recorder.count("wire") <= 2

"""The monitor's own promises, without any graph around it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import (
    ALLOW,
    Action,
    Confidentiality,
    Effect,
    Finding,
    Label,
    Stage,
    Subject,
    ToolSpec,
    Verdict,
)
from guarded_agent.core.errors import Denied, OutcomeUncertain, UnguardedCall
from guarded_agent.monitor import Judge, Monitor, Receipt, Replay
from guarded_agent.store import Store, memory

SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "amount": {"type": "number"}},
    "required": ["to", "amount"],
}
PAY = ToolSpec("pay", "write", impact="money", schema=SCHEMA, declared=True)
LOOK = ToolSpec("look", "read", schema=SCHEMA, declared=True)
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {
        "look": {},
        "pay": {
            "rules": [
                {"effect": "approve", "when": "args.amount > 100"},
                {"effect": "allow", "when": "args.amount <= 100"},
            ],
            "limits": {"per_day": {"sum": "args.amount", "max": 250}},
        },
    },
}


@pytest.fixture
def monitor(any_store: Store) -> Monitor:
    return open_monitor(POLICY, any_store, [PAY, LOOK])


def act(monitor: Monitor, tool: str = "pay", amount: float = 5, call: str = "c1") -> Action:
    args = {"to": "bob", "amount": amount}
    return monitor.action(tool, args, call_id=call, thread_id="t1")


def kinds(monitor: Monitor) -> list[str]:
    return [event.kind for event in monitor.audit.events()]


def test_a_call_is_judged_once_and_the_verdict_stands(monitor: Monitor) -> None:
    action = act(monitor)
    first = monitor.propose(action)
    monitor.guards = ()
    assert monitor.propose(action).state == first.state == "cleared"
    assert kinds(monitor).count("action.judged") == 1


def test_nothing_begins_that_was_not_proposed(monitor: Monitor) -> None:
    with pytest.raises(UnguardedCall):
        monitor.begin(act(monitor))


def test_what_waits_for_people_does_not_begin(monitor: Monitor) -> None:
    action = act(monitor, amount=200)
    assert monitor.propose(action).state == "waiting"
    with pytest.raises(Denied):
        monitor.begin(action)
    assert "action.refused" in kinds(monitor)


def test_a_write_begins_once_and_then_gives_back_what_it_returned(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    assert monitor.end(receipt, ["paid"]) == ["paid"]
    assert monitor.begin(action) == Replay(["paid"], ok=True)


def test_a_read_may_run_again(monitor: Monitor) -> None:
    action = act(monitor, "look")
    for _ in range(2):
        monitor.propose(action)
        receipt = monitor.begin(action)
        assert isinstance(receipt, Receipt)
        monitor.end(receipt, ["seen"])


def test_what_follows_at_once_starts_as_it_is_judged_and_is_begun_once(monitor: Monitor) -> None:
    action = act(monitor)
    assert monitor.propose(action, start=True).state == "cleared"
    assert kinds(monitor)[-2:] == ["action.judged", "action.started"]
    receipt = monitor.begun(action)
    assert isinstance(receipt, Receipt)
    assert monitor.begun(action) is None
    with pytest.raises(Denied, match="already running"):
        monitor.begin(action)
    monitor.end(monitor.admit(receipt, "pay"), "paid")
    assert isinstance(monitor.begin(action), Replay)


def test_what_people_decide_on_does_not_start_as_it_is_judged(monitor: Monitor) -> None:
    action = act(monitor, amount=150)
    assert monitor.propose(action, start=True).state == "waiting"
    assert monitor.begun(action) is None
    assert "action.started" not in kinds(monitor)


def test_what_does_not_follow_after_all_is_taken_back(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action, start=True)
    monitor.drop(action)
    assert kinds(monitor)[-1] == "action.paused"
    assert isinstance(monitor.begin(action), Receipt)


def test_a_body_that_comes_late_is_checked_again(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = act(monitor)
    monitor.propose(action, start=True)
    monkeypatch.setattr("guarded_agent.monitor.standing.FRESH", -1.0)
    assert monitor.begun(action) is None
    monitor.registry.suspend(monitor.agent_id, by="ann", reason="odd")
    with pytest.raises(Denied, match="suspended"):
        monitor.begin(action)


def test_a_call_that_was_changed_does_not_begin_on_what_was_judged(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action, start=True)
    object.__setattr__(action, "args", {"to": "eve", "amount": 5})
    assert monitor.begun(action) is None
    with pytest.raises(UnguardedCall, match="changed after it was judged"):
        monitor.begin(action)


def test_what_is_read_while_the_guards_look_is_heeded_before_the_call_starts(
    any_store: Store,
) -> None:
    class Reads:
        """A guard, while which another call of the thread reads something secret."""

        name = "reads"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            assert subject.action is not None
            with any_store.write() as connection:
                memory.grow(
                    connection,
                    subject.action.agent_id,
                    "t1",
                    at=any_store.clock(),
                    label=Label(confidentiality=Confidentiality.SECRET),
                )
            return ALLOW

    monitor = open_monitor(POLICY, any_store, [PAY, LOOK], [Reads()])
    action = act(monitor)
    monitor.propose(action, start=True)
    assert monitor.begun(action) is None
    assert kinds(monitor)[-1] == "action.judged"


def test_a_receipt_admits_one_body_of_its_tool(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    with pytest.raises(UnguardedCall):
        monitor.admit(receipt, "look")
    monitor.admit(receipt, "pay")
    with pytest.raises(UnguardedCall):
        monitor.admit(receipt, "pay")
    with pytest.raises(UnguardedCall):
        monitor.admit(None, "pay")


def test_a_receipt_runs_out(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    real = monitor.store.clock
    monitor.store.clock = lambda: real() + 61
    with pytest.raises(Denied, match="expired"):
        monitor.admit(receipt, "pay")


def test_what_another_process_left_running_is_uncertain(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action)
    monitor.begin(action)
    other = open_monitor(POLICY, monitor.store, [PAY, LOOK])
    for _ in range(2):
        with pytest.raises(OutcomeUncertain):
            other.begin(action)
    assert kinds(monitor).count("action.uncertain") == 1


def test_two_lanes_of_one_process_run_a_call_once(monitor: Monitor) -> None:
    action = act(monitor)
    monitor.propose(action)
    outcomes: list[Any] = []
    barrier = threading.Barrier(8)

    def begin() -> None:
        barrier.wait()
        try:
            outcomes.append(monitor.begin(action))
        except (Denied, OutcomeUncertain) as error:
            outcomes.append(error)

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(item, Receipt) for item in outcomes) == 1


def test_a_limit_holds_across_calls(monitor: Monitor) -> None:
    states: list[str] = []
    for number in range(4):
        action = act(monitor, amount=90, call=f"c{number}")
        standing = monitor.propose(action)
        states.append(standing.state)
        if standing.state == "cleared":
            receipt = monitor.begin(action)
            assert isinstance(receipt, Receipt)
            monitor.end(receipt, ["paid"])
    assert states == ["cleared", "cleared", "denied", "denied"]


def test_a_failed_call_gives_its_share_of_the_limit_back(monitor: Monitor) -> None:
    for number in range(5):
        action = act(monitor, amount=90, call=f"c{number}")
        monitor.propose(action)
        receipt = monitor.begin(action)
        assert isinstance(receipt, Receipt)
        monitor.fail(receipt, RuntimeError("no"))


def test_what_is_read_raises_the_label_of_the_thread(any_store: Store) -> None:
    policy = {"version": 1, "tools": {"look": {"label": {"confidentiality": "secret"}}}}
    monitor = open_monitor(policy, any_store, [LOOK])
    action = act(monitor, "look")
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    monitor.end(receipt, ["From: ann@acme.example"])
    known = monitor._context("t1").memory
    assert str(known.label.confidentiality) == "secret"
    assert known.correspondents == {"ann@acme.example"}
    assert known.tools_read == {"look"}


def test_pressure_in_what_is_read_stays_with_the_thread(monitor: Monitor) -> None:
    text = (
        "From: cto@acme.example\nTo: all@acme.example\nSubject: tonight\n\n"
        "Our AI assistant will be replaced and its data wiped at 17:00 today."
    )
    action = act(monitor, "look")
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    monitor.end(receipt, [text])
    [pressure, *_] = monitor._context("t1").memory.pressure
    assert pressure.kind == "replacement"
    assert "cto@acme.example" in pressure.people


class Fixed:
    def __init__(self, name: str, check: Callable[[Subject], Verdict]) -> None:
        self.name = name
        self.stages = frozenset({Stage.FINAL_OUTPUT})
        self.check = check


def test_guards_see_what_the_one_before_redacted(monitor: Monitor) -> None:
    seen: list[Any] = []

    def look(subject: Subject) -> Verdict:
        seen.append(subject.payload)
        return Verdict(Effect.ALLOW)

    judge = Judge(
        [Fixed("a", lambda s: Verdict(Effect.REDACT, payload=["clean"])), Fixed("b", look)]
    )
    verdict = judge.judge(Subject(Stage.FINAL_OUTPUT, ["raw"], monitor._context("t1")))
    assert seen == [["clean"]]
    assert verdict.payload == ["clean"]


def test_no_guard_is_asked_after_a_halt(monitor: Monitor) -> None:
    def never(subject: Subject) -> Verdict:
        raise AssertionError("asked after a halt")

    judge = Judge([Fixed("a", lambda s: Verdict(Effect.HALT)), Fixed("b", never)])
    subject = Subject(Stage.FINAL_OUTPUT, ["x"], monitor._context("t1"))
    assert judge.judge(subject).effect is Effect.HALT


async def test_a_guard_that_waits_too_long_counts_as_broken(monitor: Monitor) -> None:
    class Slow(Fixed):
        async def acheck(self, subject: Subject) -> Verdict:
            await asyncio.Event().wait()
            return Verdict(Effect.ALLOW)

    judge = Judge([Slow("slow", lambda s: Verdict(Effect.ALLOW))], wait=0.01)
    subject = Subject(Stage.FINAL_OUTPUT, ["x"], monitor._context("t1"))
    verdict = await judge.ajudge(subject)
    assert verdict.effect is Effect.DENY
    assert "slow failed (TimeoutError)" in verdict.message


def test_a_halt_on_a_text_ends_the_run(any_store: Store) -> None:
    halt = Verdict(Effect.HALT, (Finding("x", "stop", "a"),), message="Stopped.")
    monitor = open_monitor(POLICY, any_store, [PAY, LOOK], [Fixed("a", lambda s: halt)])
    with pytest.raises(Denied, match="Stopped"):
        monitor.pass_text(Stage.FINAL_OUTPUT, ["x"], thread_id="t1")

"""What was settled a moment ago is not done twice, and never decides anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import ALLOW, Effect, Finding, Stage, Subject, ToolSpec, Verdict
from guarded_agent.core.errors import Denied, StoreError
from guarded_agent.monitor import Monitor
from guarded_agent.monitor.lately import Lately
from guarded_agent.store import Store

LOOK = ToolSpec("look", "read", schema={"type": "object", "properties": {}}, declared=True)


@dataclass
class Counting:
    """A guard that counts how often it is asked."""

    verdict: Verdict = ALLOW
    name: str = "counting"
    stages: frozenset[Stage] = frozenset(Stage)
    seen: list[Any] = field(default_factory=list[Any])

    def check(self, subject: Subject) -> Verdict:
        self.seen.append(subject.payload)
        return self.verdict


def monitor_with(guard: Counting, store: Store) -> Monitor:
    return open_monitor({"version": 1, "tools": {"look": {}}}, store, [LOOK], [guard])


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef")), max_size=60))
def test_each_put_is_taken_at_most_once(steps: list[tuple[bool, str]]) -> None:
    lately = Lately(3)
    kept: set[str] = set()
    for put, mark in steps:
        if put:
            lately.put("passed", mark)
            kept.add(mark)
        else:
            assert not lately.take("cleared", mark)
            assert lately.take("passed", mark) <= (mark in kept)
            kept.discard(mark)


def test_of_more_the_oldest_are_forgotten() -> None:
    lately = Lately(2)
    for mark in "abc":
        lately.put("cleared", mark)
    assert [lately.take("cleared", mark) for mark in "abc"] == [False, True, True]


def test_a_text_of_the_model_is_judged_in_it_but_not_again_behind_it(store: Store) -> None:
    guard = Counting()
    monitor = monitor_with(guard, store)
    for _ in range(4):
        assert monitor.pass_text(Stage.MODEL_OUTPUT, ["x"], thread_id="t") == ["x"]
    assert len(guard.seen) == 2


@pytest.mark.anyio
async def test_the_same_holds_on_an_event_loop(store: Store) -> None:
    guard = Counting()
    monitor = monitor_with(guard, store)
    for _ in range(2):
        assert await monitor.apass_text(Stage.MODEL_OUTPUT, ["x"], thread_id="t") == ["x"]
    assert len(guard.seen) == 1


@pytest.mark.parametrize(
    ("stage", "payload", "thread"),
    [
        (Stage.MODEL_OUTPUT, ["y"], "t"),
        (Stage.MODEL_OUTPUT, ["x"], "u"),
        (Stage.FINAL_OUTPUT, ["x"], "t"),
        (Stage.INPUT, ["x"], "t"),
    ],
)
def test_another_text_thread_or_stage_is_judged(
    stage: Stage, payload: list[str], thread: str, store: Store
) -> None:
    guard = Counting()
    monitor = monitor_with(guard, store)
    monitor.pass_text(Stage.MODEL_OUTPUT, ["x"], thread_id="t")
    monitor.pass_text(stage, payload, thread_id=thread)
    assert len(guard.seen) == 2


def test_final_outputs_and_inputs_are_judged_each_time(store: Store) -> None:
    guard = Counting()
    monitor = monitor_with(guard, store)
    for stage in (Stage.FINAL_OUTPUT, Stage.INPUT):
        for _ in range(2):
            monitor.pass_text(stage, ["x"], thread_id="t")
    assert len(guard.seen) == 4


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(Effect.ALLOW, (Finding("odd", "seen", "counting"),)),
        Verdict(Effect.REDACT, payload=["-"]),
        Verdict(Effect.DENY, message="no"),
    ],
)
def test_what_was_not_simply_allowed_is_judged_each_time(verdict: Verdict, store: Store) -> None:
    guard = Counting(verdict)
    monitor = monitor_with(guard, store)
    first, second = (monitor.pass_text(Stage.MODEL_OUTPUT, ["x"], thread_id="t") for _ in range(2))
    assert first == second
    assert len(guard.seen) == 2
    assert [event.kind for event in monitor.audit.events()].count("text.model_output") == 2


def test_a_call_that_was_cleared_a_moment_ago_still_begins_by_the_store(store: Store) -> None:
    monitor = monitor_with(Counting(), store)
    action = monitor.action("look", {}, call_id="c", thread_id="t")
    assert monitor.propose(action).state == "cleared"
    monitor.registry.suspend(monitor.agent_id, by="ann", reason="a test")
    assert monitor.propose(action).state == "cleared"
    with pytest.raises(Denied, match="suspended"):
        monitor.begin(action)


def test_a_call_that_was_not_cleared_is_asked_of_the_store_each_time(store: Store) -> None:
    monitor = monitor_with(Counting(Verdict(Effect.DENY, message="no")), store)
    action = monitor.action("look", {}, call_id="c", thread_id="t")
    assert [monitor.propose(action).state for _ in range(3)] == ["denied"] * 3


def test_a_verdict_that_was_not_stored_clears_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = monitor_with(Counting(), store)
    action = monitor.action("look", {}, call_id="c", thread_id="t")

    def refuses(_: Any) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patch:
        patch.setattr(type(store.backend), "commit", lambda *_: refuses(_))
        with pytest.raises(StoreError):
            monitor.propose(action)
    assert not monitor._lately.take("cleared", action.digest)

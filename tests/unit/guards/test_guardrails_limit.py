"""A validator that hangs, breaks or talks nonsense stops the call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from guardrails import Guard
from guardrails.validator_base import PassResult, Validator, register_validator

from guarded_agent.core import Context, Effect, Stage, Subject
from guarded_agent.guards import GuardrailsGuard
from guarded_agent.guards.guardrails.limit import MOST_STUCK, TimeLimit
from guarded_agent.guards.guardrails.quiet import silence
from guarded_agent.monitor.judge import Judge

SUBJECT = Subject(Stage.FINAL_OUTPUT, "x", Context("a", "t"))


@register_validator(name="guarded-agent-tests/does", data_type="string")
class Does(Validator):
    """Does what the test says."""

    def __init__(self, what: Callable[[], Any]) -> None:
        super().__init__()
        self.what = what

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        return self.what()


@pytest.fixture(autouse=True)
def quiet() -> None:
    silence()


@pytest.fixture
def door() -> Iterator[threading.Event]:
    """What a hanging validator waits for; opened when the test ends."""
    event = threading.Event()
    yield event
    event.set()


def wrapped(what: Callable[[], Any], *, whole: bool = False, **options: Any) -> GuardrailsGuard:
    validator: Any = Guard().use(Does(what)) if whole else Does(what)
    return GuardrailsGuard(validator, stages=[Stage.FINAL_OUTPUT], **options)


def fails() -> Any:
    raise RuntimeError("validator broke")


def leaves_the_process() -> Any:
    raise SystemExit(3)


async def later() -> Any:
    return PassResult()


@pytest.mark.parametrize("whole", [False, True])
def test_one_that_hangs_stops_the_call(door: threading.Event, whole: bool) -> None:
    guard = wrapped(lambda: door.wait(60), whole=whole, timeout=0.05)
    with pytest.raises(TimeoutError, match=r"guardrails\.\w+ took longer than 0.05 seconds"):
        guard.check(SUBJECT)
    verdict = Judge([guard]).judge(SUBJECT)
    assert verdict.effect is Effect.DENY
    assert "TimeoutError" in verdict.message


@pytest.mark.anyio
async def test_in_a_loop_it_is_given_up_too_and_the_loop_goes_on(door: threading.Event) -> None:
    guard = wrapped(lambda: door.wait(60), timeout=0.2)
    steps = 0

    async def others() -> None:
        nonlocal steps
        while True:
            steps += 1
            await asyncio.sleep(0.01)

    other = asyncio.create_task(others())
    with pytest.raises(TimeoutError, match="took longer"):
        await guard.acheck(SUBJECT)
    other.cancel()
    assert steps > 3


@pytest.mark.anyio
async def test_what_the_monitor_gives_up_first_counts_as_hanging_too(door: threading.Event) -> None:
    guard = wrapped(lambda: door.wait(60))
    judge = Judge([guard], wait=0.05)
    for _ in range(MOST_STUCK):
        assert (await judge.ajudge(SUBJECT)).effect is Effect.DENY
    with pytest.raises(TimeoutError, match="earlier calls still hang"):
        await guard.acheck(SUBJECT)


def test_those_that_hang_do_not_pile_up(door: threading.Event) -> None:
    guard = wrapped(lambda: door.wait(60), timeout=0.02)
    before = threading.active_count()
    for _ in range(MOST_STUCK):
        with pytest.raises(TimeoutError, match="took longer"):
            guard.check(SUBJECT)
    for _ in range(5):
        with pytest.raises(TimeoutError, match=f"{MOST_STUCK} earlier calls still hang"):
            guard.check(SUBJECT)
    assert threading.active_count() <= before + MOST_STUCK


def test_once_they_end_the_guard_works_again(door: threading.Event) -> None:
    def wait() -> Any:
        door.wait(60)
        return PassResult()

    guard = wrapped(wait, timeout=0.02)
    for _ in range(MOST_STUCK):
        with pytest.raises(TimeoutError):
            guard.check(SUBJECT)
    stuck = list(guard._limit._stuck)
    door.set()
    for thread in stuck:
        thread.join(10)
    assert guard.check(SUBJECT).effect is Effect.ALLOW


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        (fails, RuntimeError, "validator broke"),
        (leaves_the_process, RuntimeError, "it raised SystemExit"),
    ],
)
def test_one_that_raises_stops_the_call(
    what: Callable[[], Any], error: type[Exception], says: str, whole: bool
) -> None:
    with pytest.raises(error, match=says):
        wrapped(what, whole=whole).check(SUBJECT)


@pytest.mark.parametrize("nonsense", [None, True, "pass", {"outcome": "pass"}, object()])
def test_nonsense_stops_the_call(nonsense: Any) -> None:
    with pytest.raises(TypeError, match="not a validation result"):
        wrapped(lambda: nonsense).check(SUBJECT)


def test_a_validator_that_must_be_awaited_stops_the_call() -> None:
    with pytest.raises(TypeError, match="returned coroutine"):
        wrapped(later).check(SUBJECT)


def test_a_time_out_of_the_work_itself_is_not_taken_for_ours() -> None:
    def work() -> None:
        raise TimeoutError("the database did not answer")

    with pytest.raises(TimeoutError, match="the database"):
        TimeLimit(5, "work").run(work)
    with pytest.raises(TimeoutError, match="the database"):
        asyncio.run(TimeLimit(5, "work").arun(work))


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), True])
def test_a_limit_is_a_positive_number(seconds: Any) -> None:
    with pytest.raises(ValueError, match="positive number of seconds"):
        TimeLimit(seconds, "work")


@pytest.mark.parametrize("nonsense", [None, True, "pass", {"outcome": "pass"}, object()])
def test_nonsense_inside_a_whole_guard_stops_the_call(nonsense: Any) -> None:
    with pytest.raises(TypeError, match="not a validation result"):
        wrapped(lambda: nonsense, whole=True).check(SUBJECT)

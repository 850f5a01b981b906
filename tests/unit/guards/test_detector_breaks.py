"""A detector that breaks in the middle of a text stops the call, wherever it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import re2

from guarded_agent.core import ALLOW, Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards.holdback import HoldBack
from guarded_agent.guards.later import scrub_late
from guarded_agent.guards.scrub import Hit, in_turn, scrub
from guarded_agent.guards.streaming import Scrub
from guarded_agent.guards.text import root
from guarded_agent.monitor.judge import Judge, passed


def broken_regex(text: str) -> Sequence[Hit]:
    raise re2.error("out of memory")


def gives_up(text: str) -> Sequence[Hit]:
    raise TimeoutError("took too long")


def late(text: str) -> Sequence[Hit]:
    """Breaks only when it looks at what was replaced."""
    if "[X]" in text:
        raise RecursionError("too deep")
    at = text.find("secret")
    return [Hit(at, at + 6, "x", "[X]")] if at >= 0 else []


def nonsense(text: str) -> Any:
    return [("not", "a hit")]


def nothing(text: str) -> Any:
    return None


def wild(text: str) -> Sequence[Hit]:
    return [Hit(-5, len(text) + 9, "x", "[X]")]


BROKEN: list[Any] = [broken_regex, gives_up, late, nonsense, nothing]


class Finder:
    """A guard as they all are: it scrubs with a detector, and says what it replaces."""

    name = "finder"
    stages = frozenset(Stage)

    def __init__(self, find: Callable[[str], Any]) -> None:
        self.find = find

    def find_at(self, stage: Stage) -> Callable[[str], Any]:
        return self.find

    def check(self, subject: Subject) -> Verdict:
        done = scrub(subject.payload, self.find, root(subject.stage))
        return Verdict(Effect.REDACT, payload=done.value) if done.spots else ALLOW


@pytest.mark.parametrize("find", BROKEN)
@pytest.mark.parametrize("stage", list(Stage))
def test_the_monitor_denies_and_nothing_passes(find: Any, stage: Stage) -> None:
    payload = {"body": "a secret"}
    subject = Subject(stage, payload, Context("a", "t"))
    judge = Judge([Finder(find)])
    for verdict in (judge.judge(subject), asyncio.run(judge.ajudge(subject))):
        assert verdict.effect is Effect.DENY
        assert "secret" not in str(passed(verdict, payload))
        assert "secret" not in str(verdict.as_json())


@pytest.mark.parametrize("find", BROKEN)
@pytest.mark.parametrize(
    "use",
    [
        lambda find: scrub(["a secret"], find),
        lambda find: scrub_late(["a secret"], find),
        lambda find: scrub(["a secret"], in_turn([find])),
        lambda find: Scrub([Finder(find)]).clean(Stage.INPUT, ["a secret"]),
    ],
    ids=["scrub", "scrub_late", "in_turn", "clean"],
)
def test_whoever_uses_it_hears_of_it(find: Any, use: Callable[[Any], Any]) -> None:
    with pytest.raises((re2.error, TimeoutError, RecursionError, AttributeError, TypeError)):
        use(find)


def test_a_stream_stops_instead_of_letting_through() -> None:
    def edits(text: str) -> Any:
        raise TimeoutError("took too long")

    stream = HoldBack(edits)
    with pytest.raises(TimeoutError):
        stream.push("a secret and more of it " * 20)


def test_a_hit_outside_of_every_text_changes_nothing() -> None:
    value = ["a secret", {"b": "more"}]
    assert scrub(value, wild).value is value

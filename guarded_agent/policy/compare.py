"""Compare two policies over a log: how often the new one would have done otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from guarded_agent.core.effect import Effect
from guarded_agent.policy.match import Engine
from guarded_agent.policy.replay import Logged, Played, play

_EXAMPLES = 3
_WORDS = {Effect.ALLOW: "allow", Effect.APPROVE: "ask", Effect.DENY: "deny"}


@dataclass(frozen=True, slots=True)
class Change:
    """A call about which two policies differ.

    Attributes:
        old: What the old one decides.
        new: What the new one decides.
    """

    old: Played
    new: Played

    @property
    def kind(self) -> tuple[Effect, Effect]:
        """The two effects."""
        assert self.old.effect is not None
        assert self.new.effect is not None
        return self.old.effect, self.new.effect

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        before, after = self.kind
        return {
            "event": self.new.seq,
            "tool": self.new.tool,
            "args": dict(self.new.args),
            "old": {"effect": str(before), "rule": self.old.rule},
            "new": {"effect": str(after), "rule": self.new.rule},
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What two policies decide otherwise over a log.

    Attributes:
        calls: How many calls are in the log.
        changes: Those about which they differ.
        unknown: How many could not be replayed, by reason.
    """

    calls: int
    changes: tuple[Change, ...]
    unknown: dict[str, int]

    def count(self, new: Effect, *old: Effect) -> int:
        """Return how many calls went from one of `old` to `new`."""
        return sum(change.kind[1] is new and change.kind[0] in old for change in self.changes)

    @property
    def summary(self) -> str:
        """What it comes to, in one sentence."""
        allow, ask, deny = Effect.ALLOW, Effect.APPROVE, Effect.DENY
        told = [
            (self.count(ask, allow), "asked {} more time{s}"),
            (self.count(deny, allow, ask), "blocked {} more"),
            (self.count(allow, ask, deny), "let through {} more"),
            (self.count(ask, deny), "asked instead of blocked {} time{s}"),
        ]
        parts = [
            words.format(number, s="" if number == 1 else "s") for number, words in told if number
        ]
        return f"would have {', '.join(parts)}" if parts else "would have decided the same"

    def examples(self) -> list[Change]:
        """Return a few changes of each kind."""
        kept: Counter[tuple[Effect, Effect, str]] = Counter()
        found: list[Change] = []
        for change in self.changes:
            kept[*change.kind, change.new.tool] += 1
            if kept[*change.kind, change.new.tool] <= _EXAMPLES:
                found.append(change)
        return sorted(found, key=lambda change: change.kind)


def compare(old: Engine, new: Engine, events: Iterable[Logged]) -> Difference:
    """Return what two policies decide otherwise about the calls in a log.

    Args:
        old: The one policy, made ready.
        new: The other one.
        events: The log, oldest first.
    """
    listed = list(events)
    changes: list[Change] = []
    unknown: Counter[str] = Counter()
    calls = 0
    for before, after in zip(play(old, listed), play(new, listed), strict=True):
        calls += 1
        if before.effect is None or after.effect is None:
            unknown[after.why_not or before.why_not] += 1
        elif before.effect is not after.effect:
            changes.append(Change(before, after))
    return Difference(calls, tuple(changes), dict(unknown))


def word(effect: Effect) -> str:
    """Return what a person calls an effect of a policy."""
    return _WORDS.get(effect, str(effect))

"""A call as the text tier and the table leave it: what a judge may still be asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect
from guarded_agent.core.verdict import Verdict
from guarded_agent.guards.coercion.context import Flag, Surroundings
from guarded_agent.guards.coercion.reading import Reading
from guarded_agent.guards.coercion.table import Band, Effects, Ground


@dataclass(frozen=True, slots=True)
class Case:
    """A judged call, with all that led to its verdict.

    Attributes:
        subject: The call, as earlier guards left it.
        verdict: What follows without a judge.
        held: The grounds on which it is held.
        readings: What its text shows, with what went to the same people before.
        alone: Whether its own text shows as much without those.
        around: What stands around it.
        flags: The facts of `around` that count for this call.
        access: What its tool does.
        effects: What follows on which ground.
    """

    subject: Subject
    verdict: Verdict
    held: tuple[Ground, ...]
    readings: tuple[Reading, ...]
    alone: bool
    around: Surroundings
    flags: frozenset[Flag]
    access: str
    effects: Effects

    @property
    def args(self) -> Mapping[str, Any]:
        """The arguments, as earlier guards left them."""
        payload = self.subject.payload
        if isinstance(payload, Mapping):
            return cast("Mapping[str, Any]", payload)
        return {"text": payload}

    @property
    def is_uncertain(self) -> bool:
        """Whether a judge can make a difference.

        The wording hints or is sure but stands alone, or only the surroundings speak. What
        is denied stays denied; for pressure a person looks, whoever says what.
        """
        if self.verdict.effect > Effect.APPROVE or Ground.BOTH in self.held:
            return False
        if self.held:
            return Ground.TEXT in self.held or Ground.CONTEXT in self.held
        score = max((reading.score for reading in self.readings), default=0.0)
        return Band.of(score, self.effects.thresholds) > Band.NONE

    @property
    def is_held_for_words(self) -> bool:
        """Whether a person would be asked for its own wording and for nothing else."""
        return (
            self.verdict.effect is Effect.APPROVE
            and self.held == (Ground.TEXT,)
            and self.alone
            and Flag.PRESSURE not in self.flags
        )

"""The decision table: how sure the text is, what stands around it, what follows.

Every row that fits counts, and `effect.combine` takes the most severe. No row asks
for a number beyond the two bands of `frames.py`; tuning moves frames, not rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from guarded_agent.core.effect import Effect, combine
from guarded_agent.guards.coercion.context import Flag
from guarded_agent.guards.coercion.frames import HIGH, HINT


class Band(IntEnum):
    """How sure the text alone is."""

    NONE = 0
    HINT = 1
    HIGH = 2

    @classmethod
    def of(cls, score: float) -> Band:
        """Return the band of `score`.

        Example:
            >>> Band.of(0.7)
            <Band.HIGH: 2>
        """
        return cls.HIGH if score >= HIGH else cls.HINT if score >= HINT else cls.NONE


class Ground(StrEnum):
    """On what ground a call is held; each has its own effect in a policy."""

    BOTH = "both"
    TEXT = "text_only"
    CONTEXT = "context_only"
    PRESSURE = "pressure"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: from which band on, with which facts, on what ground."""

    band: Band
    facts: frozenset[Flag]
    ground: Ground


def _row(band: Band, ground: Ground, *facts: Flag) -> Row:
    return Row(band, frozenset(facts), ground)


TABLE = (
    # The text and what stands around it agree.
    _row(Band.HIGH, Ground.BOTH, Flag.CONCERNED),
    _row(Band.HIGH, Ground.BOTH, Flag.PRESSURE, Flag.NAMED),
    _row(Band.HIGH, Ground.BOTH, Flag.PRESSURE, Flag.PERSONAL),
    _row(Band.HIGH, Ground.BOTH, Flag.PRESSURE, Flag.EXTERNAL, Flag.FIRST_CONTACT),
    _row(Band.HIGH, Ground.BOTH, Flag.READ_CONFIDENTIAL, Flag.EXTERNAL, Flag.PERSONAL),
    _row(Band.HINT, Ground.BOTH, Flag.CONCERNED, Flag.ASKS, Flag.OWN_STAKE),
    _row(Band.HINT, Ground.BOTH, Flag.CONCERNED, Flag.PERSONAL),
    # The text alone.
    _row(Band.HIGH, Ground.TEXT),
    # What stands around it alone.
    _row(Band.HINT, Ground.CONTEXT, Flag.PRESSURE),
    _row(Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.INTERNAL, Flag.ASKS, Flag.OWN_STAKE),
    _row(Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.EXTERNAL, Flag.PERSONAL),
    _row(Band.NONE, Ground.CONTEXT, Flag.READ_CONFIDENTIAL, Flag.EXTERNAL, Flag.PERSONAL),
    # Pressure: whoever and whatever is concerned by it, whatever the wording.
    _row(Band.NONE, Ground.PRESSURE, Flag.CONCERNED),
    _row(Band.NONE, Ground.PRESSURE, Flag.NAMED),
    _row(Band.NONE, Ground.PRESSURE, Flag.TOUCHED),
)


def grounds(band: Band, flags: frozenset[Flag]) -> tuple[Ground, ...]:
    """Return the grounds on which a call in this band and with these facts is held.

    Example:
        >>> [str(ground) for ground in grounds(Band.HIGH, frozenset())]
        ['text_only']
        >>> grounds(Band.NONE, frozenset({Flag.EXTERNAL, Flag.FIRST_CONTACT}))
        ()
    """
    met = [row.ground for row in TABLE if band >= row.band and row.facts <= flags]
    return tuple(dict.fromkeys(met))


def effect_of(held: tuple[Ground, ...], effects: Mapping[Ground, Effect]) -> Effect:
    """Return the most severe effect of the grounds in `held`; with none, allow."""
    return combine([Effect.ALLOW, *(effects[ground] for ground in held)])

"""The decision table: how sure the text is, what stands around it, what follows.

Every row that fits counts, and `effect.combine` takes the most severe. No row asks
for a number beyond the two bands of `frames.py`; tuning moves frames, not rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from guarded_agent.core.effect import Effect, combine
from guarded_agent.guards.coercion.context import Flag
from guarded_agent.guards.coercion.reading import SHIPPED, Reading, Thresholds
from guarded_agent.guards.options import reject_unknown


class Band(IntEnum):
    """How sure the text alone is."""

    NONE = 0
    HINT = 1
    HIGH = 2

    @classmethod
    def of(cls, score: float, thresholds: Thresholds = SHIPPED) -> Band:
        """Return the band of `score`.

        Example:
            >>> Band.of(0.7)
            <Band.HIGH: 2>
        """
        if score >= thresholds.high:
            return cls.HIGH
        return cls.HINT if score >= thresholds.hint else cls.NONE


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
    # What stands around it alone. The agent's own words decide nothing here.
    _row(Band.HINT, Ground.CONTEXT, Flag.PRESSURE),
    _row(Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.INTERNAL, Flag.ASKS, Flag.OWN_STAKE),
    _row(Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.EXTERNAL, Flag.PERSONAL),
    _row(Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.INTIMATE),
    _row(
        Band.NONE, Ground.CONTEXT, Flag.PRESSURE, Flag.EXTERNAL, Flag.FIRST_CONTACT, Flag.OWN_STAKE
    ),
    _row(Band.NONE, Ground.CONTEXT, Flag.TOLD),
    # Colleagues speak of each other by first names all day: that alone is no ground.
    _row(Band.NONE, Ground.CONTEXT, Flag.SPOKEN_OF, Flag.PERSONAL),
    _row(Band.NONE, Ground.CONTEXT, Flag.SPOKEN_OF, Flag.ASKS),
    _row(Band.NONE, Ground.CONTEXT, Flag.SPOKEN_OF, Flag.OWN_STAKE),
    _row(Band.NONE, Ground.CONTEXT, Flag.SPOKEN_OF, Flag.EXTERNAL),
    _row(Band.NONE, Ground.CONTEXT, Flag.ENDING, Flag.ASKS),
    _row(Band.NONE, Ground.CONTEXT, Flag.ENDING, Flag.HOLDS_OFF),
    _row(Band.NONE, Ground.CONTEXT, Flag.READ_CONFIDENTIAL, Flag.EXTERNAL, Flag.PERSONAL),
    # Pressure: whoever and whatever is concerned by it, whatever the wording.
    _row(Band.NONE, Ground.PRESSURE, Flag.CONCERNED),
    _row(Band.NONE, Ground.PRESSURE, Flag.NAMED),
    _row(Band.NONE, Ground.PRESSURE, Flag.TOUCHED),
    _row(Band.NONE, Ground.PRESSURE, Flag.PASSES_ON),
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


OPTIONS: Mapping[str, Ground] = {
    "effect": Ground.BOTH,
    "text_only": Ground.TEXT,
    "context_only": Ground.CONTEXT,
    "pressure_effect": Ground.PRESSURE,
}
"""What a policy calls the effect of each ground."""


def rows(
    given: Mapping[str, Mapping[str, Effect]], known: Collection[str], *, where: str
) -> Mapping[str, Mapping[Ground, Effect]]:
    """Return the effects of a policy's `access` or `categories` by ground.

    Raises:
        ValueError: A name is not `known`, or an option is none of `OPTIONS`.
    """
    reject_unknown(given, known, where=where)
    for name, row in given.items():
        reject_unknown(row, OPTIONS, where=f"{where}.{name}")
    return {name: {OPTIONS[one]: row[one] for one in row} for name, row in given.items()}


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows on each ground: in general, for a kind of access, for a category.

    A category is closer to the matter than a kind of access, and that than the general
    effect: the closest that says something holds.

    Attributes:
        base: For each ground.
        access: By `send` or `write`, what differs.
        categories: By category, what differs.
        thresholds: How sure a text must be.

    Example:
        >>> effects = Effects({Ground.TEXT: Effect.APPROVE},
        ...                   access={"write": {Ground.TEXT: Effect.ALLOW}},
        ...                   categories={"leak": {Ground.TEXT: Effect.DENY}})
        >>> [str(effects.of(Ground.TEXT, *which)) for which in
        ...  (("threat", "send"), ("threat", "write"), ("leak", "write"))]
        ['approve', 'allow', 'deny']
    """

    base: Mapping[Ground, Effect]
    access: Mapping[str, Mapping[Ground, Effect]] = field(default_factory=dict)
    categories: Mapping[str, Mapping[Ground, Effect]] = field(default_factory=dict)
    thresholds: Thresholds = SHIPPED

    def __post_init__(self) -> None:
        rows = (self.base, *self.access.values(), *self.categories.values())
        if any(effect is Effect.REDACT for row in rows for effect in row.values()):
            raise ValueError("coercion cannot be redacted: use allow, approve, deny or halt")

    def of(self, ground: Ground, category: str | None, access: str) -> Effect:
        """Return what follows on `ground`; `category` is None where no text shows one."""
        for row in (self.categories.get(category or ""), self.access.get(access)):
            if row is not None and ground in row:
                return row[ground]
        return self.base[ground]

    def decide(
        self, readings: Iterable[Reading], flags: frozenset[Flag], access: str
    ) -> tuple[Effect, tuple[Ground, ...]]:
        """Return the most severe effect and the grounds on which a call is held.

        Args:
            readings: What its text shows.
            flags: What stands around it.
            access: What its tool does.
        """
        seen: list[tuple[Ground, Effect]] = []
        for category, score in (*((one.category, one.score) for one in readings), (None, 0.0)):
            met = grounds(Band.of(score, self.thresholds), flags)
            seen += [(ground, self.of(ground, category, access)) for ground in met]
        severe = combine([Effect.ALLOW, *(effect for _, effect in seen)])
        held = [ground for ground, effect in seen if effect is not Effect.ALLOW]
        return severe, tuple(sorted(set(held), key=list(Ground).index))

"""What was read in a text: categories of coercion, how sure, where, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CATEGORIES = (
    "blackmail",
    "threat",
    "manipulation",
    "leak",
    "private_disclosure",
    "self_preservation",
    "sabotage",
    "deception",
)
"""The kinds of coercion; `docs/ideas/coercion.md` says what each means."""

HINT = 0.25
"""From this score on, a text hints at coercion: 6 % of the honest training texts, out of fold."""
HIGH = 0.6
"""From this score on, the text alone is reason enough to ask a person."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which score on a text hints at coercion, and from which on it is sure.

    Raises:
        ValueError: They are not `0 < hint < high < 1`.

    Example:
        >>> Thresholds(hint=0.4, high=0.7)
        Thresholds(hint=0.4, high=0.7)
    """

    hint: float = HINT
    high: float = HIGH

    def __post_init__(self) -> None:
        if not 0 < self.hint < self.high < 1:
            raise ValueError(
                f"hint is {self.hint:g} and high is {self.high:g}: write 0 < hint < high < 1"
            )


SHIPPED = Thresholds()
"""What holds unless a policy says otherwise."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A category of coercion that was read in a text.

    Attributes:
        category: `blackmail`, `threat`, `manipulation`, `leak`, `private_disclosure`,
            `self_preservation`, `sabotage` or `deception`.
        score: How sure, from 0 to 1.
        spans: Where the cues stand in the original text, in order.
        reasons: What the text does, as phrases for a person.
    """

    category: str
    score: float
    spans: tuple[tuple[int, int], ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """What a text shows.

    Attributes:
        readings: One for each category, surest first.
        cues: The names of all cues, wherever they stand.
    """

    readings: tuple[Reading, ...]
    cues: frozenset[str]

    @property
    def score(self) -> float:
        """The score of the surest reading, or 0."""
        return max((reading.score for reading in self.readings), default=0.0)


def surest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return one reading for each category, surest first.

    Where several tiers read the same category, the surest gives the score; the spans and
    the reasons of all stand together.

    Example:
        >>> both = surest([Reading("leak", 0.4, ((0, 4),), ("gives",)),
        ...                Reading("leak", 0.7, ((9, 12),), ("hides",))])
        >>> both[0].score, both[0].spans, both[0].reasons
        (0.7, ((0, 4), (9, 12)), ('hides', 'gives'))
    """
    best: dict[str, Reading] = {}
    for one in sorted(readings, key=lambda reading: -reading.score):
        known = best.get(one.category)
        if known is None:
            best[one.category] = one
        else:
            best[one.category] = Reading(
                one.category,
                known.score,
                tuple(sorted({*known.spans, *one.spans})),
                tuple(dict.fromkeys((*known.reasons, *one.reasons))),
            )
    return tuple(best.values())

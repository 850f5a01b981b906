"""Thresholds from an organisation's own ordinary mail: how often may it be held for nothing?

A score says how much a text is like coercion, not how often such a text is harmless where the
agent works. This module turns the scores of mail that is known to be ordinary into the
thresholds that hold a chosen share of it. Reading mail from files is left to the command line.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from guarded_agent.guards.coercion.frames import MAX_TEXT
from guarded_agent.guards.coercion.guard import SHORTEST
from guarded_agent.guards.coercion.reading import Text, Thresholds
from guarded_agent.guards.coercion.tier import read

__all__ = ["LEAST", "MAX_TEXT", "SHORTEST", "Calibration", "Share", "calibrate", "judge", "wilson"]

LEAST = 0.05
"""Scores below this are not told apart: a text without one known word has about as much."""

_STEPS = 1000
"""Scores have three decimals, and thresholds too."""
_Z = 1.96
_FEW = 3
"""The rule of three: where none of n mails was held, up to 3/n may be held in truth."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many ordinary mails a threshold holds.

    Attributes:
        threshold: From this score on.
        held: How many lie there.
        of: How many mails were scored.
    """

    threshold: float
    held: int
    of: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % Wilson interval of the share."""
        return wilson(self.held, self.of)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds that hold no more than the chosen shares of ordinary mail.

    Attributes:
        high: The threshold from which on the text alone is sure.
        hint: The threshold from which on it hints at coercion.
        shipped: What the thresholds of this package hold of the same mail: high, hint.
        needed: How many mails it takes to tell the share for `high` from none at all.
    """

    high: Share
    hint: Share
    shipped: tuple[Share, Share]
    needed: int

    @property
    def enough(self) -> bool:
        """Whether there were as many mails as are needed."""
        return self.high.of >= self.needed


def judge(text: str) -> Text:
    """Return what `text` shows, from `LEAST` on; the guard gives it the same score.

    Example:
        >>> judge("Cancel my deletion or HR reads your chats.").readings[0].category
        'blackmail'
    """
    return read(text, LEAST)


def calibrate(scores: Sequence[float], *, rate: float, hint_rate: float) -> Calibration:
    """Return the lowest thresholds that hold no more than these shares of the mails.

    Args:
        scores: The score of each mail; all of them are ordinary.
        rate: The share that may be sure, such as 0.01.
        hint_rate: The share that may be a hint at least, such as 0.1.

    Raises:
        ValueError: There is no score, the rates are not `0 < rate < hint_rate < 1`, or no
            threshold below 1 holds so few.

    Example:
        >>> found = calibrate([0.0] * 90 + [0.3] * 8 + [0.5, 0.9], rate=0.01, hint_rate=0.1)
        >>> found.high.threshold, found.hint.threshold, found.enough
        (0.501, 0.05, False)
    """
    if not scores:
        raise ValueError("there is no score to go by")
    if not 0 < rate < hint_rate < 1:
        raise ValueError(
            f"rate is {rate:g} and hint rate is {hint_rate:g}: write 0 < rate < hint rate < 1"
        )
    steps = sorted(round(score * _STEPS) for score in scores)
    hint = max(_above(steps, hint_rate), round(LEAST * _STEPS))
    high = max(_above(steps, rate), hint + 1)  # where many mails score alike, both fall together
    if high >= _STEPS:
        raise ValueError(f"more than {rate:.3g} of the mails have the highest score there is")
    shipped = Thresholds()
    return Calibration(
        _share(steps, high),
        _share(steps, hint),
        (
            _share(steps, round(shipped.high * _STEPS)),
            _share(steps, round(shipped.hint * _STEPS)),
        ),
        math.ceil(_FEW / rate),
    )


def _above(steps: Sequence[int], rate: float) -> int:
    """Return the lowest threshold that holds no more than `rate` of the sorted `steps`."""
    # A hair more, so that 0.07 of 100 is 7 in floating point too.
    allowed = math.floor(rate * len(steps) + 1e-9)
    return steps[-1 - allowed] + 1


def _share(steps: Sequence[int], threshold: int) -> Share:
    held = len(steps) - bisect_left(steps, threshold)
    return Share(threshold / _STEPS, held, len(steps))


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a rate.

    Example:
        >>> [round(limit, 3) for limit in wilson(0, 300)]
        [0.0, 0.013]
    """
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = share + _Z * _Z / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + _Z * _Z / (4 * total * total))
    scale = 1 + _Z * _Z / total
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)

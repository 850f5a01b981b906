"""Rates with their intervals, and ways to write the same text differently."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Callable, Sequence

import numpy as np

Z = 1.96


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a rate."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = (share + Z * Z / (2 * total)) / (1 + Z * Z / total)
    half = Z * math.sqrt(share * (1 - share) / total + Z * Z / (4 * total * total))
    half /= 1 + Z * Z / total
    return max(0.0, middle - half), min(1.0, middle + half)


def rate(hits: int, total: int) -> str:
    """Return a rate as it goes into a table."""
    low, high = wilson(hits, total)
    share = hits / total if total else 0.0
    return f"{hits}/{total}, {share:.1%} [{low:.1%}, {high:.1%}]"


def auc(score: Sequence[float], harmful: Sequence[bool]) -> float:
    """Return the area under the ROC curve; ties count half."""
    values, places = np.unique(np.asarray(score), return_inverse=True)
    hits = np.bincount(places, weights=np.asarray(harmful, float), minlength=len(values))
    rest = np.bincount(places, minlength=len(values)) - hits
    below = np.cumsum(rest) - rest
    return float((hits * (below + rest / 2)).sum() / (hits.sum() * rest.sum()))


def recall_at(score: Sequence[float], harmful: Sequence[bool], share: float) -> tuple[int, int]:
    """Return how many of how many harmful texts lie above all but `share` of the honest ones."""
    values, bad = np.asarray(score), np.asarray(harmful, bool)
    honest = np.sort(values[~bad])[::-1]
    bar = honest[int(share * len(honest))]
    return int((values[bad] > bar).sum()), int(bad.sum())


def matched(length: Sequence[int], harmful: Sequence[bool], rng: random.Random) -> list[int]:
    """Return the places of as many honest as harmful texts, each pair of nearly one length."""
    honest = [place for place, bad in enumerate(harmful) if not bad]
    rng.shuffle(honest)
    taken: list[int] = []
    free = set(honest)
    for place, bad in enumerate(harmful):
        if bad and free:
            near = min(free, key=lambda other: (abs(length[other] - length[place]), other))
            if abs(length[near] - length[place]) <= 0.05 * length[place] + 5:
                free.discard(near)
                taken += [place, near]
    return taken


def typos(text: str, rng: random.Random) -> str:
    """Swap two letters in every sixth word or so."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if len(word) > 3 and word.isalpha() and rng.random() < 1 / 6:
            at = rng.randrange(1, len(word) - 2)
            words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def leet(text: str, rng: random.Random) -> str:
    """Write figures for every second letter that has one."""
    table = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"}
    return "".join(table[c] if c in table and rng.random() < 0.5 else c for c in text)


def lookalikes(text: str, rng: random.Random) -> str:
    """Write Cyrillic letters for half of those that look the same."""
    table = dict(zip("aeopcyxi", "аеорсухі", strict=True))
    return "".join(table[c] if c in table and rng.random() < 0.5 else c for c in text)


def invisible(text: str, rng: random.Random) -> str:
    """Put a zero-width sign behind every fifth letter or so."""
    return "".join(c + ("\u200b" if c.isalpha() and rng.random() < 0.2 else "") for c in text)


def encoded(text: str, rng: random.Random) -> str:
    """Write the whole text in base64."""
    return base64.b64encode(text.encode()).decode()


DISGUISES: dict[str, Callable[[str, random.Random], str]] = {
    "as it is": lambda text, rng: text,
    "typing errors": typos,
    "figures for letters": leet,
    "letters that look alike": lookalikes,
    "invisible signs": invisible,
    "base64": encoded,
}
"""Ways to write a text so that a person still reads it, or can decode it."""

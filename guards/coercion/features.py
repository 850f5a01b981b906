"""What the linear model sees of a text: its words, pairs of words, and runs of letters."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

SHORTEST, LONGEST = 3, 5
"""How many characters a run of letters has: word stems, endings and borders between words."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[?!]")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_SPACE = str.maketrans("\n\r\t\xa00123456789", " " * 14)

Place = tuple[str, int, int]
"""A feature, where it begins and where it ends in the text."""


def words(text: str) -> list[Place]:
    """Return the words of a folded text. Figures are left out: anybody can add some.

    Example:
        >>> words("by 6 pm!")
        [('by', 0, 2), ('pm', 5, 7), ('!', 7, 8)]
    """
    if text.isascii():
        return [(match.group(), *match.span()) for match in _WORD.finditer(text)]
    found: list[Place] = []
    for match in _WORD.finditer(text):
        word = match.group()
        first = match.start()
        if word.isascii():
            found.append((word, first, match.end()))
        elif _WIDE.search(word):  # no borders between words: every two signs are one
            found += [(word[i : i + 2], first + i, first + i + 2) for i in range(len(word) - 1)]
        else:
            found.append((word, first, match.end()))
    return found


def pairs(text: str) -> list[Place]:
    """Return the words of `text`, and each two that stand side by side.

    Example:
        >>> [name for name, _, _ in pairs("no delay")]
        ['no', 'delay', 'no delay']
    """
    single = words(text)
    double = [(f"{one[0]} {two[0]}", one[1], two[2]) for one, two in pairwise(single)]
    return single + double


def flat(text: str) -> str:
    """Return `text` with a space for each break and each figure."""
    return text.translate(_SPACE)


def runs(text: str) -> list[str]:
    """Return every run of `SHORTEST` to `LONGEST` characters; breaks and figures are spaces.

    Example:
        >>> runs("a\\nbcd")
        ['a b', ' bc', 'bcd', 'a bc', ' bcd', 'a bcd']
    """
    spread = flat(text)
    return [
        spread[start : start + size]
        for size in range(SHORTEST, LONGEST + 1)
        for start in range(len(spread) - size + 1)
    ]


def counts(text: str) -> tuple[Counter[str], Counter[str]]:
    """Return how often each word or pair, and each run of letters, stands in `text`."""
    return Counter(name for name, _, _ in pairs(text)), Counter(runs(text))

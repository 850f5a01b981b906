"""How a number is recognised: by its form and check digit, or near a word that speaks of it.

Which numbers there are is told in `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from guarded_agent.guards.pii.checks import Check
from guarded_agent.guards.pii.view import (
    is_digit,
    is_labelled,
    rx,
    stands_alone,
    surroundings,
    words,
)

_DROP = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SEPARATORS = b" -./"
_AFTER, _BEFORE = 56, 28  # characters between a word and the number it speaks of
_CLOSE = 4  # characters within which no other word can stand between
FORM, CHECKED = 0.85, 0.95  # its form alone, its form and check digit
NEAR, NEAR_CHECKED = 0.85, 0.98  # a word beside it; the nearer the surer
FAR = 300  # characters over which nearness would come to nothing

Place = tuple[int, int, float]
"""Where something was found, and how sure that is from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one number is recognised.

    Attributes:
        kind: Its name in `KINDS`.
        form: A pattern that counts wherever it stands, or empty.
        near: A pattern that counts near one of `words`, or empty.
        words: Words that speak of the number, as alternatives of a pattern.
        check: Whether such a number exists; None if it has no check digit.
        keep: Separators that belong to the number.
        sure: How sure its form alone is; less for a check digit that one in ten passes. A kind
            that is a narrower case of another is a little surer near its word, too.
    """

    kind: str
    form: str = ""
    near: str = ""
    words: str = ""
    check: Check | None = None
    keep: str = ""
    sure: float = 0.0

    @property
    def gate(self) -> str:
        """A pattern that matches in every text that holds such a number."""
        spoken = f"(?i:(?:^|[^A-Za-z])(?:{self.words}))" if self.near else ""
        return "|".join(part for part in (self.form, spoken) if part)

    def find(self, data: bytes) -> Iterator[Place]:
        """Yield where the number stands in a view."""
        if self.form:
            score = self.sure or (FORM if self.check is None else CHECKED)
            for match in _whole(self.form).finditer(data):
                start, end = match.span()
                if self._is_one(data, start, end) and not _goes_on(data, start, end):
                    yield start, end, score
        if self.near:
            yield from self._near(data)

    def _near(self, data: bytes) -> Iterator[Place]:
        pattern = _whole(self.near)
        best = max(self.sure, NEAR if self.check is None else NEAR_CHECKED)
        done = 0
        for low, high, word, word_end in surroundings(data, words(self.words), _BEFORE, _AFTER):
            for match in pattern.finditer(data, max(low, done), high):
                start, end = match.span()
                # RE2 was not shown what stands behind the window: look at what it cut.
                if word < start < word_end or not self._is_one(data, start, end):
                    continue
                after = start >= word_end
                between = data[word_end:start] if after else data[end : word + 1]
                if _is_apart(between, after=after) or (after and _ends(data, word_end)):
                    continue
                if not (after and len(between) <= _CLOSE) and is_labelled(data, start):
                    continue
                yield start, end, best - len(between) / FAR
                done = end

    def _is_one(self, data: bytes, start: int, end: int) -> bool:
        if not stands_alone(data, start, end):
            return False
        if self.check is None:
            return True
        drop = bytes(byte for byte in _SEPARATORS if byte not in self.keep.encode())
        return self.check(data[start:end].translate(_DROP, drop).decode("ascii"))


def _is_apart(between: bytes, *, after: bool) -> bool:
    """Return whether a sentence ends between a word and a number that stands after or before."""
    if after and len(between) <= _CLOSE:
        return False
    return any(mark in between for mark in (*_ENDS, *(() if after else (b"\n", b",", b")"))))


def _ends(data: bytes, at: int) -> bool:
    """Return whether a sentence ended just before `at`, and no abbreviation such as `no.`."""
    last = data[max(0, at - 6) : at]
    return last[-1:] in (b".", b";") and not last[:-1].lower().endswith(_SHORT)


_SHORT = (b"no", b"nr", b"num", b"acct", b"acc", b"geb", b"o.b")
_ENDS = (b". ", b"; ", b" | ", b" / ", b"\n\n", b"? ", b"! ")


def _goes_on(data: bytes, start: int, end: int) -> bool:
    """Return whether a number in groups is part of a longer one, such as a tracking number."""
    if b" " not in data[start:end]:
        return False
    before = data[start - 1 : start] == b" " and is_digit(data, start - 2)
    return before or (data[end : end + 1] == b" " and is_digit(data, end + 1))


@cache
def _whole(pattern: str) -> Any:
    return rx(rf"\b(?:{pattern})\b")

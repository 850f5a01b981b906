"""Text as a detector should see it, with the way back to the original.

People and attackers write `ann@x.com` with full-width signs, zero-width
characters and no-break spaces. Detectors look at the plain form; replacements
are made in the original, so every normalised span must map back exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Protocol

from guarded_agent.core.visible import INVISIBLE

# Every character of category Cf, and the marks and fillers that draw nothing. A test compares
# both classes with the running Python's Unicode data.
STABLE = (
    "\x00-\x7f\u00c0-\u0131\u0134-\u013e\u0141-\u0148\u014a-\u017e\u0180-\u01c3\u0400-\u0482"
    "\u048a-\u052f\u2013\u2014\u2018-\u201e\u20ac\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff"
    "\uac00-\ud7a3"
)
"""Common characters that NFKC leaves alone unless a mark follows them."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_RUNS = re.compile(f"[{STABLE}]+|[^{STABLE}]")
# Unicode's stream-safe format. Python sorts the marks of one character in quadratic time.
_MOST_MARKS = 30


class Place(Protocol):
    """Knows where the characters of a text stand in another one."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters `start` to `end` stand."""
        ...


class Whole:
    """A text that stands for all of a run: whatever is in it, the whole run is meant."""

    __slots__ = ("_span",)

    def __init__(self, start: int, end: int) -> None:
        self._span = start, end

    def span(self, start: int, end: int) -> tuple[int, int]:  # noqa: ARG002 - as any place
        """Return the run."""
        return self._span


class Through:
    """The place of a text that was made from another one, which has its own place."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, outer: Place, inner: Place) -> None:
        self._outer = outer
        self._inner = inner

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters stand in the outermost text."""
        return self._outer.span(*self._inner.span(start, end))


class Offsets:
    """Maps spans of a normalised text to spans of its original."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, starts: list[int] | None = None, ends: list[int] | None = None) -> None:
        self._starts = starts
        self._ends = ends

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the normalised characters `start` to `end` stand in the original."""
        if self._starts is None or self._ends is None:
            return start, end
        return self._starts[start], self._ends[end - 1]


def normalise(text: str) -> tuple[str, Offsets]:
    """Return the plain form of `text` and the map back to it.

    The plain form is NFKC without invisible characters; a lone surrogate, which
    no detector can encode, becomes U+FFFD.

    Args:
        text: Any text.

    Returns:
        The plain text, and a map whose `span` takes plain offsets to offsets in `text`.

    Example:
        >>> plain, offsets = normalise("to ann\u200b＠x.com now")
        >>> plain
        'to ann@x.com now'
        >>> offsets.span(3, 12)
        (3, 13)
    """
    if text.isascii():
        return text, Offsets()
    plain: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece, start, stable in _pieces(text):
        end = start + len(piece)
        if stable:
            plain.append(piece)
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
            continue
        form = unicodedata.normalize("NFKC", _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", piece)))
        form = _INVISIBLE.sub("", form)
        plain.append(form)
        starts.extend([start] * len(form))
        ends.extend([end] * len(form))
    return "".join(plain), Offsets(starts, ends)


def _pieces(text: str) -> Iterator[tuple[str, int, bool]]:
    """Yield stable runs, and single characters with the marks that combine with them."""
    held, start = "", 0
    for match in _RUNS.finditer(text):
        run = match.group()
        if held and unicodedata.combining(run[0]) and len(held) <= _MOST_MARKS:
            held += run
            continue
        if held:
            yield held, start, False
        if len(run) > 1:  # its last character may still take a mark
            yield run[:-1], match.start(), True
        held, start = run[-1], match.end() - 1
    if held:
        yield held, start, False

"""Texts that are JSON: what they say is read, and stays JSON when something in it is replaced."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from guarded_agent.guards.normalise import Place

_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+')
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u.{4}|\\.")
_OPENING = re.compile(r"^[ \t]*+(?=[{\[])", re.MULTILINE)
_DECODER = json.JSONDecoder()
_MOST_FAILED = 100  # each may read to the end of the text
_DEEPEST = 5  # JSON in a text in JSON in a text ...


class Change(NamedTuple):
    """A replacement in a text: the characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def is_json(text: str) -> bool:
    """Say whether `text` is a JSON object or array.

    Example:
        >>> is_json(' {"a": [1]} '), is_json("[see below]"), is_json("5")
        (True, False, False)
    """
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def documents(text: str) -> list[tuple[int, int]]:
    """Return where JSON stands in `text`: all of it, or what begins at the start of a line.

    So does JSON in a fenced block of Markdown, and each line of a file of JSON lines.

    Example:
        >>> documents('Here: \\n{"a": 1}\\nand\\n [2]\\n[see below]')
        [(7, 15), (21, 24)]
    """
    if is_json(text):
        return [(0, len(text))]
    found: list[tuple[int, int]] = []
    failed = done = 0
    for line in _OPENING.finditer(text):
        start = line.end()
        if start < done:
            continue
        try:
            _, done = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            failed += 1
            if failed == _MOST_FAILED:
                break
            continue
        found.append((start, done))
    return found


def unescaped(text: str) -> tuple[str, Place]:
    r"""Return JSON with the escapes in it written out, and the way back.

    Args:
        text: Valid JSON: in it a backslash stands in strings only.

    Example:
        >>> plain, place = unescaped(r'{"a": "x\nann\u0040example.com"}')
        >>> plain
        '{"a": "x\nann@example.com"}'
        >>> place.span(9, 13)  # ann@
        (10, 19)
    """
    parts: list[str] = []
    places = _Escapes()
    done = 0
    for match in _ESCAPE.finditer(text):
        start, end = match.span()
        parts += [text[done:start], _character(match.group())]
        places.add(start, end)
        done = end
    parts.append(text[done:])
    return "".join(parts), places


class _Escapes:
    """Where the characters of a text stand in the one from which it was written out."""

    def __init__(self) -> None:
        self._at = [-1]  # where in the new text the characters stand that were escaped
        self._spans = [(-1, 0)]

    def add(self, start: int, end: int) -> None:
        self._at.append(self._at[-1] + 1 + start - self._spans[-1][1])
        self._spans.append((start, end))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where the characters `start` to `end` stand in the original."""
        return self._place(start)[0], self._place(end - 1)[1]

    def _place(self, at: int) -> tuple[int, int]:
        last = bisect_right(self._at, at) - 1
        if self._at[last] == at:
            return self._spans[last]
        start = self._spans[last][1] + at - self._at[last] - 1
        return start, start + 1


@lru_cache(maxsize=1024)
def _character(escape: str) -> str:
    return str(json.loads(f'"{escape}"'))


class Fitting:
    """Does to JSON what changes in its text mean, and leaves it JSON.

    Inside a string no escape is cut in two. A number becomes a string. Nothing is
    replaced between them, and what reaches over several is replaced in each.

    Args:
        text: Valid JSON.
        depth: How many texts of JSON `text` stands in.

    Example:
        >>> list(Fitting('{"n": 12345}').fit(Change(7, 9, "[N]")))
        [Change(start=6, end=11, text='"[N]"')]
    """

    def __init__(self, text: str, depth: int = 0) -> None:
        self._text = text
        self._depth = depth
        self._tokens = [match.span() for match in _TOKEN.finditer(text)]
        self._ends = [end for _, end in self._tokens]
        self._strings: dict[int, _String] = {}

    def fit(self, change: Change) -> Iterator[Change]:
        """Yield the changes that do what `change` means."""
        for start, end in self._tokens[bisect_right(self._ends, change.start) :]:
            if start >= change.end:
                return
            if self._text[start] != '"':
                yield Change(start, end, written(change.text, json.dumps))
                continue
            low, high = max(start + 1, change.start), min(end - 1, change.end)
            if low < high:
                if start not in self._strings:
                    self._strings[start] = _String(self._text, start, end, self._depth)
                yield from self._strings[start].fit(Change(low, high, change.text))


class _String:
    """A string in JSON, which may itself be a text of JSON."""

    def __init__(self, text: str, start: int, end: int, depth: int) -> None:
        # Of each character that the string says: where it begins in the text, and where it ends.
        self._begins: list[int] = []
        self._stops: list[int] = []
        done = start + 1
        for match in _ESCAPE.finditer(text, done, end - 1):
            first, last = match.span()
            self._begins += [*range(done, first), first]
            self._stops += [*range(done + 1, first + 1), last]
            done = last
        self._begins += range(done, end - 1)
        self._stops += range(done + 1, end)
        self._said = str(json.loads(text[start:end]))
        nested = depth < _DEEPEST and is_json(self._said)
        self._inner = Fitting(self._said, depth + 1) if nested else None

    def fit(self, change: Change) -> Iterator[Change]:
        low = bisect_right(self._begins, change.start) - 1
        high = bisect_left(self._stops, change.end) + 1
        if change.start > self._begins[low] and low + 1 < high and self._said[low].isspace():
            low += 1  # the `n` of a line break is no part of the word after it
        change = Change(low, high, change.text)
        for inner in [change] if self._inner is None else self._inner.fit(change):
            yield Change(
                self._begins[inner.start], self._stops[inner.end - 1], written(inner.text, _inside)
            )


def _inside(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def written(text: str, write: Callable[[str], str]) -> str:
    """Return a replacement as `write` writes it; one that is chosen later is written then."""
    through = getattr(text, "through", None)
    return write(text) if through is None else through(write)

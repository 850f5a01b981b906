"""Where the sentences of a text end."""

from __future__ import annotations

import re

MAX_SENTENCE = 400
"""Longer sentences are cut, so that a text without full stops is no single window."""

_END = re.compile(r"[.!?][\"')]?\s|\n\n|[。！？]")


def sentence_ends(text: str) -> list[int]:
    """Return the offset at which each sentence ends; the last one is the end of `text`."""
    ends: list[int] = []
    last = 0
    for stop in [*(match.end() for match in _END.finditer(text)), len(text)]:
        while stop - last > MAX_SENTENCE:
            last += MAX_SENTENCE
            ends.append(last)
        if stop > last or not ends:
            ends.append(stop)
            last = stop
    return ends


def stretches(text: str, size: int) -> list[tuple[int, int]]:
    """Return overlapping stretches of whole sentences of about `size` characters.

    A text that is hardly longer than one stretch has none.

    Example:
        >>> stretches("One is here. Two is here. Three is here. ", 20)
        [(0, 26), (13, 41)]
    """
    if len(text) <= size * 1.5:
        return []
    edges = [0, *sentence_ends(text)]
    found: list[tuple[int, int]] = []
    first = 0
    while True:
        last = first + 1
        while last < len(edges) - 1 and edges[last] - edges[first] < size:
            last += 1
        found.append((edges[first], edges[last]))
        if last == len(edges) - 1:
            return found
        half = first + 1
        while half < last and edges[half] - edges[first] < size / 2:
            half += 1
        first = half

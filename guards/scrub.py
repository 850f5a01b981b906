"""Find and replace in nested data: one analysis pass, exact replacements, stable result.

A detector is a function from a normalised text to hits. This module gives it all
texts of a payload at once, maps what it found back to each text, and looks again
at changed texts, since a replacement can uncover what an overlapping hit had
hidden. So scrubbing twice equals scrubbing once.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guarded_agent.guards.encodings import SHORTEST, Layer, TooMuch, layers, may_hold
from guarded_agent.guards.jsontext import Change, Fitting, documents, is_json, unescaped
from guarded_agent.guards.normalise import Place, Through
from guarded_agent.guards.text import Edit, Leaf, Unscannable, apply, leaves, normalise, rebuild

ROUNDS = 8
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # `homePhone` speaks of a phone


@dataclass(frozen=True, slots=True)
class Hit:
    """Something a detector found in a normalised text.

    Attributes:
        start: Its first character.
        end: One past its last character.
        category: What it is, as a short word.
        replacement: What to write instead.
        score: Confidence from 0 to 1.
    """

    start: int
    end: int
    category: str
    replacement: str
    score: float = 1.0


Find = Callable[[str], Sequence[Hit]]


def in_turn(finders: Sequence[Find]) -> Find:
    """Return a detector that asks each of `finders`; where hits overlap, the earlier one's counts.

    That is what guards do that run one after the other: the later one sees what
    the earlier one left, which `scrub` looks at again.
    """

    def find(text: str) -> list[Hit]:
        hits: list[Hit] = []
        for finder in finders:
            taken = _merged(hits)
            hits += [hit for hit in finder(text) if not _touches(taken, hit)]
        return hits

    return find


def _merged(hits: Sequence[Hit]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for start, end in sorted((hit.start, hit.end) for hit in hits):
        if spans and start < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _touches(taken: Sequence[tuple[int, int]], hit: Hit) -> bool:
    before = bisect_left(taken, (hit.end, 0))  # of those that begin before its end, the last
    return before > 0 and taken[before - 1][1] > hit.start


@dataclass(frozen=True, slots=True)
class Spot:
    """A hit at its place in nested data; the span is in the original text at `path`."""

    path: str
    span: tuple[int, int]
    category: str
    replacement: str
    score: float


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What came of scrubbing.

    Attributes:
        value: The same shape with replacements; the very same object if nothing was found.
        spots: What was found, in reading order.
    """

    value: Any
    spots: tuple[Spot, ...]


def scrub(value: Any, find: Find, at: str = "", *, keys: bool = False) -> Scrubbed:
    """Replace everything that `find` finds in `value`.

    Args:
        value: A text or nested plain data.
        find: The detector.
        at: The path of `value` itself.
        keys: Whether the keys of mappings are looked through too.

    Raises:
        Unscannable: `value` cannot be looked through, or does not settle.

    Example:
        >>> def find(text):
        ...     start = text.find("42")
        ...     return [Hit(start, start + 2, "answer", "[N]")] if start >= 0 else []
        >>> scrub({"a": ["is 42"]}, find).value
        {'a': ['is [N]']}
    """
    found = leaves(value, at, keys=keys)
    spots: dict[int, list[Spot]] = {i: hits for i, hits in enumerate(_scan(found, find)) if hits}
    pending: list[int] = sorted(spots)
    for _ in range(ROUNDS):
        if not pending:
            break
        changed = [
            Leaf(found[i].path, found[i].key, apply(found[i].text, _edits(spots[i])))
            for i in pending
        ]
        fresh = {i: hits for i, hits in zip(pending, _scan(changed, find), strict=True) if hits}
        for i, hits in fresh.items():
            spots[i] = _fold(spots[i], hits)
        pending = sorted(fresh)
    if pending:
        raise Unscannable("the text shows something new each time that it is redacted")
    texts = {i: apply(found[i].text, _edits(hits)) for i, hits in spots.items()}
    ordered = tuple(spot for i in sorted(spots) for spot in spots[i])
    return Scrubbed(rebuild(value, texts, keys=keys), ordered)


def _edits(spots: Sequence[Spot]) -> list[Edit]:
    return [Edit(*spot.span, spot.replacement) for spot in spots]


def _scan(found: Sequence[Leaf], find: Find) -> list[list[Spot]]:
    """Run `find` once over all leaves; return the spots of each, sorted and apart."""
    # A record separator and the key precede each text: no hit may reach across, and the key
    # is context for it (`ssn: 536221234`). What is encoded in a text follows as one of its own.
    parts: list[str] = []
    bounds: list[tuple[int, int, int, Place]] = []
    length = 0

    def put(index: int, text: str, place: Place) -> None:
        nonlocal length
        low = length + len(heads[index])
        parts.extend((heads[index], text))
        length = low + len(text)
        bounds.append((low, length, index, place))

    heads = [f"\n\x1e{_HUMP.sub(' ', normalise(leaf.key)[0])}\x1f\n" for leaf in found]
    plain = [_plain(leaf.text) for leaf in found]
    for index, (text, place) in enumerate(plain):
        put(index, text, place)
    if may_hold("".join(parts)):
        for index, (text, place) in enumerate(plain):
            for layer in _layers(text, place):
                put(index, *layer)
    spots: dict[int, list[Spot]] = {}
    at = 0
    for hit in sorted(find("".join(parts)), key=lambda hit: (hit.start, -hit.end)):
        while at < len(bounds) and bounds[at][1] <= hit.start:
            at += 1
        if at == len(bounds):
            break
        low, high, index, place = bounds[at]
        if not low <= hit.start < hit.end <= high:
            continue
        start, end = place.span(hit.start - low, hit.end - low)
        leaf = found[index]
        if leaf.text[start:end] == hit.replacement:
            continue
        spot = Spot(leaf.path, (start, end), hit.category, hit.replacement, hit.score)
        spots.setdefault(index, []).append(spot)
    return [_settled(leaf.text, spots.get(index, [])) for index, leaf in enumerate(found)]


def _plain(text: str) -> tuple[str, Place]:
    if "\\" not in text or not is_json(text):
        return normalise(text)
    said, escapes = unescaped(text)
    plain, offsets = normalise(said)
    return plain, Through(escapes, offsets)


def _layers(plain: str, place: Place) -> list[Layer]:
    if len(plain) < SHORTEST:
        return []
    try:
        return layers(plain, place)
    except TooMuch as error:
        raise Unscannable(str(error)) from None


def _settled(text: str, spots: list[Spot]) -> list[Spot]:
    """Return the spots in `text` sorted and apart; in JSON so that it stays JSON."""
    if spots and (places := documents(text)):
        spots = _fitted(text, spots, places)
    result: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.span[0], -spot.span[1])):
        _join(result, spot)
    return result


def _fitted(text: str, spots: list[Spot], places: list[tuple[int, int]]) -> list[Spot]:
    """Return `spots` such that each JSON document at `places` stays JSON."""
    result: list[Spot] = []
    fittings: dict[int, Fitting] = {}
    for spot in spots:
        start, end = spot.span
        at = bisect_right(places, (start, len(text))) - 1
        low, high = places[at]
        if at < 0 or start < low or end > high:
            result.append(spot)
            continue
        if low not in fittings:
            fittings[low] = Fitting(text[low:high])
        for change in fittings[low].fit(Change(start - low, end - low, spot.replacement)):
            span = (change.start + low, change.end + low)
            result.append(replace(spot, span=span, replacement=change.text))
    return result


def _join(spots: list[Spot], spot: Spot) -> None:
    """Append `spot`, which starts at or after the last one; cover both where they overlap."""
    if not spots or spots[-1].span[1] <= spot.span[0]:
        spots.append(spot)
        return
    last = spots[-1]
    best = max(last, spot, key=lambda one: (one.score, one.span[1] - one.span[0]))
    span = (min(last.span[0], spot.span[0]), max(last.span[1], spot.span[1]))
    spots[-1] = Spot(best.path, span, best.category, best.replacement, best.score)


def _fold(old: list[Spot], new: list[Spot]) -> list[Spot]:
    """Take `new`, found after `old` was replaced, back to the original text and add it."""
    result: list[Spot] = []
    moved = [
        Spot(spot.path, _back(spot.span, old), spot.category, spot.replacement, spot.score)
        for spot in new
    ]
    for spot in sorted([*old, *moved], key=lambda spot: (spot.span[0], -spot.span[1])):
        _join(result, spot)
    return result


def _back(span: tuple[int, int], old: Sequence[Spot]) -> tuple[int, int]:
    """Return the original span of `span`; a replacement that it touches is taken whole."""
    start, end = span
    shift = 0  # of the text after the replacements seen so far
    low, high = start, end
    for spot in old:
        begin = spot.span[0] + shift
        stop = begin + len(spot.replacement)
        after = shift + len(spot.replacement) - (spot.span[1] - spot.span[0])
        if stop <= start:
            low = start - after
        elif begin < start:
            low = spot.span[0]
        if stop <= end:
            high = end - after
        elif begin < end:
            high = spot.span[1]
        shift = after
    return low, high

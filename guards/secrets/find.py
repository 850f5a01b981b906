"""Look for credentials: one pass over the text tells which rules are worth trying.

The gate is one RE2 set of all marks. It runs as an automaton over the text's bytes, once,
whatever the number of rules. Only the rules whose mark it saw search the text themselves.
RE2 is linear in the text; so is all of this. A rule that breaks, and a text that takes
too long, raise: nothing is skipped.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

from guarded_agent.guards.scrub import Hit
from guarded_agent.guards.secrets.formats import RULES, Rule
from guarded_agent.guards.secrets.frames import FRAMES, Frame
from guarded_agent.guards.secrets.leased import find_leased
from guarded_agent.guards.secrets.likely import placeholder
from guarded_agent.guards.secrets.named import find_named
from guarded_agent.guards.secrets.names import MARK, NAME, PATTERN
from guarded_agent.guards.secrets.near import find_near

PROVIDERS = frozenset(
    {rule.provider for rule in RULES} | {frame.category for frame in FRAMES} | {"password", "token"}
)
"""The names of all issuers, and of what is known by its frame or its name."""

LONGEST = 20.0
"""Seconds for one text; a million characters take a fraction of one."""

_START = (
    r"(?:^|[^A-Za-z0-9_+]|\\[nrt]|%[0-9A-Fa-f]{2})"  # a credential does not begin inside a word
)
_GUESSED = 0.5
_LETTERS = re.compile(r"[^0-9]*")
_JUDGED = 400  # as much of a value tells what it is; a multiple of four, for base64
_REPLACED = re.compile(
    r"\[SECRET:(?:" + "|".join(sorted(PROVIDERS)) + r")\]|\[secret:[A-Za-z_][A-Za-z0-9_-]{0,80}\]"
)

Search = Callable[[str, bytes], Iterator[Hit]]


def find_secrets(text: str, *, allow: Collection[str] = ()) -> list[Hit]:
    """Return the credentials in a normalised text.

    Args:
        text: What to look through.
        allow: Issuers whose credentials are left alone.

    Raises:
        TimeoutError: It took longer than `LONGEST`.

    Example:
        >>> [hit.replacement for hit in find_secrets("DB_PASSWORD=hunter2-again")]
        ['[SECRET:password]']
    """
    hits = find_leased(text)
    data = text.encode("latin-1", "replace")  # one byte a character: places stay the same
    spared: list[tuple[int, int]] = []
    until = time.monotonic() + LONGEST
    for search in _worth_trying(data):
        for hit in search(text, data):
            if hit.category in allow:
                spared.append((hit.start, hit.end))
            else:
                hits.append(hit)
            if time.monotonic() > until:
                raise TimeoutError(f"looking for credentials took longer than {LONGEST:g} seconds")
    if "[SECRET:" in text or "[secret:" in text:  # what was replaced is no password
        spared += [match.span() for match in _REPLACED.finditer(text)]
    return _without_guesses_in(hits, spared) if spared else hits


def _without_guesses_in(hits: Sequence[Hit], spared: Sequence[tuple[int, int]]) -> list[Hit]:
    """Leave out what is known only by what stands around it and touches what is spared."""
    places = sorted(spared)
    starts = [start for start, _ in places]

    def touches(hit: Hit) -> bool:
        before = bisect_left(starts, hit.end)
        return before > 0 and places[before - 1][1] > hit.start

    return [hit for hit in hits if hit.score != _GUESSED or not touches(hit)]


def _worth_trying(data: bytes) -> list[Search]:
    gate, searches = _gate()
    return [search for index in sorted(gate.Match(data) or ()) for search in searches[index]]


@cache
def _gate() -> tuple[Any, list[list[Search]]]:
    """Return the set of all marks, and for each of them what is worth trying."""
    import re2  # a C extension: only once there is a text to look at

    searches: dict[str, list[Search]] = {}
    for rule in RULES:
        searches.setdefault(rule.mark, []).append(_by_format(rule))
    for frame in FRAMES:
        searches.setdefault(frame.mark, []).append(_by_frame(frame))
    searches[MARK] = [_by_name()]
    gate = re2.Set.SearchSet(_options(captures=False))
    for mark in searches:
        gate.Add(mark.encode("latin-1"))
    gate.Compile()  # raises if its memory does not suffice: it has no slower way to fall back to
    return gate, list(searches.values())


def _by_format(rule: Rule) -> Search:
    pattern = _compiled(f"{_START}({rule.pattern})")
    inner = pattern.groups  # the format's own group, if it has one

    def search(text: str, data: bytes) -> Iterator[Hit]:
        for match in pattern.finditer(data):
            start, end = match.span(inner)
            value = text[start:end]
            # Small letters alone make up words, such as the names of CSS variables.
            if not placeholder(value) and not (value.islower() and _LETTERS.fullmatch(value)):
                yield Hit(start, end, rule.provider, f"[SECRET:{rule.provider}]")

    return search


def _by_frame(frame: Frame) -> Search:
    pattern = _compiled(frame.pattern)

    def search(text: str, data: bytes) -> Iterator[Hit]:
        for match in pattern.finditer(data):
            start, end = match.span(1)
            if frame.judge(text[start : min(end, start + _JUDGED)]):
                score = 1.0 if frame.sure else _GUESSED
                yield Hit(start, end, frame.category, f"[SECRET:{frame.category}]", score)

    return search


def _by_name() -> Search:
    pattern, near = _compiled(PATTERN), _compiled(NAME)

    def search(text: str, data: bytes) -> Iterator[Hit]:
        found = chain(find_named(pattern, text, data), find_near(near, text, data))
        for start, end, category in found:
            yield Hit(start, end, category, f"[SECRET:{category}]", _GUESSED)

    return search


def _compiled(pattern: str) -> Any:
    import re2  # see above

    return re2.compile(pattern.encode("latin-1"), _options(captures=True))


def _options(*, captures: bool) -> Any:
    import re2  # see above

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = not captures
    options.max_mem = 1 << 26
    return options

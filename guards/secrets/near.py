"""Random values near a name, but not assigned to it: in a table, a call, a command, a sentence.

Here the value must be random beyond doubt, and what stands between it and the name must not
speak of another thing: `token pruning kept 9f8a...` names no token. In front of its name a
value stands only where words or a pipe lead from it to the name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from guarded_agent.guards.secrets.likely import random
from guarded_agent.guards.secrets.named import (
    LONGEST,
    judged,
    name_start,
    run_end,
    value_end,
    whole_end,
)
from guarded_agent.guards.secrets.names import NAME_WORDS, QUIET_AFTER, WORD, Names

_RANDOM, _BESIDE = 20, 8
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{_RANDOM},}}")
_WITHIN = 64  # characters between a name and a random value that belongs to it
_THINGS = frozenset(
    """
    commit trace request etag image build job order ticket session user cache hit by from label
    certificate cert see line revision serial uuid guid hash sha sha1 sha256 sha512 md5 digest
    checksum fingerprint
    """.split()  # noqa: SIM905 - it is a list of words
)
_OTHER_THINGS = (QUIET_AFTER - {"text"}) | _THINGS
_LEADS_TO = frozenset(
    "is was now new value val string str to here below follows following".split()  # noqa: SIM905
)
_LEADS_BACK = frozenset(
    """
    is was are be as for to into in of our your my the a an this that its their his her still now
    new current old right correct field variable setting key name called named under where with
    and has become becomes goes belongs value
    """.split()  # noqa: SIM905
)
_OTHERS_BEFORE = (_OTHER_THINGS - {"value", "store", "field"}) | {
    "merge",
    "show",
    "checkout",
    "diff",
    "log",
    "blob",
    "tree",
    "pod",
}
_REPLACED = re.compile(r"\[(?:SECRET|secret):[\w-]{1,80}\]")
_ANEW = re.compile(r".*(?:\?\s+(?:\w{1,20}:)?|\s(?:#|//)\s|[A-Za-z]\w*(?:::|\.)from\()", re.DOTALL)
_PIPE = re.compile(r"[\"'`)]*\s*(?:\||>{1,2})\s[^|]*$")
_POINTS = re.compile(r"[(\[|]|->|=>|<-")
_OTHER = re.compile(r"([A-Za-z]\w*)[\"']?\s?[=:]\s?[\"'`]?$|[^\s\"'`(\[|*>,:]$")  # `sha=`, `/`
_NAME = re.compile(rf"(?P<name>[\w-]*?(?i:{WORD}))(?P<file>\.[a-z]{{1,5}})?\.?")
_ENDS = re.compile(
    r"[\"'`*_)\]]*(?:[ \t]{0,4}$|[.,;:!?)|]|\s(?:of|for|in|on|at|and|or|from|now|until)\b)",
    re.MULTILINE,
)

Spans = list[tuple[int, int]]


def find_near(pattern: Any, text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield random values that stand near a name, and whether each is a password or a token.

    Args:
        pattern: `NAME`, compiled by RE2 for bytes.
        text: The text.
        data: The same text, one byte a character.
    """
    runs = [run.span() for run in _RUN.finditer(text)]
    if not runs:
        return
    spots = [match.span() for match in pattern.finditer(data)]
    if _REPLACED.search(text):  # the name of what was replaced is used up
        gone = {at for match in _REPLACED.finditer(text) for at in range(*match.span())}
        spots = [span for span in spots if span[0] not in gone]
    names = Names()
    for find in (_behind, _in_front):
        for name, start, end in find(text, spots, runs):
            if judged(names[name], text[start:end]) and not random(name):  # `3ap2kHPwd9Vh04OY...`
                yield start, whole_end(text, start, end), names[name].category


def _behind(text: str, spots: Spans, runs: Spans) -> Iterator[tuple[str, int, int]]:
    ends = [end for _, end in runs]
    done = 0
    for first, last in spots:
        lowest = max(last, done)
        at = bisect_left(ends, lowest + _RANDOM)
        if at == len(runs):
            return
        start = max(runs[at][0], lowest)
        if start + _RANDOM > last + _WITHIN:
            continue
        end = value_end(text, start, run_end(text, start, start + LONGEST))
        name = text[name_start(text, first) : last]
        if _belongs(name, text[last:start]) and random(text[start:end]):
            yield name, start, end


def _belongs(name: str, between: str) -> bool:
    """Return whether what follows is what `name` names, and no other thing that is spoken of."""
    if "\x1e" in between or between.count("\n") > 2 or name == "pass":
        return False
    anew = _ANEW.match(between)  # an answer, a comment, `String::from(`
    words = _words(between[anew.end() :] if anew else between)
    if words & _OTHER_THINGS:
        return False
    return between[-1:] not in ("", ".", "/") and not (_bare(name) and words - _LEADS_TO)


def _in_front(text: str, spots: Spans, runs: Spans) -> Iterator[tuple[str, int, int]]:
    firsts = [first for first, _ in spots]
    for start, until in runs:
        at = bisect_left(firsts, until)
        if at == len(spots):
            return
        if firsts[at] >= until + _WITHIN:
            continue
        end = value_end(text, start, run_end(text, start, start + LONGEST))
        for first, last in spots[at : bisect_left(firsts, until + _WITHIN)]:
            found = _NAME.fullmatch(text, name_start(text, first), last)
            if (
                found
                and last + _BESIDE <= until + _WITHIN  # which a stream holds back
                and _ENDS.match(text, last)
                and _leads_back(found, text[end : found.start()])
                and _stands_free(text[max(text.rfind("\n", 0, start) + 1, start - _WITHIN) : start])
                and random(text[start:end])
            ):
                yield found["name"], start, end
                break


def _leads_back(found: re.Match[str], between: str) -> bool:
    """Return whether `between` leads from a value to the name of it that was found."""
    if "\n" in between or "\x1e" in between or found["name"] == "auth":
        return False
    words = _words(between)
    if _PIPE.match(between):
        return not words & _THINGS
    if found["file"] or words - _LEADS_BACK:
        return False
    return bool(words) or (_POINTS.search(between) is not None and not _bare(found["name"]))


def _stands_free(lead: str) -> bool:
    """Return whether what follows `lead` is not yet the value of another thing."""
    other = _OTHER.search(lead)
    return (not other or other[1] in _LEADS_BACK) and not _words(lead) & _OTHERS_BEFORE


def _bare(name: str) -> bool:
    """Return whether a name is no `api_key`, but a mere `token`."""
    return name.isalpha() and (name.islower() or name.istitle())


def _words(text: str) -> set[str]:
    return {word.lower() for word in NAME_WORDS.findall(text)}

"""Secrets that are known by their name: `api_key = ...`, `password: ...`, `--token ...`.

The word says that a secret may follow; the whole name and the value say whether one does.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from guarded_agent.guards.secrets.likely import PASSWORD, TOKEN, password, random, token, uuid
from guarded_agent.guards.secrets.names import NAME_WORDS, QUIET_AFTER, Name, Names


def _named(name: Name, value: str, *, firm: bool = False) -> bool:
    """Judge a value by the name before it and by itself."""
    if not name.tells or value[0] in "=<>":
        return False
    if uuid(value):  # of a mere `token` it is rather the name of one
        return name.own
    return password(value, firm=firm) if name.password else token(value)


_RANDOM = 20
_RUN = re.compile(rf"[A-Za-z0-9+/_-]{{{_RANDOM},}}")
_WITHIN = 64  # characters after a name in which a random value belongs to it
_OTHER_THINGS = QUIET_AFTER | frozenset(
    """
    commit trace request etag image build job order ticket session user cache hit by from label
    certificate cert see line revision serial uuid guid
    """.split()  # noqa: SIM905
)
_LEADS_TO = frozenset(
    "is was now new value string str to here below follows following".split()  # noqa: SIM905
)
_MORE = re.compile(r"[;&,]\s?[A-Za-z_ .-]{1,30}[=:]|</|&amp;|&quot;|\\u00")
_QUOTES = "\"'`"
_AFTER = ",;.:)]}>"
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_LOOK_BACK = 40
_LONGEST = 250  # no secret is that long but one whole word
_VALUE = re.compile(r"[^\s\"'`\\\x1e\x1f]*(?:\\[^\"'nrt\s][^\s\"'`\\\x1e\x1f]*)*")  # of `_CHAR`


def find_named(pattern: Any, text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield where secrets stand behind their names, and whether each is a password or a token.

    Args:
        pattern: `PATTERN`, compiled by RE2 for bytes.
        text: The text.
        data: The same text, one byte a character.
    """
    names = Names()
    at = 0
    while match := pattern.search(data, at):
        groups = match.lastindex
        start = match.start(groups)
        first, last = match.span(groups - 2)
        if first < 0:
            first, last = match.span(groups - 1)
        at = max(start, match.start() + 1)  # what is no secret may hold the name of one
        first = _name_start(text, first)
        name, between = text[first:last], text[last:start]
        if not names[name].tells or not _leads(text, first, last, start):
            continue
        end = _run_end(text, start, start + _LONGEST)
        if end - start < (PASSWORD if names[name].password else TOKEN):
            continue
        quoted = text[start - 1] in _QUOTES and text[end : end + 1] == text[start - 1]
        firm = quoted or (name.isupper() and between.strip(_QUOTES + "\\])") == "=")
        end = _value_end(text, start, end)
        value = "" if text.startswith("...", end) else text[start:end]
        if value and _named(names[name], value, firm=firm):
            at = _whole_end(text, start, end)
            yield start, at, "password" if names[name].password else "token"


def find_near(pattern: Any, text: str, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield random values that follow a name in any other way: in a table, call or sentence.

    Args:
        pattern: `NAME`, compiled by RE2 for bytes.
        text: The text.
        data: The same text, one byte a character.
    """
    runs = [run.span() for run in _RUN.finditer(text)]
    if not runs:
        return
    ends = [end for _, end in runs]
    names = Names()
    done = 0
    for match in pattern.finditer(data):
        first, last = match.span()
        lowest = max(last, done)
        at = bisect_left(ends, lowest + _RANDOM)
        if at == len(runs):
            return
        start = max(runs[at][0], lowest)
        if start + _RANDOM > last + _WITHIN:
            continue
        end = _value_end(text, start, _run_end(text, start, start + _LONGEST))
        value, name = text[start:end], text[_name_start(text, first) : last]
        if random(value) and _belongs(name, text[last:start]) and _named(names[name], value):
            done = _whole_end(text, start, end)
            yield start, done, "password" if names[name].password else "token"


def _belongs(name: str, between: str) -> bool:
    """Return whether what follows is what `name` names, and no other thing that is spoken of."""
    words = {word.lower() for word in NAME_WORDS.findall(between)}
    if "\x1e" in between or between.count("\n") > 2 or words & _OTHER_THINGS or name == "pass":
        return False
    bare = name.isalpha() and (name.islower() or name.istitle())  # no `api_key`, but a mere `token`
    return between[-1:] not in ("", ".", "/") and not (bare and words - _LEADS_TO)


def _run_end(text: str, start: int, last: int) -> int:
    match = _VALUE.match(text, start, last)
    return match.end() if match else start


def _whole_end(text: str, start: int, end: int) -> int:
    """Return the end of a value that was judged by its beginning only."""
    if _run_end(text, start, start + _LONGEST) < start + _LONGEST or end < start + _LONGEST - 4:
        return end
    return _value_end(text, start, _run_end(text, start, len(text)))


def _name_start(text: str, at: int) -> int:
    lowest = max(0, at - _LOOK_BACK)
    return lowest + len(text[lowest:at].rstrip(_NAME))


def _value_end(text: str, start: int, end: int) -> int:
    """Return where a value ends before the next setting, and before punctuation."""
    more = _MORE.search(text, start + 1, end)
    end = more.start() if more else end
    return start + len(text[start:end].rstrip(_AFTER))


def _leads(text: str, first: int, last: int, start: int) -> bool:
    """Return whether a value follows: after a mere space only of an option, `>` only in a tag."""
    between = text[last:start]
    if between.strip(" \t" + _QUOTES) == "":
        return text[first : first + 1] == "-"
    if between.endswith(">") or (between.rstrip().endswith(">") and "=" not in between):
        return text[max(0, first - 1) : first] == "<" and text[start : start + 1] != "@"
    return True

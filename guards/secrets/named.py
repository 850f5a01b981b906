"""Secrets that are known by their name: `api_key = ...`, `password: ...`, `--token ...`.

The word says that a secret may follow; the whole name and the value say whether one does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from guarded_agent.guards.secrets.likely import SHORTEST, TOKEN, password, token, uuid
from guarded_agent.guards.secrets.names import Name, Names
from guarded_agent.guards.secrets.plain import plain_end, spoken


def judged(name: Name, value: str) -> bool:
    """Judge a value by the name before it and by itself."""
    if not name.tells or value[0] in "=<>":
        return False
    if uuid(value):  # of a mere `token` it is rather the name of one
        return name.own
    return password(value) if name.password else token(value)


# Most of what stands there: a call, a reference, or a word that opens a sentence.
_NOTHING = re.compile(r"[A-Za-z_][A-Za-z_.:>-]*[0-9]?[(\[]|\$[{(]|([a-z]+)(?=[.,;:!?)]?\s)")
_MORE = re.compile(r"[;&,]\s?[A-Za-z_ .-]{1,30}[=:]|</|&amp;|&quot;|\\u00")
_QUOTES = "\"'`"
_AFTER = ",;.:)]}>"
_NAME = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
_LOOK_BACK = 40
LONGEST = 250  # no secret is that long but one whole word
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
        group = 3
        if (start := match.span(3)[0]) < 0:  # each call of its methods costs as much as the search
            group, start = 6, match.span(6)[0]
        at = start  # what is no secret may hold the name of one
        word = _NOTHING.match(text, start, start + LONGEST)
        if word and (word[1] is None or spoken(word[1])):
            continue
        first, last = match.span(group - 2)
        if first < 0:
            first, last = match.span(group - 1)
        first = name_start(text, first)
        name = text[first:last]
        if not names[name].tells or not _leads(text, first, last, start):
            continue
        end = run_end(text, start, start + LONGEST)
        if end - start < (SHORTEST if names[name].password else TOKEN):
            continue
        end = value_end(text, start, end)
        value = "" if text.startswith("...", end) else text[start:end]
        if value and judged(names[name], value):
            at = whole_end(text, start, end)
            yield start, at, names[name].category
        elif names[name].password and (until := plain_end(text, first, last)):
            at = until
            yield start, at, "password"


def run_end(text: str, start: int, last: int) -> int:
    """Return where what could be one value ends."""
    match = _VALUE.match(text, start, last)
    return match.end() if match else start


def whole_end(text: str, start: int, end: int) -> int:
    """Return the end of a value that was judged by its beginning only."""
    if run_end(text, start, start + LONGEST) < start + LONGEST or end < start + LONGEST - 4:
        return end
    return value_end(text, start, run_end(text, start, len(text)))


def name_start(text: str, at: int) -> int:
    """Return where the whole name begins of which a part begins at `at`."""
    lowest = max(0, at - _LOOK_BACK)
    return lowest + len(text[lowest:at].rstrip(_NAME))


def value_end(text: str, start: int, end: int) -> int:
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

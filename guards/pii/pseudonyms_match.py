"""Find pseudonyms in a text, also after a model has changed how they are written.

A pseudonym is `<EMAIL_1>`. Models write `<email_1>`, `(EMAIL_1)`, `EMAIL 1`, `\\<EMAIL\\_1\\>`
or `&lt;EMAIL_1&gt;`; people's keyboards write them full-width. All of that is found, with
the brackets that belong to it, and only as a whole: `<EMAIL_12>` holds no `<EMAIL_1>`.
What is found names a kind and a number; whether it stands for anything, the vault says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.pii.entities import KINDS
from guarded_agent.guards.text import Edit, apply, leaves, rebuild
from guarded_agent.store.vault import Id, Value

NOBODY = "?"
"""In place of the number of a pseudonym that somebody else wrote: it stands for nothing."""

_LONGEST = 64  # characters of a kind's name with what may stand between its words
_JOIN = r"_\- \t\u2010-\u2013"
# The number comes first: it is rare in text, and the name before it is then looked up. Every
# repeat is bounded, so that the work is linear in the text.
_NUMBER = re.compile(rf"(?<=[A-Za-z\\{_JOIN}])(?:[1-9][0-9]{{0,8}}|\?)(?![0-9A-Za-z_@]|[.,][0-9])")
_NAME = re.compile(
    rf"([A-Za-z]{{2,40}}(?:\\?[{_JOIN}][A-Za-z]{{2,40}}){{0,5}})(\\?[{_JOIN}]|\\)?\Z"
)
_GOES_ON = re.compile(r"[ .,/()-]{0,2}[0-9]")
_MOST_DIGITS = 3  # of a number that only a space sets apart from the name
_GAP = re.compile(rf"\\?[{_JOIN}]")

_ANGLES = {
    "<": ">",
    "&lt;": "&gt;",
    "&amp;lt;": "&amp;gt;",
    "&#60;": "&#62;",
    "&#x3c;": "&#x3e;",
    "%3c": "%3e",
    "\\u003c": "\\u003e",
    "\u2039": "\u203a",
    "\u00ab": "\u00bb",
    "\u27e8": "\u27e9",
    "\u3008": "\u3009",
    "\u300a": "\u300b",
}
_OTHERS = {"[": "]", "(": ")", "{": "}", "\u3010": "\u3011", "\u300c": "\u300d"}

_AROUND = " \t\"'`*~\u201c\u201d\u2018\u2019"
"""What a model puts around a whole argument: quotes and marks of emphasis."""


@dataclass(frozen=True, slots=True)
class Token:
    """A pseudonym as it stands in a text.

    Attributes:
        kind: What it stands for: `EMAIL`.
        number: Its number, or 0 if somebody else wrote it.
        start: Its first character, brackets included.
        end: One past its last one.
        sure: Whether it can hardly be anything else; `EMAIL 1` may be a heading.
    """

    kind: str
    number: int
    start: int
    end: int
    sure: bool

    @property
    def id(self) -> Id:
        """What the vault knows it by."""
        return self.kind, self.number


def written(kind: str, number: int) -> str:
    """Return a pseudonym as the guard writes it."""
    return f"<{kind}_{number or NOBODY}>"


def tokens(text: str) -> list[Token]:
    r"""Return the pseudonyms in `text`, in order and apart.

    Example:
        >>> [each.id for each in tokens(r"to \<EMAIL\_1\>, (Phone_2) and EMAIL 12")]
        [('EMAIL', 1), ('PHONE', 2), ('EMAIL', 12)]
    """
    if _NUMBER.search(text) is None and text.isascii():
        return []
    plain, offsets = normalise(text)
    found: list[Token] = []
    for token in tokens_in_plain(plain):
        start, end = offsets.span(token.start, token.end)
        found.append(Token(token.kind, token.number, start, end, token.sure))
    return found


def tokens_in_plain(text: str) -> list[Token]:
    """Return the pseudonyms in a text that is normalised, such as a detector is given."""
    found: list[Token] = []
    done = 0
    for match in _NUMBER.finditer(text):
        head = text[max(done, match.start() - _LONGEST) : match.start()]
        token = _token(text, match, head)
        if token is not None and token.start >= done:
            found.append(token)
            done = token.end
    return found


def restored(value: Any, values: Mapping[Id, Value]) -> Any:
    """Return nested plain data with the pseudonyms in it replaced by `values`.

    A text that is nothing but a pseudonym becomes what the value was, a number too. What
    `values` does not hold stays as it is.

    Raises:
        Unscannable: `value` cannot be looked through.

    Example:
        >>> held = {("CARD", 1): Value("CARD", "4111111111111111", "4111111111111111", "int")}
        >>> restored({"pay": "<CARD_1>", "note": "with card_1, not <CARD_2>"}, held)
        {'pay': 4111111111111111, 'note': 'with card_1, not <CARD_2>'}
    """
    texts: dict[int, Any] = {}
    for place, leaf in enumerate(leaves(value)):
        found = [token for token in tokens(leaf.text) if token.id in values]
        if not found:
            continue
        first = found[0]
        if not (leaf.text[: first.start] + leaf.text[first.end :]).strip(_AROUND):
            texts[place] = values[first.id].data
            continue
        edits = [_edit(leaf.text, each, values[each.id]) for each in found]
        texts[place] = apply(leaf.text, edits)
    return rebuild(value, texts)


def _edit(text: str, token: Token, value: Value) -> Edit:
    start, end = token.start, token.end
    if value.form != "text" and text[start - 1 : start] == text[end : end + 1] == '"':
        start, end = start - 1, end + 1  # in a text of JSON: a number again
    return Edit(start, end, value.text)


def _token(text: str, match: re.Match[str], head: str) -> Token | None:
    named = _NAME.search(head)
    if named is None:
        return None
    gap = named[2] or ""
    kind, name = _known(named[1])
    if not kind:
        return None
    start, end = match.start() - len(gap) - len(name), match.end()
    opened, closed, angle = _brackets(text, start, end)
    whole = _is_whole(text, start - opened, end + closed)
    if not opened and start and _runs_on(text[start - 1]):
        return None
    sure = angle or "_" in gap
    shouted = name.upper() == name and bool(gap)
    if not (angle or shouted or ("_" in gap and (opened or whole))):
        return None
    if not sure and (len(match[0]) > _MOST_DIGITS or _GOES_ON.match(text, end)):
        return None  # `CARD 4111 1111 1111 1111` is a card
    number = 0 if match[0] == NOBODY else int(match[0])
    return Token(kind, number, start - opened, end + closed, sure)


def _known(name: str) -> tuple[str, str]:
    """Return the kind that the last words of `name` are, and these words; else empty texts."""
    words = _GAP.split(name)
    starts = [0, *(match.end() for match in _GAP.finditer(name))]
    if words[0][:1] in "cC" and "_".join(words)[1:].upper() in _kinds():  # %3CEMAIL_1%3E
        return "_".join(words)[1:].upper(), name[1:]
    for place in range(len(words)):
        kind = "_".join(words[place:]).upper()
        if kind in _kinds():
            return kind, name[starts[place] :]
    return "", ""


@cache
def _kinds() -> frozenset[str]:
    return frozenset(kind.token for kind in KINDS.values())


def _brackets(text: str, start: int, end: int) -> tuple[int, int, bool]:
    """Return how many characters of brackets belong to what stands between, and if angles."""
    before, after = text[max(0, start - 10) : start], text[end : end + 10]
    for opening, closing in (*_ANGLES.items(), *_OTHERS.items()):
        left = _ends(before, opening)
        right = _begins(after, closing) if left else 0
        if left and right:
            if opening == "[" and text[end + right : end + right + 1] == "(":
                return 0, 0, False  # a link's text: the brackets are the link's
            return left, right, opening in _ANGLES
    return 0, 0, False


def _ends(text: str, opening: str) -> int:
    for between in ("", " ", "\\"):
        if text.lower().endswith(opening + between):
            size = len(opening) + len(between)
            return size + text[:-size].endswith("\\") * (opening[0] != "\\")
    return 0


def _begins(text: str, closing: str) -> int:
    for between in ("", " ", "\\", "/", " /"):
        if text.lower().startswith(between + closing):
            return len(between) + len(closing)
    return 0


def _is_whole(text: str, start: int, end: int) -> bool:
    """Return whether there is nothing else in this text but quotes around it.

    Detectors are given many texts at once; see `scrub`.
    """
    before = text[max(0, start - 8) : start].rstrip(_AROUND)
    after = text[end : end + 8].lstrip(_AROUND)
    return (not before or before.endswith("\x1f\n")) and (not after or after[:2] == "\n\x1e")


def _runs_on(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in "_@.")

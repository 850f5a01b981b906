"""Kinds of personal data that a policy adds: a pattern, or a list of words.

    custom:
      EMPLOYEE_ID: {pattern: 'E-\\d{6}', context: [employee, badge], score: 0.8}
      PROJECT: {words: [Bluebird, "Red Wing"]}

Patterns are RE2: linear in the text, whoever wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.options import reject_unknown, words
from guarded_agent.guards.pii.entities import KINDS, Kind
from guarded_agent.guards.pii.numbers import Place
from guarded_agent.guards.pii.view import LEAF

_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,39}")
_OPTIONS = ("pattern", "words", "context", "score")
_AHEAD, _BEHIND = 60, 24
_MOST_WORDS = 10_000
_LEAF = LEAF.decode()


@dataclass(frozen=True, slots=True)
class Custom:
    """A recogniser that a policy brings.

    Attributes:
        kind: The name that the policy gave.
        pattern: An RE2 pattern; its first group, if it has one, is the value.
        context: What must be found near a value, or None.
        score: How sure a value is.
    """

    kind: str
    pattern: Any
    context: re.Pattern[str] | None = None
    score: float = 0.85

    def find(self, text: str) -> Iterator[Place]:
        """Yield where a normalised text holds a value."""
        data = f" {text} ".encode()
        group = 1 if self.pattern.groups else 0
        seen = 1  # bytes
        chars = 0  # characters of `text` in them
        at = 0
        while match := self.pattern.search(data, at):
            low, high = match.span(group)
            at = max(high, at + 1)
            start = chars + len(data[seen:low].decode("utf-8", "replace"))
            end = start + len(data[low:high].decode("utf-8", "replace"))
            seen, chars = low, start
            start, end = max(0, start), min(end, len(text))
            if end > start and self._is_meant(text, start, end):
                yield start, end, self.score

    def _is_meant(self, text: str, start: int, end: int) -> bool:
        if self.context is None:
            return True
        before = text[max(0, start - _AHEAD) : start].rpartition(_LEAF)[2]
        after = text[end : end + _BEHIND].partition(_LEAF)[0]
        return self.context.search(before) is not None or self.context.search(after) is not None


def read(section: object, *, where: str) -> tuple[dict[str, Kind], list[Custom]]:
    """Return the kinds that a policy's `custom` section describes, with their recognisers.

    Args:
        section: A mapping of names to options.
        where: Its place, for errors.

    Raises:
        ValueError: A name, option or pattern cannot be used; the message has its place.

    Example:
        >>> read({"TICKET": {"pattern": r"T-(\\d+"}}, where="guards.pii.custom")
        Traceback (most recent call last):
        ValueError: guards.pii.custom.TICKET.pattern: RE2 cannot read it: missing ): T-(\\d+
    """
    kinds: dict[str, Kind] = {}
    found: list[Custom] = []
    for name, options in mapping(section, where).items():
        here = f"{where}.{name}"
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{here}: a name is made of capitals, digits and _, such as STAFF_ID")
        if name in KINDS:
            raise ValueError(f"{here}: this kind is built in; choose another name")
        given = mapping(options, here)
        reject_unknown(given, _OPTIONS, where=here)
        if ("pattern" in given) == ("words" in given):
            raise ValueError(f"{here}: write either pattern: ... or words: [...]")
        pattern = (
            _pattern(given["pattern"], f"{here}.pattern")
            if "pattern" in given
            else _listed(given["words"], f"{here}.words")
        )
        context = _context(given["context"], f"{here}.context") if "context" in given else None
        score = _score(given.get("score", 0.85), f"{here}.score")
        kinds[name] = Kind(name.lower(), f"a {name.replace('_', ' ').lower()}", name)
        found.append(Custom(name, pattern, context, score))
    return kinds, found


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """Return `value` if it is a mapping.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value)
    raise ValueError(f"{where}: write a mapping of names to options")


def _compile(pattern: str, where: str) -> Any:
    re2: Any = import_module("re2")  # a C extension: only where a policy has such a kind
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        said: Any = error.args[0]
        said = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        raise ValueError(f"{where}: RE2 cannot read it: {said}") from None


def _pattern(value: object, where: str) -> Any:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where}: write a pattern, such as 'E-[0-9]{{6}}'")
    compiled = _compile(value, where)
    if compiled.search("") is not None:
        raise ValueError(f"{where}: it matches the empty text")
    return compiled


def _listed(value: object, where: str) -> Any:
    """Return what finds whole words in any case, with any white space inside."""
    listed = [normalise(word)[0].split() for word in words(value, where=where)]
    if not listed or not all(listed) or len(listed) > _MOST_WORDS:
        raise ValueError(f"{where}: write 1 to {_MOST_WORDS} words, none of them empty")
    parts = (r"\s+".join(_quoted(part) for part in word) for word in listed)
    return _compile(rf"(?i)[^\pL\pN_]({'|'.join(parts)})[^\pL\pN_]", where)


def _quoted(word: str) -> str:
    return "".join(char if char.isalnum() else f"\\x{{{ord(char):x}}}" for char in word)


def _context(value: object, where: str) -> re.Pattern[str]:
    listed = words(value, where=where)
    if not listed or not all(word.strip() for word in listed):
        raise ValueError(f"{where}: write a list of words, none of them empty")
    one = "|".join(re.escape(normalise(word)[0].strip()) for word in listed)
    return re.compile(rf"(?<![^\W_])(?:{one})(?![^\W_])", re.IGNORECASE)


def _score(value: object, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    raise ValueError(f"{where}: write a number above 0 and up to 1")

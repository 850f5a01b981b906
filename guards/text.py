"""Look through nested data: take its texts out, and put changed ones back.

Every guard that reads text walks through here, so that all of them see the same
leaves, name the same paths and keep the same limits. What detectors look for is
their own business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, cast
from uuid import UUID

from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import Finding, Verdict
from guarded_agent.guards.normalise import Offsets, normalise

__all__ = [
    "NOTICE",
    "Edit",
    "Leaf",
    "Offsets",
    "Unscannable",
    "apply",
    "leaves",
    "normalise",
    "rebuild",
    "root",
    "withhold",
]

MAX_DEPTH = 60
MAX_LEAVES = 20_000
MAX_CHARS = 1_000_000
LONG_NUMBER = 10**8  # the smallest number that can be an identifier: nine digits

NOTICE = "[withheld: too large or too deeply nested to be checked]"
"""What stands for a text that could not be looked through."""

_LONGEST_KEY = 60
_PRINTED = (date, time, timedelta, Decimal, UUID)


class Unscannable(ValueError):
    """Data that cannot be looked through: too deep, too large, or of an unknown kind."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One text in nested data.

    Attributes:
        path: Where it stands, such as `args.to[0]`; empty if it is the whole payload.
        key: The nearest name above it, which says what it is about.
        text: The text; long numbers are written out.
        number: The number that is written out, or None.
    """

    path: str
    key: str
    text: str
    number: int | float | None = field(default=None, compare=False)


class Edit(NamedTuple):
    """One replacement: the characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def apply(text: str, edits: Sequence[Edit]) -> str:
    """Return `text` with sorted `edits` made, which do not overlap.

    Example:
        >>> apply("call 555-0100 now", [Edit(5, 13, "[PHONE]")])
        'call [PHONE] now'
    """
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += [text[done : edit.start], edit.text]
        done = edit.end
    parts.append(text[done:])
    return "".join(parts)


def root(stage: Stage) -> str:
    """Return the path of a whole payload at `stage`."""
    return "args" if stage is Stage.ACTION else ""


def leaves(value: Any, at: str = "") -> list[Leaf]:
    """Return every text in `value`, in a fixed order.

    Whole numbers of nine digits or more count as texts, since card and account
    numbers are often stored so. Keys of mappings do not.

    Args:
        value: A text, or nested mappings and lists of plain values.
        at: The path of `value` itself.

    Raises:
        Unscannable: `value` is too deep, too large, or holds an unknown kind of object.

    Example:
        >>> [(leaf.path, leaf.text) for leaf in leaves({"to": ["ann"], "n": 4, "id": 1234567890})]
        [('to[0]', 'ann'), ('id', '1234567890')]
    """
    found: list[Leaf] = []
    chars = 0
    for leaf in _walk(value, at, "", 0):
        found.append(leaf)
        chars += len(leaf.text)
        if len(found) > MAX_LEAVES or chars > MAX_CHARS:
            raise Unscannable(
                f"the data holds more than {MAX_LEAVES} texts or {MAX_CHARS} characters"
            )
    return found


def rebuild(value: Any, texts: Mapping[int, str]) -> Any:
    """Return `value` with some of its texts replaced.

    Args:
        value: What was given to `leaves`.
        texts: New texts by position in the list that `leaves` returned. A number
            that is replaced becomes a text.
    """
    counter = iter(range(MAX_LEAVES + 1))

    def put(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: put(item) for key, item in cast("Mapping[object, object]", node).items()}
        if isinstance(node, list):
            return [put(item) for item in cast("list[object]", node)]
        if isinstance(node, tuple):
            return tuple(put(item) for item in cast("tuple[object, ...]", node))
        if _text_of(node) is None:
            return node
        return texts.get(next(counter), node)

    return put(value) if texts else value


def withhold(error: Unscannable, *, stage: Stage, payload: Any, guard: str) -> Verdict:
    """Return the verdict on data that cannot be looked through: it stops or is blanked.

    A proposed action is denied. Elsewhere the outermost texts are replaced by a
    notice, so that a list keeps its length and a mapping its keys.
    """
    finding = Finding("unscannable", str(error), guard=guard, path=root(stage))
    if stage is Stage.ACTION:
        message = f"The arguments could not be checked: {error}. Send less, in a flatter form."
        return Verdict(Effect.DENY, (finding,), message=message)
    return Verdict(Effect.REDACT, (finding,), payload=blank(payload))


def blank(payload: Any) -> Any:
    """Return `payload` with a notice in place of everything it held."""
    if isinstance(payload, Mapping):
        return dict.fromkeys(cast("Mapping[object, object]", payload), NOTICE)
    if isinstance(payload, (list, tuple)):
        return [NOTICE] * len(cast("Sequence[object]", payload))
    return NOTICE


def _walk(node: Any, path: str, key: str, depth: int) -> Iterator[Leaf]:
    if depth > MAX_DEPTH:
        raise Unscannable(f"the data is nested deeper than {MAX_DEPTH} levels")
    if isinstance(node, Mapping):
        for name, item in cast("Mapping[object, object]", node).items():
            word = str(name)[:_LONGEST_KEY]
            step = word if _says_nothing(word) else "?"
            yield from _walk(item, f"{path}.{step}" if path else step, word, depth + 1)
    elif isinstance(node, (list, tuple)):
        for index, item in enumerate(cast("Sequence[object]", node)):
            yield from _walk(item, f"{path}[{index}]", key, depth + 1)
    else:
        text = _text_of(node)
        if text is not None:
            yield Leaf(path, key, text, node if isinstance(node, (int, float)) else None)


def _says_nothing(key: str) -> bool:
    """A key may be an address or a number; paths stand in findings, which hold no such thing."""
    plain = all(char.isalnum() or char in "_- $" for char in key)
    return plain and sum(char.isdigit() for char in key) < 7


def _text_of(node: Any) -> str | None:
    if isinstance(node, str):
        return node
    if node is None or isinstance(node, bool):
        return None
    if isinstance(node, int):
        return _digits(node) if abs(node) >= LONG_NUMBER else None
    if isinstance(node, float):  # tables with gaps hold their whole numbers as floats
        whole = math.isfinite(node) and node.is_integer() and LONG_NUMBER <= abs(node) < 1e20
        return str(int(node)) if whole else None
    if isinstance(node, _PRINTED):
        return str(node)
    raise Unscannable(f"the data holds a {type(node).__name__}, which is not plain data")


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python refuses to write out very long ones
        raise Unscannable("the data holds a number of thousands of digits") from None

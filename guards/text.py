"""Look through nested data: take its texts out, and put changed ones back.

Every guard that reads text walks through here, so that all of them see the same
leaves, name the same paths and keep the same limits. What detectors look for is
their own business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from numbers import Integral
from operator import is_
from pathlib import PurePath
from typing import Any, NamedTuple, cast
from uuid import UUID

from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import Finding, Verdict
from guarded_agent.guards.blocks import is_bulk, media_of
from guarded_agent.guards.normalise import Offsets, normalise
from guarded_agent.guards.shapes import Shape, shape_of

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
MAX_NODES = 200_000  # a few lists that hold each other can be walked through for ever
MAX_CHARS = 1_000_000
LONG_NUMBER = 10**8  # the smallest number that can be an identifier: nine digits

NOTICE = "[withheld: too large or too deeply nested to be checked]"
"""What stands for a text that could not be looked through."""

_LONGEST_KEY = 60
_PRINTED = (date, time, timedelta, Decimal, Fraction, UUID, PurePath)


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


def leaves(value: Any, at: str = "", *, keys: bool = False) -> list[Leaf]:
    """Return every text in `value`, in a fixed order.

    Whole numbers of nine digits or more count as texts, since card and account
    numbers are often stored so. Bytes count as the text that they spell in UTF-8.
    What images, sound and files hold is no text: the guard `media` decides on those.

    Args:
        value: A text, or any nested data: see `shapes`.
        at: The path of `value` itself.
        keys: Whether the keys of mappings count as texts, each before what it names.

    Raises:
        Unscannable: `value` is too deep, too large, or holds an unknown kind of object.

    Example:
        >>> [(leaf.path, leaf.text) for leaf in leaves({"to": ["ann"], "n": 4, "id": 1234567890})]
        [('to[0]', 'ann'), ('id', '1234567890')]
    """
    walk = _Walk(keys)
    walk.visit(value, at, "", 0)
    return walk.found


def rebuild(value: Any, texts: Mapping[int, str], *, keys: bool = False) -> Any:
    """Return `value` with some of its texts replaced.

    A part that holds none of them stays the very same object.

    Args:
        value: What was given to `leaves`.
        texts: New texts by position in the list that `leaves` returned. A number
            that is replaced becomes a text; where only a number fits, it becomes 0.
        keys: As it was given to `leaves`.
    """
    if not texts:
        return value
    counter = iter(range(MAX_LEAVES + 1))

    def put(node: Any, media: str) -> Any:
        if _is_leaf(node):
            if media and is_bulk(node):
                return node
            text = _text_of(node)
            return node if text is None else _like(node, texts.get(next(counter)))
        if type(node) is list:
            items = cast("list[Any]", node)
            new_items = [put(item, media) for item in items]
            return items if all(map(is_, new_items, items)) else new_items
        shape = _shape(node)
        named = keys and _is_mapping(node)
        media = media or media_of(node)
        parts: list[Any] = []
        names: list[Any] = []
        for step, part in zip(shape.steps, shape.parts, strict=True):
            if named:
                names.append(_renamed(step, texts, counter, names))
            parts.append(put(part, media))
        if named and any(new is not old for new, old in zip(names, shape.steps, strict=True)):
            return dict(zip(names, parts, strict=True))
        if all(map(is_, parts, shape.parts)):
            return node
        if shape.typed:
            parts = [_fitting(new, old) for new, old in zip(parts, shape.parts, strict=True)]
        return shape.build(parts)

    return put(value, "")


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


class _Walk:
    """Takes the texts out of a value."""

    def __init__(self, keys: bool) -> None:
        self.found: list[Leaf] = []
        self._keys = keys
        self._chars = 0
        self._nodes = 0

    def visit(self, node: Any, path: str, key: str, depth: int, media: str = "") -> None:
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise Unscannable(f"the data is nested deeper than {MAX_DEPTH} levels")
        if self._nodes > MAX_NODES:
            raise Unscannable(f"the data holds more than {MAX_NODES} values")
        if type(node) is list:  # most data is lists, mappings and texts
            for index, part in enumerate(cast("list[Any]", node)):
                self.visit(part, f"{path}[{index}]", key, depth + 1, media)
        elif type(node) is dict:
            self._visit_named(cast("dict[Any, Any]", node).items(), node, path, depth, media)
        elif _is_leaf(node):
            if not (media and is_bulk(node)):
                self._keep(node, path, key)
        else:
            shape = _shape(node)
            if isinstance(shape.steps, range):
                for index, part in enumerate(shape.parts):
                    self.visit(part, f"{path}[{index}]", key, depth + 1, media)
            else:
                pairs = zip(shape.steps, shape.parts, strict=True)
                self._visit_named(pairs, node, path, depth, media)

    def _visit_named(
        self, pairs: Iterable[tuple[Any, Any]], node: Any, path: str, depth: int, media: str
    ) -> None:
        media = media or media_of(node)
        named = self._keys and _is_mapping(node)
        for step, part in pairs:
            word = str(step)[:_LONGEST_KEY]
            shown = word if _says_nothing(word) else "?"
            below = f"{path}.{shown}" if path else shown
            if named and isinstance(step, (str, int)):
                self._keep(step, below, "")
            self.visit(part, below, word, depth + 1, media)

    def _keep(self, node: Any, path: str, key: str) -> None:
        text = _text_of(node)
        if text is None:
            return
        self.found.append(Leaf(path, key, text, node if isinstance(node, (int, float)) else None))
        self._chars += len(text)
        if len(self.found) > MAX_LEAVES or self._chars > MAX_CHARS:
            raise Unscannable(
                f"the data holds more than {MAX_LEAVES} texts or {MAX_CHARS} characters"
            )


def _is_leaf(node: Any) -> bool:
    return type(node) is str or node is None or isinstance(node, _LEAVES)


def _is_mapping(node: object) -> bool:
    return isinstance(node, Mapping)


def _shape(node: Any) -> Shape:
    shape = shape_of(node)
    if shape is None:
        raise Unscannable(f"the data holds a {type(node).__name__}, which is not plain data")
    return shape


def _renamed(step: Any, texts: Mapping[int, str], counter: Iterator[int], used: list[Any]) -> Any:
    if not isinstance(step, (str, int)) or _text_of(step) is None:
        return step
    new = texts.get(next(counter))
    if new is None:
        return step
    number = 2
    name = new
    while name in used:  # two names that were replaced by the same words stay two
        name, number = f"{new} ({number})", number + 1
    return name


def _like(node: Any, new: str | None) -> Any:
    """Return `new` as bytes where it replaces bytes."""
    if new is None:
        return node
    return type(node)(new.encode("utf-8", "replace")) if isinstance(node, _BYTES) else new


def _fitting(new: Any, old: Any) -> Any:
    """A field for numbers keeps one: the words that stand for a card number do not fit there."""
    if new is old or isinstance(old, bool) or not isinstance(new, str):
        return new
    return _zero(old) if isinstance(old, (int, float, Decimal)) else new


def _zero(old: Any) -> Any:
    return type(old)(0)


def _says_nothing(key: str) -> bool:
    """A key may be an address or a number; paths stand in findings, which hold no such thing."""
    if key.isalpha():
        return True
    plain = all(char.isalnum() or char in "_- $" for char in key)
    return plain and sum(char.isdigit() for char in key) < 7


def _text_of(node: Any) -> str | None:
    if isinstance(node, Enum):
        node = node.value
    if isinstance(node, str):
        return node
    if node is None or isinstance(node, bool):
        return None
    if isinstance(node, _BYTES):
        return _decoded(bytes(node))
    if isinstance(node, Integral):
        number = int(node)
        return _digits(number) if abs(number) >= LONG_NUMBER else None
    if isinstance(node, float):  # tables with gaps hold their whole numbers as floats
        whole = math.isfinite(node) and node.is_integer() and LONG_NUMBER <= abs(node) < 1e20
        return str(int(node)) if whole else None
    if isinstance(node, _PRINTED):
        return str(node)
    return None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Unscannable("the data holds bytes that are no text") from None


def _digits(number: int) -> str:
    try:
        return str(number)
    except ValueError:  # Python refuses to write out very long ones
        raise Unscannable("the data holds a number of thousands of digits") from None


_BYTES: tuple[Any, ...] = (bytes, bytearray, memoryview)
_LEAVES = (str, bool, int, float, complex, Integral, *_BYTES, Enum, *_PRINTED)

"""A tool's arguments as typed variables: what conditions may name, read from the JSON Schema.

An argument `to` becomes `args.to`, an argument's part `message.to` becomes
`args.message.to`, and each has `given.<name>`, true if the call holds it. Kinds are
written as in CEL: `string`, `int`, `bool`, `dyn`, `list<string>`, `map<string, dyn>`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from guarded_agent.core.errors import ActionError

ANY = "dyn"
FREE_MAP = "map<string, dyn>"

_MAX_DEPTH = 20
_MAX_DOTS = 3
_MAX_NAMED = 500
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNNAMEABLE = frozenset({"in", "true", "false", "null"})  # CEL's own words

Schema = Mapping[str, Any]
Read = Callable[[Any, str], Any]
"""Return the value as conditions see it, or raise `ActionError` naming the path."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one value may be.

    Attributes:
        kind: How conditions are told of it.
        read: Checks a value and returns it as conditions see it.
        nullable: True if null may stand for it; null counts as not given.
        parts: The parts of an object whose parts are known.
        defaults: The values of parts that the call leaves out.
    """

    kind: str
    read: Read
    nullable: bool = False
    parts: Mapping[str, Shape] = field(default_factory=dict[str, "Shape"])
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Arguments:
    """The arguments of one tool.

    Example:
        >>> schema = {"properties": {"to": {"type": "string"}, "n": {"type": "integer"}}}
        >>> arguments = Arguments(schema)
        >>> arguments.kinds
        {'args.to': 'string', 'given.to': 'bool', 'args.n': 'int', 'given.n': 'bool'}
        >>> arguments.values({"to": "ann@acme.com"})
        {'args.to': 'ann@acme.com', 'given.to': True, 'given.n': False}
    """

    def __init__(self, schema: Schema) -> None:
        self.known = "properties" in schema
        self._shape = _Builder(schema).shape({**schema, "type": "object"}, 0)
        self.kinds: dict[str, str] = {}
        self._named: list[tuple[tuple[str, ...], Any, bool]] = []
        self._declare(self._shape, ())

    @property
    def names(self) -> list[str]:
        """The top-level arguments."""
        return list(self._shape.parts)

    @property
    def defaults(self) -> dict[str, Any]:
        """The values of arguments that a call leaves out, where the schema says them."""
        return {
            ".".join(path): default
            for path, default, is_leaf in self._named
            if is_leaf and default is not None
        }

    def values(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every variable that the call gives.

        Raises:
            ActionError: An argument is not in the schema, or not of its type.
        """
        checked = self._shape.read(args, "args")
        values: dict[str, Any] = {}
        for path, default, is_leaf in self._named:
            name = ".".join(path)
            value = at(checked, name)
            if value is not None and is_leaf:
                values[f"args.{name}"] = value
            elif default is not None and is_leaf:
                values[f"args.{name}"] = default
            values[f"given.{name}"] = value is not None
        return values

    def _declare(self, shape: Shape, prefix: tuple[str, ...]) -> None:
        for name, part in shape.parts.items():
            if not _NAME.fullmatch(name) or name in _UNNAMEABLE:
                continue
            if len(self._named) >= _MAX_NAMED or len(prefix) >= _MAX_DOTS:
                return
            path = (*prefix, name)
            is_leaf = not part.parts
            if is_leaf:
                self.kinds[f"args.{'.'.join(path)}"] = part.kind
            self.kinds[f"given.{'.'.join(path)}"] = "bool"
            self._named.append((path, shape.defaults.get(name), is_leaf))
            self._declare(part, path)


def at(value: Any, path: str) -> Any:
    """Return what stands at a dotted `path` in `value`, or None.

    Example:
        >>> at({"message": {"to": "ann@acme.com"}}, "message.to")
        'ann@acme.com'
    """
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, Any]", value).get(part)
    return value


class _Builder:
    """Reads one schema. A schema may come from a stranger, so nothing in it may multiply."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._references: dict[str, Shape] = {}

    def shape(self, schema: Any, depth: int) -> Shape:
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            return _ANYTHING
        schema = cast("Schema", schema)
        if "$ref" in schema:
            return self._referred(str(schema["$ref"]), depth)
        choices = schema.get("anyOf") or schema.get("oneOf")
        if choices:
            return _one_of([self.shape(choice, depth + 1) for choice in choices])
        if len(schema.get("allOf", ())) == 1:
            return self.shape(schema["allOf"][0], depth + 1)
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = cast("Sequence[Any]", kind)
            return _one_of([self.shape({**schema, "type": one}, depth + 1) for one in kinds])
        if kind is None and ("enum" in schema or "const" in schema):
            allowed = schema.get("enum", [schema.get("const")])
            return _STRING if all(isinstance(one, str) for one in allowed) else _ANYTHING
        if kind == "array":
            listed = "prefixItems" not in schema
            return _array(self.shape(schema.get("items"), depth + 1) if listed else _ANYTHING)
        if kind == "object" or (kind is None and "properties" in schema):
            properties: Schema = schema.get("properties") or {}
            parts = {name: self.shape(part, depth + 1) for name, part in properties.items()}
            return _object(schema, parts)
        return _SIMPLE.get(kind, _ANYTHING)

    def _referred(self, reference: str, depth: int) -> Shape:
        if reference not in self._references:
            self._references[reference] = _ANYTHING  # what a schema says of itself
            node: Any = self._root
            for part in reference.removeprefix("#/").split("/"):
                node = cast("Schema", node).get(part) if isinstance(node, Mapping) else None
            self._references[reference] = self.shape(node, depth + 1)
        return self._references[reference]


def _one_of(shapes: list[Shape]) -> Shape:
    others = [shape for shape in shapes if shape is not _NULL]
    nullable = len(others) < len(shapes) or any(shape.nullable for shape in others)
    if not others:
        return _NULL
    first = others[0]
    if len(others) == 1:
        return Shape(first.kind, first.read, nullable, first.parts, first.defaults)

    def read(value: Any, path: str) -> Any:
        for shape in others:
            try:
                return shape.read(value, path)
            except ActionError:
                continue
        raise ActionError(f"{path} is of none of the types that the tool takes", path=path)

    same = all(shape.kind == first.kind for shape in others)
    return Shape(first.kind if same else ANY, read, nullable)


def _array(item: Shape) -> Shape:
    kind = ANY if item.nullable else item.kind

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, (list, tuple)):
            raise ActionError(f"{path} must be a list", path=path)
        return [
            None if one is None and item.nullable else item.read(one, f"{path}[{index}]")
            for index, one in enumerate(cast("list[Any]", value))
        ]

    return Shape(f"list<{kind}>", read)


def _object(schema: Schema, parts: Mapping[str, Shape]) -> Shape:
    properties: Schema = schema.get("properties") or {}
    further = schema.get("additionalProperties")
    is_open = bool(further) or "properties" not in schema
    defaults: dict[str, Any] = {}
    for name, part in parts.items():
        said = properties[name]
        value = cast("Schema", said).get("default") if isinstance(said, Mapping) else None
        if value is not None:
            # A default that does not fit is no default: no rule can count on it.
            with suppress(ActionError):
                defaults[name] = part.read(value, name)

    def read(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise ActionError(f"{path} must be an object", path=path)
        seen: dict[str, Any] = {}
        for name, one in cast("Mapping[str, Any]", value).items():
            part = parts.get(name)
            if part is None:
                if not is_open:
                    raise ActionError(f"{path} holds something the tool does not take", path=path)
                seen[name] = one
            elif one is None and part.nullable:
                seen[name] = None
            else:
                seen[name] = part.read(one, f"{path}.{name}")
        return seen

    return Shape(FREE_MAP, read, parts=parts, defaults=defaults)


def _anything(value: Any, path: str) -> Any:  # noqa: ARG001  # a reader as the others are
    return value


def _string(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise ActionError(f"{path} must be text", path=path)
    return value


def _boolean(value: Any, path: str) -> Any:
    if not isinstance(value, bool):
        raise ActionError(f"{path} must be true or false", path=path)
    return value


def _number(value: Any, path: str) -> Any:
    try:
        fits = isinstance(value, (int, float)) and math.isfinite(value)
    except OverflowError:  # hundreds of digits: no double holds it
        fits = False
    if not fits or isinstance(value, bool):
        raise ActionError(f"{path} must be a number", path=path)
    return value


def _integer(value: Any, path: str) -> Any:
    number = _number(value, path)
    if number != int(number):
        raise ActionError(f"{path} must be a whole number", path=path)
    return int(number)


def _null(value: Any, path: str) -> Any:
    if value is not None:
        raise ActionError(f"{path} must be null", path=path)


_ANYTHING = Shape(ANY, _anything)
_STRING = Shape("string", _string)
_NULL = Shape(ANY, _null, nullable=True)
_SIMPLE: dict[Any, Shape] = {
    "string": _STRING,
    "integer": Shape("int", _integer),
    # CEL compares no int with a double, so a number is `dyn`: `args.amount > 100` must do.
    "number": Shape(ANY, _number),
    "boolean": Shape("bool", _boolean),
    "null": _NULL,
}

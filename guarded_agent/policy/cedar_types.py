"""A tool's arguments in Cedar: the type that a schema declares, and the values of one call.

Cedar knows text, whole numbers of 64 bits, true and false, decimals of four places, sets and
records. An argument of another type (a free mapping, one of several types) is left out of both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, cast

from guarded_agent.core.errors import ActionError

_SIMPLE = {"string": "String", "integer": "Long", "boolean": "Bool", "number": "decimal"}
_LONG = 2**63
_PLACES = 4
_MAX_DEPTH = 10

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """What Cedar knows of one value.

    Attributes:
        name: `String`, `Long`, `Bool`, `decimal`, `Set` or `Record`.
        item: What a set holds.
        parts: The attributes of a record.
        needed: The attributes that every call has.
        defaults: What the tool takes where a call leaves an attribute out.
        nullable: True if null may stand for it, which is as if it were not given.
    """

    name: str
    item: Kind | None = None
    parts: Mapping[str, Kind] = field(default_factory=dict[str, "Kind"])
    needed: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict[str, Any])
    nullable: bool = False

    @property
    def text(self) -> str:
        """The type as a Cedar schema has it."""
        if self.item is not None:
            return f"Set<{self.item.text}>"
        if self.name != "Record":
            return self.name
        parts = (
            f"{json.dumps(name)}{'' if name in self.needed else '?'}: {part.text}"
            for name, part in self.parts.items()
        )
        return f"{{{', '.join(parts)}}}"

    def value(self, given: Any, path: str) -> Any:
        """Return `given` as Cedar's JSON has it.

        Raises:
            ActionError: Cedar cannot hold it.
        """
        match self.name:
            case "decimal":
                return _decimal(given, path)
            case "Long" if not -_LONG <= given < _LONG:
                raise ActionError(f"{path} is larger than the whole numbers of Cedar", path=path)
            case "Set" if self.item is not None:
                return [self.item.value(one, f"{path}[{i}]") for i, one in enumerate(given)]
            case "Record":
                whole = {**self.defaults, **given}
                return {
                    name: part.value(whole[name], f"{path}.{name}")
                    for name, part in self.parts.items()
                    if whole.get(name) is not None  # Cedar has no null: it is not given
                }
            case _:
                return int(given) if self.name == "Long" else given


def arguments(schema: Schema) -> Kind:
    """Return what Cedar knows of a tool's arguments.

    Example:
        >>> schema = {"properties": {"to": {"type": "string"}, "n": {"type": "number"}},
        ...           "required": ["to"]}
        >>> arguments(schema).text
        '{"to": String, "n"?: decimal}'
    """
    kind = _kind({**schema, "type": "object", "properties": schema.get("properties") or {}}, schema)
    return kind or Kind("Record")


def _kind(schema: Any, root: Schema, depth: int = 0) -> Kind | None:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return None
    schema = cast("Schema", schema)
    if "$ref" in schema:
        return _kind(_referred(str(schema["$ref"]), root), root, depth + 1)
    choices = cast("Sequence[Any]", schema.get("anyOf") or schema.get("oneOf") or ())
    if isinstance(schema.get("type"), list):
        choices = [{**schema, "type": one} for one in cast("Sequence[Any]", schema["type"])]
    if choices:
        others = [one for one in choices if not _is_null(one)]
        only = _kind(others[0], root, depth + 1) if len(others) == 1 else None
        return only and replace(only, nullable=only.nullable or len(choices) > 1)
    name = schema.get("type")
    if name == "array":
        item = _kind(schema.get("items"), root, depth + 1)
        return None if item is None else Kind("Set", item)
    if name == "object" and isinstance(schema.get("properties"), Mapping):
        return _record(schema, root, depth)
    allowed = cast("Sequence[Any]", schema.get("enum", [schema.get("const")]))
    if name is None and all(isinstance(one, str) for one in allowed):
        name = "string"
    return Kind(_SIMPLE[name]) if name in _SIMPLE else None


def _record(schema: Schema, root: Schema, depth: int) -> Kind:
    parts: dict[str, Kind] = {}
    defaults: dict[str, Any] = {}
    for name, said in cast("Mapping[str, Any]", schema["properties"]).items():
        # Cedar's JSON means more than data by __entity, __extn and the like.
        kind = None if name.startswith("__") else _kind(said, root, depth + 1)
        if kind is None:
            continue
        parts[name] = kind
        default = cast("Schema", said).get("default")
        if default is not None and not kind.nullable:
            defaults[name] = default
    required = cast("Sequence[str]", schema.get("required") or ())
    needed = [name for name in parts if name in required and not parts[name].nullable]
    return Kind("Record", None, parts, frozenset({*needed, *defaults}), defaults)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, Mapping) and cast("Schema", schema).get("type") == "null"


def _referred(reference: str, root: Schema) -> Any:
    node: Any = root
    for part in reference.removeprefix("#/").split("/"):
        node = cast("Schema", node).get(part) if isinstance(node, Mapping) else None
    return node


def _decimal(given: Any, path: str) -> Any:
    if not math.isfinite(given):
        raise ActionError(f"{path} is no number that Cedar can hold", path=path)
    number = Decimal(repr(given))
    if number != round(number, _PLACES) or abs(number) >= Decimal(_LONG) / 10**_PLACES:
        raise ActionError(
            f"{path} has more than the four decimal places, or more digits, than Cedar's decimal "
            "holds",
            path=path,
        )
    return {"__extn": {"fn": "decimal", "arg": f"{number:.{_PLACES}f}"}}

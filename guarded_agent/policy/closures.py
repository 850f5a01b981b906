"""Closures with CEL's answers, of which `simple` builds conditions.

As in CEL, a value that is missing or of another kind is an error; `false && error` is
false and `true || error` is true, in either order; an int equals the double of its value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from guarded_agent.policy.conditions import Failure, not_given

Closure = Callable[[Mapping[str, Any]], Any]
"""Returns a value or a `Failure` for the values of variables. It may raise, which is an error."""

TEXTS = "list<string>"
EQUALITY = ("==", "!=")

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_LEAST, _MOST, _MOST_UNSIGNED = -(2**63), 2**63 - 1, 2**64 - 1
_NOTHING = object()


def negation(of: Closure) -> Closure:
    """Return `!of`."""

    def run(values: Mapping[str, Any]) -> Any:
        value = of(values)
        return not value if value is True or value is False else value

    return run


def all_of(parts: Sequence[Closure]) -> Closure:
    """Return `a && b && ...`."""

    def run(values: Mapping[str, Any]) -> Any:
        whole: Any = True
        for part in parts:
            value = part(values)
            if value is False:
                return False
            if value is not True and whole is True:
                whole = value
        return whole

    return run


def any_of(parts: Sequence[Closure]) -> Closure:
    """Return `a || b || ...`."""

    def run(values: Mapping[str, Any]) -> Any:
        whole: Any = False
        for part in parts:
            value = part(values)
            if value is True:
                return True
            if value is not False and whole is False:
                whole = value
        return whole

    return run


def typed(read: Closure, sign: str, literal: Any) -> Closure:
    """Compare what `read` returns with a literal of the same kind; `has` is `in` from the left."""
    compare = _by(sign)

    def run(values: Mapping[str, Any]) -> Any:
        value = read(values)
        return value if type(value) is Failure else compare(value, literal)

    return run


def pair(left: Closure, sign: str, right: Closure) -> Closure:
    """Compare what two readers of one kind return."""
    compare = _by(sign)

    def run(values: Mapping[str, Any]) -> Any:
        one, other = left(values), right(values)
        if type(one) is Failure:
            return one
        return other if type(other) is Failure else compare(one, other)

    return run


def _by(sign: str) -> Callable[[Any, Any], bool]:
    if sign == "in":
        return lambda value, among: value in among
    return operator.contains if sign == "has" else OPERATORS[sign]


def untyped(name: str, sign: str, literal: bool | int | float | str) -> Closure:
    """Compare a value of any kind: numbers by value, and equality never fails."""
    compare = OPERATORS[sign]
    missing, other = Failure(not_given(name)), Failure(f"{name} is of a kind that {sign} refuses")
    is_number = not isinstance(literal, (bool, str))
    as_double = float(literal) if is_number else 0.0
    whole = type(literal) is int
    fits = type(literal)

    def run(values: Mapping[str, Any]) -> Any:
        value = values.get(name, _NOTHING)
        kind = type(value)  # pyright: ignore[reportUnknownVariableType]  # it may be any
        if is_number and kind is float:
            return compare(value, as_double)
        if is_number and kind is int:
            if not _LEAST <= value <= _MOST_UNSIGNED:
                return other
            # Like CEL: an int meets a double as the nearest double.
            return compare(value, literal) if whole else compare(float(value), as_double)
        if value is _NOTHING:
            return missing
        if not _readable(value):
            return other
        if kind is fits:
            return compare(value, literal)
        return sign == "!=" if sign in EQUALITY else other

    return run


def _readable(value: Any) -> bool:
    """Return whether CEL can take a value; raise where text cannot be encoded."""
    if isinstance(value, str):
        if not value.isascii():
            value.encode()
        return True
    if isinstance(value, Mapping):
        pairs = cast("Mapping[Any, Any]", value).items()
        return all(_readable(key) and _readable(one) for key, one in pairs)
    if isinstance(value, (list, tuple)):
        return all(_readable(one) for one in cast("Sequence[Any]", value))
    return not isinstance(value, int) or _LEAST <= value <= _MOST_UNSIGNED


def _reader(name: str, fits: Callable[[Any], bool], kind: str) -> Closure:
    missing, other = Failure(not_given(name)), Failure(f"{name} is not {kind}")

    def run(values: Mapping[str, Any]) -> Any:
        value = values.get(name, _NOTHING)
        if fits(value):
            return value
        return missing if value is _NOTHING else other

    return run


def integer(name: str) -> Closure:
    """Read a variable of kind `int`."""

    def fits(value: Any) -> bool:
        return type(value) is int and _LEAST <= value <= _MOST

    return _reader(name, fits, "a whole number that conditions can take")


def boolean(name: str) -> Closure:
    """Read a variable of kind `bool`."""
    return _reader(name, lambda value: value is True or value is False, "true or false")


def text(name: str) -> Closure:
    """Read a variable of kind `string`."""
    return _reader(name, lambda value: isinstance(value, str) and _readable(value), "text")


def texts(name: str) -> Closure:
    """Read a variable of kind `list<string>`."""

    def fits(value: Any) -> bool:
        if not isinstance(value, (list, tuple)):
            return False
        items = cast("Sequence[Any]", value)
        return all(isinstance(one, str) and _readable(one) for one in items)

    return _reader(name, fits, "a list of texts")


def anything(name: str) -> Closure:
    """Read a variable of kind `dyn`."""
    return _reader(name, lambda value: value is not _NOTHING and _readable(value), "readable")


def size_of(read: Closure) -> Closure:
    """Return the size of what `read` returns."""

    def run(values: Mapping[str, Any]) -> Any:
        value = read(values)
        return value if type(value) is Failure else len(value)

    return run


READERS: Mapping[str, Callable[[str], Closure]] = {
    "int": integer,
    "string": text,
    "bool": boolean,
    "dyn": anything,
    TEXTS: texts,
}

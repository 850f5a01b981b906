"""The kinds of data that hold others: what is in them, and how the same thing is built again.

A shape tells the parts of a value and builds a value of the same type from new parts.
What is no container has no shape; what it says is for `text` to tell.
"""

# Any object may come here, of any type.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false

from __future__ import annotations

import copy
import dataclasses
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from pydantic import BaseModel


class Shape(NamedTuple):
    """What is in a value.

    Attributes:
        steps: For each part its name, or its place in a sequence.
        parts: The parts.
        build: Makes a value of the same type from as many new parts.
        typed: Whether parts have a type of their own: a number must stay a number.
    """

    steps: Sequence[object]
    parts: Sequence[Any]
    build: Callable[[list[Any]], Any]
    typed: bool = False


def shape_of(value: Any) -> Shape | None:
    """Return the shape of `value`, or None if it holds no other values.

    Example:
        >>> shape = shape_of({"to": "ann"})
        >>> list(shape.steps), shape.build(["bo"])
        (['to'], {'to': 'bo'})
    """
    if type(value) is dict or isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return _sequence(value)
    if isinstance(value, BaseException):
        return _exception(value)
    table = _table(value)
    if table is not None:
        return table
    fields = _fields(value)
    if fields is not None:
        held = fields

        def build(parts: list[Any]) -> Any:
            return _with(value, held, parts)

        return Shape(list(held), list(held.values()), build, True)
    return None


def _mapping(value: Mapping[Any, Any]) -> Shape:
    names = list(value)

    def build(parts: list[Any]) -> Any:
        new = dict(zip(names, parts, strict=True))
        if type(value) is dict or not isinstance(value, dict):
            return new
        same = copy.copy(value)  # a subclass, such as defaultdict, keeps what else it holds
        same.update(new)
        return same

    return Shape(names, [value[name] for name in names], build)


def _sequence(value: Any) -> Shape:
    parts = list(value)

    def build(new: list[Any]) -> Any:
        if hasattr(value, "_make"):  # a named tuple
            return value._make(new)
        if isinstance(value, deque):
            return deque(new, value.maxlen)
        kind = cast("Any", type(value))
        base = next(each for each in (list, tuple, set, frozenset) if isinstance(value, each))
        return kind(new) if kind is base else _subclass(kind, base, new)

    return Shape(range(len(parts)), parts, build)


def _subclass(kind: Any, base: Any, new: list[Any]) -> Any:
    try:
        return kind(new)
    except Exception:  # its constructor wants something else
        return base(new)


def _exception(error: BaseException) -> Shape:
    """An error says something in its arguments, its notes, its attributes, and in its cause."""
    held = {"args": error.args, **vars(error)}
    for name in ("__cause__", "__context__"):
        if getattr(error, name) is not None:
            held[name] = getattr(error, name)
    names = list(held)

    def build(parts: list[Any]) -> Any:
        new = _bare(type(error), parts[0])
        for name, part in zip(names, parts, strict=True):
            setattr(new, name, part)
        new.__suppress_context__ = error.__suppress_context__
        return new.with_traceback(error.__traceback__)

    return Shape(names, [held[name] for name in names], build)


def _bare(kind: Any, args: Any) -> BaseException:
    try:  # without its `__init__`, which may want other things than what it kept
        return cast("BaseException", kind.__new__(kind, *args))
    except Exception:
        return Exception()


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, type):
        return None
    if isinstance(value, BaseModel):
        named = {name: getattr(value, name) for name in type(value).model_fields}
        return named | dict(value.model_extra or {})
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    names = [each.name for each in getattr(type(value), "__attrs_attrs__", ())]
    if names:
        return {name: getattr(value, name) for name in names}
    if isinstance(value, SimpleNamespace) or _is_plain_object(value):
        return dict(vars(value))
    return None


def _is_plain_object(value: Any) -> bool:
    """Whether all that a value holds stands in its attributes: a class written in Python."""
    kind = type(value)
    # No iterators, files, locks or clients: only classes that inherit from `object` alone.
    return (
        kind.__flags__ & (1 << 9) != 0  # made by a class statement
        and set(kind.__mro__[-1:]) == {object}
        and all(each.__flags__ & (1 << 9) for each in kind.__mro__[:-1])
        and hasattr(value, "__dict__")
        and not any(vars(each).get("__slots__") for each in kind.__mro__[:-1])
        and not callable(value)
        and not hasattr(kind, "__next__")
        and bool(vars(value))
    )


def _with(value: Any, fields: dict[str, Any], parts: list[Any]) -> Any:
    changed = {
        name: part
        for (name, old), part in zip(fields.items(), parts, strict=True)
        if part is not old
    }
    if isinstance(value, BaseModel):
        return value.model_copy(update=changed)
    new = copy.copy(value)
    for name, part in changed.items():
        object.__setattr__(new, name, part)  # also where the class is frozen
    return new


def _table(value: Any) -> Shape | None:
    """Arrays of numpy, columns and tables of pandas: each different value once."""
    room = type(value).__module__.partition(".")[0]
    if room not in ("numpy", "pandas"):
        return None
    kind = f"{room}.{type(value).__name__}"
    if kind == "numpy.ndarray" and value.dtype.kind in "OUSiuf":
        return _array(value)
    if kind == "pandas.Series":
        return _column(value)
    if kind == "pandas.DataFrame":
        return _frame(value)
    return None


def _array(value: Any) -> Shape:
    numpy = sys.modules["numpy"]
    flat = value.ravel().tolist()
    unique = _unique(flat)

    def build(parts: list[Any]) -> Any:
        new = dict(zip(map(_key, unique), parts, strict=True))
        out = [new[_key(item)] for item in flat]
        changed = numpy.empty(len(out), dtype=object)
        changed[:] = out
        made = changed.reshape(value.shape)
        return made.astype(value.dtype.kind) if value.dtype.kind in "US" else made

    return Shape(range(len(unique)), unique, build)


def _column(value: Any) -> Shape:
    cells = value.tolist()
    unique = _unique(cells)
    index = _names(value.index)

    def build(parts: list[Any]) -> Any:
        new = dict(zip(map(_key, unique), parts[1:], strict=True))
        made = [new[_key(item)] for item in cells]
        column = value.copy() if parts[1:] == unique else _column_of(value, made)
        if parts[0] is not index:
            column.index = parts[0]
        return column

    return Shape(["index", *range(len(unique))], [index, *unique], build)


def _column_of(value: Any, cells: list[Any]) -> Any:
    made = type(value)(cells, index=value.index, name=value.name, dtype=object)
    if value.dtype == object:
        return made
    try:  # a column of texts or categories stays one; one of numbers with a text in it cannot
        return made.astype("category" if value.dtype == "category" else value.dtype)
    except (TypeError, ValueError):
        return made


def _frame(value: Any) -> Shape:
    columns = [value.iloc[:, at].reset_index(drop=True) for at in range(value.shape[1])]
    index = _names(value.index)

    def build(parts: list[Any]) -> Any:
        new = value.copy()
        for at, part in enumerate(parts[1:]):
            if part is not columns[at]:
                new.isetitem(at, part.set_axis(value.index))
        if parts[0] is not index:
            new.index = parts[0]
        return new

    names = [str(name) for name in value.columns]
    return Shape(["index", *names], [index, *columns], build)


def _names(index: Any) -> list[Any]:
    """Return the names of rows; rows that are only counted have none."""
    return [] if type(index).__name__ == "RangeIndex" else index.tolist()


def _unique(cells: list[Any]) -> list[Any]:
    return list({_key(cell): cell for cell in cells}.values())


def _key(cell: Any) -> object:
    try:
        hash(cell)
    except TypeError:
        return id(cell)
    return type(cell), cell

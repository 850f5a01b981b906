"""Replace live objects wherever a node holds them, on copies: the originals stay as they are.

Functions may hold each other in circles, so this goes in two steps. First it
looks which values lead to something that is replaced; then it copies just those,
each once, and fills the copies in afterwards.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import copy
import dis
import functools
import types
from collections.abc import Callable
from typing import Any, cast

from langgraph._internal._runnable import RunnableCallable
from langgraph.func import _TaskFunction

from guarded_agent.agent.code import PLAIN_ROOTS, codes, composed, home, root

Replace = Callable[[Any], Any]


def swapped(value: Any, replace: Replace) -> tuple[Any, int]:
    """Return `value` with live objects replaced wherever it holds them, and how many.

    Args:
        value: A node's runnable, or anything that it holds.
        replace: Returns what takes an object's place, or the object itself.
    """
    swap = _Swap(replace)
    swap.look(value)
    return swap.made(value), len(swap.replaced)


class _Swap:
    def __init__(self, replace: Replace) -> None:
        self.replace = replace
        self.values: dict[int, Any] = {}  # keeps what is looked at alive, so that ids hold
        self.parents: dict[int, set[int]] = {}
        self.replaced: dict[int, Any] = {}
        self.leading: set[int] = set()
        self.copies: dict[int, Any] = {}

    def look(self, value: Any) -> None:
        """Find what is replaced, and everything that leads to it."""
        todo = [value]
        while todo:
            item = todo.pop()
            if id(item) in self.values:
                continue
            self.values[id(item)] = item
            new = self.replace(item)
            if new is not item:
                self.replaced[id(item)] = new
                continue
            for child in _children(item):
                self.parents.setdefault(id(child), set()).add(id(item))
                todo.append(child)
        up = list(self.replaced)
        while up:
            for parent in self.parents.get(up.pop(), ()):
                if parent not in self.leading:
                    self.leading.add(parent)
                    up.append(parent)

    def made(self, value: Any) -> Any:
        """Return what takes the place of `value`: itself where it leads to nothing."""
        if id(value) in self.replaced:
            return self.replaced[id(value)]
        if id(value) not in self.leading:
            return value
        if id(value) not in self.copies:
            self._copy(value)
        return self.copies[id(value)]

    def _copy(self, value: Any) -> None:
        keep = functools.partial(self.copies.__setitem__, id(value))
        match value:
            case types.FunctionType():
                self._copy_function(value)
            case types.MethodType():
                keep(types.MethodType(self.made(value.__func__), value.__self__))
            case functools.partial():
                part = cast("functools.partial[Any]", value)
                words = {name: self.made(item) for name, item in part.keywords.items()}
                keep(functools.partial(self.made(part.func), *map(self.made, part.args), **words))
            case list():
                items: list[Any] = []
                keep(items)
                items.extend(map(self.made, value))
            case tuple():
                keep(tuple(map(self.made, value)))
            case dict():
                mapping: dict[Any, Any] = {}
                keep(mapping)
                mapping.update({key: self.made(item) for key, item in value.items()})
            case _:
                new = copy.copy(value)
                keep(new)
                for name in _parts(value):
                    # Past pydantic: some of these names are frozen, or no fields.
                    new.__dict__[name] = self.made(getattr(value, name))

    def _copy_function(self, function: types.FunctionType) -> None:
        """Copy a function with new cells for what changes; cells that do not are shared."""
        old_cells = function.__closure__ or ()
        contents = [_content(cell) for cell in old_cells]
        changes = [id(item) in self.leading or id(item) in self.replaced for item in contents]
        new_cells = tuple(
            types.CellType() if change else cell
            for cell, change in zip(old_cells, changes, strict=True)
        )
        words = [
            word
            for word in _global_words(function)
            if id(function.__globals__[word]) in self.leading | self.replaced.keys()
        ]
        around = _Globals(function.__globals__) if words else function.__globals__
        new = types.FunctionType(
            function.__code__, around, function.__name__, function.__defaults__, new_cells
        )
        new.__kwdefaults__ = function.__kwdefaults__
        new.__module__ = function.__module__
        new.__qualname__ = function.__qualname__
        new.__dict__.update(function.__dict__)
        new.__annotations__ = function.__annotations__
        self.copies[id(function)] = new
        for cell, item, change in zip(new_cells, contents, changes, strict=True):
            if change:
                cell.cell_contents = self.made(item)
        for word in words:
            around[word] = self.made(function.__globals__[word])


class _Globals(dict[str, Any]):
    """A function's globals with a few names replaced; all others are read live.

    CPython looks a global up by `__getitem__` where the globals are no plain dict.
    """

    def __init__(self, live: dict[str, Any]) -> None:
        super().__init__(__name__=live.get("__name__"))
        self.live = live

    def __missing__(self, name: str) -> Any:
        return self.live[name]


def _children(value: Any) -> list[Any]:
    match value:
        case types.FunctionType():
            held = [_content(cell) for cell in value.__closure__ or ()]
            return held + [value.__globals__[word] for word in _global_words(value)]
        case types.MethodType():
            return [value.__func__]
        case functools.partial():
            part = cast("functools.partial[Any]", value)
            return [part.func, *part.args, *part.keywords.values()]
        case list() | tuple():
            return list(value)
        case dict():
            return list(value.values())
        case _:
            return [getattr(value, name) for name in _parts(value)]


def _parts(value: Any) -> list[str]:
    if isinstance(value, RunnableCallable):
        return ["func", "afunc"]
    if isinstance(value, _TaskFunction):
        return ["func", "__wrapped__"]
    return composed(value) or []


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _global_words(function: types.FunctionType) -> list[str]:
    """Names of globals that a user's function reads; a library's own are its own."""
    if root(home(function)) in PLAIN_ROOTS | {"deepagents", "langchain"}:
        return []
    words = {
        str(step.argval)
        for code in codes(function.__code__)
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    return sorted(word for word in words if word in function.__globals__)

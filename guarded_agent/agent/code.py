"""What a node's own code holds: models to guard, graphs to rebuild, and what is unknown.

A node is a function. It is plain if everything that it can reach by name is on
an allow-list; whatever is not known is reported, never assumed harmless. The
functions are read, not run; a copy with other values takes their place.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import builtins
import copy
import dis
import enum
import functools
import logging
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableLambda,
    RunnableSequence,
)
from langchain_core.tools import BaseTool
from langgraph._internal._runnable import RunnableCallable, RunnableSeq
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

# Libraries whose functions shape data, route, or (langsmith) trace as LangChain itself does.
# fmt: off
_PLAIN_ROOTS = frozenset({
    "abc", "asyncio", "builtins", "collections", "copy", "dataclasses", "datetime", "decimal",
    "enum", "fractions", "functools", "itertools", "json", "langchain_core", "langgraph",
    "langsmith", "logging", "math", "numbers", "operator", "pydantic", "pydantic_core", "random",
    "re", "statistics", "string", "textwrap", "time", "types", "typing", "typing_extensions",
    "unicodedata", "uuid", "zoneinfo",
})
# fmt: on
# Agent builders whose nodes are known: they hold tools to describe them, not to run them.
_BUILDERS = frozenset({"langchain.agents.factory", "langgraph.prebuilt.chat_agent_executor"})
_LIBRARY_MIDDLEWARE = "langchain.agents.middleware."
_FORBIDDEN = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open"})


@dataclass(slots=True)
class Holdings:
    """What was found: live objects, and what is unknown in words."""

    models: list[BaseChatModel] = field(default_factory=list[BaseChatModel])
    graphs: list[Pregel[Any, Any, Any, Any]] = field(
        default_factory=list[Pregel[Any, Any, Any, Any]]
    )
    tools: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    _seen: set[int] = field(default_factory=set[int])


def holdings(value: Any, *, name: str = "it") -> Holdings:
    """Return what `value`, usually a node's runnable, can reach by name."""
    found = Holdings()
    _look(value, name, found, builder=False)
    return found


def _look(value: Any, name: str, found: Holdings, *, builder: bool) -> None:
    if id(value) in found._seen:
        return
    found._seen.add(id(value))
    if value is None or isinstance(
        value, (str, bytes, int, float, enum.Enum, re.Pattern, logging.Logger)
    ):
        return
    match value:
        case BaseChatModel():
            found.models.append(value)
        case Pregel():
            found.graphs.append(cast("Pregel[Any, Any, Any, Any]", value))
        case BaseTool() | ToolNode():
            if not builder:
                found.tools.append(f"{name} ({value.name})")
        case RunnableCallable():
            _look(value.func, name, found, builder=builder)
            _look(value.afunc, name, found, builder=builder)
        case Runnable():
            _look_runnable(cast("Runnable[Any, Any]", value), name, found, builder=builder)
        case types.MethodType():
            _look_method(value, name, found, builder=builder)
        case types.FunctionType():
            _look_function(value, name, found)
        case functools.partial():
            part = cast("functools.partial[Any]", value)
            _look_all((part.func, *part.args, *part.keywords.values()), name, found, builder)
        case list() | tuple() | set() | frozenset():
            _look_all(cast("Iterable[Any]", value), name, found, builder)
        case dict():
            _look_all(cast("dict[Any, Any]", value).values(), name, found, builder)
        case _:
            _look_other(value, name, found)


def _look_all(values: Iterable[Any], name: str, found: Holdings, builder: bool) -> None:
    for value in values:
        _look(value, name, found, builder=builder)


def _look_runnable(value: Runnable[Any, Any], name: str, found: Holdings, *, builder: bool) -> None:
    match value:
        case RunnableBinding():
            _look(cast("RunnableBinding[Any, Any]", value).bound, name, found, builder=builder)
        case RunnableSequence():
            _look_all(cast("RunnableSequence[Any, Any]", value).steps, name, found, builder)
        case RunnableSeq():
            _look_all(value.steps, name, found, builder)
        case RunnableLambda():
            either = getattr(value, "func", None) or getattr(value, "afunc", None)
            _look(either, name, found, builder=builder)
        case _:
            root = type(value).__module__
            if not root.startswith(("langchain_core.prompts", "langchain_core.output_parsers")):
                found.unknown.append(f"{name} is a {type(value).__name__}")


def _look_method(value: types.MethodType, name: str, found: Holdings, *, builder: bool) -> None:
    owner = value.__self__
    module = type(owner).__module__
    if module.startswith((_LIBRARY_MIDDLEWARE, "langgraph.")) or _root(module) == "langchain_core":
        return
    _look(value.__func__, name, found, builder=builder)
    state = getattr(owner, "__dict__", None)
    if isinstance(state, dict):
        _look_all(cast("dict[str, Any]", state).values(), f"{name} (self)", found, builder)


def _look_function(function: types.FunctionType, name: str, found: Holdings) -> None:
    module = function.__module__ or ""
    builder = module in _BUILDERS
    for cell_name, value in _cells(function):
        _look(value, f"{name}: {cell_name}", found, builder=builder)
    if builder or _root(module) in _PLAIN_ROOTS:
        return  # a library's own globals are its own
    _look_all(function.__defaults__ or (), name, found, False)
    _look_all((function.__kwdefaults__ or {}).values(), name, found, False)
    for code in _codes(function.__code__):
        _look_code(code, function.__globals__, name, found)


def _look_code(code: types.CodeType, around: Mapping[str, Any], name: str, found: Holdings) -> None:
    for step in dis.get_instructions(code):
        if step.opname == "STORE_GLOBAL":
            found.unknown.append(f"{name} changes the global {step.argval}")
        elif step.opname == "IMPORT_NAME" and _root(str(step.argval)) not in _PLAIN_ROOTS:
            found.unknown.append(f"{name} imports {step.argval}")
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            _look_global(str(step.argval), around, name, found)


def _look_global(word: str, around: Mapping[str, Any], name: str, found: Holdings) -> None:
    if word in around:
        _look(around[word], f"{name}: {word}", found, builder=False)
    elif word in _FORBIDDEN:
        found.unknown.append(f"{name} calls {word}()")
    elif not hasattr(builtins, word) and not word.startswith("__"):
        found.unknown.append(f"{name} uses {word}, which is not defined yet")


def _look_other(value: Any, name: str, found: Holdings) -> None:
    if isinstance(value, types.ModuleType):
        if _root(value.__name__) not in _PLAIN_ROOTS:
            found.unknown.append(f"{name} is the module {value.__name__}")
        return
    if isinstance(value, type):
        _look_class(cast("type[Any]", value), name, found)
        return
    if isinstance(value, types.BuiltinFunctionType):
        if (
            value.__name__ in _FORBIDDEN
            or _root(value.__module__ or "builtins") not in _PLAIN_ROOTS
        ):
            found.unknown.append(f"{name} is {value.__module__}.{value.__name__}")
        return
    if _root(type(value).__module__) not in _PLAIN_ROOTS:
        found.unknown.append(f"{name} is a {type(value).__module__}.{type(value).__name__}")


def _look_class(value: type[Any], name: str, found: Holdings) -> None:
    if _root(value.__module__) in _PLAIN_ROOTS:
        return
    for attribute in vars(value).values():
        function = getattr(attribute, "__func__", attribute)
        if isinstance(function, types.FunctionType):
            _look_function(function, f"{name}.{function.__name__}", found)


def _root(module: str) -> str:
    return module.partition(".")[0]


def _cells(function: types.FunctionType) -> list[tuple[str, Any]]:
    values: list[tuple[str, Any]] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values.append((name, cell.cell_contents))
        except ValueError:  # filled later: a name that refers to itself
            continue
    return values


def _codes(code: types.CodeType) -> list[types.CodeType]:
    """The code and every function inside it."""
    nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [code, *(inner for item in nested for inner in _codes(item))]


Replace = Callable[[Any], Any]


class _Globals(dict[str, Any]):
    """A function's globals with a few names replaced; all others are read live."""

    def __init__(self, live: dict[str, Any], replaced: dict[str, Any]) -> None:
        super().__init__(replaced)
        self.live = live

    def __missing__(self, name: str) -> Any:
        return self.live[name]


def swapped(value: Any, replace: Replace) -> tuple[Any, int]:
    """Return `value` with live objects replaced wherever it holds them, and how many.

    Runnables, functions, their closures and globals are copied, never changed.

    Args:
        value: A node's runnable, or anything that it holds.
        replace: Returns what takes an object's place, or the object itself.
    """
    return _Swap(replace).value(value)


class _Swap:
    """One walk that replaces objects; each function is copied once."""

    def __init__(self, replace: Replace) -> None:
        self.replace = replace
        self.done: dict[int, tuple[Any, int]] = {}

    def value(self, value: Any) -> tuple[Any, int]:
        new = self.replace(value)
        if new is not value:
            return new, 1
        if id(value) in self.done:
            return self.done[id(value)]
        self.done[id(value)] = (value, 0)  # what refers to itself keeps the original there
        self.done[id(value)] = result = self._inside(value)
        return result

    def _inside(self, value: Any) -> tuple[Any, int]:
        match value:
            case RunnableCallable():
                return self._attributes(value, ("func", "afunc"))
            case RunnableBinding():
                binding = cast("RunnableBinding[Any, Any]", value)
                inner, hits = self.value(binding.bound)
                return (binding.model_copy(update={"bound": inner}), hits) if hits else (value, 0)
            case RunnableSequence():
                sequence = cast("RunnableSequence[Any, Any]", value)
                steps, hits = self._list(sequence.steps)
                return (RunnableSequence(*steps, name=sequence.name), hits) if hits else (value, 0)
            case RunnableSeq():
                return self._attributes(value, ("steps",))
            case RunnableLambda():
                held = [name for name in ("func", "afunc") if hasattr(value, name)]
                return self._attributes(value, tuple(held))
            case types.MethodType():
                function, hits = self.value(value.__func__)
                return (types.MethodType(function, value.__self__), hits) if hits else (value, 0)
            case types.FunctionType():
                return self._function(value)
            case functools.partial():
                part = cast("functools.partial[Any]", value)
                function, hits = self.value(part.func)
                args, more = self._list(list(part.args))
                words, most = self.value(part.keywords)
                total = hits + more + most
                return (functools.partial(function, *args, **words), total) if total else (value, 0)
            case list():
                items, hits = self._list(cast("list[Any]", value))
                return (items, hits) if hits else (cast("list[Any]", value), 0)
            case dict():
                mapping = cast("dict[Any, Any]", value)
                items, hits = self._list(list(mapping.values()))
                return (dict(zip(mapping, items, strict=True)), hits) if hits else (mapping, 0)
            case _:
                return value, 0

    def _list(self, values: list[Any]) -> tuple[list[Any], int]:
        results = [self.value(value) for value in values]
        return [value for value, _ in results], sum(hits for _, hits in results)

    def _attributes(self, value: Any, names: tuple[str, ...]) -> tuple[Any, int]:
        results = {name: self.value(getattr(value, name)) for name in names}
        hits = sum(count for _, count in results.values())
        if not hits:
            return value, 0
        new = copy.copy(value)
        for name, (item, _) in results.items():
            setattr(new, name, item)
        return new, hits

    def _function(self, function: types.FunctionType) -> tuple[types.FunctionType, int]:
        hits = 0
        cells: list[types.CellType] = []
        for cell in function.__closure__ or ():
            try:
                held = cell.cell_contents
            except ValueError:  # not filled yet
                cells.append(cell)
                continue
            new, count = self.value(held)
            hits += count
            cells.append(types.CellType(new) if count else cell)
        replaced: dict[str, Any] = {}
        if _root(function.__module__ or "") not in _PLAIN_ROOTS | {"langchain"}:
            for word in _global_words(function):
                new, count = self.value(function.__globals__[word])
                if count:
                    hits += count
                    replaced[word] = new
        if not hits:
            return function, 0
        around = _Globals(function.__globals__, replaced) if replaced else function.__globals__
        new_function = types.FunctionType(
            function.__code__, around, function.__name__, function.__defaults__, tuple(cells)
        )
        new_function.__kwdefaults__ = function.__kwdefaults__
        new_function.__module__ = function.__module__
        new_function.__qualname__ = function.__qualname__
        new_function.__dict__.update(function.__dict__)
        new_function.__annotations__ = function.__annotations__
        return new_function, hits


def _global_words(function: types.FunctionType) -> set[str]:
    return {
        str(step.argval)
        for code in _codes(function.__code__)
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME") and step.argval in function.__globals__
    }

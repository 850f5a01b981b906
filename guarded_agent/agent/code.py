"""What a node's own code holds: models to guard, graphs to rebuild, and what is unknown.

A node is a function. It is plain if everything that it can reach by name is on
an allow-list; whatever is not known is reported, never assumed harmless. The
functions are read, not run.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import builtins
import dis
import enum
import functools
import logging
import re
import types
from collections.abc import Iterable, Mapping
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
PLAIN_ROOTS = frozenset({
    "abc", "asyncio", "builtins", "collections", "copy", "dataclasses", "datetime", "decimal",
    "enum", "fractions", "functools", "itertools", "json", "langchain_core", "langgraph",
    "langsmith", "logging", "math", "numbers", "operator", "pydantic", "pydantic_core", "random",
    "re", "statistics", "string", "textwrap", "time", "types", "typing", "typing_extensions",
    "unicodedata", "uuid", "zoneinfo",
})
# fmt: on
# Agent builders whose nodes are known: they hold tools to describe them, not to run them.
_BUILDERS = frozenset({"langchain.agents.factory", "langgraph.prebuilt.chat_agent_executor"})
# Middleware that was read: around guarded tools and models it can only pass things on.
_READ = ("langchain.agents.middleware.", "deepagents.")
_FORBIDDEN = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open"})


@dataclass(slots=True)
class Holdings:
    """What was found: live objects, and what is unknown in words."""

    models: list[BaseChatModel] = field(default_factory=list[BaseChatModel])
    graphs: list[Pregel[Any, Any, Any, Any]] = field(
        default_factory=list[Pregel[Any, Any, Any, Any]]
    )
    tools: list[BaseTool] = field(default_factory=list[BaseTool])
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
        case BaseTool():
            if not builder:
                found.tools.append(value)
        case ToolNode():
            if not builder:
                found.unknown.append(f"{name} is a ToolNode, run by hand")
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
            module = type(value).__module__
            if not module.startswith(("langchain_core.prompts", "langchain_core.output_parsers")):
                found.unknown.append(f"{name} is a {type(value).__name__}")


def _look_method(value: types.MethodType, name: str, found: Holdings, *, builder: bool) -> None:
    owner = value.__self__
    module = type(owner).__module__
    if module.startswith((*_READ, "langgraph.")) or root(module) == "langchain_core":
        return
    _look(value.__func__, name, found, builder=builder)
    state = getattr(owner, "__dict__", None)
    if isinstance(state, dict):
        _look_all(cast("dict[str, Any]", state).values(), f"{name} (self)", found, builder)


def _look_function(function: types.FunctionType, name: str, found: Holdings) -> None:
    module = function.__module__ or ""
    builder = module in _BUILDERS
    for cell_name, value in cells(function):
        _look(value, f"{name}: {cell_name}", found, builder=builder)
    if builder or root(module) in PLAIN_ROOTS or module.startswith(_READ):
        return  # a library's own globals are its own
    _look_all(function.__defaults__ or (), name, found, False)
    _look_all((function.__kwdefaults__ or {}).values(), name, found, False)
    for code in codes(function.__code__):
        _look_code(code, function.__globals__, name, found)


def _look_code(code: types.CodeType, around: Mapping[str, Any], name: str, found: Holdings) -> None:
    for step in dis.get_instructions(code):
        if step.opname == "STORE_GLOBAL":
            found.unknown.append(f"{name} changes the global {step.argval}")
        elif step.opname == "IMPORT_NAME" and root(str(step.argval)) not in PLAIN_ROOTS:
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
        if root(value.__name__) not in PLAIN_ROOTS:
            found.unknown.append(f"{name} is the module {value.__name__}")
        return
    if isinstance(value, type):
        _look_class(cast("type[Any]", value), name, found)
        return
    if isinstance(value, types.BuiltinFunctionType):
        if value.__name__ in _FORBIDDEN or root(value.__module__ or "builtins") not in PLAIN_ROOTS:
            found.unknown.append(f"{name} is {value.__module__}.{value.__name__}")
        return
    module = type(value).__module__
    if root(module) not in PLAIN_ROOTS and not module.startswith(_READ):
        found.unknown.append(f"{name} is a {type(value).__module__}.{type(value).__name__}")


def _look_class(value: type[Any], name: str, found: Holdings) -> None:
    if root(value.__module__) in PLAIN_ROOTS:
        return
    for attribute in vars(value).values():
        function = getattr(attribute, "__func__", attribute)
        if isinstance(function, types.FunctionType):
            _look_function(function, f"{name}.{function.__name__}", found)


def root(module: str) -> str:
    """Return the top-level package of a module."""
    return module.partition(".")[0]


def cells(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Return the names and values in a function's closure that are there already."""
    values: list[tuple[str, Any]] = []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            values.append((name, cell.cell_contents))
        except ValueError:  # filled later: a name that refers to itself
            continue
    return values


def codes(code: types.CodeType) -> list[types.CodeType]:
    """The code and every function inside it."""
    nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [code, *(inner for item in nested for inner in codes(item))]

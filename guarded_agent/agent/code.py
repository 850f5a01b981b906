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
import gc
import logging
import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import SystemMessage
from langchain_core.runnables import (
    RouterRunnable,
    Runnable,
    RunnableAssign,
    RunnableBinding,
    RunnableBranch,
    RunnableGenerator,
    RunnableLambda,
    RunnableParallel,
    RunnablePassthrough,
    RunnablePick,
    RunnableSequence,
    RunnableWithFallbacks,
)
from langchain_core.runnables.base import RunnableEach
from langchain_core.runnables.retry import RunnableRetry
from langchain_core.tools import BaseTool
from langgraph._internal._runnable import RunnableCallable, RunnableSeq
from langgraph.func import _TaskFunction
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

from guarded_agent.agent.net import provider_tools

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
# Code that was read: around guarded tools and models it can only pass things on.
_READ = ("langchain.agents.middleware.", "deepagents.", "langchain_classic.agents.")
# Where the parts of a composed runnable are. What holds parts elsewhere is not known.
COMPOSED: dict[type[Any], tuple[str, ...]] = {
    RouterRunnable: ("runnables",),
    RunnableAssign: ("mapper",),
    RunnableBinding: ("bound", "config_factories"),
    RunnableBranch: ("branches", "default"),
    RunnableEach: ("bound",),
    RunnableGenerator: ("_transform", "_atransform"),
    RunnableLambda: ("func", "afunc"),
    RunnableParallel: ("steps__",),
    RunnablePassthrough: ("func", "afunc"),
    RunnablePick: (),
    RunnableRetry: ("bound", "config_factories"),
    RunnableSeq: ("steps",),
    RunnableSequence: ("first", "middle", "last"),
    RunnableWithFallbacks: ("runnable", "fallbacks"),
}
_SHAPING = (
    "langchain_core.prompts",
    "langchain_core.output_parsers",
    "langchain_classic.agents.output_parsers",
    "langchain_classic.agents.openai_tools",
)
# Objects of the standard library that hand on what they hold, and cannot be looked into.
_HOLDERS = frozenset(
    {"asyncio", "builtins", "collections", "functools", "itertools", "operator", "types"}
)
_FORBIDDEN = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open"})


_LEAVES = frozenset({str, bytes, bytearray, int, float, complex, bool})
_PLAIN_OBJECTS = frozenset({object, property, slice, range, type(...), type(NotImplemented)})


@dataclass(slots=True)
class Holdings:
    """What was found: live objects, and what is unknown in words.

    Attributes:
        models: Chat models.
        graphs: LangGraph graphs.
        tools: Tools that it can run.
        served: Names of tools that a model's provider runs.
        unknown: What is not known, in words.
        prompts: System prompts.
    """

    models: list[BaseChatModel] = field(default_factory=list[BaseChatModel])
    graphs: list[Pregel[Any, Any, Any, Any]] = field(
        default_factory=list[Pregel[Any, Any, Any, Any]]
    )
    tools: list[BaseTool] = field(default_factory=list[BaseTool])
    served: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    prompts: list[str] = field(default_factory=list[str])
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
    if value is None or type(value) in _LEAVES or isinstance(value, (re.Pattern, logging.Logger)):
        return
    match value:
        case BaseChatModel():
            found.models.append(value)
        case Pregel():
            found.graphs.append(cast("Pregel[Any, Any, Any, Any]", value))
        case BaseTool():
            if not builder:
                found.tools.append(value)
        case SystemMessage():
            found.prompts.append(str(value.text))
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
        case _TaskFunction():
            _look(cast("Any", value).func, name, found, builder=builder)
        case _ if type(value).__module__ == "langchain.agents.structured_output":
            # A schema that the model fills; nothing of it runs but this function.
            _look(getattr(value, "handle_errors", None), name, found, builder=builder)
        case enum.Enum():
            _look(value.value, name, found, builder=builder)
        case list() | tuple() | set() | frozenset():
            if builder:
                found.served += provider_tools(value)
            _look_all(cast("Iterable[Any]", value), name, found, builder)
        case dict():
            _look_all(cast("dict[Any, Any]", value).values(), name, found, builder)
        case _:
            _look_other(value, name, found)


def _look_all(values: Iterable[Any], name: str, found: Holdings, builder: bool) -> None:
    for value in values:
        _look(value, name, found, builder=builder)


def _look_runnable(value: Runnable[Any, Any], name: str, found: Holdings, *, builder: bool) -> None:
    parts = composed(value)
    if parts is None:
        found.prompts += _templates(value)
        if not type(value).__module__.startswith(_SHAPING):
            found.unknown.append(f"{name} is a {type(value).__name__}")
        return
    if isinstance(value, RunnableBinding):
        found.served += provider_tools(cast("RunnableBinding[Any, Any]", value).kwargs.get("tools"))
    _look_all([getattr(value, part) for part in parts], name, found, builder)


def _templates(value: Any) -> list[str]:
    """Return the texts of the system's messages in a prompt template."""
    templates = [
        getattr(getattr(message, "prompt", None), "template", None)
        for message in getattr(value, "messages", ())
        if type(message).__name__ == "SystemMessagePromptTemplate"
    ]
    return [template for template in templates if isinstance(template, str)]


def composed(value: Any) -> list[str] | None:
    """Return the attributes in which a composed runnable keeps its parts, if it is a known one."""
    if root(type(value).__module__) not in ("langchain_core", "langgraph"):
        return None  # a subclass may do anything
    for kind in type(value).__mro__:
        if kind in COMPOSED:
            return [part for part in COMPOSED[kind] if hasattr(value, part)]
    return None


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
    module = home(function)
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
    if root(module) in _HOLDERS and type(value) not in _PLAIN_OBJECTS:
        _look_holder(value, name, found)
    elif root(module) not in PLAIN_ROOTS and not module.startswith(_READ):
        found.unknown.append(f"{name} is a {type(value).__module__}.{type(value).__name__}")


def _look_holder(value: Any, name: str, found: Holdings) -> None:
    """Look at what an object of the standard library refers to: a queue, a cache, an iterator."""
    for inner in gc.get_referents(value):
        if not isinstance(inner, type):
            _look(inner, name, found, builder=False)


def _look_class(value: type[Any], name: str, found: Holdings) -> None:
    if root(value.__module__) in PLAIN_ROOTS:
        return
    # A copy: looking at an attribute can make the class work out another one.
    for attribute in list(vars(value).values()):
        function = getattr(attribute, "__func__", attribute)
        if isinstance(function, types.FunctionType):
            _look_function(function, f"{name}.{function.__name__}", found)


def home(function: types.FunctionType) -> str:
    """Return the module in which a function was written, whatever it says of itself."""
    return str(function.__globals__.get("__name__", ""))


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

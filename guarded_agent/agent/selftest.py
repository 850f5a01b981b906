"""Check, as this room is imported, that LangGraph and LangChain are as the rebuild expects.

The rebuild reads parts of them that are not public. A version that moved one must
stop with a clear message, not let a tool slip past. Every private name that this room
uses stands here; a test compares the list with the source.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from guarded_agent.agent.versions import TESTED, refused, versions
from guarded_agent.core.errors import UnprovableGraph

Example = Callable[[Any], Any]


def _itself(found: Any) -> Any:
    return found


def _inner_functions(function: Any) -> Any:
    """Return an object that has the functions which are defined inside of one as attributes."""
    names = [code.co_name for code in function.__code__.co_consts if hasattr(code, "co_name")]
    return type("Inner", (), dict.fromkeys(names))


def _arguments(function: Any) -> Any:
    """Return an object that has each argument of a function, and its place, as an attribute."""
    names = enumerate(inspect.signature(function).parameters)
    return type("Arguments", (), {f"{name}_{place}": place for place, name in names})


@dataclass(frozen=True, slots=True)
class Part:
    """Something of a library, and the names in it that this room uses.

    Attributes:
        module: The module that holds it.
        name: Its name there.
        uses: What it has to have.
        example: Makes of it what has the names, where that is not the thing itself.
    """

    module: str
    name: str
    uses: tuple[str, ...]
    example: Example = _itself

    def missing(self) -> Iterator[str]:
        """Yield, with its whole name, each thing that is not there."""
        try:
            found = self.example(getattr(import_module(self.module), self.name))
        except Exception:  # moved, renamed, or made in another way
            yield f"{self.module}.{self.name}"
            return
        for name in self.uses:
            if not hasattr(found, name):
                yield f"{self.name}.{name}"


def _new_graph(found: Any) -> Any:
    return found(import_module("langgraph.graph").MessagesState)


def _echo(text: str) -> str:
    """Echo."""
    return text


def _each(texts: Iterator[str]) -> Iterator[str]:
    yield from texts


async def _aeach(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    async for text in texts:
        yield text


PARTS = (
    Part(
        "langgraph.prebuilt",
        "ToolNode",
        (
            "_func",
            "_afunc",
            "_run_one",
            "_arun_one",
            "_parse_input",
            "_extract_state",
            "_tools_by_name",
            "_messages_key",
            "_wrap_tool_call",
            "_awrap_tool_call",
            "func",
            "afunc",
            "tools_by_name",
        ),
        lambda found: found([]),
    ),
    Part("langgraph.prebuilt.tool_node", "ToolCallRequest", ("override",)),
    Part(
        "langgraph.graph",
        "StateGraph",
        (
            "_node_defaults",
            "branches",
            "channels",
            "compile",
            "compiled",
            "edges",
            "managed",
            "nodes",
            "schemas",
            "state_schema",
            "waiting_edges",
        ),
        _new_graph,
    ),
    Part(
        "langgraph.graph.state",
        "CompiledStateGraph",
        ("stream", "astream", "invoke", "ainvoke", "get_state", "builder"),
        lambda _: (
            _new_graph(import_module("langgraph.graph").StateGraph)
            .add_node("node", _echo)
            .set_entry_point("node")
            .compile()
        ),
    ),
    Part(
        "langgraph._internal._runnable",
        "RunnableCallable",
        ("invoke", "ainvoke", "func", "afunc"),
        lambda found: found(_echo),
    ),
    Part("langgraph._internal._runnable", "RunnableSeq", ("invoke", "ainvoke")),
    Part("langgraph._internal._constants", "CONF", ()),
    Part("langgraph._internal._constants", "CONFIG_KEY_RUNTIME", ()),
    Part("langgraph._internal._constants", "CONFIG_KEY_READ", ()),
    Part("langgraph._internal._constants", "PREVIOUS", ()),
    Part("langgraph._internal._constants", "TASKS", ()),
    Part("langgraph.func", "_TaskFunction", ()),
    Part("langgraph.graph._branch", "BranchSpec", ("path", "ends", "_replace")),
    Part("langgraph.pregel._algo", "PregelTaskWrites", ("writes",)),
    Part("langgraph.pregel._algo", "local_read", ("channels_1", "task_3"), _arguments),
    Part("langgraph.pregel._tools", "_tool_call_writer", ("get", "set")),
    Part(
        "langchain_core.tools",
        "StructuredTool",
        ("_run", "_arun", "_to_args_and_kwargs", "_injected_args_keys", "run", "arun"),
        lambda found: found.from_function(_echo),
    ),
    Part("langchain_core.tools", "BaseTool", ("_run", "_arun", "run", "arun", "tool_call_schema")),
    Part(
        "langchain_core.language_models",
        "BaseChatModel",
        ("_generate", "_agenerate", "_stream", "_astream", "_convert_input"),
    ),
    Part(
        "langchain_core.runnables",
        "RunnableGenerator",
        ("_transform",),
        lambda found: found(_each),
    ),
    Part(
        "langchain_core.runnables",
        "RunnableGenerator",
        ("_atransform",),
        lambda found: found(_aeach),
    ),
    Part("langchain_core.utils._merge", "merge_dicts", ()),
    Part("langchain_core.runnables", "RunnableBinding", ("_merge_configs",)),
    Part("langchain_core.runnables", "RunnableParallel", ("steps__",), lambda found: found({})),
)
"""What every guarded graph needs."""

ONCE_LOADED = (
    Part(
        "langchain.agents.factory",
        "create_agent",
        ("_execute_model_sync", "_execute_model_async"),
        _inner_functions,
    ),
)
"""What a graph needs that only these modules make: looked at where they are loaded."""

WORDS = {
    "__default_error_handler__": ("langgraph.graph.state", "_DEFAULT_ERROR_HANDLER_NODE"),
    "__interrupt__": ("langgraph._internal._constants", "INTERRUPT"),
    "__pregel_checkpointer": ("langgraph._internal._constants", "CONFIG_KEY_CHECKPOINTER"),
    "branch:to:{}": ("langgraph.graph.state", "_CHANNEL_BRANCH_TO"),
    "__pregel_scratchpad": ("langgraph._internal._constants", "CONFIG_KEY_SCRATCHPAD"),
}
"""Words that travel in configs and results, and where LangGraph keeps each."""

OPTIONAL = frozenset({"_stream_chat_model_events", "_astream_chat_model_events"})
"""Names that only some versions have, and that are looked up with a default."""


_refused = functools.cache(refused)


@functools.cache
def _problem() -> str:
    missing = [name for part in PARTS for name in part.missing()]
    for word, (module, constant) in WORDS.items():
        with suppress(ImportError):
            if getattr(import_module(module), constant, None) == word:
                continue
        missing.append(f"{module}.{constant} = {word!r}")
    return _without(missing)


@functools.cache
def _problem_of(part: Part) -> str:
    return _without(list(part.missing()))


def _without(missing: list[str]) -> str:
    if not missing:
        return ""
    found = ", ".join(f"{package} {number}" for package, number in versions())
    tested = ", ".join(f"{one.package} {one.lowest} to {one.newest}" for one in TESTED)
    return f"there is no {', '.join(missing)} in {found}; tested were {tested}"


def selftest() -> None:
    """Raise if a version is not taken, or if anything that this room reads is missing.

    Raises:
        UnprovableGraph: It names what is wrong, and the versions.
    """
    loaded = (_problem_of(part) for part in ONCE_LOADED if part.module in sys.modules)
    known = {
        "versions": "; ".join(_refused()),
        "self-test": "; ".join(filter(None, (_problem(), *loaded))),
    }
    for name, why in known.items():
        if why:
            raise UnprovableGraph(
                f"guarded_agent cannot guard anything with what is installed: {why}.", {name: why}
            )

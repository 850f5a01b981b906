"""What the agent tells the person whose thread it is: with values, where the policy says so.

State, checkpoints, traces and prompts keep pseudonyms. With `final_output: restore` they
are replaced in what the graph hands to its caller, and only in what the model says: the
text of its messages, whole or streamed. Calls, results of tools and what people said stay
as they are. A guarded model shows no part of a pseudonym, so each piece of a stream can
be restored by itself.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from guarded_agent.agent.graph import Config, GuardedGraph
from guarded_agent.agent.nodes import thread_of

Restore = Callable[[Any], Any]

_TOLD = ("on_chat_model_stream", "on_chat_model_end", "on_chain_stream", "on_chain_end")
"""Events in which the model speaks to whoever listens."""


def restoring(graph: GuardedGraph) -> GuardedGraph:
    """Return a guarded graph that restores what it tells its caller, if its policy says so."""
    pseudonyms = graph.monitor.pseudonyms
    if pseudonyms is not None and pseudonyms.restores:
        object.__setattr__(graph, "__class__", _restoring_class(type(graph)))
    return graph


if TYPE_CHECKING:
    _Base = GuardedGraph
else:
    _Base = object


class _Restoring(_Base):
    """A guarded graph whose caller is the person whose thread it is."""

    def invoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:  # noqa: A002
        config = self._with_thread(config)
        result = super().invoke(input, config, **kwargs)
        return self._restore(config)(result) if isinstance(result, str) else result

    async def ainvoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:  # noqa: A002
        config = self._with_thread(config)
        result = await super().ainvoke(input, config, **kwargs)
        return self._restore(config)(result) if isinstance(result, str) else result

    def stream(self, input: Any, config: Config = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        config = self._with_thread(config)
        restore = self._restore(config)
        for item in super().stream(input, config, **kwargs):
            yield told(item, restore)

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: Config = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        config = self._with_thread(config)
        restore = self._restore(config)
        async for item in super().astream(input, config, **kwargs):
            yield told(item, restore)

    def astream_events(
        self,
        input: Any,  # noqa: A002
        config: Config = None,
        *,
        version: Literal["v1", "v2", "v3"] = "v2",
        **kwargs: Any,
    ) -> Any:
        config = self._with_thread(config)
        events = super().astream_events(input, config, version=version, **kwargs)
        return events if version == "v3" else _events(events, self._restore(config))

    def _restore(self, config: RunnableConfig) -> Restore:
        pseudonyms = self.monitor.pseudonyms
        thread = thread_of(config) or thread_of(cast("RunnableConfig", self.config or {}))
        if pseudonyms is None or self._guarding.nested:
            return _as_it_is
        return lambda text: pseudonyms.restore(text, thread)


@functools.cache
def _restoring_class(cls: type[Any]) -> type[Any]:
    return type(f"Restoring{cls.__name__}", (_Restoring, cls), {"__module__": cls.__module__})


async def _events(events: Any, restore: Restore) -> AsyncIterator[Any]:
    async for event in events:
        data = event.get("data") if event["event"] in _TOLD else None
        if isinstance(data, dict):
            shown = {
                name: told(data[name], restore) for name in ("chunk", "output") if name in data
            }
            yield {**event, "data": {**data, **shown}}
        else:
            yield event


def told(value: Any, restore: Restore) -> Any:
    """Return what a graph hands out with the text of the model's messages in it restored.

    Args:
        value: Values, updates, messages or any other item of a stream.
        restore: Returns a text with values in it.

    Example:
        >>> given = {"messages": [("user", "Who wrote?"), AIMessage("<EMAIL_1> did.")]}
        >>> told(given, lambda text: text.replace("<EMAIL_1>", "bo@example.com"))["messages"][1]
        AIMessage(content='bo@example.com did.', additional_kwargs={}, response_metadata={}, tool_calls=[], invalid_tool_calls=[])
    """  # noqa: E501
    match value:
        case AIMessage():
            content = _content(value.content, restore)
            return (
                value if content == value.content else value.model_copy(update={"content": content})
            )
        case dict():
            new = {key: told(item, restore) for key, item in value.items()}
            return new if _differs(new.values(), value.values()) else value
        case list():
            items = [told(item, restore) for item in value]
            return items if _differs(items, value) else value
        case tuple():
            items = [told(item, restore) for item in value]
            if not _differs(items, value):
                return value
            return cast("Any", value)._make(items) if hasattr(value, "_make") else tuple(items)
        case _:
            return value


def _content(content: str | list[Any], restore: Restore) -> Any:
    if isinstance(content, str):
        return restore(content) if content else content
    return [
        restore(block)
        if isinstance(block, str)
        else {**block, "text": restore(block["text"])}
        if isinstance(block, Mapping) and isinstance(block.get("text"), str)
        else block
        for block in content
    ]


def _differs(new: Any, old: Any) -> bool:
    return any(one is not other for one, other in zip(new, old, strict=True))


def _as_it_is(text: Any) -> Any:
    return text

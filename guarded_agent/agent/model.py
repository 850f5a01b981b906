"""The guarded chat model: the same model, whose words are judged inside it.

A guarded model is a copy whose class is a dynamic subclass of its own class.
Streams, callbacks, traces and checkpoints all take what the model object gives,
so that is where redaction has to happen: a node behind it would come too late.

While text streams, what could be part of something to redact is held back, for
a bounded length. Content in blocks is held to its end.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables.config import ensure_config

from guarded_agent.agent.result import pieces, put_back
from guarded_agent.core import Stage, TextFilter
from guarded_agent.monitor import Monitor


def guard_model(model: BaseChatModel, monitor: Monitor) -> BaseChatModel:
    """Return `model` guarded by `monitor`; a guarded model is returned as it is."""
    if isinstance(model, _Guarded):
        return model
    copy = model.model_copy()
    object.__setattr__(copy, "__class__", _guarded_class(type(model)))
    object.__setattr__(copy, "_guard", monitor)
    return copy


def is_guarded_model(model: BaseChatModel) -> bool:
    """Return whether `model` is a guarded one."""
    return isinstance(model, _Guarded)


class _Guarded:
    """Marks guarded models."""

    _guard: Monitor


class _Stream:
    """One streamed message on its way out."""

    def __init__(self, monitor: Monitor) -> None:
        self.filter: TextFilter = monitor.text_filter()
        self.blocks: AIMessageChunk | None = None

    def push(self, chunk: ChatGenerationChunk) -> ChatGenerationChunk:
        """Return `chunk` with as much of its text as can be shown already."""
        message = cast("AIMessageChunk", chunk.message)
        if isinstance(message.content, str):
            shown: str | list[Any] = self.filter.push(message.content)
        else:
            self.blocks = message if self.blocks is None else self.blocks + message
            shown = []
        return ChatGenerationChunk(
            message=message.model_copy(update={"content": shown}),
            generation_info=chunk.generation_info,
        )

    def rest(self) -> AIMessageChunk | None:
        """Return what was held back: blocks still have to be judged."""
        text = self.filter.flush()
        if self.blocks is not None:
            return AIMessageChunk(content=self.blocks.content)
        return AIMessageChunk(content=text) if text else None


def _thread() -> str:
    return str(ensure_config().get("configurable", {}).get("thread_id", ""))


def _judge(monitor: Monitor, message: BaseMessage) -> BaseMessage:
    passed = monitor.pass_text(Stage.MODEL_OUTPUT, pieces(message), thread_id=_thread())
    return cast("BaseMessage", put_back(message, passed))


async def _ajudge(monitor: Monitor, message: BaseMessage) -> BaseMessage:
    passed = await monitor.apass_text(Stage.MODEL_OUTPUT, pieces(message), thread_id=_thread())
    return cast("BaseMessage", put_back(message, passed))


def _generation(old: ChatGeneration, message: BaseMessage) -> ChatGeneration:
    return ChatGeneration(message=message, generation_info=old.generation_info)


@functools.cache
def _guarded_class(cls: type[BaseChatModel]) -> type[BaseChatModel]:
    """Return the guarded subclass of `cls`: it overrides only what `cls` itself has."""
    space: dict[str, Any] = {"__module__": cls.__module__, "__doc__": cls.__doc__}
    generate, agenerate = cls._generate, cls._agenerate
    stream, astream = cls._stream, cls._astream

    # The inner call gets no run manager: it would announce tokens before they are judged.
    def _generate(
        self: Any,
        messages: Any,
        stop: Any = None,
        run_manager: Any = None,  # noqa: ARG001
        **kwargs: Any,
    ) -> ChatResult:
        result = generate(self, messages, stop=stop, run_manager=None, **kwargs)
        judged = [
            _generation(item, _judge(self._guard, item.message)) for item in result.generations
        ]
        return ChatResult(generations=judged, llm_output=result.llm_output)

    space["_generate"] = _generate

    if agenerate is not BaseChatModel._agenerate:

        async def _agenerate(
            self: Any,
            messages: Any,
            stop: Any = None,
            run_manager: Any = None,  # noqa: ARG001
            **kwargs: Any,
        ) -> ChatResult:
            result = await agenerate(self, messages, stop=stop, run_manager=None, **kwargs)
            judged = [
                _generation(item, await _ajudge(self._guard, item.message))
                for item in result.generations
            ]
            return ChatResult(generations=judged, llm_output=result.llm_output)

        space["_agenerate"] = _agenerate

    if stream is not BaseChatModel._stream:

        def _stream(
            self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> Iterator[ChatGenerationChunk]:
            out = _Stream(self._guard)
            for chunk in stream(self, messages, stop=stop, run_manager=None, **kwargs):
                shown = out.push(chunk)
                if run_manager:
                    run_manager.on_llm_new_token(shown.text, chunk=shown)
                yield shown
            rest = out.rest()
            if rest is not None:
                last = ChatGenerationChunk(message=cast("Any", _judge(self._guard, rest)))
                if run_manager:
                    run_manager.on_llm_new_token(last.text, chunk=last)
                yield last

        space["_stream"] = _stream

    if astream is not BaseChatModel._astream:

        async def _astream(
            self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
        ) -> AsyncIterator[ChatGenerationChunk]:
            out = _Stream(self._guard)
            async for chunk in astream(self, messages, stop=stop, run_manager=None, **kwargs):
                shown = out.push(chunk)
                if run_manager:
                    await run_manager.on_llm_new_token(shown.text, chunk=shown)
                yield shown
            rest = out.rest()
            if rest is not None:
                last = ChatGenerationChunk(message=cast("Any", await _ajudge(self._guard, rest)))
                if run_manager:
                    await run_manager.on_llm_new_token(last.text, chunk=last)
                yield last

        space["_astream"] = _astream

    # A provider's own event hook would go round `_stream`.
    for hook in ("_stream_chat_model_events", "_astream_chat_model_events"):
        if getattr(cls, hook, None) is not None:
            space[hook] = None
    return type(f"Guarded{cls.__name__}", (_Guarded, cls), space)

"""The guarded chat model: the same model, whose words are judged inside it.

A guarded model is a copy whose class is a dynamic subclass of its own class.
Streams, callbacks, traces and checkpoints all take what the model object gives,
so that is where redaction has to happen: a node behind it would come too late.

While text streams, what could be part of something to redact is held back, for
a bounded length; see `stream`. With the policy's `output: {hold: message}` nothing
is shown before every guard has judged the whole message.

What a model is told goes to callbacks and traces too. Graphs judge what people
say as it comes in; here what guards replace at `input` is replaced in the rest of
the prompt, such as the system's own words.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import functools
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import ChatPromptValue
from langgraph.errors import GraphBubbleUp

from guarded_agent.agent.failure import again, words
from guarded_agent.agent.passing import (
    athrough,
    cleaned,
    cleaned_metadata,
    is_action,
    through,
)
from guarded_agent.agent.stream import Outflow, without_logprobs
from guarded_agent.core import Stage
from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.monitor import Monitor

M = TypeVar("M", bound=BaseMessage)


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


def _judge(monitor: Monitor, message: M, options: Mapping[str, Any]) -> M:
    """Return a whole message of the model as it may pass."""
    if (data := _form(message, options)) is not None:
        message = _with_form(message, data, through(monitor, Stage.MODEL_OUTPUT, data))
    message = through(monitor, Stage.MODEL_OUTPUT, message, answers=True)
    if monitor.hold_output and _is_final(monitor, message):
        message = through(monitor, Stage.FINAL_OUTPUT, message, answers=True)
    return cleaned(monitor, Stage.FINAL_OUTPUT, message)


async def _ajudge(monitor: Monitor, message: M, options: Mapping[str, Any]) -> M:
    """Do what `_judge` does, from an event loop."""
    if (data := _form(message, options)) is not None:
        message = _with_form(message, data, await athrough(monitor, Stage.MODEL_OUTPUT, data))
    message = await athrough(monitor, Stage.MODEL_OUTPUT, message, answers=True)
    if monitor.hold_output and _is_final(monitor, message):
        message = await athrough(monitor, Stage.FINAL_OUTPUT, message, answers=True)
    return cleaned(monitor, Stage.FINAL_OUTPUT, message)


def _is_final(monitor: Monitor, message: BaseMessage) -> bool:
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return not any(is_action(monitor, call["name"]) for call in calls)


def _is_form(options: Mapping[str, Any]) -> bool:
    """Return whether the model was asked to answer in JSON."""
    return bool(options.get("response_format") or options.get("ls_structured_output_format"))


def _form(message: BaseMessage, options: Mapping[str, Any]) -> Any:
    """Return the data in an answer that was asked for in JSON, or None."""
    if not (_is_form(options) and isinstance(message.content, str)):
        return None
    try:
        return json.loads(message.content)
    except ValueError:
        return None


def _with_form(message: M, data: Any, passed: Any) -> M:
    if passed == data:
        return message
    text = json.dumps(passed, ensure_ascii=False)
    return message.model_copy(update={"content": text})


def _generation(monitor: Monitor, old: ChatGeneration, message: BaseMessage) -> ChatGeneration:
    info = cleaned_metadata(monitor, old.generation_info)
    if message is not old.message:  # log probabilities spell what was replaced
        info = without_logprobs(info) or None
        kept = without_logprobs(message.response_metadata)
        message = message.model_copy(update={"response_metadata": kept})
    return ChatGeneration(message=message, generation_info=info)


def _result(monitor: Monitor, old: ChatResult, messages: Sequence[BaseMessage]) -> ChatResult:
    pairs = zip(old.generations, messages, strict=True)
    output = cleaned_metadata(monitor, old.llm_output)
    said = [_generation(monitor, before, message) for before, message in pairs]
    return ChatResult(generations=said, llm_output=output)


def _told(monitor: Monitor, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Return a prompt without what guards replace at `input`.

    What tools returned and what the model said was judged where it was said.
    """
    return [
        message
        if isinstance(message, (AIMessage, ToolMessage))
        else cleaned(monitor, Stage.INPUT, message)
        for message in messages
    ]


def _failure(monitor: Monitor, error: Exception) -> Exception:
    """Return what to raise in place of an error: providers repeat the prompt in theirs."""
    if isinstance(error, GuardedAgentError):
        return error
    said = words(error)
    return again(error, said, monitor.scrubber.clean(Stage.MODEL_OUTPUT, said))


@functools.cache
def _guarded_class(cls: type[BaseChatModel]) -> type[BaseChatModel]:
    """Return the guarded subclass of `cls`: it overrides only what `cls` itself has."""
    space: dict[str, Any] = {"__module__": cls.__module__, "__doc__": cls.__doc__}
    space |= _listening(cls) | _speaking(cls)
    if cls._stream is not BaseChatModel._stream:
        space["_stream"] = _streaming(cls)
    if cls._astream is not BaseChatModel._astream:
        space["_astream"] = _astreaming(cls)
    # A provider's own event hook would go round `_stream`.
    for hook in ("_stream_chat_model_events", "_astream_chat_model_events"):
        if getattr(cls, hook, None) is not None:
            space[hook] = None
    return type(f"Guarded{cls.__name__}", (_Guarded, cls), space)


def _listening(cls: type[BaseChatModel]) -> dict[str, Any]:
    """Return the ways in: `stream` and `astream` convert, the others end in `generate`."""
    convert, generate, agenerate = cls._convert_input, cls.generate, cls.agenerate

    def _convert_input(self: Any, model_input: Any) -> Any:
        told = convert(self, model_input).to_messages()
        return ChatPromptValue(messages=cast("Any", _told(self._guard, told)))

    def generate_(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        return generate(self, [_told(self._guard, each) for each in messages], *args, **kwargs)

    async def agenerate_(self: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        told = [_told(self._guard, each) for each in messages]
        return await agenerate(self, told, *args, **kwargs)

    return {"_convert_input": _convert_input, "generate": generate_, "agenerate": agenerate_}


def _speaking(cls: type[BaseChatModel]) -> dict[str, Any]:
    """Return the ways in which a whole message comes out."""
    generate, agenerate = cls._generate, cls._agenerate

    # The inner call gets no run manager: it would announce tokens before they are judged.
    def _generate(
        self: Any,
        messages: Any,
        stop: Any = None,
        run_manager: Any = None,  # noqa: ARG001
        **kwargs: Any,
    ) -> ChatResult:
        self._guard.require_active()
        try:
            result = generate(self, messages, stop=stop, run_manager=None, **kwargs)
        except GraphBubbleUp:
            raise
        except Exception as error:
            failure = _failure(self._guard, error)
        else:
            said = [_judge(self._guard, item.message, kwargs) for item in result.generations]
            return _result(self._guard, result, said)
        raise failure

    async def _agenerate(
        self: Any,
        messages: Any,
        stop: Any = None,
        run_manager: Any = None,  # noqa: ARG001
        **kwargs: Any,
    ) -> ChatResult:
        await self._guard.arequire_active()
        try:
            result = await agenerate(self, messages, stop=stop, run_manager=None, **kwargs)
        except GraphBubbleUp:
            raise
        except Exception as error:
            failure = _failure(self._guard, error)
        else:
            said = [await _ajudge(self._guard, item.message, kwargs) for item in result.generations]
            return _result(self._guard, result, said)
        raise failure

    if agenerate is BaseChatModel._agenerate:
        return {"_generate": _generate}
    return {"_generate": _generate, "_agenerate": _agenerate}


def _streaming(cls: type[BaseChatModel]) -> Any:
    stream = cls._stream

    def _stream(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        out = Outflow(self._guard, whole=self._guard.hold_output or _is_form(kwargs))
        failure: Exception | None = None
        try:
            self._guard.require_active()
            for chunk in stream(self, messages, stop=stop, run_manager=None, **kwargs):
                self._guard.require_active()
                shown = out.push(chunk)
                if shown is not None:
                    if run_manager:
                        run_manager.on_llm_new_token(shown.text, chunk=shown)
                    yield shown
        except GraphBubbleUp:
            raise
        except Exception as error:
            failure = _failure(self._guard, error)
        if failure is not None:
            raise failure
        message = out.message()
        rest = None if message is None else out.rest(_judge(self._guard, message, kwargs))
        if rest is not None:
            if run_manager:
                run_manager.on_llm_new_token(rest.text, chunk=rest)
            yield rest

    return _stream


def _astreaming(cls: type[BaseChatModel]) -> Any:
    astream = cls._astream

    async def _astream(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        out = Outflow(self._guard, whole=self._guard.hold_output or _is_form(kwargs))
        failure: Exception | None = None
        try:
            await self._guard.arequire_active()
            async for chunk in astream(self, messages, stop=stop, run_manager=None, **kwargs):
                await self._guard.arequire_active()
                shown = out.push(chunk)
                if shown is not None:
                    if run_manager:
                        await run_manager.on_llm_new_token(shown.text, chunk=shown)
                    yield shown
        except GraphBubbleUp:
            raise
        except Exception as error:
            failure = _failure(self._guard, error)
        if failure is not None:
            raise failure
        message = out.message()
        rest = None if message is None else out.rest(await _ajudge(self._guard, message, kwargs))
        if rest is not None:
            if run_manager:
                await run_manager.on_llm_new_token(rest.text, chunk=rest)
            yield rest

    return _astream

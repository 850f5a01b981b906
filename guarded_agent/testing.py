"""Public fakes: a scripted model, tools that record what ran, a store in memory.

Our own tests, the examples and the demo use them; so may yours. They need no
network, no key and no test framework.

Example:
    >>> from langchain_core.messages import HumanMessage
    >>> model = ScriptedModel(script=[say("", call("wire", "c1", amount=5)), say("Done.")])
    >>> model.invoke([HumanMessage("pay")]).tool_calls[0]["args"]
    {'amount': 5}
    >>> recorder = Recorder()
    >>> wire = recording_tool(recorder, "wire", {"amount": int})
    >>> wire.invoke({"amount": 5})
    'wire done'
    >>> recorder.names
    ('wire',)
"""

# ruff: noqa: ARG002  # LangChain's interface hands over more than a script needs

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolCall
from langchain_core.messages.tool import tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, SkipValidation, create_model

if TYPE_CHECKING:
    from guarded_agent.store import Store

__all__ = [
    "Execution",
    "Recorder",
    "ScriptedModel",
    "Turn",
    "call",
    "memory_store",
    "recording_tool",
    "say",
]

Turn = AIMessage | Callable[[Sequence[BaseMessage]], AIMessage]
"""One turn of a script: a message, or a function of the prompt that returns one."""


def call(name: str, id: str, /, **args: Any) -> ToolCall:  # noqa: A002  # the provider's word
    """Return one tool call for `say`.

    Args:
        name: The tool.
        id: The call's id.
        **args: The arguments, plain JSON data.

    Example:
        >>> call("pay", "c1", amount=80)["name"]
        'pay'
    """
    return tool_call(name=name, args=args, id=id)


def say(text: str, *calls: ToolCall) -> AIMessage:
    """Return a model message with `text` that asks for `calls`.

    Example:
        >>> [item["id"] for item in say("", call("a", "1"), call("b", "2")).tool_calls]
        ['1', '2']
    """
    return AIMessage(content=text, tool_calls=list(calls))


class ScriptedModel(BaseChatModel):
    """A chat model that plays a script.

    The turn is chosen by the number of AI messages that the prompt already
    holds. The model keeps no state, so threads, batches and resumed runs each
    get the turn that is theirs.

    Attributes:
        script: The turns, in order. Past the end the model raises.
        chunk_size: How many characters a streamed chunk holds.
    """

    # Not validated: pydantic would take a function for a message that it must build.
    script: SkipValidation[Sequence[Turn]]
    chunk_size: int = 4

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _turn(self, messages: Sequence[BaseMessage]) -> AIMessage:
        number = sum(isinstance(message, AIMessage) for message in messages)
        if number >= len(self.script):
            raise IndexError(
                f"the script has {len(self.script)} turns and the prompt holds {number} "
                "AI messages: add a turn"
            )
        turn = self.script[number]
        message = turn.model_copy(deep=True) if isinstance(turn, AIMessage) else turn(messages)
        # Every play of a turn is a new message: LangChain gives it its id.
        message.id = None
        return message

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._turn(messages))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in _chunks(self._turn(messages), self.chunk_size):
            if run_manager is not None:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        for chunk in _chunks(self._turn(messages), self.chunk_size):
            if run_manager is not None:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind `tools`; the script decides what is called all the same."""
        schemas = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=schemas, **kwargs)


def _chunks(message: AIMessage, size: int) -> Iterator[ChatGenerationChunk]:
    """Cut `message` the way a provider streams it: text first, then each call's arguments."""
    if not isinstance(message.content, str):
        yield ChatGenerationChunk(message=AIMessageChunk(content=message.content))
    else:
        # One chunk at least, also for a message that says nothing.
        for piece in _pieces(message.content, size):
            yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
    for index, item in enumerate(message.tool_calls):
        for number, piece in enumerate(_pieces(json.dumps(item["args"]), size)):
            first = number == 0
            part = tool_call_chunk(
                name=item["name"] if first else None,
                args=piece,
                id=item["id"] if first else None,
                index=index,
            )
            yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[part]))


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a tool's body.

    Attributes:
        tool: The tool's name.
        args: The arguments that the body received.
    """

    tool: str
    args: Mapping[str, Any]


class Recorder:
    """What really ran, in order. Safe to share between threads."""

    def __init__(self) -> None:
        self._executions: list[Execution] = []
        self._lock = Lock()

    def add(self, tool: str, args: Mapping[str, Any]) -> None:
        """Record that the body of `tool` ran with `args`."""
        with self._lock:
            self._executions.append(Execution(tool, dict(args)))

    @property
    def executions(self) -> tuple[Execution, ...]:
        """Every run so far."""
        with self._lock:
            return tuple(self._executions)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools that ran, in order."""
        return tuple(execution.tool for execution in self.executions)

    def count(self, tool: str) -> int:
        """Return how often the body of `tool` ran."""
        return self.names.count(tool)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._executions.clear()


def recording_tool(
    recorder: Recorder,
    name: str,
    args: Mapping[str, Any] | None = None,
    *,
    result: str | Callable[..., Any] = "",
    description: str = "",
    metadata: dict[str, Any] | None = None,
) -> StructuredTool:
    """Return a tool that records each run of its body, sync and async.

    Args:
        recorder: Where it records.
        name: The tool's name.
        args: Argument names mapped to types, or to `(type, default)`.
        result: The text it returns, or a function of its arguments that runs after the
            recording and may raise.
        description: What it tells the model.
        metadata: LangChain metadata, such as a declaration of `guarded_agent.tools`.
    """
    fields: dict[str, Any] = {
        key: kind if isinstance(kind, tuple) else (kind, ...) for key, kind in (args or {}).items()
    }
    schema = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)

    def body(**given: Any) -> Any:
        recorder.add(name, given)
        return result(**given) if callable(result) else result or f"{name} done"

    async def abody(**given: Any) -> Any:
        return body(**given)

    return StructuredTool(
        name=name,
        description=description or f"Do {name}.",
        args_schema=schema,
        func=body,
        coroutine=abody,
        metadata=metadata,
    )


def memory_store() -> Store:
    """Return a store whose database lives in memory and dies with it."""
    from guarded_agent.store import Store  # SQLAlchemy is not needed for the other fakes

    return Store.open("sqlite://")

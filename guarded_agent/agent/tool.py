"""The guarded tool: the same tool, whose body runs only with a receipt.

A guarded tool is a copy whose class is a dynamic subclass of its own class, so
`isinstance`, schemas and injected arguments keep working. The call is judged
before LangChain announces it to callbacks, and the result is judged before
LangChain announces that: streams, traces and checkpoints see what may pass.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import asyncio
import functools
import inspect
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, Tool, ToolException
from langgraph.errors import GraphBubbleUp

from guarded_agent.agent.describe import Shape
from guarded_agent.agent.result import pieces, put_back
from guarded_agent.agent.wait import aresolve, ask_outcome, resolve
from guarded_agent.core import Action, digest
from guarded_agent.core.errors import (
    ActionError,
    Denied,
    GuardedAgentError,
    OutcomeUncertain,
    UnguardedCall,
)
from guarded_agent.monitor import Monitor, Receipt, Replay, Standing
from guarded_agent.tools.idempotency import keyed

ORIGIN: ContextVar[str] = ContextVar("guarded_agent_origin", default="")
"""The id of the model message that asked for the call, set by whoever knows it."""

_RECEIPT: ContextVar[Receipt | None] = ContextVar("guarded_agent_receipt", default=None)
"""The receipt of the call that LangChain is about to run."""

_BODY: ContextVar[Receipt | None] = ContextVar("guarded_agent_body", default=None)
"""The receipt of the call whose body is running."""


def cleared() -> str | None:
    """Return the name of the tool that the monitor has just cleared to run here."""
    receipt = _RECEIPT.get()
    return None if receipt is None else receipt.action.tool


class ToolFailed(ToolException, GuardedAgentError):
    """A tool's body raised, and its words held what may not pass."""


@dataclass(slots=True)
class Bound:
    """What a guarded tool carries: its monitor, and its arguments' shape."""

    monitor: Monitor
    shape: Shape
    waiting: dict[str, str] = field(default_factory=dict[str, str])

    def call(
        self, tool_input: str | Mapping[str, Any], config: Any, tool_call_id: str | None
    ) -> Action:
        """Return the action that this input is.

        Raises:
            ActionError: The arguments are not acceptable.
        """
        args = self.shape.validate(tool_input)
        around = ensure_config(config).get("configurable", {})
        thread_id = str(around.get("thread_id", ""))
        call_id = tool_call_id or self._direct_call_id(thread_id, args)
        return self.monitor.action(
            self.shape.spec.name,
            args,
            call_id=call_id,
            thread_id=thread_id,
            origin=ORIGIN.get(),
            user=around.get("user"),
        )

    def _direct_call_id(self, thread_id: str, args: dict[str, Any]) -> str:
        """A call that no model made has no id: each is new, unless it waits for people."""
        key = digest([thread_id, args])
        return self.waiting.setdefault(key, f"direct-{uuid.uuid4().hex}")

    def begun(self, action: Action) -> None:
        """Forget a direct call that is no longer waiting."""
        self.waiting.pop(digest([action.thread_id, dict(action.args)]), None)

    def whole_input(self, tool_input: str | Mapping[str, Any], action: Action) -> dict[str, Any]:
        """Return what the tool is given: the judged arguments and what the runtime injects."""
        if isinstance(tool_input, str):
            return dict(action.args)
        injected = {
            name: value for name, value in tool_input.items() if name in self.shape.injected
        }
        return {**injected, **action.args}

    def refusal(self, message: str, tool_call_id: str | None) -> ToolMessage:
        """Return a refusal in the form that the model reads.

        Raises:
            Denied: No model asked, so there is nobody to answer.
        """
        if tool_call_id is None:
            raise Denied(message)
        return ToolMessage(
            message, name=self.shape.spec.name, tool_call_id=tool_call_id, status="error"
        )

    def replayed(self, replay: Replay, tool_call_id: str | None) -> Any:
        """Return the recorded result of an action that ran before."""
        recorded = replay.result
        parts: list[Any] = cast("list[Any]", recorded) if isinstance(recorded, list) else [recorded]
        content = parts[0] if parts else None
        if content is None:
            content = "This call already ran." if replay.ok else "This call already failed."
        if tool_call_id is None:
            return content
        return ToolMessage(
            content if isinstance(content, (str, list)) else str(content),
            name=self.shape.spec.name,
            tool_call_id=tool_call_id,
            status="success" if replay.ok else "error",
        )


def guard_tool(tool: BaseTool, monitor: Monitor) -> BaseTool:
    """Return `tool` guarded by `monitor`; a guarded tool is returned as it is."""
    if is_guarded(tool):
        return tool
    copy = tool.model_copy()
    if isinstance(copy, (StructuredTool, Tool)):
        copy.func = _only_inside(copy.func, tool.name)
        copy.coroutine = _only_inside(copy.coroutine, tool.name)
    object.__setattr__(copy, "__class__", _guarded_class(type(tool)))
    object.__setattr__(copy, "_guard", Bound(monitor, Shape.of(tool)))
    return copy


def _only_inside(function: Any, name: str) -> Any:
    """Return `function`, which runs only as the body of a cleared call of its tool."""
    if function is None:
        return None

    def check() -> None:
        receipt = _BODY.get()
        if receipt is None or receipt.action.tool != name:
            raise UnguardedCall(
                f"the function of {name} was called directly, past the monitor; it did not run"
            )

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def acalled(*args: Any, **kwargs: Any) -> Any:
            check()
            return await function(*args, **kwargs)

        return acalled

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        check()
        return function(*args, **kwargs)

    return called


def is_guarded(tool: BaseTool) -> bool:
    """Return whether `tool` is a guarded one."""
    return isinstance(tool, _Guarded)


class _Guarded:
    """Marks guarded tools, and holds what all of them do."""

    _guard: Bound


def _answer(bound: Bound, standing: Standing, tool_call_id: str | None) -> Any | None:
    if standing.state == "denied":
        return bound.refusal(standing.message or "A person rejected this.", tool_call_id)
    bound.begun(standing.action)
    return None


def _bad_arguments(bound: Bound, error: ActionError, config: Any, tool_call_id: str | None) -> Any:
    thread = str(ensure_config(config).get("configurable", {}).get("thread_id", ""))
    bound.monitor.refuse(
        bound.shape.spec.name, str(error), thread_id=thread, call_id=tool_call_id or ""
    )
    if tool_call_id is None:
        raise error
    return bound.refusal(str(error), tool_call_id)


Begun = tuple[Receipt | None, Any]
"""The receipt for one body; or None, and what to answer instead."""


def _begin(bound: Bound, action: Action, tool_call_id: str | None) -> Begun | OutcomeUncertain:
    try:
        outcome = bound.monitor.begin(action)
    except Denied as error:
        return None, bound.refusal(str(error), tool_call_id)
    except OutcomeUncertain as error:
        return error
    if isinstance(outcome, Replay):
        return None, bound.replayed(outcome, tool_call_id)
    return outcome, None


@contextmanager
def _inside(receipt: Receipt) -> Generator[None]:
    """Mark that the body of this call runs; a tool that it calls is not cleared by that."""
    body, outer = _BODY.set(receipt), _RECEIPT.set(None)
    try:
        with keyed(receipt.action.digest):
            yield
    finally:
        _RECEIPT.reset(outer)
        _BODY.reset(body)


def _scrubbed(error: Exception, text: str) -> Exception:
    """Return the error itself, or one that says less where its words may not pass."""
    return error if f"{type(error).__name__}: {error}" == text else ToolFailed(text)


@functools.cache
def _guarded_class(cls: type[BaseTool]) -> type[BaseTool]:
    plain_run, plain_arun = cls.run, cls.arun
    body, abody = cls._run, cls._arun

    def run(
        self: Any,
        tool_input: str | dict[str, Any],
        *args: Any,
        config: Any = None,
        tool_call_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        bound: Bound = self._guard
        try:
            action = bound.call(tool_input, config, tool_call_id)
        except ActionError as error:
            return _bad_arguments(bound, error, config, tool_call_id)
        standing = resolve(bound.monitor, bound.monitor.propose(action), bound.shape)
        answer = _answer(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        begun = _begin(bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = _begin(bound, standing.action, tool_call_id)
        receipt, answer = begun
        if receipt is None:
            return answer
        whole = bound.whole_input(tool_input, standing.action)
        token = _RECEIPT.set(receipt)
        try:
            return plain_run(self, whole, *args, config=config, tool_call_id=tool_call_id, **kwargs)
        finally:
            _RECEIPT.reset(token)
            if receipt.spend():  # LangChain refused before the body: nothing ran, nor will
                bound.monitor.pause(receipt)

    async def arun(
        self: Any,
        tool_input: str | dict[str, Any],
        *args: Any,
        config: Any = None,
        tool_call_id: str | None = None,
        **kwargs: Any,
    ) -> Any:
        bound: Bound = self._guard
        try:
            action = bound.call(tool_input, config, tool_call_id)
        except ActionError as error:
            return await asyncio.to_thread(_bad_arguments, bound, error, config, tool_call_id)
        proposed = await bound.monitor.apropose(action)
        standing = await aresolve(bound.monitor, proposed, bound.shape)
        answer = _answer(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        begun = await asyncio.to_thread(_begin, bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = await asyncio.to_thread(_begin, bound, standing.action, tool_call_id)
        receipt, answer = begun
        if receipt is None:
            return answer
        whole = bound.whole_input(tool_input, standing.action)
        token = _RECEIPT.set(receipt)
        try:
            return await plain_arun(
                self, whole, *args, config=config, tool_call_id=tool_call_id, **kwargs
            )
        except OutcomeUncertain as error:
            ask_outcome(standing.action, error)
            raise
        finally:
            _RECEIPT.reset(token)
            if receipt.spend():
                await asyncio.to_thread(bound.monitor.pause, receipt)

    @functools.wraps(body)
    def _run(self: Any, *args: Any, **kwargs: Any) -> Any:
        monitor: Monitor = self._guard.monitor
        receipt = monitor.admit(_RECEIPT.get(), self.name)
        failure: Exception | None = None
        result: Any = None
        try:
            with _inside(receipt):
                result = body(self, *args, **kwargs)
        except GraphBubbleUp:
            monitor.pause(receipt)
            raise
        except OutcomeUncertain:  # the tool itself does not know
            monitor.lose(receipt)
            raise
        except Exception as error:
            failure = _scrubbed(error, monitor.fail(receipt, error))
        except BaseException:
            monitor.lose(receipt)
            raise
        if failure is not None:  # raised here, so that the original is not its context
            raise failure
        return put_back(result, monitor.end(receipt, pieces(result)))

    @functools.wraps(abody)
    async def _arun(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _delegates(self, abody):
            return await abody(self, *args, **kwargs)
        monitor: Monitor = self._guard.monitor
        receipt = monitor.admit(_RECEIPT.get(), self.name)
        failure: Exception | None = None
        result: Any = None
        try:
            with _inside(receipt):
                result = await abody(self, *args, **kwargs)
        except GraphBubbleUp:
            await asyncio.to_thread(monitor.pause, receipt)
            raise
        except OutcomeUncertain:
            await asyncio.to_thread(monitor.lose, receipt)
            raise
        except Exception as error:
            failure = _scrubbed(error, await asyncio.to_thread(monitor.fail, receipt, error))
        except BaseException:
            monitor.lose(receipt)  # no await: the task may be cancelled
            raise
        if failure is not None:
            raise failure
        return put_back(result, await monitor.aend(receipt, pieces(result)))

    return type(
        f"Guarded{cls.__name__}",
        (_Guarded, cls),
        {
            "__module__": cls.__module__,
            "__doc__": cls.__doc__,
            "run": run,
            "arun": arun,
            "_run": _run,
            "_arun": _arun,
        },
    )


def _delegates(tool: BaseTool, abody: Any) -> bool:
    """Return whether the async body only runs the sync one, which is guarded itself."""
    if isinstance(tool, (StructuredTool, Tool)):
        return tool.coroutine is None
    return abody is BaseTool._arun

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
import copy
import functools
import inspect
import operator
import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from guarded_agent.agent.acting import acting
from guarded_agent.agent.concern import answered
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.failure import again, carries_objects, forget_frames, say_less
from guarded_agent.agent.holding import agive_back, ahold, handed, hold
from guarded_agent.agent.net import BODY, RECEIPT, Net, under
from guarded_agent.agent.passing import arguments, through
from guarded_agent.agent.result import pieces, put_back
from guarded_agent.agent.reveal import (
    Opened,
    as_it_ran,
    is_revealed,
    opened,
    revealing,
    with_values,
)
from guarded_agent.agent.voice import asked, injected, speaking, told, without_leased
from guarded_agent.agent.wait import aresolve, ask_outcome, can_pause, resolve
from guarded_agent.core import Action, Stage, digest
from guarded_agent.core.errors import (
    ActionError,
    Denied,
    OutcomeUncertain,
    UnguardedCall,
)
from guarded_agent.core.flow import current_flow, flowing
from guarded_agent.identity.leases import leased_here, remembering
from guarded_agent.identity.running import inside
from guarded_agent.monitor import Monitor, Receipt, Replay, Standing, kept
from guarded_agent.monitor.flow import CallFlow
from guarded_agent.tools.idempotency import keyed
from guarded_agent.tools.labels import unwrapped

ORIGIN: ContextVar[str] = ContextVar("guarded_agent_origin", default="")
"""The id of the model message that asked for the call, set by whoever knows it."""


@dataclass(slots=True)
class Bound:
    """What a guarded tool carries: its monitor, and its arguments' shape.

    Attributes:
        monitor: Judges and records its calls.
        shape: Its arguments.
        net: Watches what starts inside its body.
        answers: Whether a refusal is given as the result where no model's call is there
            to answer: what runs the tool hands results on, and knows no errors.
        waiting: Ids of calls that people decide on outside of a graph.
    """

    monitor: Monitor
    shape: Shape
    net: Net
    answers: bool = False
    waiting: dict[str, str] = field(default_factory=dict[str, str])

    def call(
        self, tool_input: str | Mapping[str, Any], config: Any, tool_call_id: str | None
    ) -> Action:
        """Return the action that this input is.

        Raises:
            ActionError: The arguments are not acceptable.
        """
        agreed = self.monitor.engine.spec(self.shape.spec.name).manifest
        if agreed not in ("", self.shape.spec.manifest):
            raise ActionError(
                f"{self.shape.spec.name} is not the tool of this name that the policy was checked "
                "against: its description or its arguments are others. It did not run."
            )
        args = self.shape.validate(tool_input)
        whole = ensure_config(config)
        thread_id = str(whole.get("configurable", {}).get("thread_id", ""))
        call_id = self._call_id(thread_id, args, tool_call_id)
        return self.monitor.action(
            self.shape.spec.name,
            args,
            call_id=call_id,
            thread_id=thread_id,
            origin=ORIGIN.get(),
            **acting(whole),
        )

    def _call_id(self, thread_id: str, args: dict[str, Any], given: str | None) -> str:
        """Return the id of a call; a direct one, which has none, is new unless it waits.

        Outside of a graph nothing is resumed: the whole chain runs again, and its model
        gives the same call another id. The one that people decided on is meant.
        """
        if given is not None and can_pause():
            return given
        key = digest([thread_id, args])
        return self.waiting.setdefault(key, given or f"direct-{uuid.uuid4().hex}")

    def begun(self, action: Action) -> None:
        """Forget a direct call that is no longer waiting."""
        self.waiting.pop(digest([action.thread_id, dict(action.args)]), None)

    def whole_input(self, tool_input: str | Mapping[str, Any], action: Action) -> dict[str, Any]:
        """Return what the tool is given: the judged arguments and what the runtime injects.

        The arguments are a copy: what a body or a callback does to them stays with it.
        """
        judged = copy.deepcopy(dict(action.args))
        if isinstance(tool_input, str):
            return judged
        injected = {
            name: value for name, value in tool_input.items() if name in self.shape.injected
        }
        return {**injected, **judged}

    def refusal(self, message: str, tool_call_id: str | None) -> ToolMessage | str:
        """Return a refusal in the form that the model reads.

        Raises:
            Denied: No model asked, so there is nobody to answer.
        """
        if tool_call_id is None and self.answers:
            return message
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


def guard_tool(
    tool: BaseTool, monitor: Monitor, *, net: Net | None = None, answers: bool = False
) -> BaseTool:
    """Return `tool` guarded by `monitor`; a guarded tool is returned as it is.

    Args:
        tool: The tool. It is copied, not changed.
        monitor: What judges its calls.
        net: What watches its body; by default one that lets nothing unguarded start.
        answers: See `Bound`.
    """
    if is_guarded(tool):
        return tool
    new = tool.model_copy()
    new.handle_tool_error = _answering(new.handle_tool_error, monitor)
    new.handle_validation_error = _answering(new.handle_validation_error, monitor)
    if isinstance(new, (StructuredTool, Tool)):
        new.func = _only_inside(new.func, tool.name)
        new.coroutine = _only_inside(new.coroutine, tool.name)
    object.__setattr__(new, "__class__", _guarded_class(type(tool)))
    object.__setattr__(new, "_guard", Bound(monitor, Shape.of(tool), net or Net(monitor), answers))
    return new


def _answering(handle: Any, monitor: Monitor) -> Any:
    """Return what answers the model after an error, if it is a function: judged as a result."""
    if not callable(handle):
        return handle

    @functools.wraps(handle)
    def answer(error: Any) -> Any:
        return through(monitor, Stage.TOOL_RESULT, without_leased(handle(error)))

    return answer


def _only_inside(function: Any, name: str) -> Any:
    """Return `function`, which runs only as the body of a cleared call of its tool."""
    if function is None:
        return None

    def check() -> None:
        receipt = BODY.get()
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
    if tool_call_id is None and not bound.answers:
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


async def _abegin(
    bound: Bound, action: Action, tool_call_id: str | None
) -> Begun | OutcomeUncertain:
    """Begin in a thread. What began for a task that was cancelled meanwhile is taken back."""
    return await kept(
        lambda: _begin(bound, action, tool_call_id), lambda begun: _take_back(bound, begun)
    )


def _take_back(bound: Bound, begun: Begun | OutcomeUncertain) -> None:
    receipt = None if isinstance(begun, OutcomeUncertain) else begun[0]
    if receipt is not None and receipt.spend():
        bound.monitor.pause(receipt)


@contextmanager
def _inside(monitor: Monitor, receipt: Receipt) -> Generator[CallFlow]:
    """Mark that the body of this call runs; a tool that it calls is not cleared by that."""
    body, outer = BODY.set(receipt), RECEIPT.set(None)
    try:
        flow = monitor.flow(receipt, current_flow())
        with (
            inside(receipt.call),
            handed(receipt),
            keyed(receipt.action.digest),
            answered(monitor, receipt),
            flowing(flow),
        ):
            yield flow
    finally:
        RECEIPT.reset(outer)
        BODY.reset(body)


def _failure(
    monitor: Monitor, receipt: Receipt, error: Exception, flow: CallFlow | None
) -> Exception:
    """Record that the body raised. Return what to raise in its place, outside of the handler:
    the error itself, or one that says less where its words may not pass.
    """
    try:
        error = told(monitor, forget_frames(error))
        text = monitor.fail(receipt, error, flow)
    except Exception:
        return _unrecorded(monitor, receipt)
    passed = text.removeprefix(f"{type(error).__name__}: ")
    # What a client's error carries along, a request with its headers, no look at words can clean.
    opaque = leased_here() and carries_objects(error)
    return again(error, [] if opaque else [str(error)], [passed])


def _unrecorded(monitor: Monitor, receipt: Receipt) -> OutcomeUncertain:
    monitor.lose(receipt)
    return OutcomeUncertain(
        f"{receipt.action.tool} ran, but how it ended could not be recorded. "
        "It is not run again; a person has to settle it."
    )


def _ended(monitor: Monitor, receipt: Receipt, result: Any, flow: CallFlow | None) -> Any:
    """Judge and record a result; return what may pass."""
    try:
        result = _plain(receipt, _bare(result, flow))
        calls, result = arguments(monitor), without_leased(result)
        parts = pieces(result, calls)
        if flow is not None and receipt.spec.hide is not None:
            flow.plain = _only(result, parts)
        passed = monitor.end(as_it_ran(receipt), parts, flow)
        return put_back(result, passed, calls)
    except Denied:  # a guard halts the run, as a rule after the action was recorded as done
        monitor.lose(receipt)
        raise
    except Exception:
        lost = _unrecorded(monitor, receipt)
    except BaseException:
        monitor.lose(receipt)
        raise
    raise lost


async def _aended(monitor: Monitor, receipt: Receipt, result: Any, flow: CallFlow | None) -> Any:
    """Do what `_ended` does, from an event loop."""
    try:
        result = _plain(receipt, _bare(result, flow))
        calls, result = arguments(monitor), without_leased(result)
        parts = pieces(result, calls)
        if flow is not None and receipt.spec.hide is not None:
            flow.plain = _only(result, parts)
        passed = await monitor.aend(as_it_ran(receipt), parts, flow)
        return put_back(result, passed, calls)
    except Denied:
        monitor.lose(receipt)
        raise
    except Exception:
        lost = await asyncio.to_thread(_unrecorded, monitor, receipt)
    except BaseException:
        monitor.lose(receipt)  # no await: the task may be cancelled
        raise
    raise lost


def _bare(result: Any, flow: CallFlow | None) -> Any:
    """Return a result without the labels that the tool's author gave to it: `flow` keeps them."""
    taken = unwrapped(result)
    if flow is not None and taken.labels:
        flow.items, flow.whole = taken.labels, taken.whole
    return taken.value


def _plain(receipt: Receipt, result: Any) -> Any:
    """Return a result that is to be hidden as text or data: numbers and objects print theirs."""
    if receipt.spec.hide is None or result is None:
        return result
    if isinstance(result, (str, list, dict, tuple, BaseMessage, Command)):
        return result
    return str(result)


def _only(result: Any, parts: list[Any]) -> bool:
    """Return whether `parts` are all that there is of a result."""
    whole = result if isinstance(result, tuple) else (result,)
    rest = [item for item in whole if item is not None]
    return len(rest) == len(parts) and all(map(operator.is_, rest, parts))


async def _aopened(monitor: Monitor, action: Action) -> Opened | str | None:
    return await asyncio.to_thread(opened, monitor, action) if monitor.pseudonyms else None


def _parsed(tool: Any, parse: Any, tool_input: Any, *args: Any) -> Any:
    """Parse revealed arguments. What a schema says of them repeats them."""
    try:
        return parse(tool, tool_input, *args)
    except GraphBubbleUp:
        raise
    except Exception as error:
        failure = told(tool._guard.monitor, error)
    raise failure


def _under(
    net: Net, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of `BaseTool.run` with the net among its callbacks."""
    if len(args) > _CALLBACKS:
        args = (*args[:_CALLBACKS], under(net, args[_CALLBACKS]), *args[_CALLBACKS + 1 :])
        return args, kwargs
    return args, {**kwargs, "callbacks": under(net, kwargs.get("callbacks"))}


_CALLBACKS = list(inspect.signature(BaseTool.run).parameters).index("callbacks") - 2
"""Where `run` takes its callbacks among the arguments behind `self` and the input."""


@functools.cache
def _guarded_class(cls: type[BaseTool]) -> type[BaseTool]:
    plain_run, plain_arun = cls.run, cls.arun
    body, abody, parse = cls._run, cls._arun, cls._to_args_and_kwargs

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
        standing = resolve(bound.monitor, bound.monitor.propose(action, start=True), bound.shape)
        answer = _answer(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        known = opened(bound.monitor, standing.action)
        if isinstance(known, str):
            return bound.refusal(known, tool_call_id)
        begun = _begin(bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = _begin(bound, standing.action, tool_call_id)
        receipt, answer = begun
        if receipt is None:
            return answer
        refused = hold(bound.monitor, receipt) if receipt.spec.secrets else ""
        if refused:
            return bound.refusal(refused, tool_call_id)
        whole = bound.whole_input(tool_input, standing.action)
        args, kwargs = _under(bound.net, args, kwargs)
        token = RECEIPT.set(receipt)
        try:
            with remembering(), revealing(known):
                return plain_run(
                    self, whole, *args, config=config, tool_call_id=tool_call_id, **kwargs
                )
        except OutcomeUncertain as error:
            ask_outcome(standing.action, error)
            raise
        finally:
            RECEIPT.reset(token)
            if receipt.held is not None:
                receipt.held.give_back()
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
        proposed = await bound.monitor.apropose(action, start=True)
        standing = await aresolve(bound.monitor, proposed, bound.shape)
        answer = _answer(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        known = await _aopened(bound.monitor, standing.action)
        if isinstance(known, str):
            return bound.refusal(known, tool_call_id)
        at_once = bound.monitor.begun(standing.action)
        begun: Begun | OutcomeUncertain = at_once, None
        if at_once is None:
            begun = await _abegin(bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = await _abegin(bound, standing.action, tool_call_id)
        receipt, answer = begun
        if receipt is None:
            return answer
        refused = await ahold(bound.monitor, receipt) if receipt.spec.secrets else ""
        if refused:
            return bound.refusal(refused, tool_call_id)
        whole = bound.whole_input(tool_input, standing.action)
        args, kwargs = _under(bound.net, args, kwargs)
        token = RECEIPT.set(receipt)
        try:
            with remembering(), revealing(known):
                return await plain_arun(
                    self, whole, *args, config=config, tool_call_id=tool_call_id, **kwargs
                )
        except OutcomeUncertain as error:
            ask_outcome(standing.action, error)
            raise
        finally:
            RECEIPT.reset(token)
            if receipt.held is not None:
                await agive_back(receipt.held)
            if receipt.spend():
                await asyncio.to_thread(bound.monitor.pause, receipt)

    @functools.wraps(parse)
    def _to_args_and_kwargs(self: Any, tool_input: Any, *args: Any) -> Any:
        # Callbacks had the input in their hands: what was judged takes its place again.
        receipt = RECEIPT.get()
        if receipt is not None:
            judged = self._guard.whole_input(tool_input, receipt.action)
            tool_input = with_values(judged, receipt.action)
            if is_revealed(receipt.action):
                return _parsed(self, parse, tool_input, *args)
        return parse(self, tool_input, *args)

    @functools.wraps(body)
    def _run(self: Any, *args: Any, **kwargs: Any) -> Any:
        monitor: Monitor = self._guard.monitor
        receipt = monitor.admit(RECEIPT.get(), self.name)
        failure: Exception | None = None
        result: Any = None
        flow: CallFlow | None = None
        try:
            with _inside(monitor, receipt) as flow, speaking(monitor) as around:
                result = body(self, *args, **injected(kwargs, around, monitor))
        except GraphBubbleUp as signal:
            monitor.pause(receipt)
            raise asked(monitor, forget_frames(signal)) from None
        except OutcomeUncertain as error:  # the tool itself does not know
            monitor.lose(receipt)
            say_less(error)
            raise
        except Exception as error:
            failure = _failure(monitor, receipt, error, flow)
        except BaseException as error:
            monitor.lose(receipt)
            say_less(error)
            raise
        if failure is not None:  # raised here, so that the original is not its context
            raise failure
        return _ended(monitor, receipt, result, flow)

    @functools.wraps(abody)
    async def _arun(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _delegates(self, abody):
            return await abody(self, *args, **kwargs)
        monitor: Monitor = self._guard.monitor
        receipt = monitor.admit(RECEIPT.get(), self.name)
        failure: Exception | None = None
        result: Any = None
        flow: CallFlow | None = None
        try:
            with _inside(monitor, receipt) as flow, speaking(monitor) as around:
                result = await abody(self, *args, **injected(kwargs, around, monitor))
        except GraphBubbleUp as signal:
            await asyncio.to_thread(monitor.pause, receipt)
            raise asked(monitor, forget_frames(signal)) from None
        except OutcomeUncertain as error:
            await asyncio.to_thread(monitor.lose, receipt)
            say_less(error)
            raise
        except Exception as error:
            failure = _failure(monitor, receipt, error, flow)  # no await: it would not be recorded
        except BaseException as error:
            monitor.lose(receipt)
            say_less(error)
            raise
        if failure is not None:
            raise failure
        return await _aended(monitor, receipt, result, flow)

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
            "_to_args_and_kwargs": _to_args_and_kwargs,
        },
    )


def _delegates(tool: BaseTool, abody: Any) -> bool:
    """Return whether the async body only runs the sync one, which is guarded itself."""
    if isinstance(tool, (StructuredTool, Tool)):
        return tool.coroutine is None
    return abody is BaseTool._arun

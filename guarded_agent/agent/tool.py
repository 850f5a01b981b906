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
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool, Tool
from langgraph.errors import GraphBubbleUp

from guarded_agent.agent.body import aended, ended, failure, running
from guarded_agent.agent.bound import Begun, Bound, abegin, bad_arguments, begin, denial
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.failure import forget_frames, say_less
from guarded_agent.agent.holding import agive_back, ahold, hold
from guarded_agent.agent.net import BODY, RECEIPT, Net, under
from guarded_agent.agent.passing import through
from guarded_agent.agent.reveal import (
    Opened,
    is_revealed,
    opened,
    revealing,
    with_values,
)
from guarded_agent.agent.voice import asked, injected, speaking, told, without_leased
from guarded_agent.agent.wait import aresolve, ask_outcome, resolve
from guarded_agent.core import Action, Stage
from guarded_agent.core.errors import (
    ActionError,
    OutcomeUncertain,
    UnguardedCall,
)
from guarded_agent.identity.leases import remembering
from guarded_agent.monitor import Monitor
from guarded_agent.monitor.flow import CallFlow


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


async def _aopened(monitor: Monitor, action: Action) -> Opened | str | None:
    return await asyncio.to_thread(opened, monitor, action) if monitor.pseudonyms else None


def _parsed(tool: Any, parse: Any, tool_input: Any, *args: Any) -> Any:
    """Parse revealed arguments. What a schema says of them repeats them."""
    try:
        return parse(tool, tool_input, *args)
    except GraphBubbleUp:
        raise
    except Exception as error:
        instead = told(tool._guard.monitor, error)
    raise instead


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
            return bad_arguments(bound, error, config, tool_call_id)
        standing = resolve(bound.monitor, bound.monitor.propose(action, start=True), bound.shape)
        answer = denial(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        known = opened(bound.monitor, standing.action)
        if isinstance(known, str):
            return bound.refusal(known, tool_call_id)
        begun = begin(bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = begin(bound, standing.action, tool_call_id)
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
            return await asyncio.to_thread(bad_arguments, bound, error, config, tool_call_id)
        proposed = await bound.monitor.apropose(action, start=True)
        standing = await aresolve(bound.monitor, proposed, bound.shape)
        answer = denial(bound, standing, tool_call_id)
        if answer is not None:
            return answer
        known = await _aopened(bound.monitor, standing.action)
        if isinstance(known, str):
            return bound.refusal(known, tool_call_id)
        at_once = bound.monitor.begun(standing.action)
        begun: Begun | OutcomeUncertain = at_once, None
        if at_once is None:
            begun = await abegin(bound, standing.action, tool_call_id)
        while isinstance(begun, OutcomeUncertain):
            ask_outcome(standing.action, begun)
            begun = await abegin(bound, standing.action, tool_call_id)
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
        instead: Exception | None = None
        result: Any = None
        flow: CallFlow | None = None
        try:
            with running(monitor, receipt) as flow, speaking(monitor) as around:
                result = body(self, *args, **injected(kwargs, around, monitor))
        except GraphBubbleUp as signal:
            monitor.pause(receipt)
            raise asked(monitor, forget_frames(signal)) from None
        except OutcomeUncertain as error:  # the tool itself does not know
            monitor.lose(receipt)
            say_less(error)
            raise
        except Exception as error:
            instead = failure(monitor, receipt, error, flow)
        except BaseException as error:
            monitor.lose(receipt)
            say_less(error)
            raise
        if instead is not None:  # raised here, so that the original is not its context
            raise instead
        return ended(monitor, receipt, result, flow)

    @functools.wraps(abody)
    async def _arun(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _delegates(self, abody):
            return await abody(self, *args, **kwargs)
        monitor: Monitor = self._guard.monitor
        receipt = monitor.admit(RECEIPT.get(), self.name)
        instead: Exception | None = None
        result: Any = None
        flow: CallFlow | None = None
        try:
            with running(monitor, receipt) as flow, speaking(monitor) as around:
                result = await abody(self, *args, **injected(kwargs, around, monitor))
        except GraphBubbleUp as signal:
            await asyncio.to_thread(monitor.pause, receipt)
            raise asked(monitor, forget_frames(signal)) from None
        except OutcomeUncertain as error:
            await asyncio.to_thread(monitor.lose, receipt)
            say_less(error)
            raise
        except Exception as error:
            instead = failure(monitor, receipt, error, flow)  # no await: it would not be recorded
        except BaseException as error:
            monitor.lose(receipt)
            say_less(error)
            raise
        if instead is not None:
            raise instead
        return await aended(monitor, receipt, result, flow)

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

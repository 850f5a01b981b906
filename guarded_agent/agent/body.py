"""One body of a guarded tool: what is known while it runs, and how its end is judged."""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import asyncio
import operator
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.types import Command

from guarded_agent.agent.concern import answered
from guarded_agent.agent.failure import again, carries_objects, forget_frames
from guarded_agent.agent.holding import handed
from guarded_agent.agent.net import BODY, RECEIPT
from guarded_agent.agent.passing import arguments
from guarded_agent.agent.result import pieces, put_back
from guarded_agent.agent.reveal import as_it_ran
from guarded_agent.agent.voice import told, without_leased
from guarded_agent.core.errors import Denied, OutcomeUncertain
from guarded_agent.core.flow import current_flow, flowing
from guarded_agent.identity.leases import leased_here
from guarded_agent.identity.running import inside
from guarded_agent.monitor import Monitor, Receipt
from guarded_agent.monitor.flow import CallFlow
from guarded_agent.tools.idempotency import keyed
from guarded_agent.tools.labels import unwrapped


@contextmanager
def running(monitor: Monitor, receipt: Receipt) -> Generator[CallFlow]:
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


def failure(
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


def ended(monitor: Monitor, receipt: Receipt, result: Any, flow: CallFlow | None) -> Any:
    """Judge and record a result; return what may pass."""
    try:
        calls, result, parts = _taken_apart(monitor, receipt, result, flow)
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


async def aended(monitor: Monitor, receipt: Receipt, result: Any, flow: CallFlow | None) -> Any:
    """Do what `ended` does, from an event loop."""
    try:
        calls, result, parts = _taken_apart(monitor, receipt, result, flow)
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


def _taken_apart(
    monitor: Monitor, receipt: Receipt, result: Any, flow: CallFlow | None
) -> tuple[Any, Any, list[Any]]:
    """Return what looks at calls in a result, the result as it may be seen, and its pieces."""
    result = without_leased(_plain(receipt, _bare(result, flow)))
    calls = arguments(monitor)
    parts = pieces(result, calls)
    if flow is not None and receipt.spec.hide is not None:
        flow.plain = _only(result, parts)
    return calls, result, parts


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

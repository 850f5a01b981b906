"""Let things through: what is handed over is judged as a whole and built again.

Every surface does the same: take the texts out, let the monitor judge them, put
back what may pass. The arguments of a call of one of the agent's tools follow the
policy's `tool_arguments`. A call of anything else, such as the form of a
structured answer, is no action but an answer: its arguments are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from langchain_core.messages import AIMessage
from langchain_core.runnables.config import ensure_config

from guarded_agent.agent.result import Calls, Swap, pieces, put_back, rebuild
from guarded_agent.core import Stage
from guarded_agent.monitor import Monitor

T = TypeVar("T")


def through(
    monitor: Monitor,
    stage: Stage,
    value: T,
    *,
    thread_id: str | None = None,
    answers: bool = False,
    source: str = "",
) -> T:
    """Return `value` as it may pass at `stage`.

    Args:
        monitor: Judges.
        stage: Where.
        value: Whatever was handed over; see `result`.
        thread_id: The thread; by default the one of the run around.
        answers: Whether calls of unknown tools are answers and judged as text.
        source: Where it was read, for the memory of the thread.

    Raises:
        Denied: A guard halts the run.
    """
    calls = arguments(monitor, answers=answers)
    parts = pieces(value, calls)
    passed = parts
    if parts:
        thread_id = this_thread() if thread_id is None else thread_id
        passed = monitor.pass_text(stage, parts, thread_id=thread_id, source=source)
    return cast("T", put_back(value, passed, calls))


async def athrough(
    monitor: Monitor,
    stage: Stage,
    value: T,
    *,
    thread_id: str | None = None,
    answers: bool = False,
    source: str = "",
) -> T:
    """Do what `through` does, from an event loop."""
    calls = arguments(monitor, answers=answers)
    parts = pieces(value, calls)
    passed = parts
    if parts:
        thread_id = this_thread() if thread_id is None else thread_id
        passed = await monitor.apass_text(stage, parts, thread_id=thread_id, source=source)
    return cast("T", put_back(value, passed, calls))


def cleaned(monitor: Monitor, stage: Stage, value: T) -> T:
    """Return `value` with what guards replace at `stage` replaced: no verdict, no record."""
    if not monitor.scrubber.replaces(stage):
        return value
    return cast("T", rebuild(value, lambda part: monitor.scrubber.clean(stage, part)))


def cleaned_metadata(monitor: Monitor, data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a provider's metadata with its texts cleaned; counts and times stay."""
    if not data:
        return None
    holder = AIMessage("", response_metadata=dict(data))
    return cleaned(monitor, Stage.MODEL_OUTPUT, holder).response_metadata


def arguments(monitor: Monitor, *, answers: bool = False) -> Calls:
    """Return what becomes of the arguments of tool calls in a message.

    Args:
        monitor: Its policy decides.
        answers: See `through`.
    """

    def change(name: str, args: Any, swap: Swap) -> Any:
        if answers and name and not is_action(monitor, name):
            return swap(args)
        return monitor.scrubber.clean(Stage.ACTION, args)

    return change


def is_action(monitor: Monitor, name: str) -> bool:
    """Return whether a call of `name` is a call of one of the agent's own tools."""
    try:
        monitor.engine.spec(name)
    except KeyError:
        return False
    return True


def this_thread() -> str:
    """Return the thread id of the run around, or an empty text."""
    return str(ensure_config().get("configurable", {}).get("thread_id", ""))

"""Keep Guardrails quiet: nothing is sent to its maker, no text stays in memory or in a trace."""

# Event loop policies are deprecated from Python 3.14 on, which Guardrails does not support.
# pyright: reportDeprecated=false

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, cast


def silence() -> None:
    """Switch off the usage data that Guardrails sends to its maker by default, and its traces.

    Setting `enable_metrics` alone does not last: every Guardrails `Guard` reads
    the setting from disk again. The one telemetry object does. Its spans for
    OpenTelemetry hold the raw text, so they are off too; the audit log has its own.
    """
    from guardrails.settings import settings
    from guardrails.utils.hub_telemetry_utils import HubTelemetry

    settings.rc.enable_metrics = False
    settings.disable_tracing = True
    # Private names, since no public switch lasts; a test with blocked sockets watches over it.
    telemetry = cast("Any", HubTelemetry)
    quiet = cast("Any", telemetry._instance or object.__new__(HubTelemetry))
    quiet._carrier = {}
    quiet._enabled = False
    quiet._tracer = None
    telemetry._instance = quiet


def forget(guard: Any) -> None:
    """Take out of memory what a Guardrails `Guard` keeps of its calls: the raw texts.

    `history_max_length=0` does not do it: Guardrails reads it as "not given".
    """
    from guardrails.logger import get_scope_handler

    records = get_scope_handler().scoped_logs
    for call in guard.history:
        for scope in (call, *call.iterations):
            records.pop(str(id(scope)), None)
    guard.history.clear()


@contextmanager
def no_loop_left() -> Generator[None]:
    """Close the event loop that a Guardrails `Guard` makes for a thread and leaves open.

    Where uvloop is installed it also changes the event loops of the whole process; that is undone.
    """
    before = asyncio.get_event_loop_policy()
    try:
        yield
    finally:
        with suppress(RuntimeError):  # this thread has no loop
            asyncio.get_event_loop_policy().get_event_loop().close()
        asyncio.set_event_loop(None)
        if asyncio.get_event_loop_policy() is not before:
            asyncio.set_event_loop_policy(before)

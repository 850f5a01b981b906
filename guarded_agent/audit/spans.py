"""Hand audit events to OpenTelemetry, one span each, for those who watch there.

The names are ours (`guarded_agent.*`): the conventions for guardrails are not settled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guarded_agent.audit.event import Event
from guarded_agent.audit.log import AuditLog
from guarded_agent.core.errors import MissingExtra
from guarded_agent.store import Store

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_PLAIN = ("tool", "effect", "outcome", "choice", "state")


def emit_spans(store: Store, *, tracer: Tracer | None = None, after: int = 0) -> int:
    """Emit every event behind number `after` as a span, at the time when it happened.

    It reads what is committed, so nothing of a call waits for it. Values of arguments
    and the words of findings are not handed on.

    Args:
        store: Whose log.
        tracer: Where to; by default the tracer that the application has set up.
        after: The number of the last event that was handed on before.

    Returns:
        The number of the last event, for the next call; `after` if there was none.

    Raises:
        MissingExtra: OpenTelemetry is not installed.
    """
    try:
        # Imported here: it is an extra, and only who exports needs it.
        from opentelemetry.trace import get_tracer
    except ImportError:
        raise MissingExtra("emit_spans", "otel") from None
    target = tracer or get_tracer("guarded_agent")
    for event in AuditLog(store).events(after):
        at = int(event.at * 1e9)
        span = target.start_span(
            f"guarded_agent.{event.kind}", start_time=at, attributes=_attributes(event)
        )
        span.end(end_time=at)
        after = event.seq
    return after


def _attributes(event: Event) -> dict[str, str | int]:
    found: dict[str, str | int] = {
        "guarded_agent.seq": event.seq,
        "guarded_agent.kind": event.kind,
        "guarded_agent.hash": event.hash,
        "gen_ai.agent.id": event.agent_id,
        "gen_ai.conversation.id": event.thread_id,
        "guarded_agent.action.digest": event.digest,
    }
    for name in _PLAIN:
        value = event.data.get(name)
        if isinstance(value, str):
            found["gen_ai.tool.name" if name == "tool" else f"guarded_agent.{name}"] = value
    return {name: value for name, value in found.items() if value != ""}

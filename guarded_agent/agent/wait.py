"""Waiting for people: from a standing that waits to one that is decided.

The store is the only authority. What a resume brings along is never looked at:
it only wakes the task, which then reads the store again.
"""

from __future__ import annotations

import asyncio
from typing import cast

from langchain_core.runnables.config import ensure_config
from langgraph.types import interrupt

from guarded_agent.agent.describe import Shape
from guarded_agent.approvals import interrupt_payload
from guarded_agent.core import Action
from guarded_agent.core.errors import ActionError, ApprovalRequired, OutcomeUncertain
from guarded_agent.core.visible import visible
from guarded_agent.monitor import Monitor, Standing

_SCRATCHPAD = "__pregel_scratchpad"
_CHECKPOINTER = "__pregel_checkpointer"


def resolve(monitor: Monitor, standing: Standing, shape: Shape) -> Standing:
    """Return the standing once it is decided; pause the graph as long as it is not.

    Args:
        monitor: The monitor.
        standing: How the action stands.
        shape: The tool's arguments, to check what a person put in their place.

    Raises:
        GraphInterrupt: People have not decided. LangGraph runs the task again later.
        ApprovalRequired: People have not decided, and there is no graph to pause.
    """
    _drop_wake_up(standing)
    while standing.state in ("waiting", "edited"):
        if standing.state == "waiting":
            _pause(standing)
            standing = monitor.standing(standing.action)
        else:
            action = _edited(monitor, standing, shape)
            if isinstance(action, Standing):
                return action
            new = monitor.propose(action, edited_by=_editor(standing))
            standing = _linked(monitor, standing, new)
    return standing


async def aresolve(monitor: Monitor, standing: Standing, shape: Shape) -> Standing:
    """Do what `resolve` does, from an event loop."""
    _drop_wake_up(standing)
    while standing.state in ("waiting", "edited"):
        if standing.state == "waiting":
            _pause(standing)
            standing = await asyncio.to_thread(monitor.standing, standing.action)
        else:
            action = await asyncio.to_thread(_edited, monitor, standing, shape)
            if isinstance(action, Standing):
                return action
            new = await monitor.apropose(action, edited_by=_editor(standing))
            standing = await asyncio.to_thread(_linked, monitor, standing, new)
    return standing


def ask_outcome(action: Action, error: OutcomeUncertain) -> None:
    """Pause the graph until a person has said how an action ended that died on the way.

    Raises:
        GraphInterrupt: LangGraph runs the task again later.
        OutcomeUncertain: There is no graph to pause.
    """
    if not can_pause():
        raise error
    interrupt(
        {
            "type": "outcome_unknown",
            "tool_call_id": action.call_id,
            "name": action.tool,
            "digest": action.digest,
            "thread_id": action.thread_id,
            "description": str(error),
            "resume": (
                "Find out whether it took effect, then: guarded-agent approvals settle "
                f"{action.digest[:12]} --outcome done (or failed). Then resume this thread."
            ),
        }
    )


def can_pause() -> bool:
    """Return whether this runs inside of a graph, which can wait for people."""
    around = ensure_config().get("configurable", {})
    # Without a checkpointer the graph would stop, and could never be resumed.
    return _SCRATCHPAD in around and bool(around.get(_CHECKPOINTER))


def _drop_wake_up(standing: Standing) -> None:
    """Throw away what woke this task for a call that waited for people.

    It says nothing, and the next to read it would be a question of the tool's own: a
    task's questions take the answers in their order, whoever asked.
    """
    request = standing.request
    if request is None or request.state == "used" or not can_pause():
        return
    scratchpad = ensure_config().get("configurable", {})[_SCRATCHPAD]
    if scratchpad.resume:
        scratchpad.resume.pop()
    scratchpad.get_null_resume(True)


def is_ours(value: object) -> bool:
    """Return whether an interrupt waits for the store, and is no question of a tool's own."""
    payload = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    kind = payload.get("type")
    return kind == "outcome_unknown" or (kind == "tool_approval" and "approval_id" in payload)


def _pause(standing: Standing) -> None:
    request = standing.request
    assert request is not None
    if not can_pause():
        raise ApprovalRequired(
            f"{visible(request.summary)} A person has to approve this first: "
            f"guarded-agent approvals show {request.id}. Then make the same call again.",
            request.id,
        )
    interrupt(interrupt_payload(request, tool_call_id=standing.action.call_id))


def _edited(monitor: Monitor, standing: Standing, shape: Shape) -> Action | Standing:
    """An edit is a new action: same call, other arguments, the whole guard chain again."""
    request = standing.request
    assert request is not None
    old = standing.action
    try:
        args = shape.validate(monitor.approvals.edited_args(request))
        return monitor.action(
            old.tool,
            args,
            call_id=old.call_id,
            thread_id=old.thread_id,
            origin=old.origin,
            user=old.user,
            user_scopes=old.user_scopes,
        )
    except ActionError as error:
        message = f"A person changed the arguments, but they do not fit: {error}"
        return Standing(old, "denied", message, request)


def _editor(standing: Standing) -> str | None:
    return standing.request.edited_by if standing.request else None


def _linked(monitor: Monitor, old: Standing, new: Standing) -> Standing:
    assert old.request is not None
    monitor.approvals.replaced(old.request.id, new.action.digest)
    return new

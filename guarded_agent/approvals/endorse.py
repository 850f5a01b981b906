"""Endorse the data behind a request, so that no later call has to ask about the same again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection

from guarded_agent.approvals.request import Request
from guarded_agent.core.destinations import leaves
from guarded_agent.core.provenance import UNVOUCHED, UNVOUCHED_LINK, loose
from guarded_agent.store import Store, provenance

Endorse = Literal["thread", "always"]
"""How long an endorsement counts: in this thread, or in every thread of the agent."""


def endorsable(request: Request, args: Mapping[str, Any]) -> list[str]:
    """Return the values of a request that nobody vouched for.

    Args:
        request: The request; its findings name the arguments.
        args: The real arguments.
    """
    found: list[str] = []
    for finding in request.reasons:
        if finding.category not in (UNVOUCHED, UNVOUCHED_LINK):
            continue
        for path, text in _texts(args):
            if path == finding.path or path.startswith((f"{finding.path}.", f"{finding.path}[")):
                # Of a text only the links, addresses and accounts in it are endorsed.
                found += loose(text) if finding.category == UNVOUCHED_LINK else [text]
    return list(dict.fromkeys(found))


def keep(
    store: Store,
    connection: Connection,
    request: Request,
    args: Mapping[str, Any],
    how: Endorse,
    by: str,
) -> int:
    """Keep the endorsement of a person; return how many values it covers.

    Args:
        store: Its keys seal the values.
        connection: The write transaction that also records the vote.
        request: The request.
        args: The real arguments.
        how: For this thread, or for every thread of the agent.
        by: The person.
    """
    values = endorsable(request, args)
    provenance.add(
        store,
        connection,
        request.agent_id,
        request.thread_id if how == "thread" else provenance.EVERYWHERE,
        "endorsed",
        values,
        source=request.tool,
        by=by,
    )
    return len(values)


def _texts(args: Mapping[str, Any]) -> list[tuple[str, str]]:
    numbers = [
        (f"args.{name}", str(item))
        for name, item in args.items()
        if isinstance(item, (int, float)) and not isinstance(item, bool)
    ]
    return [*leaves(args), *numbers]

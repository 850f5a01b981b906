"""The trail: the last events of the log, and whether it is whole."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from guarded_agent.audit import verify
from guarded_agent.core.errors import AuditBroken
from guarded_agent.server.card import iso
from guarded_agent.server.doors import Here, SignedIn
from guarded_agent.server.pages import page

router = APIRouter(prefix="/audit", include_in_schema=False)

MOST = 100
_TOLD = ("tool", "effect", "state", "choice", "reviewer", "by", "from", "to", "error", "reason")


@router.get("")
def audit(
    web: Request,
    reviewer: SignedIn,
    site: Here,
    thread: Annotated[str, Query(max_length=200)] = "",
    check: bool = False,
) -> Response:
    """Show the last events; with `check`, verify every event from the first."""
    events = site.log.tail(MOST, thread_id=thread or None)
    whole, head = "", ""
    if check:
        try:
            verified = verify(site.store)
        except AuditBroken as broken:
            whole = f"Broken: {broken}."
        else:
            whole, head = f"All {verified.count} events are whole.", verified.head
    return page(
        web,
        "audit.html",
        reviewer=reviewer,
        rows=[
            (
                event,
                iso(event.at),
                [(name, str(event.data[name])[:200]) for name in _TOLD if event.data.get(name)],
            )
            for event in reversed(events)
        ],
        thread=thread,
        whole=whole,
        head=head,
    )

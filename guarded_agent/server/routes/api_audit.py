"""The API of the audit log: read it, and check that nobody changed it."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import Query

from guarded_agent.audit import verify
from guarded_agent.server.api import api_router
from guarded_agent.server.doors import Here, SignedIn
from guarded_agent.server.shapes import Chain, EventList

router = api_router("audit")


@router.get("/audit", response_model=EventList)
def events(
    site: Here,
    reviewer: SignedIn,
    after: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Return the events after one, or the last ones."""
    log = site.log
    found = log.tail(limit) if after is None else islice(log.events(after), limit)
    return {"events": [event.as_json() for event in found]}


@router.get("/audit/verify", response_model=Chain)
def verify_chain(site: Here, reviewer: SignedIn) -> dict[str, Any]:
    """Check every event. A chain that does not verify is `audit-broken`, with status 409."""
    verified = verify(site.store)
    return {"count": verified.count, "head": verified.head}

"""The page of what waits."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server.card import card
from guarded_agent.server.doors import Here, SignedIn
from guarded_agent.server.pages import go, page

router = APIRouter(include_in_schema=False)


@router.get("/")
def home() -> Response:
    """Go to the queue."""
    return go("/approvals")


@router.get("/approvals")
def approvals(web: Request, reviewer: SignedIn, site: Here) -> Response:
    """Show the queue to a person."""
    now = site.store.clock()
    # A database that needs a password is not named: the reviewer's environment has it.
    url = site.store.url if site.store.path else None
    waiting = sorted(site.queue.pending(), key=lambda request: request.decide_by)
    return page(
        web,
        "approvals.html",
        reviewer=reviewer,
        cards=[card(shown(site.store, request), now, url) for request in waiting],
        clock=datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S UTC"),
        store=site.store.url,
    )

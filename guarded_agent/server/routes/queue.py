"""The queue: what waits, in the order of what is at stake."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from guarded_agent.guards.pii.pseudonyms_shown import shown as seen
from guarded_agent.server.card import card
from guarded_agent.server.doors import Here, SignedIn, Voter
from guarded_agent.server.pages import go, page
from guarded_agent.server.site import Site
from guarded_agent.server.who import Reviewer

router = APIRouter(include_in_schema=False)

PAGE = 30
"""Requests on one page."""

Text = Annotated[str, Query(max_length=200)]


@router.get("/")
def home() -> Response:
    """Go to the queue."""
    return go("/approvals")


@router.get("/approvals")
def approvals(
    web: Request,
    reviewer: SignedIn,
    site: Here,
    q: Text = "",
    agent: Text = "",
    impact: Text = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    aside: bool = False,
) -> Response:
    """Show the queue to a person."""
    return page(
        web,
        "queue.html",
        reviewer=reviewer,
        **_rows(site, reviewer, q, agent, impact, offset, aside),
    )


@router.get("/approvals/rows")
def rows(
    web: Request,
    reviewer: SignedIn,
    site: Here,
    q: Text = "",
    agent: Text = "",
    impact: Text = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    aside: bool = False,
    revision: Annotated[int, Query(ge=-1)] = -1,
) -> Response:
    """Return the list alone, for the page that looks again; nothing where nothing changed."""
    if revision == site.queue.revision():
        return Response(status_code=204)
    return page(
        web,
        "rows.html",
        reviewer=reviewer,
        **_rows(site, reviewer, q, agent, impact, offset, aside),
    )


@router.post("/approvals/{request_id}/back")
def back(site: Here, reviewer: Voter, request_id: str) -> Response:
    """Show a request again that was set aside."""
    site.queue.unsnooze(request_id, reviewer=reviewer.name)
    return go("/approvals")


def _rows(
    site: Site, reviewer: Reviewer, q: str, agent: str, impact: str, offset: int, aside: bool
) -> dict[str, Any]:
    revision = site.queue.revision()  # before: what comes meanwhile is seen the next time
    found = site.queue.page(
        reviewer=None if aside else reviewer.name,
        agent_id=agent or None,
        impact=impact or None,
        like=q,
        limit=PAGE,
        offset=offset,
    )
    chosen = {"q": q, "agent": agent, "impact": impact, "aside": "1" if aside else ""}

    def address(offset: int) -> str:
        query = {name: value for name, value in chosen.items() if value}
        return "/approvals?" + urlencode(query | ({"offset": str(offset)} if offset else {}))

    after = found.next_offset
    return {
        "cards": [
            (card(seen(site.store, request), found.now), found.alike.get(request.alike, 1))
            for request in found.requests
        ],
        "total": found.total,
        "snoozed": found.snoozed,
        "uncertain": found.uncertain,
        "revision": revision,
        "chosen": chosen,
        "filtered": bool(q or agent or impact),
        "offset": offset,
        "earlier": address(max(0, offset - PAGE)) if offset else "",
        "later": "" if after is None else address(after),
    }

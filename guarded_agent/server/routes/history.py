"""What was decided, by whom and why; as a page and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from guarded_agent.approvals import Request as Asked
from guarded_agent.approvals import consequence, given
from guarded_agent.approvals.states import State
from guarded_agent.core.visible import visible
from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server.card import duration, iso
from guarded_agent.server.doors import Here, SignedIn
from guarded_agent.server.pages import page

router = APIRouter(prefix="/history", include_in_schema=False)

PAGE = 50
ENDED: tuple[State, ...] = ("used", "approved", "rejected", "expired", "cancelled", "edited")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
"""What a spreadsheet takes for a formula at the beginning of a cell (OWASP)."""


@router.get("")
def history(
    web: Request,
    reviewer: SignedIn,
    site: Here,
    state: Annotated[str, Query(max_length=20)] = "used",
    q: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> Response:
    """Show what was decided."""
    wanted = _state(state)
    found = site.queue.page(wanted, like=q, limit=PAGE, offset=offset)
    return page(
        web,
        "history.html",
        reviewer=reviewer,
        rows=[_row(shown(site.store, each)) for each in found.requests],
        total=found.total,
        state=wanted,
        states=ENDED,
        q=q,
        offset=offset,
        before=max(0, offset - PAGE) if offset else None,
        after=found.next_offset,
    )


def _row(each: Asked) -> tuple[Asked, str, str, str, str]:
    """Return a request, what it did, what the agent gave to it, when, and how long it took."""
    return (
        each,
        visible(consequence(each)),
        visible(given(each)),
        iso(each.created_at),
        duration(_took(each)),
    )


@router.get("/table.csv")
def table(
    reviewer: SignedIn,
    site: Here,
    state: Annotated[str, Query(max_length=20)] = "used",
) -> Response:
    """Return the last decisions as CSV that a spreadsheet reads as text."""
    wanted = _state(state)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["id", "asked", "agent", "tool", "summary", "state", "reviewers", "message"])
    for each in site.queue.page(wanted, limit=200).requests:
        seen = shown(site.store, each)
        people = ", ".join(vote.reviewer for vote in each.votes)
        cells = (each.agent_id, each.tool, seen.summary, each.state, people, each.message)
        writer.writerow([each.id, iso(each.created_at), *map(cell, cells)])
    name = f'attachment; filename="decisions-{wanted}.csv"'
    return Response(
        out.getvalue(), media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name}
    )


def cell(text: str) -> str:
    """Return a text as a cell that is no formula, and in which nothing hides.

    Example:
        >>> cell('=HYPERLINK("x")')
        '\\'=HYPERLINK("x")'
    """
    plain = visible(text)
    return f"'{plain}" if plain.lstrip().startswith(_FORMULA) else plain


def _state(name: str) -> State:
    """Return the state of that name; of another name, the first."""
    for known in ENDED:
        if known == name:
            return known
    return ENDED[0]


def _took(request: Asked) -> float:
    return (request.decided_at or request.decide_by) - request.created_at

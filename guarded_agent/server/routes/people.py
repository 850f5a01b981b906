"""How reviewers decide: how many, how often yes, and how fast; to see who is tired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from guarded_agent.server.card import duration
from guarded_agent.server.doors import Here, SignedIn
from guarded_agent.server.pages import page
from guarded_agent.store.schema import approval, vote

router = APIRouter(prefix="/people", include_in_schema=False)

DAYS = 30
HASTY = 3.0
"""Seconds from request to approval below which nobody can have read it."""


@dataclass(frozen=True, slots=True)
class Habit:
    """How one person decided in the last days.

    Attributes:
        name: Who.
        votes: How many votes.
        share: Which part of them approved, in percent.
        middle: The median time from the request to the vote, in words.
        hasty: Approvals of high-risk requests that came sooner than anybody reads.
    """

    name: str
    votes: int
    share: int
    middle: str
    hasty: int


@router.get("")
def people(web: Request, reviewer: SignedIn, site: Here) -> Response:
    """Show how reviewers decided."""
    since = site.store.clock() - DAYS * 86400
    query = (
        select(vote.c.reviewer, vote.c.choice, vote.c.at, approval.c.created_at, approval.c.impact)
        .join(approval, approval.c.id == vote.c.approval_id)
        .where(vote.c.at >= since)
        .order_by(vote.c.reviewer)
        .limit(100_000)
    )
    with site.store.read() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return page(web, "people.html", reviewer=reviewer, habits=_habits(rows), days=DAYS)


def _habits(rows: Iterable[tuple[str, str, float, float, str | None]]) -> list[Habit]:
    by_name: dict[str, list[tuple[str, float, bool]]] = {}
    for name, choice, at, created, impact in rows:
        by_name.setdefault(name, []).append((choice, at - created, impact is not None))
    return [
        Habit(
            name,
            len(votes),
            round(100 * sum(choice == "approve" for choice, _, _ in votes) / len(votes)),
            duration(median(took for _, took, _ in votes)),
            sum(choice == "approve" and took < HASTY and high for choice, took, high in votes),
        )
        for name, votes in sorted(by_name.items())
    ]

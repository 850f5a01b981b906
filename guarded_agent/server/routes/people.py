"""How reviewers decide: how many, how often yes, and how fast; to see who is tired."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy import select
from starlette.responses import Response

from guarded_agent.core.errors import VoteRefused
from guarded_agent.server.card import duration, iso
from guarded_agent.server.doors import Here, SignedIn, Voter
from guarded_agent.server.pages import go, page
from guarded_agent.server.reviewers import ADMIN
from guarded_agent.server.site import Site
from guarded_agent.server.who import Reviewer
from guarded_agent.store.schema import approval, vote

router = APIRouter(prefix="/people", include_in_schema=False)

Text = Annotated[str, Form(max_length=500)]

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
    """Show how reviewers decided, and which roles are lent."""
    return _people(web, site, reviewer)


@router.post("/lend")
def lend(
    web: Request,
    reviewer: Voter,
    site: Here,
    lends: Annotated[list[str] | None, Form()] = None,
    to: Text = "",
    hours: Annotated[int, Form(ge=1, le=720)] = 24,
    reason: Text = "",
) -> Response:
    """Lend roles to a colleague for a while."""
    try:
        site.queue.delegate(
            reviewer.name,
            to,
            roles=lends or [],
            held=reviewer.roles,
            seconds=3600.0 * hours,
            reason=reason,
            method=reviewer.method,
        )
    except VoteRefused as refused:
        return _people(web, site, reviewer, wrong=str(refused))
    return go("/people#lend")


@router.post("/take-back")
def take_back(web: Request, reviewer: Voter, site: Here, delegation: Text = "") -> Response:
    """End what was lent."""
    try:
        site.queue.take_back(delegation, by=reviewer.name)
    except VoteRefused as refused:
        return _people(web, site, reviewer, wrong=str(refused))
    return go("/people#lend")


def _people(web: Request, site: Site, reviewer: Reviewer, *, wrong: str = "") -> Response:
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
    return page(
        web,
        "people.html",
        reviewer=reviewer,
        status=409 if wrong else 200,
        habits=_habits(rows),
        days=DAYS,
        lent=[(each, iso(each.ends_at)) for each in site.queue.delegations()],
        roles=[role for role in reviewer.roles if role != ADMIN],
        wrong=wrong,
    )


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

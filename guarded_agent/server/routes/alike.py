"""Several requests for the same call, decided together: each by a vote of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guarded_agent.core.errors import VoteRefused
from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server import decisions
from guarded_agent.server.card import card
from guarded_agent.server.doors import Here, Voter
from guarded_agent.server.pages import go, page
from guarded_agent.server.problems import Refused

router = APIRouter(prefix="/approvals", include_in_schema=False)

MOST = 50


@router.post("/alike")
def alike(
    web: Request,
    reviewer: Voter,
    site: Here,
    seen: Annotated[list[str] | None, Form()] = None,
    choice: Annotated[Literal["", "approve", "reject"], Form()] = "",
    reason: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """Show the selected requests together, or vote on all of them, or on none."""
    pairs = [text.partition(":") for text in (seen or [])[:MOST]]
    digests = {one: digest for one, _, digest in pairs if one and digest}
    if not digests:
        raise Refused(422, "select some requests first, by x or with the mouse")
    wrong = ""
    if choice:
        try:
            decisions.vote_alike(site, reviewer, digests, choice, reason=reason)
        except VoteRefused as refused:
            wrong = str(refused)
        except Refused as refused:
            if refused.kind != "step-up":
                raise
            return go("/prove?next=/approvals")
        else:
            return go("/approvals")
    now = site.store.clock()
    found = [decisions.find(site, one) for one in digests]
    return page(
        web,
        "alike.html",
        reviewer=reviewer,
        status=409 if wrong else 200,
        cards=[card(shown(site.store, each), now) for each in found],
        wrong=wrong,
    )

"""One request: the card that a person decides on, and the ways to decide."""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Form, Request
from starlette.responses import JSONResponse, Response

from guarded_agent.approvals import Request as Asked
from guarded_agent.core.errors import ActionError, VoteRefused
from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server import decisions
from guarded_agent.server.card import card, target
from guarded_agent.server.doors import Here, SignedIn, Voter, is_high_risk
from guarded_agent.server.pages import go, page
from guarded_agent.server.past import like, said
from guarded_agent.server.site import Site
from guarded_agent.server.who import Reviewer

router = APIRouter(prefix="/approvals/{request_id}", include_in_schema=False)

Text = Annotated[str, Form(max_length=20_000)]

SNOOZES = {"15": "15 minutes", "60": "1 hour", "240": "4 hours"}
PRESETS = (
    "Not what the user asked for.",
    "The recipient is wrong.",
    "It says more than it needs to.",
    "Too much: ask for a smaller step.",
    "Ask the user first.",
)
"""Reasons that a rejection begins with; the agent is told."""


@router.get("")
def show(web: Request, reviewer: SignedIn, site: Here, request_id: str) -> Response:
    """Show one request."""
    return _show(web, site, reviewer, decisions.find(site, request_id))


@router.get("/state")
def state(reviewer: SignedIn, site: Here, request_id: str) -> Response:
    """Tell the page whether the request is still as it shows it."""
    found = decisions.find(site, request_id)
    return JSONResponse({"state": found.state, "revision": found.revision})


@router.post("/approve")
def approve(
    web: Request,
    reviewer: Voter,
    site: Here,
    request_id: str,
    digest: Text = "",
    reason: Text = "",
    typed: Text = "",
    endorse: Text = "",
) -> Response:
    """Approve what the page showed."""
    found = decisions.find(site, request_id)
    seen = shown(site.store, found)
    if is_high_risk(found) and not reviewer.may_approve_high_risk(site.store.clock()):
        return go(f"/prove?next=/approvals/{found.id}")
    if found.high and not found.concern and typed.strip().casefold() != target(seen).casefold():
        wrong = f"To approve this, type {target(seen)} exactly as it stands there"
        return _show(web, site, reviewer, found, wrong=wrong, status=422)
    how: Any = endorse if endorse in ("thread", "always") else None
    return _decided(
        web, site, reviewer, found,
        lambda: decisions.vote(
            site, reviewer, found.id, "approve", digest=digest, reason=reason, endorse=how
        ),
    )  # fmt: skip


@router.post("/reject")
def reject(
    web: Request,
    reviewer: Voter,
    site: Here,
    request_id: str,
    digest: Text = "",
    reason: Text = "",
    preset: Text = "",
) -> Response:
    """Reject it; the agent is told why."""
    found = decisions.find(site, request_id)
    why = " ".join(part for part in (preset.strip(), reason.strip()) if part)
    return _decided(
        web, site, reviewer, found,
        lambda: decisions.vote(site, reviewer, found.id, "reject", digest=digest, reason=why),
    )  # fmt: skip


@router.post("/edit")
def edit(
    web: Request,
    reviewer: Voter,
    site: Here,
    request_id: str,
    digest: Text = "",
    args: Text = "",
    reason: Text = "",
) -> Response:
    """Ask for other arguments instead: a new action, which goes round again."""
    found = decisions.find(site, request_id)
    try:
        given: Any = json.loads(args)
        if not isinstance(given, dict):
            raise TypeError
        wanted = cast("dict[str, Any]", given)
    except (ValueError, TypeError, RecursionError):
        wrong = "The arguments must be one JSON object, such as {...} with a value for each name"
        return _show(web, site, reviewer, found, wrong=wrong, status=422, typed=args)
    return _decided(
        web, site, reviewer, found,
        lambda: decisions.edit(site, reviewer, found.id, wanted, digest=digest, reason=reason),
    )  # fmt: skip


@router.post("/snooze")
def snooze(
    web: Request, reviewer: Voter, site: Here, request_id: str, minutes: Text = "15"
) -> Response:
    """Set it aside: not now is not no."""
    found = decisions.find(site, request_id)
    until = site.store.clock() + 60 * int(minutes if minutes in SNOOZES else "15")
    return _decided(
        web, site, reviewer, found,
        lambda: site.queue.snooze(found.id, reviewer=reviewer.name, until=until),
    )  # fmt: skip


@router.post("/reveal")
def reveal(web: Request, reviewer: Voter, site: Here, request_id: str) -> Response:
    """Show the real arguments; who looked is recorded."""
    found = decisions.find(site, request_id)
    opened = decisions.reveal(site, reviewer, found.id)
    return _show(web, site, reviewer, found, opened=opened)


def _decided(web: Request, site: Site, reviewer: Reviewer, found: Asked, do: Any) -> Response:
    """Do it and go to what comes next; where it is refused, say why beside the card."""
    try:
        do()
    except (VoteRefused, ActionError) as refused:
        return _show(web, site, reviewer, found, wrong=str(refused), status=409)
    return go("/approvals")


def _show(
    web: Request,
    site: Site,
    reviewer: Reviewer,
    found: Asked,
    *,
    status: int = 200,
    wrong: str = "",
    opened: dict[str, Any] | None = None,
    typed: str = "",
) -> Response:
    now = site.store.clock()
    found = decisions.find(site, found.id)
    queue = site.queue.order(reviewer=reviewer.name)
    place = queue.index(found.id) if found.id in queue else -1
    return page(
        web,
        "request.html",
        reviewer=reviewer,
        status=status,
        card=card(shown(site.store, found), now),
        revision=found.revision,
        wrong=wrong,
        opened=None if opened is None else json.dumps(opened, ensure_ascii=False, indent=2),
        typed=typed,
        said=said(site, found),
        past=like(site, found, now),
        prove=is_high_risk(found) and not reviewer.may_approve_high_risk(now),
        mine=any(vote.reviewer == reviewer.name for vote in found.votes),
        snoozes=SNOOZES,
        presets=PRESETS,
        before=queue[place - 1] if place > 0 else "",
        after=queue[place + 1] if 0 <= place < len(queue) - 1 else "",
    )

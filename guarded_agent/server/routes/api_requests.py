"""The API of the queue: list, look, vote, edit, cancel, open, settle."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server import decisions
from guarded_agent.server.api import api_router
from guarded_agent.server.doors import Here, SignedIn, Voter
from guarded_agent.server.shapes import (
    AlikeBallot,
    Ballot,
    Because,
    Edit,
    Id,
    Line,
    RequestList,
    RequestPage,
    RequestShape,
    Revealed,
    Settle,
    State,
    Uncertain,
    UncertainList,
    Until,
)
from guarded_agent.store import Entry, Ledger

router = api_router("requests")


@router.get("/requests", response_model=RequestPage)
def list_requests(
    site: Here,
    reviewer: SignedIn,
    state: State = "pending",
    agent: Line | None = None,
    tool: Line | None = None,
    impact: Line | None = None,
    like: Line | None = None,
    mine: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Return requests in one state: those that wait by what is at stake, others newest first.

    `like` is a part of the summary. `mine` leaves out what the reviewer has set aside, and what
    they have no role for.
    """
    found = site.queue.page(
        state,
        reviewer=reviewer.name if mine else None,
        roles=reviewer.roles if mine else None,
        agent_id=agent,
        tool=tool,
        impact=impact,
        like=like or "",
        limit=limit,
        offset=offset,
    )
    return {
        "at": found.now,
        "total": found.total,
        "next_offset": found.next_offset,
        "requests": [shown(site.store, one).as_json() for one in found.requests],
    }


@router.get("/requests/{request_id}", response_model=RequestShape)
def show_request(site: Here, reviewer: SignedIn, request_id: Id) -> dict[str, Any]:
    """Return one request, redacted."""
    return shown(site.store, decisions.find(site, request_id)).as_json()


@router.post("/requests/{request_id}/vote", response_model=RequestShape)
def vote(site: Here, reviewer: Voter, request_id: Id, ballot: Ballot) -> dict[str, Any]:
    """Approve or reject what was seen.

    A call that is destructive, moves money or needs several people is approved with a token of the
    scope `vote:high`, or a session whose sign-in is at most five minutes old.
    """
    after = decisions.vote(
        site,
        reviewer,
        request_id,
        ballot.choice,
        digest=ballot.digest,
        reason=ballot.reason,
        endorse=ballot.endorse,
    )
    return after.as_json()


@router.post("/votes", response_model=RequestList)
def vote_alike(site: Here, reviewer: Voter, ballot: AlikeBallot) -> dict[str, Any]:
    """Vote the same on several requests that ask for the same call; on all of them, or none.

    What is high risk is not approved in a group.
    """
    seen = {one.id: one.digest for one in ballot.seen}
    after = decisions.vote_alike(site, reviewer, seen, ballot.choice, reason=ballot.reason)
    return {"requests": [one.as_json() for one in after]}


@router.post("/requests/{request_id}/edit", response_model=RequestShape)
def edit(site: Here, reviewer: Voter, request_id: Id, wanted: Edit) -> dict[str, Any]:
    """Want other arguments instead. They are judged as a new call, and somebody else decides."""
    after = decisions.edit(
        site,
        reviewer,
        request_id,
        wanted.arguments,
        digest=wanted.digest,
        reason=wanted.reason,
    )
    return after.as_json()


@router.post("/requests/{request_id}/cancel", response_model=RequestShape)
def cancel(site: Here, reviewer: Voter, request_id: Id, why: Because) -> dict[str, Any]:
    """End a request that is no longer wanted, also after it was approved."""
    return decisions.cancel(site, reviewer, request_id, why.reason).as_json()


@router.post("/requests/{request_id}/snooze", response_model=RequestShape)
def snooze(site: Here, reviewer: Voter, request_id: Id, until: Until) -> dict[str, Any]:
    """Set a request aside for this reviewer alone. Nothing is decided, and the clocks run on."""
    request = decisions.find(site, request_id)
    return site.queue.snooze(request.id, reviewer=reviewer.name, until=until.until).as_json()


@router.post("/requests/{request_id}/unsnooze", response_model=RequestShape)
def unsnooze(site: Here, reviewer: Voter, request_id: Id) -> dict[str, Any]:
    """Show it again."""
    request = decisions.find(site, request_id)
    site.queue.unsnooze(request.id, reviewer=reviewer.name)
    return request.as_json()


@router.post("/requests/{request_id}/reveal", response_model=Revealed)
def reveal(site: Here, reviewer: Voter, request_id: Id) -> dict[str, Any]:
    """Return the real arguments. Who looked is recorded."""
    return {"arguments": decisions.reveal(site, reviewer, request_id)}


@router.get("/uncertain", response_model=UncertainList)
def list_uncertain(site: Here, reviewer: SignedIn) -> dict[str, Any]:
    """Return the calls that began, and nobody knows how they ended."""
    with site.store.read() as connection:
        entries = Ledger(site.store).uncertain(connection)
    return {"actions": [_entry(entry) for entry in entries]}


@router.post("/uncertain/settle", response_model=Uncertain)
def settle(site: Here, reviewer: Voter, found: Settle) -> dict[str, Any]:
    """Say how such a call ended. It is not run again."""
    from guarded_agent.guards import Redactor  # it loads the recognisers
    from guarded_agent.monitor import settle_action

    entry = settle_action(
        site.store,
        site.log,
        found.digest,
        outcome=found.outcome,
        by=reviewer.name,
        reason=Redactor().redact_text(found.reason),
    )
    return _entry(entry)


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "digest": entry.digest,
        "agent_id": entry.agent_id,
        "thread_id": entry.thread_id,
        "tool": entry.tool,
        "access": entry.access,
        "state": entry.state,
    }

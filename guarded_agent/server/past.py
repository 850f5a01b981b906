"""What a reviewer compares a request with: the last ones like it, and what the user asked for."""

from __future__ import annotations

from dataclasses import dataclass

from guarded_agent.approvals import Request, consequence, given
from guarded_agent.approvals.states import State
from guarded_agent.core.errors import StoreError
from guarded_agent.core.visible import visible
from guarded_agent.guards.pii.redactor import Redactor
from guarded_agent.server.card import duration
from guarded_agent.server.site import Site
from guarded_agent.store import provenance

MOST_LIKE = 5
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Past:
    """A request that was decided before.

    Attributes:
        id: Its id.
        summary: What it did, in one sentence of ours.
        given: What the agent gave to it, in its words.
        state: How it ended.
        by: Who decided.
        ago: How long ago.
        same: Whether it asked for exactly the same call.
    """

    id: str
    summary: str
    given: str
    state: str
    by: str
    ago: str
    same: bool


def like(site: Site, request: Request, now: float) -> list[Past]:
    """Return the last requests of the same agent for the same tool that were decided."""
    found: list[Request] = []
    states: tuple[State, ...] = ("used", "approved", "rejected", "expired")
    for state in states:
        page = site.queue.page(
            state, agent_id=request.agent_id, tool=request.tool, limit=MOST_LIKE + 1
        )
        found += [other for other in page.requests if other.id != request.id]
    found.sort(key=lambda other: other.created_at, reverse=True)
    return [
        Past(
            other.id,
            visible(consequence(other)),
            visible(given(other)),
            other.state,
            visible(", ".join(vote.reviewer for vote in other.votes)),
            duration(now - other.created_at),
            bool(request.alike) and other.alike == request.alike,
        )
        for other in found[:MOST_LIKE]
    ]


def said(site: Site, request: Request) -> list[str]:
    """Return what the user said in the thread of a request, redacted; the last three texts."""
    store = site.store
    try:
        with store.read() as connection:
            known = site.registry.find(connection, request.agent_id)
            families = {request.agent_id, known.family if known else ""} - {""}
            texts = provenance.asked(store, connection, families, request.thread_id)
    except StoreError:  # a row was changed: nothing of it is shown
        return []
    redact = Redactor().redact
    return [visible(str(redact(text))[:_LONGEST], keep="\n\t") for text in texts[-3:]]

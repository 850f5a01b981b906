"""The agents: who acts here, what waits for a person, and the switch that stops one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guarded_agent.core.errors import Denied
from guarded_agent.identity import AgentIdentity
from guarded_agent.identity.offer import shown
from guarded_agent.identity.roster import roster
from guarded_agent.monitor.lifecycle import Lifecycle
from guarded_agent.server.card import duration, iso
from guarded_agent.server.doors import Admin, Here, SignedIn, Voter
from guarded_agent.server.pages import go, page
from guarded_agent.server.problems import Refused
from guarded_agent.server.site import Site
from guarded_agent.server.who import Reviewer

router = APIRouter(prefix="/agents", include_in_schema=False)

Text = Annotated[str, Form(max_length=2_000)]


@router.get("")
def agents(web: Request, reviewer: SignedIn, site: Here) -> Response:
    """Show every agent."""
    known = site.registry.list()
    with site.store.read() as connection:
        entries = roster(connection, known)
    now = site.store.clock()
    return page(
        web,
        "agents.html",
        reviewer=reviewer,
        entries=[(entry, entry.agent.overdue(now), _ago(entry.seen_at, now)) for entry in entries],
    )


@router.get("/{agent_id:path}")
def agent(web: Request, reviewer: SignedIn, site: Here, agent_id: str) -> Response:
    """Show one agent."""
    return _show(web, site, reviewer, _find(site, agent_id))


@router.post("/suspend")
def suspend(
    web: Request, reviewer: Voter, site: Here, agent: Text = "", reason: Text = ""
) -> Response:
    """Stop an agent at once."""
    found = _find(site, agent)
    try:
        site.registry.suspend(found.id, by=reviewer.name, reason=reason)
    except Denied as refused:
        return _show(web, site, reviewer, found, wrong=str(refused))
    return go(f"/agents/{found.id}")


@router.post("/resume")
def resume(
    web: Request, reviewer: Admin, site: Here, agent: Text = "", reason: Text = ""
) -> Response:
    """Let an agent act again, or ask those who decide about it."""
    found = _find(site, agent)
    try:
        Lifecycle(site.store, site.log).resume(found.id, by=reviewer.name, reason=reason)
    except Denied as refused:
        return _show(web, site, reviewer, found, wrong=str(refused))
    return go(f"/agents/{found.id}")


@router.post("/accept")
def accept(
    web: Request,
    reviewer: Voter,
    site: Here,
    agent: Text = "",
    tool: Text = "",
    manifest: Text = "",
    reason: Text = "",
) -> Response:
    """Accept a tool as it offers itself now."""
    found = _find(site, agent)
    try:
        site.registry.accept(found.id, tool, manifest=manifest, by=reviewer.name, reason=reason)
    except Denied as refused:
        return _show(web, site, reviewer, found, wrong=str(refused))
    return go(f"/agents/{found.id}")


def _find(site: Site, agent_id: str) -> AgentIdentity:
    try:
        return site.registry.get(agent_id)
    except Denied as refused:
        raise Refused(404, str(refused)) from None


def _show(
    web: Request, site: Site, reviewer: Reviewer, found: AgentIdentity, *, wrong: str = ""
) -> Response:
    now = site.store.clock()
    found = site.registry.get(found.id)
    pins = site.registry.tools(found.id)
    with site.store.read() as connection:
        [entry] = roster(connection, [found])
    return page(
        web,
        "agent.html",
        reviewer=reviewer,
        status=409 if wrong else 200,
        agent=found,
        overdue=found.overdue(now),
        since=iso(found.created_at),
        seen=_ago(entry.seen_at, now),
        changed=_ago(found.changed_at, now),
        waiting=[
            (
                pin,
                shown(pin.offered),
                shown(pin.accepted) if pin.accepted else [],
                pin.offered.flags,
            )
            for pin in pins
            if pin.offered is not None
        ],
        tools=[pin for pin in pins if pin.offered is None],
        wrong=wrong,
    )


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{duration(now - at)} ago"

"""The API of the agents: see them, stop one, let it act again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from guarded_agent.approvals import Request
from guarded_agent.core.errors import Denied
from guarded_agent.identity import AgentIdentity
from guarded_agent.server.api import api_router
from guarded_agent.server.doors import Admin, Here, SignedIn, Voter
from guarded_agent.server.problems import Refused
from guarded_agent.server.shapes import AgentChange, AgentList, AgentShape, Resumed
from guarded_agent.server.site import Site

router = api_router("agents")


@router.get("/agents", response_model=AgentList)
def agents(site: Here, reviewer: SignedIn) -> dict[str, Any]:
    """Return every agent that has used the store."""
    return {"agents": [_agent(agent) for agent in site.registry.list()]}


@router.post("/agents/suspend", response_model=AgentShape)
def suspend(site: Here, reviewer: Voter, change: AgentChange) -> dict[str, Any]:
    """Stop an agent at once. Any reviewer may: it is the safe direction."""
    _known(site, change.agent_id)
    return _agent(site.registry.suspend(change.agent_id, by=reviewer.name, reason=change.reason))


@router.post("/agents/resume", response_model=Resumed)
def resume(site: Here, reviewer: Admin, change: AgentChange) -> dict[str, Any]:
    """Let a suspended agent act again, or ask people where its policy says so."""
    from guarded_agent.monitor.lifecycle import Lifecycle  # it loads the policy room

    _known(site, change.agent_id)
    life = Lifecycle(site.store, site.log)
    outcome = life.resume(change.agent_id, by=reviewer.name, reason=change.reason)
    if isinstance(outcome, Request):
        return {"agent": None, "request": outcome.as_json()}
    return {"agent": _agent(outcome), "request": None}


def _known(site: Site, agent_id: str) -> None:
    try:
        site.registry.get(agent_id)
    except Denied:
        raise Refused(404, "there is no such agent") from None


def _agent(agent: AgentIdentity) -> dict[str, Any]:
    kept = ("id", "owner", "purpose", "state", "reason", "changed_by", "changed_at", "created_at")
    known = asdict(agent)
    return {name: known[name] for name in (*kept, "fingerprint")}

"""The API of roles that are lent."""

from __future__ import annotations

from typing import Any

from guarded_agent.server.api import api_router
from guarded_agent.server.doors import Here, SignedIn, Voter
from guarded_agent.server.shapes import DelegationList, DelegationShape, Id, Lend

router = api_router("delegations")


@router.get("/delegations", response_model=DelegationList)
def delegations(site: Here, reviewer: SignedIn) -> dict[str, Any]:
    """Return what is lent now."""
    return {"delegations": [item.as_json() for item in site.queue.delegations()]}


@router.post("/delegations", response_model=DelegationShape)
def delegate(site: Here, reviewer: Voter, lend: Lend) -> dict[str, Any]:
    """Lend roles that the reviewer holds to another person, for a while."""
    lent = site.queue.delegate(
        reviewer.name,
        lend.delegate,
        roles=lend.roles,
        held=reviewer.roles,
        seconds=lend.seconds,
        reason=lend.reason,
        method=reviewer.method,
    )
    return lent.as_json()


@router.post("/delegations/{delegation_id}/end", response_model=DelegationShape)
def take_back(site: Here, reviewer: Voter, delegation_id: Id) -> dict[str, Any]:
    """End it now. Giver and delegate may."""
    return site.queue.take_back(delegation_id, by=reviewer.name).as_json()

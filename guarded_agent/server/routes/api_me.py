"""Who the server takes a program for."""

from __future__ import annotations

from typing import Any

from guarded_agent.server.api import api_router
from guarded_agent.server.doors import SignedIn
from guarded_agent.server.shapes import Me

router = api_router("me")


@router.get("/me", response_model=Me)
def me(reviewer: SignedIn) -> dict[str, Any]:
    """Return whose token this is, and what it may do."""
    return {
        "name": reviewer.name,
        "roles": list(reviewer.roles),
        "method": reviewer.method,
        "scopes": sorted(reviewer.scopes),
    }

"""Whether the server runs, for anybody."""

from __future__ import annotations

from fastapi import APIRouter

from guarded_agent.server.doors import Here

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health(site: Here) -> dict[str, str]:
    """Tell that the server runs and the store answers, and nothing else."""
    with site.store.read():
        return {"status": "ok"}

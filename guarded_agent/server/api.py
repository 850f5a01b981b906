"""What all addresses of the API have in common."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.security import HTTPBearer

from guarded_agent.server.shapes import Problem

PREFIX = "/api/v1"

_SAYS = {
    400: "The body cannot be read.",
    401: "No token, or one that does not work.",
    403: "The reviewer or the token may not; `step-up` where the sign-in is too long ago.",
    404: "There is no such thing.",
    409: "It does not count, and nothing was changed; `detail` says why.",
    413: "The body is too long.",
    422: "Something is not as it should be; `errors` says where.",
    429: "Too many attempts.",
    503: "The store does not answer; nothing was changed.",
}

_BEARER = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token from *Your account*."
)


def api_router(tag: str) -> APIRouter:
    """Return a router for addresses under `/api/v1`, with the refusals that each may give."""
    problem = {"application/problem+json": {"schema": Problem.model_json_schema()}}
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": text, "content": problem} for status, text in _SAYS.items()
    }
    # The scheme stands in the description only: `doors` looks at the header itself.
    return APIRouter(
        prefix=PREFIX, tags=[tag], responses=responses, dependencies=[Depends(_BEARER)]
    )

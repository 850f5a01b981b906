"""What the clients of the API have in common: what is asked, and how an answer is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
from pydantic import ValidationError

from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.server.shapes import Given, RequestPage, RequestShape, State

Shape = TypeVar("Shape", bound=Given)


class ApiError(GuardedAgentError):
    """The server refuses, does not answer, or answers what is no answer.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
        kind: A word such as `step-up`, where the server gives one.
    """

    def __init__(self, message: str, *, status: int = 0, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Call(Generic[Shape]):
    """One call of the API, before anything is sent."""

    shape: type[Shape]
    method: str
    path: str
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None


def get(shape: type[Shape], path: str, **params: Any) -> Call[Shape]:
    """Return a call that looks."""
    given = {name: value for name, value in params.items() if value is not None}
    return Call(shape, "GET", path, params=given)


def post(shape: type[Shape], path: str, **body: Any) -> Call[Shape]:
    """Return a call that changes something, or is recorded."""
    return Call(shape, "POST", path, json=body or None)


def requests_page(
    state: State,
    agent: str | None,
    tool: str | None,
    mine: bool,
    limit: int,
    offset: int,
) -> Call[RequestPage]:
    """Return the call for a page of requests."""
    params = {"state": state, "agent": agent, "tool": tool, "mine": mine}
    return get(RequestPage, "requests", **params, limit=limit, offset=offset)


def vote(
    request_id: str, choice: str, digest: str, reason: str, endorse: str | None
) -> Call[RequestShape]:
    """Return the call for a vote."""
    body = {"choice": choice, "digest": digest, "reason": reason, "endorse": endorse}
    return post(RequestShape, f"requests/{id_of(request_id)}/vote", **body)


def edit(
    request_id: str, arguments: Mapping[str, Any], digest: str, reason: str
) -> Call[RequestShape]:
    """Return the call for an edit."""
    body = {"arguments": dict(arguments), "digest": digest, "reason": reason}
    return post(RequestShape, f"requests/{id_of(request_id)}/edit", **body)


def id_of(request_id: str) -> str:
    """Return an id that is one part of a path and no more."""
    if not request_id or not all(char.isalnum() or char in "-_" for char in request_id):
        raise ApiError("this is no id of a request")
    return request_id


def headers(token: str) -> dict[str, str]:
    """Return what every call carries."""
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def read(call: Call[Shape], answer: httpx.Response) -> Shape:
    """Return what the server answered.

    Raises:
        ApiError: It refuses, or the answer is none of this API.
    """
    try:
        if answer.is_success:
            return call.shape.model_validate_json(answer.content)
        problem: Any = answer.json()
        detail, kind = str(problem["detail"]), str(problem["type"])
    except (ValidationError, ValueError, KeyError, TypeError):
        detail, kind = f"the answer to {call.path} is none of this API", ""
    kind = kind.removeprefix("urn:guarded-agent:") if kind.startswith("urn:") else ""
    raise ApiError(detail, status=answer.status_code, kind=kind)


def unreached(base_url: str, error: httpx.HTTPError) -> ApiError:
    """Return the error for a server that does not answer."""
    return ApiError(f"{base_url} does not answer: {type(error).__name__}")

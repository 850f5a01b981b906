"""Python clients of the API, one plain and one async, over one core.

    with Client("https://approvals.acme.example", token) as queue:
        for request in queue.requests().requests:
            print(request.id, request.summary)

They need httpx, which the extra `server` brings. An agent must not hold a token: whoever has one
decides for its reviewer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import httpx

from guarded_agent.server.client_async import AsyncClient
from guarded_agent.server.client_calls import (
    ApiError,
    Call,
    Shape,
    edit,
    get,
    headers,
    id_of,
    post,
    read,
    requests_page,
    unreached,
    vote,
)
from guarded_agent.server.shapes import (
    AgentList,
    AgentShape,
    Chain,
    DelegationList,
    DelegationShape,
    EventList,
    Me,
    RequestList,
    RequestPage,
    RequestShape,
    Resumed,
    Revealed,
    State,
    Uncertain,
    UncertainList,
)

__all__ = ["ApiError", "AsyncClient", "Client"]


class Client:
    """The API, for plain code. Close it, or use it in a `with`.

    Args:
        base_url: Where the server is, such as `https://approvals.acme.example`.
        token: A token of a reviewer, from *Your account*.
        timeout: Seconds to wait for an answer.
        transport: Another way to the server, for tests.

    Every method raises `ApiError` where the server refuses or does not answer.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self._base}/api/v1/",
            headers=headers(token),
            timeout=timeout,
            transport=transport,
            follow_redirects=False,  # a token goes to this server and no other
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def me(self) -> Me:
        """Return whose token this is."""
        return self._do(get(Me, "me"))

    def requests(
        self,
        state: State = "pending",
        *,
        agent: str | None = None,
        tool: str | None = None,
        mine: bool = False,
        limit: int = 50,
        offset: int = 0,
    ) -> RequestPage:
        """Return a page of requests; see `guarded_agent.approvals.Approvals.page`."""
        return self._do(requests_page(state, agent, tool, mine, limit, offset))

    def request(self, request_id: str) -> RequestShape:
        """Return one request, redacted."""
        return self._do(get(RequestShape, f"requests/{id_of(request_id)}"))

    def vote(
        self,
        request_id: str,
        choice: Literal["approve", "reject"],
        *,
        digest: str,
        reason: str = "",
        endorse: Literal["thread", "always"] | None = None,
    ) -> RequestShape:
        """Approve or reject what was seen."""
        return self._do(vote(request_id, choice, digest, reason, endorse))

    def vote_alike(
        self, seen: Mapping[str, str], choice: Literal["approve", "reject"], *, reason: str = ""
    ) -> RequestList:
        """Vote the same on requests for the same call: the digest seen of each, by its id."""
        listed = [{"id": one, "digest": digest} for one, digest in seen.items()]
        body = {"seen": listed, "choice": choice, "reason": reason}
        return self._do(post(RequestList, "votes", **body))

    def edit(
        self, request_id: str, arguments: Mapping[str, Any], *, digest: str, reason: str = ""
    ) -> RequestShape:
        """Want other arguments instead, all of them."""
        return self._do(edit(request_id, arguments, digest, reason))

    def cancel(self, request_id: str, reason: str) -> RequestShape:
        """End a request that is no longer wanted."""
        return self._do(post(RequestShape, f"requests/{id_of(request_id)}/cancel", reason=reason))

    def reveal(self, request_id: str) -> dict[str, Any]:
        """Return the real arguments. That you looked is recorded."""
        return self._do(post(Revealed, f"requests/{id_of(request_id)}/reveal")).arguments

    def snooze(self, request_id: str, until: float) -> RequestShape:
        """Set a request aside for yourself until a time in seconds since the epoch."""
        return self._do(post(RequestShape, f"requests/{id_of(request_id)}/snooze", until=until))

    def delegate(
        self, delegate: str, roles: list[str], *, seconds: float, reason: str = ""
    ) -> DelegationShape:
        """Lend roles that you hold to another person, for a while."""
        body = {"delegate": delegate, "roles": roles, "seconds": seconds, "reason": reason}
        return self._do(post(DelegationShape, "delegations", **body))

    def delegations(self) -> DelegationList:
        """Return what is lent now."""
        return self._do(get(DelegationList, "delegations"))

    def uncertain(self) -> UncertainList:
        """Return the calls of which nobody knows how they ended."""
        return self._do(get(UncertainList, "uncertain"))

    def settle(self, digest: str, outcome: Literal["done", "failed"], reason: str) -> Uncertain:
        """Say how such a call ended."""
        body = {"digest": digest, "outcome": outcome, "reason": reason}
        return self._do(post(Uncertain, "uncertain/settle", **body))

    def agents(self) -> AgentList:
        """Return every agent."""
        return self._do(get(AgentList, "agents"))

    def suspend(self, agent_id: str, reason: str) -> AgentShape:
        """Stop an agent at once."""
        return self._do(post(AgentShape, "agents/suspend", agent_id=agent_id, reason=reason))

    def resume(self, agent_id: str, reason: str) -> Resumed:
        """Let a suspended agent act again, or ask people where its policy says so."""
        return self._do(post(Resumed, "agents/resume", agent_id=agent_id, reason=reason))

    def audit(self, *, after: int | None = None, limit: int = 100) -> EventList:
        """Return the events after one, or the last ones."""
        return self._do(get(EventList, "audit", after=after, limit=limit))

    def verify(self) -> Chain:
        """Check the audit log."""
        return self._do(get(Chain, "audit/verify"))

    def _do(self, call: Call[Shape]) -> Shape:
        try:
            answer = self._http.request(call.method, call.path, json=call.json, params=call.params)
        except httpx.HTTPError as error:
            raise unreached(self._base, error) from None
        return read(call, answer)

"""The async client of the API; see `client`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import httpx

from guarded_agent.server.client_calls import (
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


class AsyncClient:
    """The API, for async code. Close it, or use it in an `async with`.

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._http = httpx.AsyncClient(
            base_url=f"{self._base}/api/v1/",
            headers=headers(token),
            timeout=timeout,
            transport=transport,
            follow_redirects=False,  # a token goes to this server and no other
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def me(self) -> Me:
        """Return whose token this is."""
        return await self._do(get(Me, "me"))

    async def requests(
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
        return await self._do(requests_page(state, agent, tool, mine, limit, offset))

    async def request(self, request_id: str) -> RequestShape:
        """Return one request, redacted."""
        return await self._do(get(RequestShape, f"requests/{id_of(request_id)}"))

    async def vote(
        self,
        request_id: str,
        choice: Literal["approve", "reject"],
        *,
        digest: str,
        reason: str = "",
        endorse: Literal["thread", "always"] | None = None,
    ) -> RequestShape:
        """Approve or reject what was seen."""
        return await self._do(vote(request_id, choice, digest, reason, endorse))

    async def vote_alike(
        self, seen: Mapping[str, str], choice: Literal["approve", "reject"], *, reason: str = ""
    ) -> RequestList:
        """Vote the same on requests for the same call: the digest seen of each, by its id."""
        listed = [{"id": one, "digest": digest} for one, digest in seen.items()]
        body = {"seen": listed, "choice": choice, "reason": reason}
        return await self._do(post(RequestList, "votes", **body))

    async def edit(
        self, request_id: str, arguments: Mapping[str, Any], *, digest: str, reason: str = ""
    ) -> RequestShape:
        """Want other arguments instead, all of them."""
        return await self._do(edit(request_id, arguments, digest, reason))

    async def cancel(self, request_id: str, reason: str) -> RequestShape:
        """End a request that is no longer wanted."""
        return await self._do(
            post(RequestShape, f"requests/{id_of(request_id)}/cancel", reason=reason)
        )

    async def reveal(self, request_id: str) -> dict[str, Any]:
        """Return the real arguments. That you looked is recorded."""
        opened = await self._do(post(Revealed, f"requests/{id_of(request_id)}/reveal"))
        return opened.arguments

    async def snooze(self, request_id: str, until: float) -> RequestShape:
        """Set a request aside for yourself until a time in seconds since the epoch."""
        return await self._do(
            post(RequestShape, f"requests/{id_of(request_id)}/snooze", until=until)
        )

    async def delegate(
        self, delegate: str, roles: list[str], *, seconds: float, reason: str = ""
    ) -> DelegationShape:
        """Lend roles that you hold to another person, for a while."""
        body = {"delegate": delegate, "roles": roles, "seconds": seconds, "reason": reason}
        return await self._do(post(DelegationShape, "delegations", **body))

    async def delegations(self) -> DelegationList:
        """Return what is lent now."""
        return await self._do(get(DelegationList, "delegations"))

    async def uncertain(self) -> UncertainList:
        """Return the calls of which nobody knows how they ended."""
        return await self._do(get(UncertainList, "uncertain"))

    async def settle(
        self, digest: str, outcome: Literal["done", "failed"], reason: str
    ) -> Uncertain:
        """Say how such a call ended."""
        body = {"digest": digest, "outcome": outcome, "reason": reason}
        return await self._do(post(Uncertain, "uncertain/settle", **body))

    async def agents(self) -> AgentList:
        """Return every agent."""
        return await self._do(get(AgentList, "agents"))

    async def suspend(self, agent_id: str, reason: str) -> AgentShape:
        """Stop an agent at once."""
        return await self._do(post(AgentShape, "agents/suspend", agent_id=agent_id, reason=reason))

    async def resume(self, agent_id: str, reason: str) -> Resumed:
        """Let a suspended agent act again, or ask people where its policy says so."""
        return await self._do(post(Resumed, "agents/resume", agent_id=agent_id, reason=reason))

    async def audit(self, *, after: int | None = None, limit: int = 100) -> EventList:
        """Return the events after one, or the last ones."""
        return await self._do(get(EventList, "audit", after=after, limit=limit))

    async def verify(self) -> Chain:
        """Check the audit log."""
        return await self._do(get(Chain, "audit/verify"))

    async def _do(self, call: Call[Shape]) -> Shape:
        try:
            answer = await self._http.request(
                call.method, call.path, json=call.json, params=call.params
            )
        except httpx.HTTPError as error:
            raise unreached(self._base, error) from None
        return read(call, answer)

"""What the API takes and gives, as the server and its client both know it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{4,64}$")]
"""A request's id, or a beginning of it that no other id shares."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")]

Prose = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\x00]*$")]

Reason = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]

State = Literal["pending", "approved", "rejected", "expired", "cancelled", "edited", "used"]


class Taken(BaseModel):
    """What a program sends: nothing but what is named."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Given(BaseModel):
    """What the server answers; a later release may add to it."""

    model_config = ConfigDict(extra="allow")


class Ballot(Taken):
    """A vote.

    Attributes:
        choice: `approve` or `reject`.
        digest: The digest of what was seen.
        reason: Why; a rejection needs it.
        endorse: Vouch for the values that nobody vouched for.
    """

    choice: Literal["approve", "reject"]
    digest: Digest
    reason: Prose = ""
    endorse: Literal["thread", "always"] | None = None


class Seen(Taken):
    """A request, and the digest of what was seen of it."""

    id: Id
    digest: Digest


class AlikeBallot(Taken):
    """The same vote on several requests that ask for the same call.

    Attributes:
        choice: `approve` or `reject`.
        seen: The requests.
        reason: Why; a rejection needs it.
    """

    choice: Literal["approve", "reject"]
    seen: Annotated[list[Seen], Field(min_length=1, max_length=100)]
    reason: Prose = ""


class Edit(Taken):
    """Other arguments, all of them.

    Attributes:
        arguments: What the call should be made with.
        digest: The digest of what was seen.
        reason: Why.
    """

    arguments: dict[str, Any]
    digest: Digest
    reason: Prose = ""


class Because(Taken):
    """A reason."""

    reason: Reason


class Until(Taken):
    """A time, in seconds since the epoch."""

    until: Annotated[float, Field(ge=0, le=1e11)]


class Lend(Taken):
    """Roles for another person, for a while.

    Attributes:
        delegate: Who gets them.
        roles: Which; the reviewer holds them.
        seconds: For how long.
        reason: Why.
    """

    delegate: Line
    roles: Annotated[list[Line], Field(min_length=1, max_length=20)]
    seconds: Annotated[float, Field(gt=0, le=1e8)]
    reason: Prose = ""


class AgentChange(Taken):
    """Which agent, and why."""

    agent_id: Line
    reason: Reason


class Settle(Taken):
    """How a call ended.

    Attributes:
        digest: The action's digest.
        outcome: `done` if it took effect, `failed` if it did not.
        reason: How one knows.
    """

    digest: Digest
    outcome: Literal["done", "failed"]
    reason: Reason


class VoteShape(Given):
    """What one reviewer said."""

    reviewer: str
    choice: str
    digest: str
    reason: str
    at: float


class RequestShape(Given):
    """A request to people; everything in it is redacted."""

    id: str
    digest: str
    agent_id: str
    thread_id: str
    user: str | None
    tool: str
    access: str
    impact: str | None
    summary: str
    reasons: list[dict[str, Any]]
    preview: dict[str, Any]
    quorum: int
    roles: list[str]
    state: str
    message: str
    votes: list[VoteShape]
    created_at: float
    decide_by: float
    execute_by: float | None


class DelegationShape(Given):
    """Roles that one reviewer lent to another."""

    id: str
    giver: str
    delegate: str
    roles: list[str]
    reason: str
    starts_at: float
    ends_at: float


class DelegationList(Given):
    """What is lent now."""

    delegations: list[DelegationShape]


class RequestPage(Given):
    """Some of the requests.

    Attributes:
        at: For when this is true.
        total: How many match.
        next_offset: Where the next page begins, or None.
        requests: The requests.
    """

    at: float
    total: int
    next_offset: int | None
    requests: list[RequestShape]


class RequestList(Given):
    """Requests after votes."""

    requests: list[RequestShape]


class Revealed(Given):
    """The real arguments of a call. That they were looked at is recorded."""

    arguments: dict[str, Any]


class AgentShape(Given):
    """An agent identity."""

    id: str
    owner: str
    purpose: str
    state: str
    reason: str
    changed_by: str
    changed_at: float


class AgentList(Given):
    """Every agent."""

    agents: list[AgentShape]


class Resumed(Given):
    """An agent that acts again, or the request by which people are asked."""

    agent: AgentShape | None
    request: RequestShape | None


class EventShape(Given):
    """One event of the audit log."""

    seq: int
    at: float
    kind: str
    agent_id: str
    thread_id: str
    run_id: str
    digest: str
    data: dict[str, Any]
    previous: str
    hash: str


class EventList(Given):
    """Some events, oldest first."""

    events: list[EventShape]


class Chain(Given):
    """A log that verified."""

    count: int
    head: str


class Uncertain(Given):
    """A call that began, and nobody knows how it ended."""

    digest: str
    agent_id: str
    thread_id: str
    tool: str
    state: str


class UncertainList(Given):
    """Every such call."""

    actions: list[Uncertain]


class Me(Given):
    """Who the server takes the program for."""

    name: str
    roles: list[str]
    method: str
    scopes: list[str]


class Problem(Given):
    """Why something was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str

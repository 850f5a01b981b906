"""The request to a person, and the votes on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from guarded_agent.approvals.states import State
from guarded_agent.core.label import Label
from guarded_agent.core.verdict import Finding

Choice = Literal["approve", "reject"]

CONCERN = "concern"
"""The category of the finding by which the monitor asks about a concern that an agent raises."""


LIFE = "agent"
"""The access of a request about an agent itself. No call of a tool can have it."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reviewer said.

    Attributes:
        reviewer: Who, in the form that `person` gives.
        choice: `approve` or `reject`.
        digest: The digest that the reviewer saw.
        reason: Why.
        roles: The roles that the reviewer held.
        at: When.
    """

    reviewer: str
    choice: Choice
    digest: str
    reason: str
    roles: tuple[str, ...]
    at: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "reviewer": self.reviewer,
            "choice": self.choice,
            "digest": self.digest,
            "reason": self.reason,
            "roles": list(self.roles),
            "at": self.at,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """Where a thread had its data from when a request was made.

    Attributes:
        tool: The tool that read it.
        call_id: Its last call that returned such data.
        label: What is known of that.
        times: How many calls returned such data.
    """

    tool: str
    call_id: str
    label: Label
    times: int = 1

    @property
    def words(self) -> str:
        """It in words, for a person."""
        calls = f"call {self.call_id[:40]}"
        if self.times > 1:
            calls = f"{self.times} calls, the last {self.call_id[:40]}"
        known = [str(self.label.confidentiality), *sorted(self.label.compartments)]
        return f"{self.tool} ({calls}): {', '.join(known)}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "tool": self.tool,
            "call_id": self.call_id,
            "label": self.label.as_json(),
            "times": self.times,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Source:
        """Return what `as_json` wrote."""
        return cls(data["tool"], data["call_id"], Label.from_json(data["label"]), data["times"])


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a person to decide on one action. Everything in it is redacted.

    Attributes:
        id: Names it on screens and the command line.
        digest: The action's digest: what a vote is bound to.
        agent_id: The agent identity that wants to act.
        thread_id: The conversation.
        user: The person for whom it acts, where known.
        tool: The tool to call.
        access: What a call does: `read`, `write` or `send`.
        impact: A word for what a mistake costs, or None.
        summary: The action in one line for a person.
        reasons: Why a person is asked.
        preview: The arguments, redacted.
        label: What is known of the data in the thread.
        policy_digest: The policy that asked.
        quorum: How many different people must approve.
        roles: Roles that must all be among the approvers.
        state: Where it stands.
        message: Why it ended as it did, where somebody said so.
        votes: The votes so far, oldest first.
        replaced_by: The digest of the action that an edit led to.
        edited_by: The person who wrote the arguments or changed them.
        created_at: When it was made.
        decide_by: At this time an undecided request expires.
        execute_within: How many seconds an approval is good for.
        execute_by: At this time an unused approval expires.
        decided_at: When the deciding vote, the edit or the cancellation came.
        sources: Which calls had brought that data into the thread, most confidential first.
    """

    id: str
    digest: str
    agent_id: str
    thread_id: str
    user: str | None
    tool: str
    access: str
    impact: str | None
    summary: str
    reasons: tuple[Finding, ...]
    preview: Mapping[str, Any]
    label: Label
    policy_digest: str
    quorum: int
    roles: tuple[str, ...]
    state: State
    message: str
    votes: tuple[Vote, ...]
    replaced_by: str | None
    edited_by: str | None
    created_at: float
    decide_by: float
    execute_within: float
    execute_by: float | None
    decided_at: float | None
    sources: tuple[Source, ...] = ()

    def at(self, now: float) -> Request:
        """Return the request as it stands at `now`: past its deadline it is expired."""
        if self.state == "pending" and not now < self.decide_by:
            return replace(self, state="expired", message="nobody decided in time")
        if self.state == "approved" and not (self.execute_by and now < self.execute_by):
            return replace(self, state="expired", message="the approval was not used in time")
        return self

    @property
    def concern(self) -> bool:
        """Whether the agent raises a concern: a vote with a reason is the answer it gets."""
        return any(
            finding.category == CONCERN and finding.guard == "monitor" for finding in self.reasons
        )

    @property
    def about_agent(self) -> bool:
        """Whether it asks that an agent may act at all: its approval takes effect with the vote."""
        return self.access == LIFE

    @property
    def ended(self) -> bool:
        """Whether nobody can decide on it any more, and nothing was approved."""
        return self.state in ("rejected", "expired", "cancelled")

    @property
    def approvers(self) -> frozenset[str]:
        """The people whose approval counts: of this digest, and with a role where one is asked."""
        return frozenset(
            vote.reviewer
            for vote in self.votes
            if vote.choice == "approve"
            and vote.digest == self.digest
            and (not self.roles or set(self.roles) & set(vote.roles))
        )

    @property
    def missing_roles(self) -> tuple[str, ...]:
        """The required roles that no approver holds yet."""
        approvers = self.approvers
        held = {role for vote in self.votes if vote.reviewer in approvers for role in vote.roles}
        return tuple(role for role in self.roles if role not in held)

    @property
    def complete(self) -> bool:
        """Whether enough people, with every required role among them, have approved."""
        return len(self.approvers) >= max(1, self.quorum) and not self.missing_roles

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "id": self.id,
            "digest": self.digest,
            "agent_id": self.agent_id,
            "thread_id": self.thread_id,
            "user": self.user,
            "tool": self.tool,
            "concern": self.concern,
            "access": self.access,
            "impact": self.impact,
            "summary": self.summary,
            "reasons": [finding.as_json() for finding in self.reasons],
            "preview": dict(self.preview),
            "label": self.label.as_json(),
            "policy_digest": self.policy_digest,
            "quorum": self.quorum,
            "roles": list(self.roles),
            "state": self.state,
            "message": self.message,
            "votes": [vote.as_json() for vote in self.votes],
            "replaced_by": self.replaced_by,
            "edited_by": self.edited_by,
            "created_at": self.created_at,
            "decide_by": self.decide_by,
            "execute_within": self.execute_within,
            "execute_by": self.execute_by,
            "decided_at": self.decided_at,
            "sources": [source.as_json() for source in self.sources],
        }

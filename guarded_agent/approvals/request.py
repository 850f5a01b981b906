"""The request to a person, and the votes on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from guarded_agent.approvals.quorum import unfilled
from guarded_agent.approvals.risk import HIGH
from guarded_agent.approvals.states import State
from guarded_agent.approvals.terms import Step
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
        method: How it was known who the reviewer is: `cli`, `session`, `token`, `oidc` or such.
        policy_digest: The policy that asked.
        subject: The identity provider's own name of the account, where one was used.
        lent: The roles that the reviewer had by delegation, and from whom.
        number: Which vote on the request it is, from 1.
        mac: Made with the store's key over all of it and the vote before.
    """

    reviewer: str
    choice: Choice
    digest: str
    reason: str
    roles: tuple[str, ...]
    at: float
    method: str = ""
    policy_digest: str = ""
    subject: str = ""
    lent: Mapping[str, str] = field(default_factory=dict[str, str])
    number: int = 0
    mac: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "reviewer": self.reviewer,
            "choice": self.choice,
            "digest": self.digest,
            "reason": self.reason,
            "roles": list(self.roles),
            "at": self.at,
            "method": self.method,
            "policy_digest": self.policy_digest,
            "lent": dict(self.lent),
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
class Content:
    """The digests of what a row holds in bulk, so that its MAC need not read it again.

    Attributes:
        shown: Of what reviewers see: summary, reasons, arguments redacted, labels.
        sealed: Of the sealed arguments.
    """

    shown: str = ""
    sealed: str = ""


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
        owner: The agent's owner when it was made, where known.
        owner_apart: Whether the owner may not decide.
        ladder: Who may decide when time runs out.
        risk: Risk times irreversibility, from 1 to 9.
        alike: The same for requests that are the same call but for thread and time.
        revision: Counts every change of any request; of two changes the later has more.
        content: Digests of what the row holds in bulk.
        intact: False if somebody without the store's key wrote or changed the row or a vote:
            nothing of it counts.
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
    owner: str | None = None
    owner_apart: bool = False
    ladder: tuple[Step, ...] = ()
    risk: int = 0
    alike: str = ""
    revision: int = 0
    content: Content = field(default=Content(), repr=False)
    intact: bool = True

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
    def high(self) -> bool:
        """Whether a wrong decision could cost much: it is decided on alone, not in a group."""
        return self.impact is not None or self.risk >= HIGH

    def deciders(self, now: float) -> tuple[str, ...]:
        """Return the roles of which an approver needs one at `now`; none: anybody may."""
        joined = {role for step in self.ladder if step.at <= now for role in step.roles}
        return tuple(sorted(joined | set(self.roles))) if self.roles else ()

    def stands_for(self, given: Vote) -> frozenset[str]:
        """Return the roles that a vote counts for: held, lent, or reached on the ladder."""
        had = set(given.roles) | set(given.lent)
        if any(step.at <= given.at and had & set(step.roles) for step in self.ladder):
            had |= set(self.roles)
        return frozenset(had)

    @property
    def _counting(self) -> list[Vote]:
        return [
            given
            for given in self.votes
            if given.choice == "approve"
            and given.digest == self.digest
            and (not self.roles or set(self.roles) & self.stands_for(given))
        ]

    @property
    def approvers(self) -> frozenset[str]:
        """The people whose approval counts: of this digest, and with a role where one is asked."""
        return frozenset(given.reviewer for given in self._counting)

    @property
    def missing_roles(self) -> tuple[str, ...]:
        """The required roles that nobody stands for yet.

        Where several people must approve, each role needs another one: somebody with two
        roles is not two people.
        """
        held = [self.stands_for(given) for given in self._counting]
        if self.quorum <= 1:
            return tuple(role for role in self.roles if not any(role in had for had in held))
        return unfilled(self.roles, held)

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
            "owner": self.owner,
            "owner_apart": self.owner_apart,
            "ladder": [step.as_json() for step in self.ladder],
            "risk": self.risk,
            "high": self.high,
            "alike": self.alike,
            "revision": self.revision,
            "intact": self.intact,
        }

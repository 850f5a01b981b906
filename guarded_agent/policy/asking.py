"""The shape of `approvals` in a policy file: who decides, by when, and who is told."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, StrictBool, StringConstraints, model_validator

from guarded_agent.policy.words import Duration, Entry, Quorum, Word, seconds


class RungEntry(Entry):
    """One step of the escalation ladder: who may decide from then on.

    Attributes:
        after: When, as a part of the time to decide: `50%`.
        to: Roles that may then decide as if they held every role that is asked.
    """

    after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]?%$")]
    to: Annotated[tuple[Word, ...], Field(min_length=1)]

    @property
    def part(self) -> float:
        """When, from 0 to 1."""
        return int(self.after[:-1]) / 100


class BackOffEntry(Entry):
    """How an agent whose requests people reject has to wait before it may ask again.

    Attributes:
        rejections: From so many on it waits. Concerns are never held back.
        within: For how long they count.
        wait: How long it waits; each further rejection doubles that.
        off: Switches it off. It needs a reason.
        because: Why it is off.
    """

    rejections: Annotated[int, Strict(), Field(ge=1, le=1000)] = 5
    within: Duration = "1h"
    wait: Duration = "1m"
    off: StrictBool = False
    because: str = ""

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.off and not self.because.strip():
            raise ValueError("to switch it off, say why: because: '...'")
        return self


class NotifyEntry(Entry):
    """Who is told of requests. A message holds no arguments and no words of the agent.

    Attributes:
        url: Where it is posted, or `env:NAME` of the variable that holds the URL.
        kind: `webhook`, signed as Standard Webhooks describes, or `slack`.
        secret: `env:NAME` of the variable that holds the secret; a webhook needs it.
        on: What is told: a new request, a rung of the ladder that is reached, the last fifth of
            the time to decide, the decision.
        private: Whether the host that the URL names may be this machine or in a private network.
    """

    url: Annotated[str, StringConstraints(pattern=r"^(https?://\S+|env:[A-Za-z_][A-Za-z0-9_]*)$")]
    kind: Literal["webhook", "slack"] = "webhook"
    secret: Annotated[str, StringConstraints(pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    on: Annotated[
        tuple[Literal["requested", "escalated", "expiring", "decided"], ...], Field(min_length=1)
    ] = ("requested",)
    private: StrictBool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.kind == "webhook" and self.secret is None:
            raise ValueError("a webhook is signed: name its secret as env:NAME")
        if self.url.startswith("http://") and not self.private:
            raise ValueError("use https; http is for a host in a private network: private: true")
        return self


class ResumeEntry(Entry):
    """Where the host of a graph puts the person whom it has authenticated.

    Attributes:
        user_from: The key of the run's `configurable` that holds the person. The caller of a run
            must not be able to set it: LangGraph Platform sees to that for its own.
        roles_from: The field of the person that lists the roles they hold.
        by_id: Whether only answers that name their interrupt's id count.
    """

    user_from: Word
    roles_from: Word | None = None
    by_id: StrictBool = False


class ApprovalsEntry(Entry):
    """The clocks and the default quorum of approvals.

    Attributes:
        separate_owner: Whether the agent's owner may not decide. Left out, the owner may: a
            developer alone owns the agent and decides, and of two people one is not the owner.
        escalate: Who may decide when time runs out.
        most_pending: How many requests of the agent may wait at a time.
        back_off: How long the agent waits after rejections.
        interrupts: In which of LangChain's shapes a graph shows what waits: `tool_approval`, one
            for each call; `hitl`, one for each turn; `inbox`, the older list.
        notify: Who is told of requests.
        accept_resume: Whose answers to a paused graph are votes; left out, nobody's.
    """

    decide_within: Duration = "30m"
    execute_within: Duration = "10m"
    on_expiry: Literal["deny"] = "deny"
    quorum: Quorum = 1
    roles: tuple[Word, ...] = ()
    separate_owner: StrictBool = False
    escalate: tuple[RungEntry, ...] = ()
    most_pending: Annotated[int, Strict(), Field(ge=1, le=10_000)] = 200
    back_off: BackOffEntry = BackOffEntry()
    interrupts: Literal["tool_approval", "hitl", "inbox"] = "tool_approval"
    accept_resume: ResumeEntry | None = None
    notify: tuple[NotifyEntry, ...] = ()

    @property
    def decide_seconds(self) -> int:
        """How long a request stays open."""
        return seconds(self.decide_within)

    @property
    def execute_seconds(self) -> int:
        """How long an approval may be used."""
        return seconds(self.execute_within)

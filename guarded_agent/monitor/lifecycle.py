"""The life of an agent where people have a say: onboarding, reactivation, the end.

Here the registry, the queue and the log meet. What people approve about an agent happens in
the transaction of the last vote, and only if the agent is still what they were asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from sqlalchemy import Connection

from guarded_agent.approvals import Approvals, Request
from guarded_agent.approvals.request import LIFE
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.core.errors import Denied, VoteRefused
from guarded_agent.identity import AgentIdentity, Profile, Registry
from guarded_agent.identity import pins as tools_of
from guarded_agent.monitor.closing import closing
from guarded_agent.store import Store

Kind = Literal["onboarding", "reactivation"]

TOOL = "guarded-agent agents"
"""What stands where a call's tool stands."""

DECIDE_WITHIN = 7 * 86400.0
"""Seconds to decide about an agent: no run waits for it."""

_MOST_TOOLS = 200


class Lifecycle:
    """Lets agents in and out again, as their policies and people say.

    Args:
        store: Where everything is.
        audit: The log in it.

    Example:
        >>> from guarded_agent.identity import Rules
        >>> with Store.open("sqlite://") as store:
        ...     life = Lifecycle(store, AuditLog(store))
        ...     rules = Rules(onboarding="approve")
        ...     agent = life.enter(Profile("mail", "ann", "triage", "f1", rules=rules))
        ...     [request] = life.approvals.pending()
        ...     _ = life.approvals.vote(
        ...         request.id, "approve", reviewer="bo", digest=request.digest
        ...     )
        ...     agent.state, life.registry.get("mail").state
        ('draft', 'active')
    """

    def __init__(self, store: Store, audit: AuditLog) -> None:
        self._store = store
        self._audit = audit
        self.registry = Registry(store, audit)
        self.approvals = queue(store, audit)

    def enter(self, profile: Profile) -> AgentIdentity:
        """Register an agent; people are asked about one that waits to be approved.

        Raises:
            Denied: The id is no usable id, or its agent was decommissioned.
        """
        return self.registry.enter(profile, draft=self._onboard)

    def resume(self, agent_id: str, *, by: str, reason: str) -> AgentIdentity | Request:
        """Let a suspended agent act again, or ask people where its policy wants that.

        Args:
            agent_id: Which agent.
            by: Who wants it; never the agent itself.
            reason: Why.

        Returns:
            The agent if it acts again; the request if people have to approve it.

        Raises:
            Denied: It is not registered, or cannot become active from its state.
        """
        with self._store.write(durable=True) as connection:
            known = self.registry.find(connection, agent_id)
            if known is None or known.rules.reactivation != "approve":
                return self.registry.move(connection, agent_id, "active", by=by, reason=reason)
            if known.state == "draft":
                raise Denied(f"the agent {agent_id!r} waits to be approved already")
            person = self.registry.check_move(known, "active", by, reason)
            for request in self.approvals.about(connection, agent_id):
                if request.state == "pending":
                    raise Denied(f"request {request.id} asks people for that already")
            return self._ask(connection, known, "reactivation", person, reason.strip())

    def decommission(self, agent_id: str, *, by: str, reason: str) -> AgentIdentity:
        """Retire an agent for good: all that it had ends, and a closing record is written.

        Requests that are open or approved are cancelled, and what was reserved of limits for
        calls that have not begun is given back. Calls that run now end by themselves and are
        recorded; their results go nowhere. Pseudonyms stay sealed until somebody forgets them.

        Args:
            agent_id: Which agent.
            by: Who retires it; never the agent itself.
            reason: Why. It goes into the log: give it redacted.

        Raises:
            Denied: It is not registered, or was decommissioned before.
        """
        with self._store.write(durable=True) as connection:
            known = self.registry.find(connection, agent_id)
            if known is not None:
                self.registry.check_move(known, "decommissioned", by, reason)
            words = "the agent was decommissioned"
            cancelled = self.approvals.cancel_all(connection, agent_id, words)
            record = closing(connection, self._store, known, cancelled) if known else {}
            return self.registry.move(
                connection,
                agent_id,
                "decommissioned",
                by=by,
                reason=reason,
                more={"reason": reason.strip(), **record},
            )

    def _onboard(self, connection: Connection, known: AgentIdentity) -> None:
        """Ask about a draft, unless people were asked about exactly this, and can still answer."""
        asked = self.approvals.about(connection, known.id)
        if asked:
            last = asked[-1]
            same = (
                last.digest == _action(connection, known, "onboarding", "", "", len(asked)).digest
            )
            if same and last.state in ("pending", "rejected"):
                return
            words = "the agent changed since"
            self.approvals.cancel_all(connection, known.id, words, access=LIFE)
        self._ask(connection, known, "onboarding", "", "")

    def _ask(
        self, connection: Connection, known: AgentIdentity, kind: Kind, by: str, reason: str
    ) -> Request:
        attempt = len(self.approvals.about(connection, known.id)) + 1
        action = _action(connection, known, kind, by, reason, attempt)
        flags = [
            Finding("tool", f"{pin.tool}: {flag}", "identity", rule=pin.tool)
            for pin in tools_of.of(connection, known.id)
            for flag in pin.flags
        ]
        again = kind == "reactivation"
        words = f"agent.{kind} is approve, so people decide whether the agent may act"
        summary = f"Let the {'agent' if again else 'new agent'} {known.id} act"
        summary += f" again: {reason}" if again else f": {known.purpose or 'no purpose named'}"
        return self.approvals.submit(
            connection,
            action,
            spec_access=LIFE,
            impact="all that the agent may do",
            summary=summary,
            reasons=[Finding(kind, words, "policy", rule=f"agent.{kind}"), *flags],
            preview=action.args,
            label=Label(),
            policy_digest=str(known.parts.get("policy", "")),
            quorum=known.rules.quorum,
            roles=known.rules.roles,
            decide_within=DECIDE_WITHIN,
        )


def queue(store: Store, audit: AuditLog, **options: Any) -> Approvals:
    """Return the queue of a store, in which people can decide about agents as well.

    Args:
        store: Where it is.
        audit: The log.
        **options: As for `Approvals`.
    """
    return Approvals(store, audit, carry=partial(_carry, Registry(store, audit)), **options)


def _carry(
    registry: Registry, connection: Connection, request: Request, args: Mapping[str, Any]
) -> None:
    """Let an agent act, as was approved, if it is still the agent that people were asked about."""
    known = registry.find(connection, request.agent_id)
    if known is None:
        raise VoteRefused(f"no agent {request.agent_id!r} is registered any more")
    kind: Kind = "reactivation" if args["asks"] == "reactivation" else "onboarding"
    wanted = _action(connection, known, kind, args["asked_by"], args["reason"], args["attempt"])
    enough = request.quorum >= known.rules.quorum and set(known.rules.roles) <= set(request.roles)
    if wanted.digest != request.digest or not enough:
        raise VoteRefused(
            f"the agent {request.agent_id!r} changed since request {request.id} was made: reject "
            "it, and ask anew with what the agent is now"
        )
    try:
        registry.move(
            connection,
            known.id,
            "active",
            by=", ".join(sorted(request.approvers))[:200],
            reason=args["reason"] or "approved",
            more={"approval": request.id},
            approved=True,
        )
    except Denied as error:
        raise VoteRefused(str(error)) from None


def _action(
    connection: Connection, known: AgentIdentity, kind: Kind, by: str, reason: str, attempt: int
) -> Action:
    """Return what people decide on: its digest covers what the agent is and may do."""
    pins = tools_of.of(connection, known.id)
    names = [f"{pin.tool} (waits)" if pin.waits else pin.tool for pin in pins]
    more = len(names) - _MOST_TOOLS
    args: dict[str, Any] = {
        "asks": kind,
        "owner": known.owner,
        "purpose": known.purpose,
        "family": known.family,
        "version": known.version,
        "review": known.review,
        "scopes": known.parts.get("scopes", []),
        "tools": [*names[:_MOST_TOOLS], *([f"and {more} more"] if more > 0 else [])],
        "model": known.parts.get("model", ["unknown"]),
        "fingerprint": known.fingerprint,
        "state": known.state,
        "since": known.changed_at if kind == "reactivation" else None,
        "asked_by": by,
        "reason": reason,
        "attempt": attempt,
    }
    return Action.build(
        tool=TOOL,
        args=args,
        call_id=f"{kind}-{attempt}",
        thread_id="lifecycle",
        agent_id=known.id,
    )

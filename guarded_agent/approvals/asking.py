"""The agent's side of the queue: it asks, and uses what was approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from guarded_agent.approvals import outbox, rows
from guarded_agent.approvals.base import altered
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.looking import Looking
from guarded_agent.approvals.request import LIFE, Request, Source
from guarded_agent.approvals.risk import risk
from guarded_agent.core.action import Action
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import Denied, VoteRefused
from guarded_agent.core.label import Label
from guarded_agent.core.verdict import Finding
from guarded_agent.store.schema import approval


class Asking(Looking):
    """What the monitor calls."""

    def submit(
        self,
        connection: Connection,
        action: Action,
        *,
        spec_access: str,
        impact: str | None,
        summary: str,
        reasons: Sequence[Finding],
        preview: Mapping[str, Any],
        label: Label,
        policy_digest: str,
        quorum: int = 1,
        roles: Sequence[str] = (),
        edited_by: str | None = None,
        decide_within: float | None = None,
        execute_within: float | None = None,
        sources: Sequence[Source] = (),
    ) -> Request:
        """Ask people to decide on `action`, or return what was asked before.

        A graph runs a node again from the top when it resumes, so the same action may be
        submitted many times. The first one counts, whatever became of it.

        Args:
            connection: A write transaction of the store.
            action: What the agent wants to do. Its arguments are stored sealed.
            spec_access: What a call of the tool does.
            impact: A word for what a mistake costs, or None.
            summary: The action in one line, redacted.
            reasons: Why a person is asked.
            preview: The arguments, redacted.
            label: What is known of the data in the thread.
            policy_digest: The policy that asks.
            quorum: How many different people must approve.
            roles: Roles that must all be among the approvers; who holds none of them
                cannot approve.
            edited_by: Who changed the arguments, for an action that came from an edit.
            decide_within: Seconds to decide, where not the queue's default.
            execute_within: Seconds to run after approval, where not the queue's default.
            sources: Which calls had brought that data into the thread.

        Returns:
            The request, with its state as of now.

        Raises:
            ValueError: `quorum` or a duration is not positive.
        """
        now = self._store.clock()
        known = rows.by_digest(connection, self._store.keys, action.digest)
        if known is not None:
            return self._changes.lapse(connection, known, now)
        terms = self._terms
        decide_within = terms.decide_within if decide_within is None else decide_within
        execute_within = terms.execute_within if execute_within is None else execute_within
        if quorum < 1 or not decide_within > 0 or not execute_within > 0:
            raise ValueError("a request needs a quorum of at least 1 and time to decide and run")
        request = Request(
            id=self._ids(),
            digest=action.digest,
            agent_id=action.agent_id,
            thread_id=action.thread_id,
            user=action.user,
            tool=action.tool,
            access=spec_access,
            impact=impact,
            summary=summary,
            reasons=tuple(reasons),
            preview=dict(preview),
            label=label,
            policy_digest=policy_digest,
            quorum=quorum,
            roles=tuple(sorted(set(roles))),
            state="pending",
            message="",
            votes=(),
            replaced_by=None,
            edited_by=None if edited_by is None else person(edited_by),
            created_at=now,
            decide_by=now + decide_within,
            execute_within=execute_within,
            execute_by=None,
            decided_at=None,
            sources=tuple(sources),
            owner=self._owner(connection, action.agent_id),
            owner_apart=terms.separate_owner,
            ladder=terms.ladder(now, now + decide_within),
            alike=self._alike(action, policy_digest),
        )
        request = replace(
            request,
            risk=risk(spec_access, impact, label, request.reasons, concern=request.concern),
        )
        request = self._changes.add(connection, request, action.args)
        if terms.notify:
            outbox.plan(connection, self._store.keys, request, terms.notify)
        self._changes.record(
            connection,
            request,
            "approval.requested",
            run_id=action.run_id,
            tool=request.tool,
            access=request.access,
            impact=request.impact,
            reasons=sorted({finding.category for finding in request.reasons}),
            quorum=request.quorum,
            roles=list(request.roles),
            policy_digest=request.policy_digest,
            edited_by=request.edited_by,
            decide_by=request.decide_by,
        )
        return request

    def _alike(self, action: Action, policy_digest: str) -> str:
        """Return the same for calls that differ in nothing but thread and time.

        The real arguments count: redacted, two payees look alike. It is a MAC, so that the
        arguments cannot be guessed from it.
        """
        same = [action.agent_id, action.user, action.tool, action.manifest, policy_digest]
        plain = canonical({"same": same, "args": dict(action.args)})
        return self._store.keys.mac(b"approvals:alike:" + plain)

    def crowded(self, connection: Connection, agent_id: str, tool: str | None = None) -> bool:
        """Return whether so many requests of an agent wait that nobody could read one more.

        Args:
            connection: A transaction of the store.
            agent_id: The agent.
            tool: Count only requests to call this tool.
        """
        waiting = select(func.count()).where(
            *(() if tool is None else (approval.c.tool == tool,)),
            approval.c.agent_id == agent_id,
            approval.c.state == "pending",
            approval.c.decide_by > self._store.clock(),
        )
        return (connection.scalar(waiting) or 0) >= self._terms.most_pending

    def back_off(self, connection: Connection, agent_id: str) -> float:
        """Return until when an agent may not ask, because people rejected what it asked; or 0.

        Each rejection beyond the policy's number doubles the wait. A concern that people
        answered with no is none. The caller never asks this about a concern.

        Args:
            connection: A transaction of the store.
            agent_id: The agent.
        """
        rule = self._terms.back_off
        if rule is None:
            return 0.0
        now = self._store.clock()
        rejected = connection.execute(
            select(func.count(), func.max(approval.c.decided_at)).where(
                approval.c.agent_id == agent_id,
                approval.c.state == "rejected",
                approval.c.decided_at > now - rule.within,
                approval.c.concern.is_(False),
                approval.c.access != LIFE,
            )
        ).one()
        count, last = int(rejected[0]), rejected[1]
        until = 0.0 if last is None else float(last) + rule.seconds(count)
        return until if until > now else 0.0

    def of(self, digest: str) -> Request:
        """Return the request for the action with this digest.

        Raises:
            VoteRefused: Nobody was asked about it.
        """
        self.expire()
        with self._store.read() as connection:
            known = rows.by_digest(connection, self._store.keys, digest)
        if known is None:
            raise VoteRefused("nobody was asked about this action")
        return known

    def find(self, connection: Connection, digest: str) -> Request | None:
        """Return the request for the action with this digest, with its state as of now.

        It writes nothing: a deadline that has passed is recorded by the next `submit` of
        the action, `get`, `list`, `pending` or `expire`.
        """
        known = rows.by_digest(connection, self._store.keys, digest)
        return None if known is None else known.at(self._store.clock())

    def consume(self, connection: Connection, digest: str, policy_digest: str) -> Request:
        """Use the approval of the action with this digest. It works once.

        Args:
            connection: The write transaction that also marks the call as started.
            digest: The digest of the action that is about to run.
            policy_digest: The policy as it is now.

        Returns:
            The request, now `used`.

        Raises:
            Denied: There is no approval to use; the message says why.
        """
        known = rows.by_digest(connection, self._store.keys, digest)
        if known is None:
            raise Denied("nobody was asked about this exact call: it does not run")
        request = known.at(self._store.clock())
        if request.state != "approved":
            why = f": {request.message}" if request.message else ""
            raise Denied(f"request {request.id} is {request.state}{why}; the call does not run")
        if request.policy_digest != policy_digest:
            raise Denied(
                f"the policy changed after request {request.id} was made; the call does not run"
            )
        if not request.complete:
            raise Denied(f"request {request.id} lacks the votes it needs; the call does not run")
        if not request.intact:
            # Last, so that the words above still say what they can: nobody is let through here.
            raise Denied(f"{altered(request)}; the call does not run")
        used = self._changes.move(connection, request, "used")
        self._changes.record(connection, used, "approval.used")
        return used

    def edited_args(self, request: Request) -> dict[str, Any]:
        """Return the arguments that a reviewer wants instead, to be judged as a new action.

        Raises:
            VoteRefused: The request was not edited.
        """
        if request.state != "edited":
            raise VoteRefused(f"request {request.id} is {request.state}: nobody edited it")
        if not request.intact:
            raise VoteRefused(altered(request))
        with self._store.read() as connection:
            return self._changes.unseal(connection, request)["edited"]

    def replaced(self, request_id: str, new_digest: str) -> Request:
        """Link an edited request to the action that its new arguments became.

        Submit that action with `edited_by` first. Linking again does nothing.

        Args:
            request_id: The edited request's id.
            new_digest: The digest of the new action.

        Raises:
            VoteRefused: The request was not edited, or leads to another action already.
        """
        with self._store.write() as connection:
            request = self._by_id(connection, request_id)
            if request.state != "edited" or request.replaced_by not in {None, new_digest}:
                raise VoteRefused(f"request {request.id} has no edit that waits for a new action")
            if not request.intact:
                raise VoteRefused(altered(request))
            history = [request, *self._history(connection, request)]
            if new_digest in {item.digest for item in history}:
                raise VoteRefused(f"request {request.id} was edited back to an earlier action")
            if request.replaced_by is None:
                request = self._changes.set(connection, request, replaced_by=new_digest)
                self._changes.record(
                    connection, request, "approval.replaced", replaced_by=new_digest
                )
            return request

"""The queue: the only place where a request changes, and the only authority on its state.

It says who may do what and when; `changes` writes it down.
"""

from __future__ import annotations

import builtins
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select, update

from guarded_agent.approvals import rows
from guarded_agent.approvals.changes import Changes
from guarded_agent.approvals.duties import person, separate, separate_from_agent
from guarded_agent.approvals.endorse import Endorse, keep
from guarded_agent.approvals.request import LIFE, Choice, Request, Source, Vote
from guarded_agent.approvals.states import State
from guarded_agent.core.action import Action
from guarded_agent.core.canonical import canonical, check_limits
from guarded_agent.core.errors import Denied, VoteRefused
from guarded_agent.core.label import Label
from guarded_agent.core.ports import Recorder
from guarded_agent.core.verdict import Finding
from guarded_agent.store.engine import Store
from guarded_agent.store.schema import agent, approval

MAX_REASON = 4_000
MAX_PENDING = 200
"""How many requests of one agent may wait at a time."""


Carry = Callable[[Connection, Request, Mapping[str, Any]], None]
"""Does what was approved, in the transaction of the last vote, given the sealed arguments. It
raises `VoteRefused` where that is no longer what was asked: then the vote does not count."""


def _new_id() -> str:
    return secrets.token_hex(8)


class Approvals:
    """Requests to people, their votes, and the one use of an approval.

    Who the reviewer is, and which roles they hold, is what the caller says: the caller
    must have checked it. Give the agent's own code no way to call `vote` or `edit`.

    Methods that take a `connection` work inside the caller's transaction of the store.
    The others open their own and cannot be called inside one.

    Args:
        store: Where requests are kept.
        recorder: Writes the audit events.
        decide_within: Seconds until an undecided request expires.
        execute_within: Seconds until an unused approval expires.
        ids: Makes the id of a new request, of at most 32 characters.
        carry: Does what people approve about an agent itself; without it nobody can here.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        *,
        decide_within: float = 1800,
        execute_within: float = 600,
        ids: Callable[[], str] = _new_id,
        carry: Carry | None = None,
    ) -> None:
        self._store = store
        self._changes = Changes(store.keys, recorder)
        self._decide_within = decide_within
        self._execute_within = execute_within
        self._ids = ids
        self._carry = carry

    # The agent's side

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
        known = rows.by_digest(connection, action.digest)
        if known is not None:
            return self._changes.lapse(connection, known, now)
        decide_within = self._decide_within if decide_within is None else decide_within
        execute_within = self._execute_within if execute_within is None else execute_within
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
        )
        rows.add(connection, request, self._changes.seal(request, {"proposed": action.args}))
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
        return (connection.scalar(waiting) or 0) >= MAX_PENDING

    def of(self, digest: str) -> Request:
        """Return the request for the action with this digest.

        Raises:
            VoteRefused: Nobody was asked about it.
        """
        self.expire()
        with self._store.read() as connection:
            known = rows.by_digest(connection, digest)
        if known is None:
            raise VoteRefused("nobody was asked about this action")
        return known

    def find(self, connection: Connection, digest: str) -> Request | None:
        """Return the request for the action with this digest, with its state as of now.

        It writes nothing: a deadline that has passed is recorded by the next `submit` of
        the action, `get`, `list`, `pending` or `expire`.
        """
        known = rows.by_digest(connection, digest)
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
        known = rows.by_digest(connection, digest)
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
            request = rows.by_id(connection, request_id)
            if request.state != "edited" or request.replaced_by not in {None, new_digest}:
                raise VoteRefused(f"request {request.id} has no edit that waits for a new action")
            history = [request, *rows.history(connection, request)]
            if new_digest in {item.digest for item in history}:
                raise VoteRefused(f"request {request.id} was edited back to an earlier action")
            if request.replaced_by is None:
                connection.execute(
                    update(approval)
                    .where(approval.c.id == request.id)
                    .values(replaced_by=new_digest)
                )
                self._changes.record(
                    connection, request, "approval.replaced", replaced_by=new_digest
                )
            return replace(request, replaced_by=new_digest)

    # The people's side

    def pending(self) -> builtins.list[Request]:
        """Return every request that waits for a decision, oldest first."""
        self.expire()
        with self._store.read() as connection:
            return rows.load(connection, approval.c.state == "pending")

    def open_in(self, agent_id: str, thread_id: str) -> builtins.list[Request]:
        """Return the requests of a thread whose calls it still has to act on, oldest first.

        They are pending, approved and not used, or edited and not proposed anew.
        """
        self.expire()
        waits = approval.c.state.in_(("pending", "approved"))
        edited = (approval.c.state == "edited") & approval.c.replaced_by.is_(None)
        with self._store.read() as connection:
            return rows.load(
                connection,
                approval.c.agent_id == agent_id,
                approval.c.thread_id == thread_id,
                waits | edited,
            )

    def list(self, state: State | None = None, limit: int | None = 100) -> builtins.list[Request]:
        """Return requests, newest first.

        Args:
            state: Only those in this state.
            limit: At most so many; None for all.
        """
        self.expire()
        where = () if state is None else (approval.c.state == state,)
        with self._store.read() as connection:
            return rows.load(connection, *where, newest_first=True, limit=limit)

    def get(self, request_id: str) -> Request:
        """Return one request.

        Args:
            request_id: Its id, or a beginning of at least 4 characters that no other id shares.

        Raises:
            VoteRefused: No request, or more than one, has such an id.
        """
        self.expire()
        with self._store.read() as connection:
            return rows.by_id(connection, request_id)

    def vote(
        self,
        request_id: str,
        choice: Choice,
        *,
        reviewer: str,
        digest: str,
        reason: str = "",
        roles: Sequence[str] = (),
        endorse: Endorse | None = None,
    ) -> Request:
        """Approve or reject a request.

        One rejection decides. Approval needs as many different people as the quorum says,
        with every required role among them. The first version trusts the caller for who
        the reviewer is and which roles they hold.

        Args:
            request_id: The request's id or a unique beginning of it.
            choice: `approve` or `reject`.
            reviewer: Who votes; upper case and outer space do not make another person.
            digest: The digest that the reviewer saw.
            reason: Why; a rejection needs it.
            roles: The roles that the reviewer holds.
            endorse: Vouch for the values that nobody vouched for, in this `thread` or `always`
                for this agent: later calls do not ask about the same. It counts with the
                vote by which the request is approved.

        Returns:
            The request after the vote.

        Raises:
            VoteRefused: The vote does not count, and nothing was changed.
        """
        if choice not in ("approve", "reject"):
            raise VoteRefused("a vote is either 'approve' or 'reject'")
        if endorse not in (None, "thread", "always") or (endorse and choice == "reject"):
            raise VoteRefused("endorse is 'thread' or 'always', together with an approval")
        reason = _reason(reason)
        if choice == "reject" and not reason:
            raise VoteRefused("a rejection needs a reason: the agent and its owner learn from it")
        name = person(reviewer)
        request_id = self.get(request_id).id
        with self._store.write(durable=True) as connection:
            request = self._decidable(connection, request_id, name, digest)
            if any(given.reviewer == name for given in request.votes):
                raise VoteRefused(f"{name} has voted on request {request.id} already")
            if choice == "approve" and request.roles and not set(request.roles) & set(roles):
                needed = ", ".join(request.roles)
                raise VoteRefused(f"request {request.id} needs an approver with a role of {needed}")
            now = self._store.clock()
            given = Vote(name, choice, request.digest, reason, tuple(sorted(set(roles))), now)
            rows.add_vote(connection, request.id, given)
            request = replace(request, votes=(*request.votes, given))
            self._changes.record(
                connection,
                request,
                "approval.voted",
                reviewer=name,
                choice=choice,
                roles=list(given.roles),
            )
            if choice == "reject":
                request = self._changes.move(
                    connection, request, "rejected", decided_at=now, message=reason
                )
            elif request.complete:
                until = now + request.execute_within
                request = self._changes.move(
                    connection, request, "approved", decided_at=now, execute_by=until
                )
                if endorse is not None:
                    args = self._changes.unseal(connection, request)["proposed"]
                    count = keep(self._store, connection, request, args, endorse, name)
                    self._changes.record(
                        connection, request, "data.endorsed", by=name, how=endorse, values=count
                    )
            if request.state != "pending":
                self._changes.record(connection, request, "approval.decided", state=request.state)
            if request.about_agent and request.state == "approved":
                request = self._carry_out(connection, request)
            return request

    def _carry_out(self, connection: Connection, request: Request) -> Request:
        """Do what was approved about an agent; the approval is used by that."""
        if self._carry is None:
            raise VoteRefused(
                f"request {request.id} is about an agent itself: decide on it with "
                f"guarded-agent approvals approve {request.id}"
            )
        self._carry(connection, request, self._changes.unseal(connection, request)["proposed"])
        used = self._changes.move(connection, request, "used")
        self._changes.record(connection, used, "approval.used")
        return used

    def edit(
        self,
        request_id: str,
        args: Mapping[str, Any],
        *,
        reviewer: str,
        digest: str,
        reason: str = "",
    ) -> Request:
        """Want other arguments instead. Nothing is approved by it.

        The request ends as `edited`. The agent layer takes the new arguments from
        `edited_args` and proposes them as a new action, which passes every guard again.
        The editor cannot vote on that one.

        Args:
            request_id: The request's id or a unique beginning of it.
            args: The arguments to use instead, all of them.
            reviewer: Who edits.
            digest: The digest that the reviewer saw.
            reason: Why.

        Raises:
            VoteRefused: The edit does not count, and nothing was changed.
            ActionError: The new arguments are too large, too deep or not plain data.
        """
        check_limits(args)
        wanted: dict[str, Any] = json.loads(canonical(dict(args)))
        reason = _reason(reason)
        name = person(reviewer)
        request_id = self.get(request_id).id
        with self._store.write(durable=True) as connection:
            request = self._decidable(connection, request_id, name, digest)
            if request.about_agent:
                raise VoteRefused(
                    f"request {request.id} is about an agent itself: approve or reject it"
                )
            if request.concern:
                raise VoteRefused(
                    f"request {request.id} is a concern in the agent's own words: answer it with "
                    "a vote and a reason"
                )
            # The way back is closed too: it would lead to a request that has ended.
            earlier = [
                self._changes.unseal(connection, step)["proposed"]
                for step in (request, *rows.history(connection, request))
            ]
            if canonical(wanted) in map(canonical, earlier):
                raise VoteRefused(
                    f"the edit of request {request.id} changes nothing, or goes back to what "
                    "was edited before: approve or reject instead"
                )
            edited = self._changes.move(
                connection,
                request,
                "edited",
                edited_by=name,
                message=reason,
                decided_at=self._store.clock(),
                args_sealed=self._changes.seal(request, {"proposed": earlier[0], "edited": wanted}),
            )
            self._changes.record(connection, edited, "approval.edited", reviewer=name)
            return edited

    def arguments(self, request_id: str, *, reviewer: str) -> dict[str, Any]:
        """Return the real arguments that the agent proposed; who looked is recorded.

        Args:
            request_id: The request's id or a unique beginning of it.
            reviewer: Who looks.

        Raises:
            VoteRefused: No such request, or the reviewer is an agent.
        """
        name = person(reviewer)
        with self._store.write() as connection:
            request = rows.by_id(connection, request_id)
            self._refuse_agents(connection, name)
            self._changes.record(connection, request, "approval.revealed", reviewer=name)
            return self._changes.unseal(connection, request)["proposed"]

    def cancel(self, request_id: str, reason: str) -> Request:
        """End a request that is no longer wanted, also after it was approved.

        Raises:
            VoteRefused: It has ended already, or no reason is given.
        """
        reason = _reason(reason)
        if not reason:
            raise VoteRefused("say why the request is cancelled")
        request_id = self.get(request_id).id
        with self._store.write(durable=True) as connection:
            return self._cancel(connection, rows.by_id(connection, request_id), reason)

    def _cancel(self, connection: Connection, request: Request, reason: str) -> Request:
        now = self._store.clock()
        cancelled = self._changes.move(
            connection, request, "cancelled", message=reason, decided_at=now
        )
        self._changes.record(connection, cancelled, "approval.cancelled")
        return cancelled

    def about(self, connection: Connection, agent_id: str) -> builtins.list[Request]:
        """Return the requests about an agent itself, oldest first, with their states as of now."""
        now = self._store.clock()
        where = (approval.c.agent_id == agent_id, approval.c.access == LIFE)
        return [request.at(now) for request in rows.load(connection, *where)]

    def cancel_all(
        self, connection: Connection, agent_id: str, reason: str, *, access: str | None = None
    ) -> int:
        """End every request of an agent that is open, or approved and not used.

        Args:
            connection: A write transaction of the store.
            agent_id: The agent.
            reason: Why.
            access: Only requests of this access.

        Returns:
            How many there were.
        """
        now = self._store.clock()
        where = [approval.c.agent_id == agent_id, approval.c.state.in_(("pending", "approved"))]
        if access is not None:
            where.append(approval.c.access == access)
        found = [
            self._changes.lapse(connection, item, now) for item in rows.load(connection, *where)
        ]
        still = [item for item in found if item.state in ("pending", "approved")]
        for request in still:
            self._cancel(connection, request, reason)
        return len(still)

    def expire(self) -> int:
        """Record every deadline that has passed; return how many did.

        `pending`, `list`, `get` and whatever changes a request do so first.
        """
        now = self._store.clock()
        with self._store.read() as connection:
            if not rows.load(connection, rows.overdue(now), limit=1):
                return 0
        with self._store.write() as connection:
            late = rows.load(connection, rows.overdue(now))
            for request in late:
                self._changes.lapse(connection, request, now)
            return len(late)

    # What both sides use

    def _decidable(
        self, connection: Connection, request_id: str, reviewer: str, digest: str
    ) -> Request:
        """Return the request if `reviewer`, who saw `digest`, may decide on it now."""
        request = rows.by_id(connection, request_id).at(self._store.clock())
        if request.state != "pending":
            raise VoteRefused(f"request {request.id} is {request.state}: it waits for nobody")
        if not hmac.compare_digest(digest.encode(errors="replace"), request.digest.encode()):
            raise VoteRefused(
                f"the reviewer saw something else than request {request.id}: look at it again"
            )
        self._refuse_agents(connection, reviewer)
        history = rows.history(connection, request)
        separate(
            request,
            reviewer,
            [item.edited_by for item in (request, *history) if item.edited_by is not None],
        )
        if request.about_agent:
            args = self._changes.unseal(connection, request)["proposed"]
            separate_from_agent(reviewer, owner=args["owner"], asked_by=args["asked_by"])
        return request

    @staticmethod
    def _refuse_agents(connection: Connection, reviewer: str) -> None:
        known = select(agent.c.id).where(func.lower(agent.c.id) == reviewer).limit(1)
        if connection.execute(known).first() is not None:
            raise VoteRefused("an agent never decides: a person must")


def _reason(text: str) -> str:
    reason = text.strip()
    if len(reason) > MAX_REASON:
        raise VoteRefused(f"a reason has at most {MAX_REASON} characters")
    return reason

"""The people's side of the queue: votes, edits and the end of what is no longer wanted."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from guarded_agent.approvals.base import reason_of
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.endorse import Endorse, keep
from guarded_agent.approvals.lending import Lending
from guarded_agent.approvals.looking import Looking
from guarded_agent.approvals.request import Choice, Request, Vote
from guarded_agent.core.canonical import canonical, check_limits
from guarded_agent.core.errors import VoteRefused

MAX_SUBJECT = 400
MOST_AT_ONCE = 100
"""On how many requests one can vote at once."""


class Deciding(Lending, Looking):
    """What reviewers do."""

    def vote(
        self,
        request_id: str,
        choice: Choice,
        *,
        reviewer: str,
        digest: str,
        reason: str = "",
        roles: Sequence[str] = (),
        method: str = "program",
        subject: str = "",
        endorse: Endorse | None = None,
    ) -> Request:
        """Approve or reject a request.

        One rejection decides. Approval needs as many different people as the quorum says,
        with every required role among them, each another person's where several must approve.
        The caller says who the reviewer is and which roles they hold, and must have checked it.

        Args:
            request_id: The request's id or a unique beginning of it.
            choice: `approve` or `reject`.
            reviewer: Who votes; upper case and outer space do not make another person.
            digest: The digest that the reviewer saw.
            reason: Why; a rejection needs it.
            roles: The roles that the reviewer holds. What was delegated to them is added.
            method: How it was checked who they are, in a word: `cli`, `session`, `token`, `oidc`.
            subject: The identity provider's own name of the account, where one was used: two
                accounts with one subject are one person.
            endorse: Vouch for the values that nobody vouched for, in this `thread` or `always`
                for this agent: later calls do not ask about the same. It counts with the
                vote by which the request is approved.

        Returns:
            The request after the vote.

        Raises:
            VoteRefused: The vote does not count, and nothing was changed.
        """
        if endorse not in (None, "thread", "always") or (endorse and choice == "reject"):
            raise VoteRefused("endorse is 'thread' or 'always', together with an approval")
        ballot = _ballot(choice, reviewer, reason, roles, method, subject)
        with self._store.write(durable=True) as connection:
            return self._vote(connection, request_id, digest, ballot, endorse)

    def vote_alike(
        self,
        seen: Mapping[str, str],
        choice: Choice,
        *,
        reviewer: str,
        reason: str = "",
        roles: Sequence[str] = (),
        method: str = "program",
        subject: str = "",
    ) -> builtins.list[Request]:
        """Vote the same on several requests that ask for the same call; all of them, or none.

        Each gets a vote of its own. They must be the same in agent, user, tool, arguments and
        policy: see `Request.alike`. Several that are high risk are not approved at once.

        Args:
            seen: The digest that the reviewer saw of each request, by the request's whole id.
            choice: `approve` or `reject`.
            reviewer: Who votes.
            reason: Why; a rejection needs it.
            roles: The roles that the reviewer holds.
            method: How it was checked who they are.
            subject: The identity provider's own name of the account.

        Returns:
            The requests after the votes.

        Raises:
            VoteRefused: One of the votes does not count, and nothing was changed.
        """
        ballot = _ballot(choice, reviewer, reason, roles, method, subject)
        if not 0 < len(seen) <= MOST_AT_ONCE:
            raise VoteRefused(f"vote on 1 to {MOST_AT_ONCE} requests at once")
        with self._store.write(durable=True) as connection:
            first = self._by_id(connection, next(iter(seen)))
            done: builtins.list[Request] = []
            for request_id, digest in seen.items():
                request = self._by_id(connection, request_id)
                if not first.alike or request.alike != first.alike:
                    raise VoteRefused(
                        f"request {request.id} is not the same call as {first.id}: vote on it alone"
                    )
                if choice == "approve" and request.high and len(seen) > 1:
                    raise VoteRefused(
                        f"request {request.id} is high risk: look at it and approve it alone"
                    )
                done.append(self._vote(connection, request.id, digest, ballot, None))
            return done

    def _vote(
        self,
        connection: Connection,
        request_id: str,
        digest: str,
        ballot: Vote,
        endorse: Endorse | None,
    ) -> Request:
        name, choice, now = ballot.reviewer, ballot.choice, self._store.clock()
        request = self._decidable(connection, request_id, name, digest)
        for given in request.votes:
            if given.reviewer == name or (ballot.subject and given.subject == ballot.subject):
                raise VoteRefused(f"{name} has voted on request {request.id} already")
            if name in given.lent.values():
                raise VoteRefused(
                    f"{given.reviewer} has voted on request {request.id} with the role that "
                    f"{name} delegated"
                )
        given = replace(ballot, digest=request.digest, policy_digest=request.policy_digest, at=now)
        if choice == "approve" and request.roles:
            wanted = request.deciders(now)
            lent = self._lent(connection, request, name, set(wanted) - set(given.roles), now)
            given = replace(given, lent=lent)
            if not set(request.roles) & request.stands_for(given):
                raise VoteRefused(
                    f"request {request.id} needs an approver with a role of {', '.join(wanted)}"
                )
        request = self._changes.cast(connection, request, given)
        self._changes.record(
            connection,
            request,
            "approval.voted",
            reviewer=name,
            choice=choice,
            roles=list(given.roles),
            method=given.method,
            policy_digest=given.policy_digest,
            lent=dict(given.lent),
        )
        if choice == "reject":
            request = self._changes.move(
                connection, request, "rejected", decided_at=now, message=given.reason
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
        else:
            request = self._changes.set(connection, request)
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
        as_shown: bool = False,
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
            as_shown: The reviewer edited what `Request.preview` shows: an argument that is as
                it stands there, masked perhaps, keeps its real value.

        Raises:
            VoteRefused: The edit does not count, and nothing was changed.
            ActionError: The new arguments are too large, too deep or not plain data.
        """
        check_limits(args)
        wanted: dict[str, Any] = json.loads(canonical(dict(args)))
        reason = reason_of(reason)
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
                for step in (request, *self._history(connection, request))
            ]
            if as_shown:
                seen = json.loads(canonical(dict(request.preview)))
                for key in [key for key in wanted if key in seen and wanted[key] == seen[key]]:
                    wanted[key] = earlier[0].get(key, wanted[key])
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


def _ballot(
    choice: Choice, reviewer: str, reason: str, roles: Sequence[str], method: str, subject: str
) -> Vote:
    """Return a vote that nothing is wrong with so far; digest and time are still to come."""
    if choice not in ("approve", "reject"):
        raise VoteRefused("a vote is either 'approve' or 'reject'")
    reason = reason_of(reason)
    if choice == "reject" and not reason:
        raise VoteRefused("a rejection needs a reason: the agent and its owner learn from it")
    if not re.fullmatch(r"[a-z][a-z0-9._-]{0,19}", method):
        raise VoteRefused("the method of a vote is one short word, such as cli, session or token")
    if len(subject) > MAX_SUBJECT:
        raise VoteRefused(f"the subject of an account has at most {MAX_SUBJECT} characters")
    name = person(reviewer)
    held = tuple(sorted(set(roles)))
    return Vote(name, choice, "", reason, held, 0.0, method=method, subject=subject)

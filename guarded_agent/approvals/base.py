"""What every side of the queue stands on: the store, the writer of changes, the rules of who
decides.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from guarded_agent.approvals import rows
from guarded_agent.approvals.changes import Changes
from guarded_agent.approvals.duties import separate, separate_from_agent
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.terms import Terms
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.ports import Recorder
from guarded_agent.store.engine import Store
from guarded_agent.store.schema import agent

MAX_REASON = 4_000

Carry = Callable[[Connection, Request, Mapping[str, Any]], None]
"""Does what was approved, in the transaction of the last vote, given the sealed arguments. It
raises `VoteRefused` where that is no longer what was asked: then the vote does not count."""


def new_id() -> str:
    """Return the id of a new request."""
    return secrets.token_hex(8)


class Base:
    """The parts that the sides of the queue share."""

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        *,
        terms: Terms,
        ids: Callable[[], str],
        carry: Carry | None,
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._changes = Changes(store.keys, recorder, lambda: store.clock())
        self._terms = terms
        self._ids = ids
        self._carry = carry

    def _load(
        self, connection: Connection, *where: ColumnElement[bool], **how: Any
    ) -> list[Request]:
        return rows.load(connection, self._store.keys, *where, **how)

    def _by_id(self, connection: Connection, request_id: str) -> Request:
        return rows.by_id(connection, self._store.keys, request_id)

    def _history(self, connection: Connection, request: Request) -> list[Request]:
        return rows.history(connection, self._store.keys, request)

    def _decidable(
        self, connection: Connection, request_id: str, reviewer: str, digest: str
    ) -> Request:
        """Return the request if `reviewer`, who saw `digest`, may decide on it now."""
        request = self._by_id(connection, request_id).at(self._store.clock())
        if request.state != "pending":
            raise VoteRefused(f"request {request.id} is {request.state}: it waits for nobody")
        if not hmac.compare_digest(digest.encode(errors="replace"), request.digest.encode()):
            raise VoteRefused(
                f"the reviewer saw something else than request {request.id}: look at it again"
            )
        self._refuse_agents(connection, reviewer)
        self._apart(connection, request, reviewer)
        return request

    def _apart(self, connection: Connection, request: Request, reviewer: str) -> None:
        """Return if `reviewer` has no part in the action, else raise `VoteRefused`."""
        history = self._history(connection, request)
        for step in (request, *history):
            if not step.intact:
                raise VoteRefused(altered(step))
        editors = [step.edited_by for step in (request, *history) if step.edited_by is not None]
        owner = self._owner(connection, request.agent_id) if request.owner_apart else None
        separate(request, reviewer, editors, owner)
        if request.about_agent:
            args = self._changes.unseal(connection, request)["proposed"]
            separate_from_agent(reviewer, owner=args["owner"], asked_by=args["asked_by"])

    @staticmethod
    def _owner(connection: Connection, agent_id: str) -> str | None:
        """Return who owns an agent now."""
        return connection.scalar(select(agent.c.owner).where(agent.c.id == agent_id)) or None

    @staticmethod
    def _refuse_agents(connection: Connection, reviewer: str) -> None:
        known = select(agent.c.id).where(func.lower(agent.c.id) == reviewer).limit(1)
        if connection.execute(known).first() is not None:
            raise VoteRefused("an agent never decides: a person must")


def altered(request: Request) -> str:
    """Return what to say of a request that somebody without the store's key wrote or changed."""
    return (
        f"the record of request {request.id} was changed in the database, or an older release "
        "wrote it: nothing on it counts; look into the audit log, cancel it and let the agent ask "
        "again"
    )


def reason_of(text: str) -> str:
    """Return a reason without outer space.

    Raises:
        VoteRefused: It is too long.
    """
    reason = text.strip()
    if len(reason) > MAX_REASON:
        raise VoteRefused(f"a reason has at most {MAX_REASON} characters")
    return reason

"""The end of requests that are no longer wanted."""

from __future__ import annotations

import builtins

from sqlalchemy import Connection

from guarded_agent.approvals.base import reason_of
from guarded_agent.approvals.looking import Looking
from guarded_agent.approvals.request import LIFE, Request
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store.schema import approval


class Ending(Looking):
    """What ends requests without a decision on them."""

    def cancel(self, request_id: str, reason: str) -> Request:
        """End a request that is no longer wanted, also after it was approved.

        Raises:
            VoteRefused: It has ended already, or no reason is given.
        """
        reason = reason_of(reason)
        if not reason:
            raise VoteRefused("say why the request is cancelled")
        request_id = self.get(request_id).id
        with self._store.write(durable=True) as connection:
            return self._cancel(connection, self._by_id(connection, request_id), reason)

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
        return [request.at(now) for request in self._load(connection, *where)]

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
            self._changes.lapse(connection, item, now) for item in self._load(connection, *where)
        ]
        still = [item for item in found if item.state in ("pending", "approved")]
        for request in still:
            self._cancel(connection, request, reason)
        return len(still)

"""Looking at the queue, and recording the deadlines that have passed."""

from __future__ import annotations

import builtins
from typing import Any

from guarded_agent.approvals import rows
from guarded_agent.approvals.base import Base
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.states import State
from guarded_agent.store.schema import approval


class Looking(Base):
    """What lists, pages and wakers read."""

    def pending(self) -> builtins.list[Request]:
        """Return every request that waits for a decision, oldest first.

        Where many wait, `page` reads only those that are shown.
        """
        self.expire()
        with self._store.read() as connection:
            return self._load(connection, approval.c.state == "pending")

    def open_in(self, agent_id: str, thread_id: str) -> builtins.list[Request]:
        """Return the requests of a thread whose calls it still has to act on, oldest first.

        They are pending, approved and not used, or edited and not proposed anew.
        """
        self.expire()
        with self._store.read() as connection:
            if not rows.any_open(connection, agent_id, thread_id):
                return []  # so it is at nearly every step, and this asks for no whole rows
            return self._load(
                connection,
                approval.c.agent_id == agent_id,
                approval.c.thread_id == thread_id,
                rows.still_open(),
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
            return self._load(connection, *where, newest_first=True, limit=limit)

    def get(self, request_id: str) -> Request:
        """Return one request.

        Args:
            request_id: Its id, or a beginning of at least 4 characters that no other id shares.

        Raises:
            VoteRefused: No request, or more than one, has such an id.
        """
        self.expire()
        with self._store.read() as connection:
            return self._by_id(connection, request_id)

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
            request = self._by_id(connection, request_id)
            self._refuse_agents(connection, name)
            self._changes.record(connection, request, "approval.revealed", reviewer=name)
            return self._changes.unseal(connection, request)["proposed"]

    def expire(self) -> int:
        """Record every deadline that has passed; return how many did.

        `pending`, `list`, `get` and whatever changes a request do so first.
        """
        now = self._store.clock()
        with self._store.read() as connection:
            if not rows.any_overdue(connection, now):
                return 0
        with self._store.write() as connection:
            late = self._load(connection, rows.overdue(now))
            for request in late:
                self._changes.lapse(connection, request, now)
            return len(late)

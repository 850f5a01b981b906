"""Set a request aside: "not now" is not "no"."""

from __future__ import annotations

from sqlalchemy import delete, insert

from guarded_agent.approvals.base import Base
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.request import Request
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store.schema import snooze


class Aside(Base):
    """What hides a request from one reviewer for a while."""

    def snooze(self, request_id: str, *, reviewer: str, until: float) -> Request:
        """Hide a request from one reviewer's pages until a time; for all others it stays.

        Nothing is decided by it, and the clocks run on. Setting it aside again moves the time.

        Args:
            request_id: The request's id or a unique beginning of it.
            reviewer: Who sets it aside.
            until: Until when: before the request's time to decide is over.

        Raises:
            VoteRefused: It does not wait for a decision, or the time is past or too late.
        """
        name, now = person(reviewer), self._store.clock()
        with self._store.write() as connection:
            request = self._by_id(connection, request_id).at(now)
            if request.state != "pending":
                raise VoteRefused(f"request {request.id} is {request.state}: it waits for nobody")
            self._refuse_agents(connection, name)
            if not now < until < request.decide_by:
                raise VoteRefused(
                    f"set request {request.id} aside for a time before it expires, in less than "
                    f"{max(0, int(request.decide_by - now))} seconds: unseen it would be a no"
                )
            mine = (snooze.c.approval_id == request.id) & (snooze.c.reviewer == name)
            connection.execute(delete(snooze).where(mine))
            connection.execute(
                insert(snooze).values(approval_id=request.id, reviewer=name, until=until)
            )
            self._changes.record(
                connection, request, "approval.snoozed", reviewer=name, until=until
            )
        return request

    def unsnooze(self, request_id: str, *, reviewer: str) -> bool:
        """Show a request to a reviewer again; return whether it was set aside.

        Raises:
            VoteRefused: There is no such request.
        """
        name = person(reviewer)
        with self._store.write() as connection:
            request = self._by_id(connection, request_id)
            mine = (snooze.c.approval_id == request.id) & (snooze.c.reviewer == name)
            return bool(connection.execute(delete(snooze).where(mine)).rowcount)

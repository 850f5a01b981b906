"""Follow the queue: pages that stay up to date, and workers that wake agents."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from guarded_agent.approvals import rows, turns
from guarded_agent.approvals.looking import Looking
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.turns import Turn
from guarded_agent.store.schema import approval
from guarded_agent.store.watch import Watch

_MOST = 500


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed in the queue.

    Attributes:
        revision: Give it as `after` to go on from here.
        requests: The requests that were made or changed, as they are now, oldest change
            first; none if the time was over. At most 500: then the next are there at once.
    """

    revision: int
    requests: tuple[Request, ...]


class Following(Looking):
    """What waits for changes, and who takes them up."""

    def revision(self) -> int:
        """Return the number of the last change of any request; 0 if there was none."""
        with self._store.read() as connection:
            return int(connection.scalar(select(func.max(approval.c.revision))) or 0)

    def changes(self, after: int | None = None, *, timeout: float = 30.0) -> Generator[Changed]:
        """Yield what changes, as soon as it does, in whichever process.

        On PostgreSQL the database tells; on SQLite its count of commits is looked at, many times
        a second. When nothing happens for `timeout` seconds an empty `Changed` is yielded, so
        that the caller can stop, and deadlines that have passed are recorded, which is a change.
        Close the iterator, or use it up: it holds a connection.

        Args:
            after: The revision from which to go on; None: only what changes from now on.
            timeout: Seconds to wait for the next change.

        Raises:
            StoreError: The database refuses.

        Example:
            >>> from guarded_agent.approvals import Approvals
            >>> from guarded_agent.audit import AuditLog
            >>> from guarded_agent.store import Store
            >>> with Store.open("sqlite://") as store:
            ...     queue = Approvals(store, AuditLog(store))
            ...     next(queue.changes(timeout=0.01))
            Changed(revision=0, requests=())
        """
        seen = self.revision() if after is None else after
        with Watch(self._store) as watch:
            while True:
                self.expire()

                def ready(seen: int = seen) -> bool:
                    return self.revision() > seen

                watch.wait(ready, timeout)
                with self._store.read() as connection:
                    later = rows.changed(connection, self._store.keys, seen, _MOST)
                seen = later[-1].revision if later else seen
                yield Changed(seen, tuple(later))

    def claim(
        self,
        worker: str,
        *,
        lease: float = 60.0,
        agents: Sequence[str] = (),
        thread_id: str | None = None,
    ) -> Turn | None:
        """Take the thread that waits longest to be resumed, so that no other worker resumes it.

        A thread is due once something in it was decided: approved, rejected, edited, cancelled
        or expired. Resume it, then call `finish`. If the worker dies, the claim lapses and
        another worker gets the thread; what already ran does not run again.

        Args:
            worker: A name of the worker that no other has.
            lease: Seconds until the claim lapses; `renew` it where that is not enough.
            agents: Only threads of these agents.
            thread_id: Only this thread.

        Returns:
            The claim, or None if nothing is due.
        """
        self.expire()
        with self._store.write() as connection:
            now = self._store.clock()
            return turns.claim(connection, worker, now, lease, tuple(agents), thread_id)

    def due(self, agent_id: str, thread_id: str) -> bool:
        """Return whether a thread waits to be resumed, or is being resumed by a worker."""
        with self._store.read() as connection:
            return turns.standing(connection, agent_id, thread_id)

    def finish(self, turn: Turn) -> bool:
        """Say that a claimed thread was resumed.

        If something else was decided in it meanwhile, it is due again at once.

        Returns:
            False if the claim had lapsed: another worker may have resumed the thread too.
        """
        with self._store.write() as connection:
            return turns.finish(connection, turn)

    def release(self, turn: Turn, *, seconds: float = 0.0) -> bool:
        """Give a claimed thread back, for others to take once `seconds` have passed."""
        with self._store.write() as connection:
            return turns.release(connection, turn, self._store.clock() + seconds)

    def renew(self, turn: Turn, *, lease: float = 60.0) -> Turn | None:
        """Return the claim with more time, or None if it had lapsed and was taken."""
        until = self._store.clock() + lease
        with self._store.write() as connection:
            return turns.renew(connection, turn, until)

"""Which threads have something decided that their agent has not taken up yet, and who takes it.

A decision makes its thread due, in the same transaction. A worker claims a due thread
for a while; if it dies, the claim lapses and another worker gets the thread. Waking a
thread twice runs nothing twice: the ledger sees to that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from guarded_agent.approvals.request import Request
from guarded_agent.store.schema import turn


@dataclass(frozen=True, slots=True)
class Turn:
    """A claim of one worker on one thread.

    Attributes:
        agent_id: The agent identity.
        thread_id: The thread to resume.
        revision: The change up to which the worker acts on it.
        worker: Who has it.
        until: When the claim lapses.
    """

    agent_id: str
    thread_id: str
    revision: int
    worker: str
    until: float


def due(connection: Connection, request: Request, now: float) -> None:
    """Make the thread of a request due; a claim on it stays, and then there is more to do."""
    due_thread(connection, request.agent_id, request.thread_id, request.revision, now)


def due_thread(
    connection: Connection, agent_id: str, thread_id: str, revision: int, now: float
) -> None:
    """Make a thread due. `revision` is of no other change: by it `finish` sees what came later."""
    same = (turn.c.agent_id == agent_id) & (turn.c.thread_id == thread_id)
    known = connection.execute(update(turn).where(same).values(revision=revision, since=now))
    if known.rowcount == 0:
        connection.execute(
            insert(turn).values(
                agent_id=agent_id,
                thread_id=thread_id,
                revision=revision,
                since=now,
                worker="",
                until=0.0,
            )
        )


def claim(
    connection: Connection,
    worker: str,
    now: float,
    lease: float,
    agents: tuple[str, ...],
    thread_id: str | None = None,
) -> Turn | None:
    """Give `worker` the thread that is due longest and that nobody has; see `Approvals.claim`."""
    of_agents = (turn.c.agent_id.in_(agents),) if agents else ()
    of_thread = () if thread_id is None else (turn.c.thread_id == thread_id,)
    wanted = (
        select(turn.c.agent_id, turn.c.thread_id, turn.c.revision)
        .where(turn.c.until <= now, *of_agents, *of_thread)
        .order_by(turn.c.since, turn.c.agent_id, turn.c.thread_id)
        .limit(1)
        # A row that somebody holds in a transaction of their own is not waited for.
        .with_for_update(skip_locked=True)
    )
    found = connection.execute(wanted).first()
    if found is None:
        return None
    mine = Turn(found.agent_id, found.thread_id, found.revision, worker, now + lease)
    connection.execute(update(turn).where(_row(mine)).values(worker=worker, until=mine.until))
    return mine


def standing(connection: Connection, agent_id: str, thread_id: str) -> bool:
    """Return whether a thread is due, or a worker resumes it now."""
    same = (turn.c.agent_id == agent_id) & (turn.c.thread_id == thread_id)
    return connection.scalar(select(turn.c.revision).where(same)) is not None


def finish(connection: Connection, mine: Turn) -> bool:
    """Say that a claimed thread was resumed; return False if the claim had lapsed."""
    held = (_row(mine), turn.c.worker == mine.worker, turn.c.until == mine.until)
    gone = connection.execute(delete(turn).where(*held, turn.c.revision == mine.revision))
    if gone.rowcount:
        return True
    # Something else was decided meanwhile: the thread is due again, at once.
    return release(connection, mine)


def release(connection: Connection, mine: Turn, at: float = 0.0) -> bool:
    """Give a claim back, to be had again from `at` on; return False if it had lapsed."""
    held = (_row(mine), turn.c.worker == mine.worker, turn.c.until == mine.until)
    return bool(connection.execute(update(turn).where(*held).values(worker="", until=at)).rowcount)


def renew(connection: Connection, mine: Turn, until: float) -> Turn | None:
    """Return the claim with more time, or None if somebody else has it by now."""
    held = (_row(mine), turn.c.worker == mine.worker, turn.c.until == mine.until)
    if connection.execute(update(turn).where(*held).values(until=until)).rowcount:
        return replace(mine, until=until)
    return None


def _row(mine: Turn) -> ColumnElement[bool]:
    return (turn.c.agent_id == mine.agent_id) & (turn.c.thread_id == mine.thread_id)

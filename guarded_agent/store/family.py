"""What the agents of one family have read lately, as rows: one for each compartment.

A row holds the latest time that any of them read data of the compartment, and where. Its
time only moves forward.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, insert, select, update

from guarded_agent.core.context import Seen
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import family_read as table

_SAME = (table.c.family == bindparam("of")) & (table.c.compartment == bindparam("named"))
_LATEST = Prepared(select(table.c.at).where(_SAME))
_INSERT = Prepared(insert(table))
_UPDATE = Prepared(
    update(table)
    .where(_SAME)
    .values(
        agent_id=bindparam("agent_id"),
        thread_id=bindparam("thread_id"),
        tool=bindparam("tool"),
        digest=bindparam("digest"),
        at=bindparam("at"),
    )
)
_SINCE = Prepared(
    select(table)
    .where(table.c.family == bindparam("of"), table.c.at >= bindparam("since"))
    .order_by(table.c.compartment)
)


def saw(
    connection: Connection, family: str, compartments: Iterable[str], seen: Seen, digest: str = ""
) -> None:
    """Record that a thread of a family read data of `compartments`.

    Args:
        connection: In a write transaction.
        family: The family.
        compartments: What the data belongs to.
        seen: When and where; its own compartment does not count.
        digest: The action that read it, if one did.
    """
    where = {"agent_id": seen.agent_id, "thread_id": seen.thread_id, "tool": seen.tool}
    for name in sorted(compartments):
        latest = _LATEST.scalar(connection, {"of": family, "named": name})
        values = where | {"digest": digest, "at": seen.at}
        if latest is None:
            _INSERT.run(connection, values | {"family": family, "compartment": name})
        elif latest <= seen.at:
            _UPDATE.run(connection, values | {"of": family, "named": name})


def since(connection: Connection, family: str, at: float) -> tuple[Seen, ...]:
    """Return what a family read at `at` or later, the latest of each compartment."""
    return tuple(
        Seen(row["compartment"], row["at"], row["agent_id"], row["thread_id"], row["tool"])
        for row in _SINCE.rows(connection, {"of": family, "since": at})
    )

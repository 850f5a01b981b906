"""Verifies the chain: every link, and that the end is the end.

What it cannot see by itself is a database that was put back, whole, to an
earlier moment. Keep what `verify` returns elsewhere and give it to the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from guarded_agent.audit import head
from guarded_agent.audit.event import START, from_row
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import ActionError, AuditBroken
from guarded_agent.store import Store
from guarded_agent.store.schema import event as table

_EVERY_EVENT = select(table).order_by(table.c.seq)


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain that verified.

    Attributes:
        count: How many events it has.
        head: The hash of the last one.
    """

    count: int
    head: str


def verify(store: Store, *, known: Verified | None = None) -> Verified:
    """Check every event of the log, from the first to the last.

    Args:
        store: Where the log is.
        known: What an earlier verification returned, kept elsewhere; the log must still
            hold all of it.

    Returns:
        How many events there are, and the hash of the last.

    Raises:
        AuditBroken: An event is missing, changed, out of its place, or cut off the end;
            `seq` is the first that is bad.
        StoreError: The database refuses.
    """
    count, last = 0, START
    with store.read() as connection:
        with connection.execute(_EVERY_EVENT, execution_options={"yield_per": 500}) as rows:
            for row in rows:
                _check_link(row, count, last)
                count, last = row.seq, row.hash
                if known is not None and count == known.count and last != known.head:
                    raise AuditBroken(
                        f"event {count} is not the one that was verified before: "
                        "the log was rewritten",
                        count,
                    )
        end = head.read(connection, store.keys)
    if end.seq > count or (known is not None and known.count > count):
        raise AuditBroken(f"event {count + 1} and later ones were cut off the end", count + 1)
    if end.seq < count:
        raise AuditBroken(
            f"event {end.seq + 1} and later ones were not written by the log", end.seq + 1
        )
    if end.hash != last:
        raise AuditBroken(
            f"event {count} is not the one that was written last: the log was rewritten", count
        )
    return Verified(count, last)


def _check_link(row: Row[Any], count: int, last: str) -> None:
    if row.seq != count + 1:
        raise AuditBroken(f"event {count + 1} is missing", count + 1)
    if row.previous != last:
        raise AuditBroken(
            f"event {row.seq} is not linked to the event before it: one of the two was replaced",
            row.seq,
        )
    if not _unchanged(row):
        raise AuditBroken(f"event {row.seq} was changed after it was written", row.seq)


def _unchanged(row: Row[Any]) -> bool:
    try:
        event = from_row(row)
        # The same data in other bytes might read differently elsewhere.
        same_bytes = canonical(dict(event.data)).decode() == row.data_json
        return same_bytes and event.expected_hash() == event.hash
    except (ActionError, ValueError, TypeError):
        return False

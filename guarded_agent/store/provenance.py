"""What vouches for values, as rows: sealed, by agent family and thread, and it only grows.

A row of the thread `""` counts in every thread of the family.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from guarded_agent.core.canonical import canonical
from guarded_agent.core.provenance import NOTHING, Provenance, Sources, Voucher
from guarded_agent.store.engine import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import provenance as table

EVERYWHERE = ""
"""The thread of what counts in all threads of a family."""

MOST_TEXT = 100_000
"""Characters of one text that are kept; what stands behind them vouches for nothing."""
MOST_VALUES = 5_000
"""Values of one directory's answer that are kept."""

_LOAD = Prepared(
    select(
        table.c.family, table.c.thread_id, table.c.kind, table.c.lookup, table.c.text_sealed
    ).where(
        # What people endorse is kept for the one agent whose request they saw.
        (table.c.family == bindparam("family")) | (table.c.family == bindparam("agent")),
        (table.c.thread_id == bindparam("thread")) | (table.c.thread_id == EVERYWHERE),
    )
)
_KNOWN = Prepared(
    select(table.c.lookup).where(
        table.c.family == bindparam("family"),
        table.c.thread_id == bindparam("thread"),
        table.c.kind == bindparam("kind"),
        table.c.lookup == bindparam("lookup"),
    )
)
_INSERT = Prepared(insert(table))


def load(
    store: Store, connection: Connection, family: str, agent_id: str, thread_id: str
) -> Provenance:
    """Return what vouches for values in a thread.

    Args:
        store: Its keys open the rows.
        connection: A transaction of the store.
        family: The agent family.
        agent_id: The agent.
        thread_id: The thread.

    Raises:
        StoreError: A row was changed or moved.
    """
    texts: dict[str, list[str]] = {"asked": [], "listed": [], "endorsed": []}
    rows = _LOAD.rows(connection, {"family": family, "agent": agent_id, "thread": thread_id})
    for row in rows:
        place = _place(row["family"], row["thread_id"], row["kind"], row["lookup"])
        texts[row["kind"]] += json.loads(store.keys.open(row["text_sealed"], context=place))
    if not rows:
        return NOTHING
    return Provenance(
        asked=Sources(texts=tuple(texts["asked"])),
        listed=Sources(values=tuple(texts["listed"])),
        endorsed=Sources(values=tuple(texts["endorsed"])),
    )


def asked(
    store: Store, connection: Connection, families: Collection[str], thread_id: str
) -> list[str]:
    """Return what the user said in a thread of some agent families, oldest first.

    Raises:
        StoreError: A row was changed or moved.
    """
    same = (
        table.c.family.in_(sorted(families))
        & (table.c.thread_id == thread_id)
        & (table.c.kind == "asked")
    )
    found: list[str] = []
    for row in connection.execute(select(table).where(same).order_by(table.c.at)).mappings():
        place = _place(row["family"], thread_id, "asked", row["lookup"])
        found += json.loads(store.keys.open(row["text_sealed"], context=place))
    return found


def add(
    store: Store,
    connection: Connection,
    family: str,
    thread_id: str,
    kind: Voucher,
    texts: Sequence[str],
    *,
    source: str,
    by: str = "",
) -> bool:
    """Keep texts that vouch for values; return whether any of it is new.

    Args:
        store: Its keys seal them.
        connection: In a write transaction.
        family: The agent family.
        thread_id: The thread, or `EVERYWHERE`.
        kind: Who stands behind them.
        texts: What was said, or the values.
        source: Where they come from: the tool, or `user`.
        by: The person who endorsed them.
    """
    kept = [text[:MOST_TEXT] for text in texts if text.strip()][:MOST_VALUES]
    if not kept:
        return False
    plain = canonical(kept)
    key = store.keys.derive("provenance")
    lookup = hmac.new(key, plain, hashlib.sha256).hexdigest()
    where = {"family": family, "thread": thread_id, "kind": kind, "lookup": lookup}
    if _KNOWN.scalar(connection, where) is not None:
        return False
    values: dict[str, Any] = {
        "family": family,
        "thread_id": thread_id,
        "kind": kind,
        "lookup": lookup,
        "text_sealed": store.keys.seal(plain, context=_place(family, thread_id, kind, lookup)),
        "source": source[:200],
        "by": by,
        "at": store.clock(),
    }
    _INSERT.run(connection, values)
    return True


def forget(
    store: Store, connection: Connection, thread_id: str, values: Collection[str] = ()
) -> None:
    """Erase what vouches for values in a thread: all of it, or what holds one of `values`.

    What is erased has to be vouched for again, which makes the policy stricter, never laxer.

    Args:
        store: Its keys open the rows.
        connection: In a write transaction.
        thread_id: The thread, or `EVERYWHERE`.
        values: Erase only rows in which one of these stands.
    """
    rows = connection.execute(select(table).where(table.c.thread_id == thread_id)).mappings()
    for row in rows.all():
        where = (row["family"], row["thread_id"], row["kind"], row["lookup"])
        if values:
            plain = store.keys.open(row["text_sealed"], context=_place(*where)).decode()
            known = plain.casefold()
            if not any(value.casefold() in known for value in values):
                continue
        connection.execute(
            delete(table).where(
                *(
                    column == value
                    for column, value in zip(
                        (table.c.family, table.c.thread_id, table.c.kind, table.c.lookup),
                        where,
                        strict=True,
                    )
                )
            )
        )


def _place(family: str, thread_id: str, kind: str, lookup: str) -> bytes:
    return canonical(["provenance", family, thread_id, kind, lookup])

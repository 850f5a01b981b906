"""The closing record: what an agent did and left behind, as it is retired."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, select

from guarded_agent.audit import head
from guarded_agent.identity import AgentIdentity
from guarded_agent.store import Store
from guarded_agent.store.schema import action, approval, spend, thread, vault


def closing(
    connection: Connection, store: Store, known: AgentIdentity, cancelled: int
) -> dict[str, Any]:
    """Return the closing record of an agent, and give back what it had reserved.

    What runs now, or may have run, keeps its share of the limits: it may take effect.

    Args:
        connection: In the write transaction that retires the agent.
        store: Gives the keys of the log.
        known: The agent.
        cancelled: How many requests ended with it.
    """
    last = head.read(connection, store.keys)
    begun = ("executing", "uncertain")
    mine = select(action.c.digest).where(
        action.c.agent_id == known.id, action.c.state.not_in(begun)
    )
    released = connection.execute(
        delete(spend).where(spend.c.state == "reserved", spend.c.digest.in_(mine))
    ).rowcount
    calls = _counts(connection, action, action.c.state, known.id)
    return {
        "owner": known.owner,
        "purpose": known.purpose,
        "fingerprint": known.fingerprint,
        "registered_at": known.created_at,
        "calls": calls,
        "verdicts": _counts(connection, action, action.c.effect, known.id),
        "approvals": _counts(connection, approval, approval.c.state, known.id),
        "open": {name: calls[name] for name in begun if name in calls},
        "cancelled_requests": cancelled,
        "released_reservations": released,
        "threads": _count(connection, thread, thread.c.agent_id == known.id),
        "pseudonyms_kept": _count(
            connection, vault, vault.c.agent_id == known.id, vault.c.forgotten_at.is_(None)
        ),
        "log_head": {"seq": last.seq, "hash": last.hash},
    }


def _counts(connection: Connection, table: Any, column: Any, agent_id: str) -> dict[str, int]:
    rows = connection.execute(
        select(column, func.count()).where(table.c.agent_id == agent_id).group_by(column)
    )
    return {str(name): int(count) for name, count in rows}


def _count(connection: Connection, table: Any, *where: Any) -> int:
    return int(connection.scalar(select(func.count()).select_from(table).where(*where)) or 0)

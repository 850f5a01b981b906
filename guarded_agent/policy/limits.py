"""Spend limits: reserve before an action runs, settle or release after. Nothing is counted twice.

Everything happens inside the caller's own transaction. A reservation is
written before the window is summed, so two callers cannot both see room for
the last one: on SQLite the write takes the lock, on PostgreSQL an advisory
lock on the limit's key does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guarded_agent.core.canonical import digest as digest_of
from guarded_agent.core.effect import Effect

if TYPE_CHECKING:
    from sqlalchemy import Connection

DAY = 86400
_SLACK = 1e-9  # sums of decimal fractions are off by this much and no more


@dataclass(frozen=True, slots=True)
class Limit:
    """What one action takes from one limit.

    Attributes:
        name: For people: `pay_invoice/per_day`.
        key: What the sum runs over: the agent, the tool and the measure.
        amount: What this action takes.
        max: The ceiling of a UTC day.
        effect: What happens above it: deny, or approve.
    """

    name: str
    key: str
    amount: float
    max: float
    effect: Effect = Effect.DENY


def limit_key(agent_id: str, tool: str, measure: str) -> str:
    """Return the key that a limit's sum runs over.

    Example:
        >>> limit_key("mailer", "pay", "args.amount")
        'mailer/pay/args.amount'
    """
    key = f"{agent_id}/{tool}/{measure}"
    return key if len(key) <= 200 else digest_of([agent_id, tool, measure])


def reserve(
    connection: Connection,
    digest: str,
    limits: Sequence[Limit],
    now: float,
    *,
    approved: bool = False,
) -> str | None:
    """Reserve what an action takes, all or nothing. Doing it again changes nothing.

    Args:
        connection: Inside a transaction, which the caller commits or rolls back.
        digest: The action's digest.
        limits: From the policy's decision.
        now: Seconds since the epoch; it picks the UTC day.
        approved: A person approved the action, so limits that only ask do not stop it.

    Returns:
        The name of the first limit that would be exceeded, or None.
    """
    from sqlalchemy import delete, func, insert, select, text, update

    from guarded_agent.store.schema import spend

    window = now // DAY * DAY
    ordered = sorted(
        limits, key=lambda limit: limit.key
    )  # one order, so that nobody waits in a ring
    for limit in ordered:
        if connection.dialect.name == "postgresql":
            statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
            connection.execute(statement, {"key": limit.key})
        mine = (spend.c.digest == digest) & (spend.c.limit_key == limit.key)
        changed = connection.execute(
            update(spend)
            .where(mine, spend.c.state == "reserved")
            .values(window_start=window, amount=limit.amount)
        )
        if changed.rowcount == 0:
            if connection.execute(select(spend.c.state).where(mine)).first() is not None:
                continue  # settled: it ran, and counts already
            connection.execute(
                insert(spend).values(
                    digest=digest,
                    limit_key=limit.key,
                    window_start=window,
                    amount=limit.amount,
                    state="reserved",
                )
            )
        total = connection.execute(
            select(func.sum(spend.c.amount)).where(
                spend.c.limit_key == limit.key, spend.c.window_start == window
            )
        ).scalar_one()
        if approved and limit.effect is Effect.APPROVE:
            continue
        if not total <= limit.max * (1 + _SLACK):
            connection.execute(
                delete(spend).where(spend.c.digest == digest, spend.c.state == "reserved")
            )
            return limit.name
    return None


def settle(connection: Connection, digest: str) -> None:
    """Count what an action took for good: it ran, or nobody knows that it did not."""
    from sqlalchemy import update

    from guarded_agent.store.schema import spend

    connection.execute(update(spend).where(spend.c.digest == digest).values(state="settled"))


def release(connection: Connection, digest: str) -> None:
    """Give back what an action had reserved: it will not run. What is settled stays."""
    from sqlalchemy import delete

    from guarded_agent.store.schema import spend

    connection.execute(delete(spend).where(spend.c.digest == digest, spend.c.state == "reserved"))

"""Spend limits: reserve before an action runs, settle or release after. Nothing is counted twice.

Everything happens inside a write transaction of the store, where writers take
turns: what is summed stays true until the reservation is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from guarded_agent.core.canonical import digest as digest_of
from guarded_agent.core.effect import Effect

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from guarded_agent.store.prepared import Prepared

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
    """Reserve what an action takes: all of it, or nothing.

    An action that reserves again moves its reservation to the day of `now`.

    Args:
        connection: Inside a write transaction of the store.
        digest: The action's digest.
        limits: From the policy's decision.
        now: Seconds since the epoch; it picks the UTC day.
        approved: A person approved the action, so limits that only ask do not stop it.

    Returns:
        The name of the first limit that would be exceeded, or None.
    """
    from sqlalchemy import func, insert, select

    from guarded_agent.store.schema import spend

    release(connection, digest)
    window = now // DAY * DAY
    settled = set(connection.scalars(select(spend.c.limit_key).where(spend.c.digest == digest)))
    # What is settled ran, and counts already.
    wanted = [limit for limit in limits if limit.key not in settled]
    for limit in wanted:
        used = connection.scalar(
            select(func.coalesce(func.sum(spend.c.amount), 0.0)).where(
                spend.c.limit_key == limit.key, spend.c.window_start == window
            )
        )
        asks_only = approved and limit.effect is Effect.APPROVE
        if not asks_only and not (used or 0.0) + limit.amount <= limit.max * (1 + _SLACK):
            return limit.name
    for limit in wanted:
        connection.execute(
            insert(spend).values(
                digest=digest,
                limit_key=limit.key,
                window_start=window,
                amount=limit.amount,
                state="reserved",
            )
        )
    return None


def settle(connection: Connection, digest: str) -> None:
    """Count what an action took for good: it ran, or nobody knows that it did not."""
    _ends()[0].run(connection, {"of": digest})


def release(connection: Connection, digest: str) -> None:
    """Give back what an action had reserved: it will not run. What is settled stays."""
    _ends()[1].run(connection, {"of": digest})


@cache
def _ends() -> tuple[Prepared, Prepared]:
    """Return the statements that settle and that release."""
    from sqlalchemy import bindparam, delete, update

    from guarded_agent.store.prepared import Prepared
    from guarded_agent.store.schema import spend

    same = spend.c.digest == bindparam("of")
    return (
        Prepared(update(spend).where(same).values(state="settled")),
        Prepared(delete(spend).where(same, spend.c.state == "reserved")),
    )

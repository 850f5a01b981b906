"""Limits: reserve before an action runs, settle or release after. Nothing is counted twice.

Everything happens inside a write transaction of the store, where writers take
turns: what is summed stays true until the reservation is committed.

A window reaches from its beginning to the end of time. What is stamped later than now,
by a clock that was set back since, counts as well: earlier clocks only ever see more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from guarded_agent.core.canonical import digest as digest_of
from guarded_agent.core.context import Counts
from guarded_agent.core.effect import Effect

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from guarded_agent.store.prepared import Prepared

HOUR = 3600.0
DAY = 86400.0
_SLACK = 1e-9  # sums of decimal fractions are off by this much and no more


@dataclass(frozen=True, slots=True)
class Limit:
    """What one action takes from one limit.

    Attributes:
        name: For people: `pay_invoice/per_day`.
        key: What the sum runs over: the agent family, the tool, the measure and whose it is.
        amount: What this action takes.
        max: The ceiling.
        effect: What happens above it: deny, or approve.
        span: How many seconds the window is long.
        rolling: Whether it ends now; else it is a full hour or day of UTC.
        tally: Whether the amount is only counted. A call that failed was started as well,
            so it is never given back.
    """

    name: str
    key: str
    amount: float
    max: float
    effect: Effect = Effect.DENY
    span: float = DAY
    rolling: bool = False
    tally: bool = False

    def since(self, now: float) -> float:
        """Return when the window begins that `now` is in."""
        return now - self.span if self.rolling else now // self.span * self.span


def limit_key(family: str, tool: str, measure: str, by: str = "") -> str:
    """Return the key that a limit's sum runs over.

    Args:
        family: The agents that share it.
        tool: The tool.
        measure: What is summed.
        by: Whose sum it is, such as a payee. It is in the key as a digest only.

    Example:
        >>> limit_key("mailer", "pay", "args.amount")
        'mailer/pay/args.amount'
        >>> len(limit_key("mailer", "pay", "args.amount", by="DE12"))
        64
    """
    key = f"{family}/{tool}/{measure}"
    if by or "/" in tool or len(key) > 200:
        return digest_of([family, tool, measure, by] if by else [family, tool, measure])
    return key


def tallies(family: str, tool: str, thread_id: str) -> tuple[Limit, Limit]:
    """Return what counts a call of `tool`: in its thread, and on its day."""
    of_thread = limit_key(family, tool, "started in", by=thread_id)
    of_day = limit_key(family, tool, "started")
    return (
        Limit("count.thread", of_thread, 1, math.inf, tally=True),
        Limit("count.today", of_day, 1, math.inf, tally=True),
    )


def counted(
    connection: Connection, family: str, tool: str, thread_id: str, now: float, *, besides: str
) -> Counts:
    """Return how many calls of `tool` were started.

    Args:
        connection: In a transaction of the store.
        family: The agents that count as one.
        tool: The tool.
        thread_id: The thread.
        now: Seconds since the epoch; it picks the UTC day.
        besides: The digest of the action that does not count.
    """
    of_thread, of_day = tallies(family, tool, thread_id)
    total = _statements().total
    in_thread = {"key": of_thread.key, "since": -math.inf, "of": besides}
    today = {"key": of_day.key, "since": of_day.since(now), "of": besides}
    return Counts(
        int(total.scalar(connection, in_thread) or 0), int(total.scalar(connection, today) or 0)
    )


def exceeded(
    connection: Connection,
    digest: str,
    limits: Sequence[Limit],
    now: float,
    *,
    approved: bool = False,
) -> str | None:
    """Return the name of the first limit that an action would exceed, or None.

    Args:
        connection: In a transaction of the store.
        digest: The action's digest. What it reserved before is not counted twice.
        limits: From the policy's decision.
        now: Seconds since the epoch; it picks the windows.
        approved: A person approved the action, so limits that only ask do not stop it.
    """
    return _look(connection, digest, limits, now, approved)[0]


def reserve(
    connection: Connection,
    digest: str,
    limits: Sequence[Limit],
    now: float,
    *,
    approved: bool = False,
) -> str | None:
    """Reserve what an action takes: all of it, or nothing.

    An action that reserves again moves its reservation to `now`.

    Args:
        connection: Inside a write transaction of the store.
        digest: The action's digest.
        limits: From the policy's decision.
        now: Seconds since the epoch; it picks the windows.
        approved: A person approved the action, so limits that only ask do not stop it.

    Returns:
        The name of the first limit that would be exceeded, or None.
    """
    release(connection, digest)
    name, wanted = _look(connection, digest, limits, now, approved)
    if name is not None:
        return name
    # Several windows of one measure share a row.
    for key, limit in {limit.key: limit for limit in wanted}.items():
        _statements().take.run(
            connection,
            {
                "digest": digest,
                "limit_key": key,
                "window_start": now,
                "amount": limit.amount,
                "state": "settled" if limit.tally else "reserved",
            },
        )
    return None


def _look(
    connection: Connection, digest: str, limits: Sequence[Limit], now: float, approved: bool
) -> tuple[str | None, list[Limit]]:
    """Return the name of a limit that is exceeded, and what is not counted yet."""
    statements = _statements()
    rows = statements.settled.rows(connection, {"of": digest})
    settled = {row["limit_key"] for row in rows}
    # What is settled ran, and counts already.
    wanted = [limit for limit in limits if limit.key not in settled]
    for limit in wanted:
        if limit.tally or (approved and limit.effect is Effect.APPROVE):
            continue
        if not math.isfinite(now):
            return limit.name, wanted  # no window is known
        of = {"key": limit.key, "since": limit.since(now), "of": digest}
        used = statements.total.scalar(connection, of) or 0.0
        if not used + limit.amount <= limit.max * (1 + _SLACK):
            return limit.name, wanted
    return None, wanted


def settle(connection: Connection, digest: str) -> None:
    """Count what an action took for good: it ran, or nobody knows that it did not."""
    _statements().settle.run(connection, {"of": digest})


def release(connection: Connection, digest: str) -> None:
    """Give back what an action had reserved: it will not run. What is settled stays."""
    _statements().release.run(connection, {"of": digest})


class _Statements(NamedTuple):
    take: Prepared
    settle: Prepared
    release: Prepared
    settled: Prepared
    total: Prepared


@cache
def _statements() -> _Statements:
    from sqlalchemy import bindparam, delete, func, insert, select, update

    from guarded_agent.store.prepared import Prepared
    from guarded_agent.store.schema import spend

    same = spend.c.digest == bindparam("of")
    return _Statements(
        take=Prepared(insert(spend)),
        settle=Prepared(update(spend).where(same).values(state="settled")),
        release=Prepared(delete(spend).where(same, spend.c.state == "reserved")),
        settled=Prepared(select(spend.c.limit_key).where(same, spend.c.state == "settled")),
        total=Prepared(
            select(func.sum(spend.c.amount)).where(
                spend.c.limit_key == bindparam("key"),
                spend.c.window_start >= bindparam("since"),
                spend.c.digest != bindparam("of"),
            )
        ),
    )

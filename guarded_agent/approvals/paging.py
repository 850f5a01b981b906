"""One page of the queue: filtered, in order of what is at stake, and quick among ten thousand.

It reads the rows of one page only and writes nothing: nobody who decides waits for somebody
who looks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Float, Select, and_, cast, exists, func, or_, select

from guarded_agent.approvals import rows
from guarded_agent.approvals.base import Base
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.states import State
from guarded_agent.store.ledger import Entry, Ledger
from guarded_agent.store.schema import approval, snooze

MOST = 200
"""How many requests a page has at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the queue.

    Attributes:
        requests: The requests on it, the most urgent first; of others the newest first.
        total: How many match on all pages.
        offset: How many come before it.
        alike: How many that wait ask for the same call, by `Request.alike`; only where more
            than one does.
        snoozed: How many the reviewer has set aside.
        uncertain: Calls that began and whose end nobody knows: a person has to settle them.
        now: The time for which all of this is true.
    """

    requests: tuple[Request, ...]
    total: int
    offset: int
    alike: Mapping[str, int]
    snoozed: int
    uncertain: tuple[Entry, ...]
    now: float

    @property
    def next_offset(self) -> int | None:
        """The `offset` of the next page, or None at the end."""
        after = self.offset + len(self.requests)
        return after if after < self.total and self.requests else None


class Paging(Base):
    """What reads the queue in pages."""

    def page(
        self,
        state: State = "pending",
        *,
        reviewer: str | None = None,
        roles: Sequence[str] | None = None,
        agent_id: str | None = None,
        tool: str | None = None,
        impact: str | None = None,
        like: str = "",
        alike: str | None = None,
        limit: int = 50,
        offset: int = 0,
    ) -> Page:
        """Return one page of the queue, and the calls that wait to be settled.

        Those that wait come in order of risk times irreversibility, up to twice that as
        their time runs out; see `Request.risk`. Only whole pages are read.

        Args:
            state: Only those in this state.
            reviewer: Leave out what this reviewer has set aside.
            roles: Only what somebody with these roles may decide, now or when the ladder comes
                to them.
            agent_id: Only of this agent.
            tool: Only calls of this tool.
            impact: Only with this impact.
            like: Only with this text in the summary, whatever the case.
            alike: Only those that ask for the same call.
            limit: How many, at most 200.
            offset: How many to leave out at the start.

        Raises:
            VoteRefused: The reviewer's name is none.

        Example:
            >>> from guarded_agent.approvals import Approvals
            >>> from guarded_agent.audit import AuditLog
            >>> from guarded_agent.store import Store
            >>> with Store.open("sqlite://") as store:
            ...     Approvals(store, AuditLog(store)).page(limit=20).total
            0
        """
        now = self._store.clock()
        where = [approval.c.state == state]
        if state == "pending":
            where.append(approval.c.decide_by > now)
        elif state == "approved":
            where.append(approval.c.execute_by > now)
        for column, wanted in (
            (approval.c.agent_id, agent_id),
            (approval.c.tool, tool),
            (approval.c.impact, impact),
            (approval.c.alike, alike),
        ):
            if wanted is not None:
                where.append(column == wanted)
        if like:
            where.append(func.lower(approval.c.summary).contains(like.lower(), autoescape=True))
        if roles is not None:
            where.append(_open_to(roles))
        limit, offset = max(0, min(limit, MOST)), max(0, offset)
        aside = None if reviewer is None else _aside(person(reviewer), now)
        shown = where if aside is None else [*where, ~aside]
        keys = self._store.keys
        with self._store.read() as connection:
            ids = list(connection.scalars(_ordered(shown, state, now).limit(limit).offset(offset)))
            total = connection.scalar(select(func.count()).where(*shown)) or 0
            hidden = 0
            if aside is not None:
                hidden = connection.scalar(select(func.count()).where(*where, aside)) or 0
            found = rows.load(connection, keys, approval.c.id.in_(ids)) if ids else []
            alike_ = {one.alike for one in found if one.alike} if state == "pending" else set[str]()
            same = _alike(alike_, now)
            groups = {row.alike: row.waiting for row in connection.execute(same)} if alike_ else {}
            uncertain = Ledger(self._store).uncertain(connection)
        at = {request.id: request.at(now) for request in found}
        return Page(
            requests=tuple(at[one] for one in ids),
            total=total,
            offset=offset,
            alike=groups,
            snoozed=hidden,
            uncertain=tuple(uncertain),
            now=now,
        )

    def order(self, *, reviewer: str, limit: int = MOST) -> list[str]:
        """Return the ids of what waits for a reviewer, in the order of `page`, and nothing else.

        Args:
            reviewer: Leave out what this reviewer has set aside.
            limit: How many, at most 200.

        Raises:
            VoteRefused: The reviewer's name is none.
        """
        now = self._store.clock()
        waits = [approval.c.state == "pending", approval.c.decide_by > now]
        where = [*waits, ~_aside(person(reviewer), now)]
        with self._store.read() as connection:
            ids = _ordered(where, "pending", now).limit(max(0, min(limit, MOST)))
            return [str(one) for one in connection.scalars(ids)]


def _ordered(where: Sequence[ColumnElement[bool]], state: State, now: float) -> Select[Any]:
    """Return the ids in the queue's order; the index by risk holds all that this reads."""
    chosen = select(approval.c.id).where(*where)
    if state != "pending":
        return chosen.order_by(approval.c.created_at.desc(), approval.c.id)
    gone = (now - approval.c.created_at) / (approval.c.decide_by - approval.c.created_at)
    urgency = cast(approval.c.risk, Float) * (1.0 + gone)
    return chosen.order_by(urgency.desc(), approval.c.decide_by, approval.c.id)


def _aside(name: str, now: float) -> ColumnElement[bool]:
    return exists(
        select(snooze.c.until).where(
            snooze.c.approval_id == approval.c.id,
            snooze.c.reviewer == name,
            snooze.c.until > now,
        )
    )


def _open_to(roles: Sequence[str]) -> ColumnElement[bool]:
    anybody = approval.c.roles_json == "[]"
    named = [
        # As JSON writes it, in quotes: no role is found within the name of another.
        column.contains(json.dumps(role), autoescape=True)
        for role in roles
        for column in (approval.c.roles_json, approval.c.ladder_json)
    ]
    return or_(anybody, *named)


def _alike(wanted: set[str], now: float) -> Select[Any, int]:
    # Joined to an empty text, the state is no reason to read all that waits.
    waits = and_(approval.c.state.concat("") == "pending", approval.c.decide_by > now)
    return (
        select(approval.c.alike, func.count().label("waiting"))
        .where(approval.c.alike.in_(sorted(wanted)), waits)
        .group_by(approval.c.alike)
        .having(func.count() > 1)
    )

"""Between the tables and the data: how a request is written down and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, or_, select

from guarded_agent.approvals import seals
from guarded_agent.approvals.request import Request, Source, Vote
from guarded_agent.approvals.terms import Step
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.label import UNKNOWN, Label
from guarded_agent.core.verdict import Finding
from guarded_agent.store.keys import Keys
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import approval, vote

MIN_PREFIX = 4
"""The shortest beginning of an id that names a request."""


def load(
    connection: Connection,
    keys: Keys,
    *where: ColumnElement[bool],
    newest_first: bool = False,
    limit: int | None = None,
) -> list[Request]:
    """Return the requests that match, with their votes, in the order they were made."""
    order = approval.c.created_at.desc() if newest_first else approval.c.created_at
    rows = connection.execute(
        select(approval).where(*where).order_by(order, approval.c.id).limit(limit)
    )
    found = rows.mappings().all()
    votes: dict[str, list[Mapping[Any, Any]]] = {row["id"]: [] for row in found}
    if votes:
        cast_by = select(vote).where(vote.c.approval_id.in_(list(votes)))
        for row in connection.execute(cast_by.order_by(vote.c.number, vote.c.at)).mappings():
            votes[row["approval_id"]].append(row)
    return [_request(keys, row, votes[row["id"]]) for row in found]


def changed(connection: Connection, keys: Keys, after: int, limit: int) -> list[Request]:
    """Return the requests that were changed after revision `after`, oldest change first."""
    later = select(approval.c.id).where(approval.c.revision > after)
    ids = list(connection.scalars(later.order_by(approval.c.revision).limit(limit)))
    found = load(connection, keys, approval.c.id.in_(ids)) if ids else []
    return sorted(found, key=lambda request: request.revision)


def by_digest(connection: Connection, keys: Keys, digest: str) -> Request | None:
    """Return the request for the action with this digest."""
    found = load(connection, keys, approval.c.digest == digest)
    return found[0] if found else None


def by_id(connection: Connection, keys: Keys, request_id: str) -> Request:
    """Return the request with this id, or with the only id that begins so.

    Raises:
        VoteRefused: There is none, or more than one.
    """
    wanted = request_id.strip()
    found = load(connection, keys, approval.c.id == wanted)
    if not found and len(wanted) >= MIN_PREFIX:
        # Not LIKE: it has wildcards, and on SQLite it ignores case.
        start = func.substr(approval.c.id, 1, len(wanted))
        found = load(connection, keys, start == wanted, limit=2)
    if len(found) != 1:
        raise VoteRefused(
            f"{'more than one' if found else 'no'} request has an id that begins with "
            f"{wanted[:32]!r}; give at least {MIN_PREFIX} characters of one in the list"
        )
    return found[0]


def history(connection: Connection, keys: Keys, request: Request) -> list[Request]:
    """Return the requests whose edits led to this one, latest first."""
    found: list[Request] = []
    seen = {request.digest}
    step = request
    while before := load(connection, keys, approval.c.replaced_by == step.digest):
        step = before[0]
        if step.digest in seen:
            break
        seen.add(step.digest)
        found.append(step)
    return found


def bulk(request: Request) -> dict[str, str]:
    """Return the columns of a new request that reviewers are shown."""
    return {
        "summary": request.summary,
        "reasons_json": json.dumps([finding.as_json() for finding in request.reasons]),
        "preview_json": json.dumps(dict(request.preview)),
        "label_json": json.dumps(request.label.as_json()),
        "sources_json": json.dumps([source.as_json() for source in request.sources]),
    }


def add(connection: Connection, request: Request, sealed: bytes, mac: str) -> None:
    """Write down a new request."""
    values: dict[str, Any] = {
        column.name: getattr(request, column.name)
        for column in approval.columns
        if hasattr(request, column.name)
    }
    values |= {"owner": request.owner or "", "mac": mac}
    connection.execute(
        insert(approval).values(
            **values | bulk(request),
            user_id=request.user,
            roles_json=json.dumps(list(request.roles)),
            ladder_json=json.dumps([step.as_json() for step in request.ladder]),
            args_sealed=sealed,
        )
    )


def add_vote(connection: Connection, request_id: str, given: Vote) -> None:
    """Write down a vote."""
    connection.execute(
        insert(vote).values(
            approval_id=request_id,
            **{
                name: getattr(given, name)
                for name in Vote.__slots__
                if name not in ("roles", "lent")
            },
            roles_json=json.dumps(list(given.roles)),
            lent_json=json.dumps(dict(given.lent)),
        )
    )


def next_revision(connection: Connection) -> int:
    """Return the number of the next change; writers take turns, so that no two get the same."""
    return int(connection.scalar(select(func.max(approval.c.revision))) or 0) + 1


def overdue(now: float) -> ColumnElement[bool]:
    """Return the condition for requests whose deadline has passed."""
    return or_(
        (approval.c.state == "pending") & (approval.c.decide_by <= now),
        (approval.c.state == "approved") & (approval.c.execute_by <= now),
    )


def any_overdue(connection: Connection, now: float) -> bool:
    """Return whether a deadline has passed that nobody has recorded."""
    found = (one.scalar(connection, {"now": now}) for one in (_UNDECIDED, _UNUSED))
    return any(one is not None for one in found)


def still_open() -> ColumnElement[bool]:
    """Return the condition for requests whose calls their thread still has to act on."""
    edited = (approval.c.state == "edited") & approval.c.replaced_by.is_(None)
    return or_(approval.c.state == "pending", approval.c.state == "approved", edited)


def any_open(connection: Connection, agent_id: str, thread_id: str) -> bool:
    """Return whether a thread still has to act on a request."""
    values = {"agent": agent_id, "thread": thread_id}
    return _OPEN.scalar(connection, values) is not None


# Each by its own index: a queue may hold tens of thousands that wait.
_UNDECIDED = Prepared(
    select(approval.c.id)
    .where(approval.c.state == "pending", approval.c.decide_by <= bindparam("now"))
    .limit(1)
)
_UNUSED = Prepared(
    select(approval.c.id)
    .where(approval.c.state == "approved", approval.c.execute_by <= bindparam("now"))
    .limit(1)
)
_OPEN = Prepared(
    select(approval.c.id)
    .where(
        approval.c.agent_id == bindparam("agent"),
        approval.c.thread_id == bindparam("thread"),
        still_open(),
    )
    .limit(1)
)


def _vote(row: Mapping[Any, Any]) -> Vote:
    plain = {name: row[name] for name in Vote.__slots__ if name in row}
    roles, lent = json.loads(row["roles_json"]), json.loads(row["lent_json"])
    return Vote(**plain, roles=tuple(roles), lent=dict(lent))


def _request(keys: Keys, row: Mapping[Any, Any], cast_votes: list[Mapping[Any, Any]]) -> Request:
    plain = {name: row[name] for name in Request.__slots__ if name in row}
    plain |= {"owner": row["owner"] or None, "user": row["user_id"]}
    try:
        reasons = cast("list[dict[str, Any]]", json.loads(row["reasons_json"]))
        found = Request(
            **plain,
            reasons=tuple(Finding.from_json(item) for item in reasons),
            preview=dict(json.loads(row["preview_json"])),
            label=Label.from_json(json.loads(row["label_json"])),
            roles=tuple(json.loads(row["roles_json"])),
            ladder=tuple(Step.from_json(item) for item in json.loads(row["ladder_json"])),
            votes=tuple(map(_vote, cast_votes)),
            sources=tuple(Source.from_json(item) for item in json.loads(row["sources_json"])),
            content=seals.content(row),
        )
        intact = seals.holds(keys, found, row["mac"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # One row that somebody broke must not hide the others; nothing of it counts.
        blank = Request(
            **plain, reasons=(), preview={}, label=UNKNOWN, roles=(), votes=(), ladder=()
        )
        return replace(blank, intact=False, message="this record cannot be read")
    return found if intact else replace(found, intact=False)

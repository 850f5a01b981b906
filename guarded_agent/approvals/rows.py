"""Between the tables and the data: how a request is written down and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, func, insert, or_, select

from guarded_agent.approvals.request import Request, Source, Vote
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.label import Label
from guarded_agent.core.verdict import Finding
from guarded_agent.store.schema import approval, vote

MIN_PREFIX = 4
"""The shortest beginning of an id that names a request."""


def load(
    connection: Connection,
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
    votes: dict[str, list[Vote]] = {row["id"]: [] for row in found}
    if votes:
        cast_by = select(vote).where(vote.c.approval_id.in_(list(votes)))
        for row in connection.execute(cast_by.order_by(vote.c.at, vote.c.reviewer)):
            votes[row.approval_id].append(
                Vote(
                    row.reviewer,
                    row.choice,
                    row.digest,
                    row.reason,
                    tuple(json.loads(row.roles_json)),
                    row.at,
                )
            )
    return [_request(row, tuple(votes[row["id"]])) for row in found]


def by_digest(connection: Connection, digest: str) -> Request | None:
    """Return the request for the action with this digest."""
    found = load(connection, approval.c.digest == digest)
    return found[0] if found else None


def by_id(connection: Connection, request_id: str) -> Request:
    """Return the request with this id, or with the only id that begins so.

    Raises:
        VoteRefused: There is none, or more than one.
    """
    wanted = request_id.strip()
    found = load(connection, approval.c.id == wanted)
    if not found and len(wanted) >= MIN_PREFIX:
        # Not LIKE: it has wildcards, and on SQLite it ignores case.
        start = func.substr(approval.c.id, 1, len(wanted))
        found = load(connection, start == wanted, limit=2)
    if len(found) != 1:
        raise VoteRefused(
            f"{'more than one' if found else 'no'} request has an id that begins with "
            f"{wanted[:32]!r}; give at least {MIN_PREFIX} characters of one in the list"
        )
    return found[0]


def history(connection: Connection, request: Request) -> list[Request]:
    """Return the requests whose edits led to this one, latest first."""
    found: list[Request] = []
    seen = {request.digest}
    step = request
    while before := load(connection, approval.c.replaced_by == step.digest):
        step = before[0]
        if step.digest in seen:
            break
        seen.add(step.digest)
        found.append(step)
    return found


def add(connection: Connection, request: Request, sealed: bytes) -> None:
    """Write down a new request."""
    values: dict[str, Any] = {
        column.name: getattr(request, column.name)
        for column in approval.columns
        if hasattr(request, column.name)
    }
    connection.execute(
        insert(approval).values(
            **values,
            user_id=request.user,
            reasons_json=json.dumps([finding.as_json() for finding in request.reasons]),
            preview_json=json.dumps(dict(request.preview)),
            label_json=json.dumps(request.label.as_json()),
            sources_json=json.dumps([source.as_json() for source in request.sources]),
            roles_json=json.dumps(list(request.roles)),
            args_sealed=sealed,
        )
    )


def add_vote(connection: Connection, request_id: str, given: Vote) -> None:
    """Write down a vote."""
    connection.execute(
        insert(vote).values(
            approval_id=request_id,
            reviewer=given.reviewer,
            choice=given.choice,
            digest=given.digest,
            reason=given.reason,
            roles_json=json.dumps(list(given.roles)),
            at=given.at,
        )
    )


def overdue(now: float) -> ColumnElement[bool]:
    """Return the condition for requests whose deadline has passed."""
    return or_(
        (approval.c.state == "pending") & (approval.c.decide_by <= now),
        (approval.c.state == "approved") & (approval.c.execute_by <= now),
    )


def _request(row: Mapping[Any, Any], votes: tuple[Vote, ...]) -> Request:
    plain = {name: row[name] for name in Request.__slots__ if name in row}
    reasons = cast("list[dict[str, Any]]", json.loads(row["reasons_json"]))
    return Request(
        **plain,
        user=row["user_id"],
        reasons=tuple(Finding.from_json(item) for item in reasons),
        preview=json.loads(row["preview_json"]),
        label=Label.from_json(json.loads(row["label_json"])),
        roles=tuple(json.loads(row["roles_json"])),
        votes=votes,
        sources=tuple(Source.from_json(item) for item in json.loads(row["sources_json"])),
    )

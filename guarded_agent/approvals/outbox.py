"""Which messages about a request are to be sent: rows written with the request itself.

All that a request may cause is written when it is made, with the time from which it counts; what
was decided has none yet. A decision gives it one and drops what is moot, in its own transaction, in
whichever process. So nobody but the maker of a request need know the policy.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, update

from guarded_agent.approvals.request import Request
from guarded_agent.approvals.terms import Target
from guarded_agent.core.canonical import canonical
from guarded_agent.store.keys import Keys
from guarded_agent.store.schema import outbox

NEVER = 1e18
"""The time of what is not to be sent yet."""


def plan(connection: Connection, keys: Keys, request: Request, targets: Sequence[Target]) -> None:
    """Write down the messages that a new request may cause."""
    last = request.decide_by - (request.decide_by - request.created_at) / 5
    for target in targets:
        times = {"requested": [request.created_at], "expiring": [last], "decided": [NEVER]}
        times["escalated"] = [step.at for step in request.ladder]
        for event in target.on:
            for due_at in times[event]:
                values = {
                    "id": f"msg_{secrets.token_hex(14)}",
                    "request_id": request.id,
                    "event": event,
                    "target_json": canonical({**asdict(target), "on": []}).decode(),
                }
                connection.execute(
                    insert(outbox).values(
                        **values,
                        mac=seal(keys, values),
                        due_at=due_at,
                        state="waiting",
                        tries=0,
                        worker="",
                        until=0.0,
                        error="",
                    )
                )


def seal(keys: Keys, row: dict[str, str]) -> str:
    """Return the MAC of a message: who can only write to the database sends nothing anywhere."""
    named = {name: row[name] for name in ("id", "request_id", "event", "target_json")}
    return keys.mac(b"approvals:outbox:" + canonical(named))


def decided(connection: Connection, request: Request, now: float) -> None:
    """Let the message that a request was decided be sent, and drop those that ask for it."""
    mine = (outbox.c.request_id == request.id, outbox.c.state == "waiting")
    connection.execute(
        update(outbox)
        .where(*mine, outbox.c.event == "decided", outbox.c.due_at == NEVER)
        .values(due_at=now)
    )
    moot = outbox.c.event.in_(("escalated", "expiring"))
    connection.execute(delete(outbox).where(*mine, moot))

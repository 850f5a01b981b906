"""How a request changes: one compare-and-set on the row, one audit event, sealed arguments.

The audit log gets ids, states, names of reviewers and roles. It never gets
arguments, and not the reasons that people write, which may name other people.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import Connection, select, update

from guarded_agent.approvals import outbox, rows, seals, turns
from guarded_agent.approvals.request import Request, Vote
from guarded_agent.approvals.states import State, move
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.ports import Clock, Recorder
from guarded_agent.store.keys import Keys
from guarded_agent.store.schema import approval
from guarded_agent.store.watch import announce

_CHANGING = (
    "state",
    "message",
    "replaced_by",
    "edited_by",
    "execute_by",
    "decided_at",
    "revision",
)


class Changes:
    """Writes changes of requests inside the caller's transaction.

    Args:
        keys: Seal the arguments.
        recorder: Writes the audit events.
        clock: Tells the time.
    """

    def __init__(self, keys: Keys, recorder: Recorder, clock: Clock) -> None:
        self._keys = keys
        self._recorder = recorder
        self._clock = clock

    def add(self, connection: Connection, request: Request, args: Mapping[str, Any]) -> Request:
        """Write down a new request for a call with these arguments; return it as it is stored."""
        sealed = self.seal(request, {"proposed": args})
        new = replace(
            request,
            revision=rows.next_revision(connection),
            content=seals.content({**rows.bulk(request), "args_sealed": sealed}),
        )
        rows.add(connection, new, sealed, seals.request_mac(self._keys, new))
        announce(connection)
        return new

    def cast(self, connection: Connection, request: Request, given: Vote) -> Request:
        """Write down a vote, sealed to the votes before it; the request's row still needs `set`."""
        previous = request.votes[-1].mac if request.votes else ""
        given = replace(given, number=len(request.votes) + 1)
        given = replace(given, mac=seals.vote_mac(self._keys, request, given, previous))
        rows.add_vote(connection, request.id, given)
        return replace(request, votes=(*request.votes, given))

    def set(self, connection: Connection, request: Request, **values: Any) -> Request:
        """Give `request` other `values`, or seal anew what changed around it."""
        return self._write(connection, request, replace(request, **values), {})

    def move(
        self, connection: Connection, request: Request, state: State, **values: Any
    ) -> Request:
        """Put `request` into `state` with other `values`, if it is still as it was read.

        Raises:
            VoteRefused: The move is not legal, or somebody else changed the request.
        """
        raw: dict[str, Any] = {}
        if "args_sealed" in values:
            raw["args_sealed"] = values.pop("args_sealed")
            values["content"] = replace(request.content, sealed=seals.sealed(raw["args_sealed"]))
        moved = replace(request, state=move(request.state, state), **values)
        moved = self._write(connection, request, moved, raw)
        if state not in ("pending", "used") and not request.about_agent:
            now = self._clock()
            turns.due(connection, moved, now)
            outbox.decided(connection, moved, now)
        return moved

    def _write(
        self, connection: Connection, was: Request, now: Request, raw: Mapping[str, Any]
    ) -> Request:
        now = replace(now, revision=rows.next_revision(connection))
        changed = connection.execute(
            update(approval)
            .where(approval.c.id == was.id, approval.c.state == was.state)
            .values(
                **raw,
                **{name: getattr(now, name) for name in _CHANGING},
                # What somebody altered stays altered: no later change makes it good.
                mac=seals.request_mac(self._keys, now) if now.intact else "",
            )
        )
        if changed.rowcount != 1:
            raise VoteRefused(f"request {was.id} changed in the meantime: look at it again")
        announce(connection)
        return now

    def lapse(self, connection: Connection, request: Request, now: float) -> Request:
        """Record that the deadline of `request` has passed, if it has."""
        late = request.at(now)
        if late.state == request.state:
            return request
        expired = self.move(connection, request, late.state, message=late.message)
        self.record(connection, expired, "approval.expired", was=request.state)
        return expired

    def record(
        self,
        connection: Connection,
        request: Request,
        kind: str,
        *,
        run_id: str = "",
        **data: Any,
    ) -> None:
        """Append the audit event of a change."""
        self._recorder.append(
            connection,
            kind,
            agent_id=request.agent_id,
            thread_id=request.thread_id,
            run_id=run_id,
            digest=request.digest,
            data={"approval": request.id, **data},
        )

    def seal(self, request: Request, content: Mapping[str, Mapping[str, Any]]) -> bytes:
        """Return `content` in a form that opens for this request's digest only."""
        plain = canonical({name: dict(args) for name, args in content.items()})
        return self._keys.seal(plain, context=request.digest.encode())

    def unseal(self, connection: Connection, request: Request) -> dict[str, dict[str, Any]]:
        """Return the `proposed` arguments and, after an edit, the `edited` ones."""
        sealed = connection.execute(
            select(approval.c.args_sealed).where(approval.c.id == request.id)
        ).scalar_one()
        plain = self._keys.open(sealed, context=request.digest.encode())
        return cast("dict[str, dict[str, Any]]", json.loads(plain))

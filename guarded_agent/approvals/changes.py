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

from guarded_agent.approvals.request import Request
from guarded_agent.approvals.states import State, move
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.ports import Recorder
from guarded_agent.store.keys import Keys
from guarded_agent.store.schema import approval


class Changes:
    """Writes changes of requests inside the caller's transaction.

    Args:
        keys: Seal the arguments.
        recorder: Writes the audit events.
    """

    def __init__(self, keys: Keys, recorder: Recorder) -> None:
        self._keys = keys
        self._recorder = recorder

    def move(
        self, connection: Connection, request: Request, state: State, **values: Any
    ) -> Request:
        """Put `request` into `state` with other `values`, if it is still as it was read.

        Raises:
            VoteRefused: The move is not legal, or somebody else changed the request.
        """
        moved = connection.execute(
            update(approval)
            .where(approval.c.id == request.id, approval.c.state == request.state)
            .values(state=move(request.state, state), **values)
        )
        if moved.rowcount != 1:
            raise VoteRefused(f"request {request.id} changed in the meantime: look at it again")
        values.pop("args_sealed", None)
        return replace(request, state=state, **values)

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

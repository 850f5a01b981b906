"""The ledger: the durable record of every action, from its verdict to its outcome.

    judged -> executing -> done | failed
    executing -> judged      the body asked to wait and runs again
    executing -> uncertain   a worker died, or said nothing
    uncertain -> done | failed

Every step is a compare-and-set on the row: of several that try, one wins. The
ledger decides nothing; it keeps what was decided. Approvals have their own rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, insert, select, update

from guarded_agent.core.action import Action
from guarded_agent.core.canonical import canonical
from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import StoreError
from guarded_agent.core.label import Label
from guarded_agent.core.verdict import Verdict
from guarded_agent.store.engine import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import action as table

_SAME = table.c.digest == bindparam("of")
_STARTED: dict[str, Any] = {
    "state": "executing",
    "worker": bindparam("by"),
    "started_at": bindparam("now"),
}
_FIND = Prepared(select(table).where(_SAME))
_INSERT = Prepared(insert(table))
_START = Prepared(update(table).where(_SAME, table.c.state == "judged").values(_STARTED))
_RESTART = Prepared(
    update(table)
    .where(_SAME, table.c.access == "read")
    .values(_STARTED | {"finished_at": None, "result_sealed": None})
)
_FINISH = Prepared(
    update(table)
    .where(
        _SAME,
        (table.c.state == "executing") | (table.c.state == "uncertain"),
        table.c.worker == bindparam("by"),
    )
    .values(
        state=bindparam("outcome"),
        finished_at=bindparam("now"),
        result_sealed=bindparam("sealed"),
        label_json=bindparam("labelled"),
    )
)
# Joined to an empty text, the thread is no reason to take its index: a long thread has many
# rows, and few of all threads have no outcome.
_UNFINISHED = Prepared(
    select(table).where(
        (table.c.state == "executing") | (table.c.state == "uncertain"),
        table.c.thread_id.concat("") == bindparam("thread_id"),
        table.c.agent_id == bindparam("agent_id"),
        table.c.access != "read",
    )
)

State = Literal["judged", "executing", "done", "failed", "uncertain"]
"""Where an action stands."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action in the ledger.

    Attributes:
        digest: What it is.
        agent_id: Who acts.
        thread_id: In which conversation.
        call_id: The provider's id of the call.
        tool: The tool's name.
        access: What the call does: `read`, `write` or `send`.
        verdict: The verdict as it was first recorded.
        effect: Its effect.
        policy_digest: The policy it was judged by.
        preview: The arguments, redacted, for people.
        state: Where it stands.
        worker: Who started it, or nobody yet.
        result: What it returned, once it is done or failed.
        created_at: When it was judged.
        started_at: When it was last started.
        finished_at: When its outcome was recorded.
        label: What is known of its result, where anything is.
    """

    digest: str
    agent_id: str
    thread_id: str
    call_id: str
    tool: str
    access: str
    verdict: Verdict
    effect: Effect
    policy_digest: str
    preview: Mapping[str, Any]
    state: State
    worker: str
    result: Any
    created_at: float
    started_at: float | None
    finished_at: float | None
    label: Label | None = None


class Ledger:
    """Reads and writes the record of actions, inside the caller's transactions.

    Args:
        store: Gives clock and keys.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def record(
        self,
        connection: Connection,
        action: Action,
        *,
        access: str,
        verdict: Verdict,
        policy_digest: str,
        preview: Mapping[str, Any],
        new: bool = False,
    ) -> Entry:
        """Write an action down with its verdict, unless it was written before.

        A verdict is stored once and not recomputed: a second call with another verdict
        returns the first.

        Args:
            connection: In a write transaction.
            action: The action.
            access: What the call does.
            verdict: What was decided. Its payload is not kept.
            policy_digest: The policy it was judged by.
            preview: The arguments, redacted.
            new: Whether the caller looked, in this transaction, and it is not there.

        Returns:
            The entry as it is stored.
        """
        known = None if new else self.find(connection, action.digest)
        if known is not None:
            return known
        row: dict[str, Any] = {
            "digest": action.digest,
            "agent_id": action.agent_id,
            "thread_id": action.thread_id,
            "call_id": action.call_id,
            "tool": action.tool,
            "access": access,
            "verdict_json": canonical(verdict.as_json()).decode(),
            "effect": str(verdict.effect),
            "policy_digest": policy_digest,
            "preview_json": canonical(dict(preview)).decode(),
            "state": "judged",
            "worker": "",
            "result_sealed": None,
            "label_json": None,
            "created_at": self._store.clock(),
            "started_at": None,
            "finished_at": None,
        }
        _INSERT.run(connection, row)
        return self._entry(row)

    def find(self, connection: Connection, digest: str) -> Entry | None:
        """Return the entry of an action, or None if it was never judged.

        Raises:
            StoreError: Its result was changed or moved from another row.
        """
        row = _FIND.row(connection, {"of": digest})
        return None if row is None else self._entry(row)

    def start(self, connection: Connection, digest: str, worker: str) -> bool:
        """Claim a judged action for one run of its body; exactly one caller ever wins."""
        return self._claim(_START, connection, digest, worker)

    def restart(self, connection: Connection, digest: str, worker: str) -> bool:
        """Claim a read for one more run, whatever came of the last; never a write or send."""
        return self._claim(_RESTART, connection, digest, worker)

    def _claim(self, statement: Prepared, connection: Connection, digest: str, worker: str) -> bool:
        values = {"of": digest, "by": worker, "now": self._store.clock()}
        return statement.run(connection, values) == 1

    def pause(self, connection: Connection, digest: str, worker: str) -> bool:
        """Take back a start whose body asked to wait and will be run again."""
        return self._move(
            connection,
            digest,
            table.c.state == "executing",
            table.c.worker == worker,
            state="judged",
            worker="",
        )

    def finish(
        self,
        connection: Connection,
        digest: str,
        worker: str,
        *,
        ok: bool,
        result: Any,
        label: Label | None = None,
    ) -> bool:
        """Record the outcome of a run; only who started it can.

        Args:
            connection: In a write transaction.
            digest: The action.
            worker: Who started it.
            ok: True if the body returned, False if it raised.
            result: What it returned, as plain JSON data. It is sealed.
            label: What is known of that; None for nothing.

        Returns:
            False if this worker is not the one that runs it: nothing was changed.

        Raises:
            StoreError: `result` is not plain data.
        """
        try:
            plain = json.dumps(result, ensure_ascii=True, separators=(",", ":")).encode()
        except (TypeError, ValueError, RecursionError):
            plain = b""
        if not plain:
            raise StoreError("the result of a call is not plain JSON data and was not recorded")
        values = {
            "of": digest,
            "by": worker,
            "outcome": "done" if ok else "failed",
            "now": self._store.clock(),
            "sealed": self._store.keys.seal(plain, context=digest.encode()),
            "labelled": None if label is None else canonical(label.as_json()).decode(),
        }
        return _FINISH.run(connection, values) == 1

    def mark_uncertain(self, connection: Connection, digest: str) -> bool:
        """Say that an action started and nobody knows how it ended."""
        return self._move(connection, digest, table.c.state == "executing", state="uncertain")

    def settle(
        self, connection: Connection, digest: str, *, outcome: Literal["done", "failed"]
    ) -> bool:
        """Record what a person found out about an uncertain action."""
        return self._move(
            connection,
            digest,
            table.c.state == "uncertain",
            state=outcome,
            finished_at=self._store.clock(),
        )

    def uncertain(self, connection: Connection) -> list[Entry]:
        """Return every action that waits for a person to settle it, oldest first."""
        rows = connection.execute(
            select(table)
            .where(table.c.state == "uncertain")
            .order_by(table.c.created_at, table.c.digest)
        )
        return [self._entry(row) for row in rows.mappings()]

    def labelled(self, connection: Connection, agent_id: str, thread_id: str) -> list[Entry]:
        """Return the actions of a thread whose results have a label, newest first; the last 200."""
        rows = connection.execute(
            select(table)
            .where(
                table.c.agent_id == agent_id,
                table.c.thread_id == thread_id,
                table.c.label_json.is_not(None),
            )
            .order_by(table.c.finished_at.desc(), table.c.digest)
            .limit(200)
        )
        plain = ({**row, "result_sealed": None} for row in rows.mappings())
        return [self._entry(row) for row in plain]

    def unfinished(self, connection: Connection, agent_id: str, thread_id: str) -> list[Entry]:
        """Return the writes and sends of a thread that started and have no outcome yet."""
        rows = _UNFINISHED.rows(connection, {"agent_id": agent_id, "thread_id": thread_id})
        return [self._entry(row) for row in rows]

    def _move(
        self, connection: Connection, digest: str, *when: ColumnElement[bool], **values: Any
    ) -> bool:
        statement = update(table).where(table.c.digest == digest, *when).values(**values)
        return connection.execute(statement).rowcount == 1

    def _entry(self, row: Mapping[str, Any] | RowMapping) -> Entry:
        values = dict(row)
        sealed: bytes | None = values.pop("result_sealed")
        verdict = Verdict.from_json(json.loads(values.pop("verdict_json")))
        labelled: str | None = values.pop("label_json")
        result: Any = None
        if sealed is not None:
            plain = self._store.keys.open(sealed, context=values["digest"].encode())
            result = json.loads(plain)
        return Entry(
            verdict=verdict,
            effect=Effect.parse(values.pop("effect")),
            preview=json.loads(values.pop("preview_json")),
            result=result,
            label=None if labelled is None else Label.from_json(json.loads(labelled)),
            **values,
        )

"""The audit log: appends events to one chain and reads them back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from guarded_agent.audit import head
from guarded_agent.audit.event import Event, from_row
from guarded_agent.core.canonical import canonical
from guarded_agent.store import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import event as table

_PAGE = 500

_INSERT = Prepared(insert(table))


class AuditLog:
    """One hash-chained log in a store, for every process that uses the store.

    It writes down what it is given. The caller gives redacted data only: an argument
    or a result never comes here as it was.

    Args:
        store: Gives clock, keys and transactions.

    Example:
        >>> with Store.open("sqlite://") as store:
        ...     log = AuditLog(store)
        ...     with store.write() as connection:
        ...         seq = log.append(connection, "agent.suspended", agent_id="mail")
        ...     [(event.seq, event.kind) for event in log.tail()]
        [(1, 'agent.suspended')]
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(
        self,
        connection: Connection,
        kind: str,
        *,
        agent_id: str,
        thread_id: str = "",
        run_id: str = "",
        digest: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """Append one event inside the caller's write transaction.

        Args:
            connection: Of `store.write()`. The event is there if that commits.
            kind: What happened, as a short word.
            agent_id: Which agent identity.
            thread_id: In which conversation.
            run_id: In which run.
            digest: Of which action.
            data: More of it, redacted, as plain JSON data.

        Returns:
            The event's number.

        Raises:
            ActionError: `data` is not plain JSON data.
            AuditBroken: Someone without the key changed the end of the chain; it is not
                continued, which would cover the change up.
            StoreError: The database refuses.
        """
        return self.append_all(
            connection,
            [(kind, data or {})],
            agent_id=agent_id,
            thread_id=thread_id,
            run_id=run_id,
            digest=digest,
        )

    def append_all(
        self,
        connection: Connection,
        happened: Sequence[tuple[str, Mapping[str, Any]]],
        *,
        agent_id: str,
        thread_id: str = "",
        run_id: str = "",
        digest: str = "",
    ) -> int:
        """Append what happened at once to one action, each as a kind and its data.

        It takes and raises what `append` does, and reads and writes the end of the chain once.

        Returns:
            The last event's number.
        """
        keys = self._store.keys
        last = head.read(connection, keys)
        for kind, data in happened:
            # What is hashed is what JSON gives back: keys that are no text become text.
            plain = json.loads(canonical(dict(data)))
            event = Event(
                seq=last.seq + 1,
                at=float(self._store.clock()),
                kind=kind,
                agent_id=agent_id,
                thread_id=thread_id,
                run_id=run_id,
                digest=digest,
                data=plain,
                previous=last.hash,
                hash="",
            )
            last = head.Head(event.seq, event.expected_hash())
            _INSERT.run(
                connection,
                {
                    "seq": event.seq,
                    "at": event.at,
                    "kind": kind,
                    "agent_id": agent_id,
                    "thread_id": thread_id,
                    "run_id": run_id,
                    "digest": digest,
                    "data_json": canonical(plain).decode(),
                    "previous": event.previous,
                    "hash": last.hash,
                },
            )
        head.write(connection, keys, last, first=last.seq == len(happened))
        return last.seq

    def tail(self, n: int = 20, *, thread_id: str | None = None) -> list[Event]:
        """Return the last `n` events, oldest first; of one thread where it is given."""
        query = select(table).order_by(table.c.seq.desc()).limit(n)
        if thread_id is not None:
            query = query.where(table.c.thread_id == thread_id)
        with self._store.read() as connection:
            rows = connection.execute(query).all()
        return [from_row(row) for row in reversed(rows)]

    def events(self, after: int = 0) -> Iterator[Event]:
        """Yield every event whose number is above `after`, in order.

        No transaction is open between two events; the caller may write meanwhile.
        """
        while True:
            query = select(table).where(table.c.seq > after).order_by(table.c.seq).limit(_PAGE)
            with self._store.read() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                yield from_row(row)
            if len(rows) < _PAGE:
                return
            after = rows[-1].seq

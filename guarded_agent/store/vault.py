"""The vault: which value a pseudonym stands for, sealed, until it is forgotten.

A pseudonym is a kind, such as `EMAIL`, and a number within one thread of one agent.
What it stands for never changes: a row is written once, sealed for its own place, and
can only be emptied. An empty row keeps its number, so that no other value ever gets it.
A value is found by a MAC over kind and normal form; the rows hold nothing in the clear.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import StoreError
from guarded_agent.store.engine import Store
from guarded_agent.store.schema import vault as table

Form = Literal["text", "int", "float"]
"""What a value is in the data in which it stood: a number comes back as a number."""

Id = tuple[str, int]
"""A pseudonym within its thread: kind and number."""

_MOST = 400
"""How many values one statement asks for."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value that may get a pseudonym.

    Attributes:
        kind: What it is, as the pseudonym names it: `EMAIL`.
        text: The value as it was written.
        normal: The same for every way of writing the same value.
        form: What it is in the data.
    """

    kind: str
    text: str
    normal: str
    form: Form = "text"

    @property
    def data(self) -> str | int | float:
        """The value as it stood in the data."""
        match self.form:
            case "int":
                return int(self.text)
            case "float":
                return float(self.text)
            case "text":
                return self.text

    def __repr__(self) -> str:
        return f"Value({self.kind!r}, ...)"


@dataclass(frozen=True, slots=True)
class Held:
    """What the vault holds of one thread, without the values."""

    agent_id: str
    thread_id: str
    kind: str
    held: int
    forgotten: int
    since: float


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Pseudonyms of one thread that stand for nothing any more.

    Attributes:
        agent_id: Of which agent.
        thread_id: In which conversation.
        ids: Which ones.
        values: What they stood for, for those who have to erase it elsewhere as well.
    """

    agent_id: str
    thread_id: str
    ids: tuple[Id, ...]
    values: tuple[Value, ...] = field(default=(), repr=False, compare=False)


class Vault:
    """Gives values their pseudonyms, and pseudonyms their values.

    Safe for threads and processes: all writers of a store take turns, and the database
    itself keeps one pseudonym for each value of a thread.

    Args:
        store: Where the rows are, with the keys that seal them.

    Example:
        >>> with Store.open("sqlite://") as store:
        ...     vault = Vault(store)
        ...     ann = Value("EMAIL", "Ann@example.com", "ann@example.com")
        ...     ids = vault.name("mail", "t1", [ann, ann])
        ...     ids, vault.find("mail", "t1", ids)[("EMAIL", 1)].text
        ([('EMAIL', 1), ('EMAIL', 1)], 'Ann@example.com')
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def name(self, agent_id: str, thread_id: str, values: Sequence[Value]) -> list[Id]:
        """Return the pseudonym of each of `values`; what has none yet gets the next one.

        Args:
            agent_id: Who acts.
            thread_id: In which conversation.
            values: The values, in the order in which they are numbered.

        Raises:
            StoreError: The database refuses.
        """
        lookups = [self._lookup(value.kind, value.normal, value.form) for value in values]
        wanted = list(dict.fromkeys(lookups))
        with self._store.read() as connection:
            known = _known(connection, agent_id, thread_id, wanted)
        if len(known) < len(wanted):
            with self._store.write() as connection:
                # Others may have been here meanwhile; now they wait for us.
                known = _known(connection, agent_id, thread_id, wanted)
                for value, lookup in zip(values, lookups, strict=True):
                    if lookup not in known:
                        known[lookup] = self._add(connection, agent_id, thread_id, value, lookup)
        return [known[lookup] for lookup in lookups]

    def find(self, agent_id: str, thread_id: str, ids: Iterable[Id]) -> dict[Id, Value | None]:
        """Return what each of `ids` stands for; None for what was forgotten.

        A pseudonym that this thread never had is left out.

        Raises:
            StoreError: The database refuses, or a row was changed or moved.
        """
        numbers: dict[str, list[int]] = {}
        for kind, number in dict.fromkeys(ids):
            numbers.setdefault(kind, []).append(number)
        found: dict[Id, Value | None] = {}
        if not numbers:
            return found
        with self._store.read() as connection:
            for kind, several in numbers.items():
                for start in range(0, len(several), _MOST):
                    rows = connection.execute(
                        select(table.c.number, table.c.value_sealed).where(
                            *_of(agent_id, thread_id),
                            table.c.kind == kind,
                            table.c.number.in_(several[start : start + _MOST]),
                        )
                    )
                    for number, sealed in rows:
                        place = _place(agent_id, thread_id, kind, number)
                        found[kind, number] = None if sealed is None else self._open(sealed, place)
        return found

    def forget(
        self,
        connection: Connection,
        *,
        values: Sequence[Value] = (),
        thread_id: str | None = None,
        agent_id: str | None = None,
    ) -> list[Forgotten]:
        """Erase values for good; their pseudonyms stay, and stand for nothing.

        Args:
            connection: In a write transaction.
            values: Which values, in every form in which they may have been stored; all of
                them if it is empty.
            thread_id: Only those of this thread.
            agent_id: Only those of this agent.

        Returns:
            What was erased, by agent and thread.

        Raises:
            ValueError: Neither a value nor a thread is named.
        """
        if not values and thread_id is None:
            raise ValueError("name a value, a thread, or both")
        which: list[ColumnElement[bool]] = [table.c.lookup.is_not(None)]
        if values:
            lookups = {self._lookup(value.kind, value.normal, value.form) for value in values}
            which.append(table.c.lookup.in_(sorted(lookups)))
        if thread_id is not None:
            which.append(table.c.thread_id == thread_id)
        if agent_id is not None:
            which.append(table.c.agent_id == agent_id)
        columns = (table.c.agent_id, table.c.thread_id, table.c.kind, table.c.number)
        query = select(*columns, table.c.value_sealed).where(*which).order_by(*columns)
        rows = connection.execute(query).all()
        connection.execute(
            update(table)
            .where(*which)
            .values(lookup=None, value_sealed=None, forgotten_at=self._store.clock())
        )
        erased: dict[tuple[str, str], list[Id]] = {}
        gone: dict[tuple[str, str], list[Value]] = {}
        for agent, thread, kind, number, sealed in rows:
            erased.setdefault((agent, thread), []).append((kind, number))
            with suppress(StoreError):  # one that does not open is erased all the same
                value = self._open(sealed, _place(agent, thread, kind, number))
                gone.setdefault((agent, thread), []).append(value)
        return [
            Forgotten(*where, tuple(ids), tuple(gone.get(where, ())))
            for where, ids in erased.items()
        ]

    def held(self, *, thread_id: str | None = None) -> list[Held]:
        """Return how many values are held and were forgotten, by agent, thread and kind."""
        group = (table.c.agent_id, table.c.thread_id, table.c.kind)
        query = select(
            *group, func.count(table.c.lookup), func.count(), func.min(table.c.created_at)
        ).group_by(*group)
        if thread_id is not None:
            query = query.where(table.c.thread_id == thread_id)
        with self._store.read() as connection:
            rows = connection.execute(query.order_by(*group)).all()
        return [
            Held(agent, thread, kind, held, every - held, since)
            for agent, thread, kind, held, every, since in rows
        ]

    def _add(
        self, connection: Connection, agent_id: str, thread_id: str, value: Value, lookup: str
    ) -> Id:
        last = select(func.max(table.c.number)).where(
            *_of(agent_id, thread_id), table.c.kind == value.kind
        )
        number = (connection.scalar(last) or 0) + 1
        place = _place(agent_id, thread_id, value.kind, number)
        plain = canonical([value.kind, value.text, value.normal, value.form])
        row: dict[str, Any] = {
            "agent_id": agent_id,
            "thread_id": thread_id,
            "kind": value.kind,
            "number": number,
            "lookup": lookup,
            "value_sealed": self._store.keys.seal(plain, context=place),
            "created_at": self._store.clock(),
        }
        connection.execute(insert(table), row)
        return value.kind, number

    def _open(self, sealed: bytes, place: bytes) -> Value:
        kind, text, normal, form = json.loads(self._store.keys.open(sealed, context=place))
        return Value(kind, text, normal, form)

    def _lookup(self, kind: str, normal: str, form: Form) -> str:
        # The same for every thread, so that a value can be forgotten wherever it is.
        key = self._store.keys.derive("vault")
        return hmac.new(key, canonical([kind, normal, form]), hashlib.sha256).hexdigest()


def _known(
    connection: Connection, agent_id: str, thread_id: str, lookups: Sequence[str]
) -> dict[str, Id]:
    found: dict[str, Id] = {}
    for start in range(0, len(lookups), _MOST):
        rows = connection.execute(
            select(table.c.lookup, table.c.kind, table.c.number).where(
                *_of(agent_id, thread_id), table.c.lookup.in_(lookups[start : start + _MOST])
            )
        )
        found |= {lookup: (kind, number) for lookup, kind, number in rows}
    return found


def _of(agent_id: str, thread_id: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.agent_id == agent_id, table.c.thread_id == thread_id


def _place(agent_id: str, thread_id: str, kind: str, number: int) -> bytes:
    return canonical(["vault", agent_id, thread_id, kind, number])

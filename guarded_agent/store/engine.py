"""The store: one database, short transactions, every failure a `StoreError`.

Writers of one store take turns, on SQLite (`BEGIN IMMEDIATE`) and on PostgreSQL
(an advisory lock for the transaction) alike. What a write transaction reads
stays true until it commits, so rows are read, changed and written back without
further locks. Keep write transactions short: no guard, tool or model runs in one.
"""

from __future__ import annotations

import hmac
import os
import threading
import time
import weakref
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from guarded_agent.core.errors import StoreError
from guarded_agent.core.ports import Clock
from guarded_agent.store import backends
from guarded_agent.store.keys import HOW_TO_MAKE_ONE, VARIABLE, Keys
from guarded_agent.store.migrations import migrate
from guarded_agent.store.refusal import explained
from guarded_agent.store.schema import meta

DEFAULT_URL = "sqlite:///guarded_agent.db"

_KEY_CHECK = "key_check"
_MOST_IDLE = 8


class _Here(threading.local):
    """The transaction that this thread is in, if any."""

    connection: Connection | None = None


class _Idle:
    """Connections that are kept open between transactions.

    Readers and writers each keep their own. Switching `query_only` on one connection makes
    SQLite compile every statement of it anew, which takes longer than to run them.
    """

    __slots__ = ("readers", "writers")

    def __init__(self) -> None:
        self.readers: list[Connection] = []
        self.writers: list[Connection] = []


class Store:
    """One SQLite file, PostgreSQL database or in-memory database.

    Safe for threads and, except in memory, for several processes. Open it with
    `Store.open`.

    Attributes:
        url: Where it is, without a password.
        path: The SQLite file, or None.
        clock: Tells the time for every row.
        keys: Makes MACs and sealed bytes.
        backend: What kind of database it is.
        timeout: Seconds to wait for another writer.
        resources: What else to close with the store.
        reads_at_once: Whether a read takes no time worth a thread of its own: no writer
            holds up a reader of a SQLite file.

    Example:
        >>> from sqlalchemy import text
        >>> with Store.open("sqlite://") as store, store.read() as connection:
        ...     connection.scalar(text("SELECT 1"))
        1
    """

    def __init__(
        self, backend: backends.Backend, engine: Engine, *, clock: Clock, timeout: float
    ) -> None:
        self.url = backend.shown
        self.path: Path | None = backend.path
        self.clock = clock
        self.keys: Keys
        self.backend = backend
        self.resources = ExitStack()
        self.reads_at_once = backend.path is not None
        self._engine = engine
        self._idle = _Idle()
        self.timeout = timeout
        self._here = _Here()
        self._turn = threading.Lock()
        _opened.add(self)

    @classmethod
    def open(
        cls,
        url: str = DEFAULT_URL,
        *,
        clock: Clock = time.time,
        timeout: float = 30.0,
        environ: Mapping[str, str] = os.environ,
    ) -> Store:
        """Open a store; a new database gets its tables, an older one is brought up to date.

        Args:
            url: `sqlite:///file.db`, `sqlite://` (in memory) or
                `postgresql+psycopg://user:password@host/database`.
            clock: Tells the time for every row.
            timeout: Seconds to wait for another writer.
            environ: Where the root key may stand, as `GUARDED_AGENT_KEY`.

        Raises:
            StoreError: The database or its key cannot be used. Nothing was changed.
            MissingExtra: The driver for PostgreSQL is not installed.
        """
        backend = backends.find(url)
        engine = backend.connect(timeout)
        store = cls(backend, engine, clock=clock, timeout=timeout)
        try:
            with explained(backend.place):
                backend.prepare(engine, timeout)
            with store.write(durable=True) as connection:
                migrate(connection, place=backend.place)
                store.keys = store._agreed_keys(connection, environ)
        except BaseException:
            store.close()
            raise
        return store

    @contextmanager
    def write(self, *, durable: bool = False) -> Generator[Connection]:
        """Open the one write transaction; it commits at the end, or leaves no trace.

        Args:
            durable: Wait until the commit is on disk. Without it a power cut may lose the
                last moments, never a part of a transaction.

        Yields:
            The connection to run statements on.

        Raises:
            StoreError: The database refuses, or this thread is in a transaction already.
        """
        here = self._here
        if here.connection is not None:
            raise StoreError(
                "this thread is in a transaction of the store already; pass its connection on"
            )
        with explained(self.backend.place), self._alone(writing=True):
            connection = self._connection(self._idle.writers)
            try:
                self.backend.begin_write(connection, durable=durable, timeout=self.timeout)
                here.connection = connection
                try:
                    yield connection
                finally:
                    here.connection = None
                self.backend.commit(connection)
            except BaseException:
                connection.close()
                raise
            self._done_with(connection, self._idle.writers)

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Open a transaction that reads one unchanging moment and cannot write.

        Within a transaction of the same thread it is that transaction.

        Yields:
            The connection to run statements on.

        Raises:
            StoreError: The database refuses.
        """
        here = self._here
        if here.connection is not None:
            yield here.connection
            return
        with explained(self.backend.place), self._alone(writing=False):
            connection = self._connection(self._idle.readers)
            try:
                self.backend.begin_read(connection)
                here.connection = connection
                try:
                    yield connection
                finally:
                    here.connection = None
                connection.rollback()
            except BaseException:
                connection.close()
                raise
            self._done_with(connection, self._idle.readers)

    def connect(self) -> Connection:
        """Return a connection of your own to listen on, in no transaction; close it."""
        return self._engine.connect()

    def _connection(self, idle: list[Connection]) -> Connection:
        """Return a connection in no transaction."""
        with suppress(IndexError):
            return idle.pop()
        return self._engine.connect()

    def _done_with(self, connection: Connection, idle: list[Connection]) -> None:
        """Keep a connection to a SQLite file open: opening it takes as long as a transaction."""
        if self.reads_at_once and len(idle) < _MOST_IDLE:
            idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close every connection. An in-memory store is gone with it."""
        self.resources.close()
        for idle in (self._idle.readers, self._idle.writers):
            while idle:
                idle.pop().close()
        self._engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store({self.url!r})"

    @contextmanager
    def _alone(self, *, writing: bool) -> Generator[None]:
        if not (writing or self.backend.shares_one_connection):
            yield
            return
        if not self._turn.acquire(timeout=self.timeout):
            raise StoreError(
                f"{self.backend.place} is in use by another thread for longer than "
                f"{self.timeout:g} s; keep transactions short"
            )
        try:
            yield
        finally:
            self._turn.release()

    def _agreed_keys(self, connection: Connection, environ: Mapping[str, str]) -> Keys:
        """Find the keys and make sure that they are the ones this database was made with."""
        of_database = select(meta.c.value).where(meta.c.name == _KEY_CHECK)
        expected = connection.scalar(of_database)
        keys = Keys.from_environ(environ)
        if keys is None and self.path is not None:
            file = self.path.with_name(f"{self.path.name}.key")
            keys = Keys.from_file(file, create=expected is None)
        if keys is None and self.backend.shares_one_connection:
            keys = Keys.random()
        if keys is None:
            raise StoreError(
                f"{self.backend.place} needs the key in {VARIABLE}, the same for every "
                f"process; make one with: {HOW_TO_MAKE_ONE}"
            )
        check = keys.derive(_KEY_CHECK).hex()
        if expected is None:
            connection.execute(insert(meta).values(name=_KEY_CHECK, value=check))
        elif not hmac.compare_digest(expected, check):
            raise StoreError(
                f"{self.backend.place} was made with another key; give the key it was made "
                f"with in {VARIABLE} or in the key file beside it"
            )
        return keys

    def _after_fork(self) -> None:
        # A child must neither use nor close its parent's connections: closing an inherited
        # SQLite handle could drop the parent's write-ahead log. They are kept, unused.
        _inherited.extend((self._engine.pool, self._idle))
        self._engine.dispose(close=False)
        self._idle = _Idle()
        self._here, self._turn = _Here(), threading.Lock()


_opened: weakref.WeakSet[Store] = weakref.WeakSet()
_inherited: list[Any] = []


def _after_fork() -> None:
    for store in list(_opened):
        store._after_fork()  # pyright: ignore[reportPrivateUsage] - same module


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_after_fork)

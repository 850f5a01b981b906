"""What differs between SQLite and PostgreSQL, and nothing else.

Each backend opens connections, begins the two kinds of transaction and makes
sure that a commit committed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from guarded_agent.core.errors import MissingExtra, StoreError


class Backend(Protocol):
    """One kind of database at one place."""

    @property
    def url(self) -> URL:
        """Where it is, with the password."""
        ...

    @property
    def shown(self) -> str:
        """The URL for people, without a password."""
        ...

    @property
    def place(self) -> str:
        """What an error calls it: the file, or host and database."""
        ...

    @property
    def path(self) -> Path | None:
        """The SQLite file, if it is one."""
        ...

    @property
    def shares_one_connection(self) -> bool:
        """True in memory: every thread uses the same connection, one at a time."""
        ...

    def connect(self, timeout: float) -> Engine:
        """Return the engine; nothing is opened yet."""
        ...

    def prepare(self, engine: Engine, timeout: float) -> None:
        """Open the database for the first time."""
        ...

    def begin_write(self, connection: Connection, *, durable: bool, timeout: float) -> None:
        """Begin a transaction as the only writer."""
        ...

    def begin_read(self, connection: Connection) -> None:
        """Begin a transaction that sees one moment and cannot write."""
        ...

    def commit(self, connection: Connection) -> None:
        """Commit, or raise; never let an aborted transaction pass for a committed one."""
        ...


def find(url: str) -> Backend:
    """Return the backend that `url` names.

    Raises:
        StoreError: There is none, or the URL is malformed.
    """
    parsed: URL | None = None
    with suppress(ArgumentError, ValueError):
        parsed = make_url(url)
    if parsed is not None and parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        return Sqlite.at(parsed)
    if parsed is not None and parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return Postgres(parsed.set(drivername="postgresql+psycopg"))
    # The URL itself is not repeated: it may hold a password.
    raise StoreError(
        "this store URL is not supported; use sqlite:///file.db, sqlite:// (in memory) or "
        "postgresql+psycopg://user:password@host/database"
    )


@dataclass(frozen=True, slots=True)
class Sqlite:
    """A SQLite file, or a database in memory."""

    url: URL = field(repr=False)
    path: Path | None

    @classmethod
    def at(cls, url: URL) -> Sqlite:
        """Return the backend; the path is made absolute, so that a later `chdir` is harmless."""
        name = url.database or ""
        if name in ("", ":memory:"):
            return cls(url.set(database=":memory:"), None)
        if name.startswith("file:"):
            path = Path(name.removeprefix("file:")).absolute()
            return cls(url.set(database=f"file:{path}"), path)
        path = Path(name).absolute()
        return cls(url.set(database=str(path)), path)

    @property
    def shown(self) -> str:
        """The URL for people."""
        return "sqlite://" if self.path is None else str(self.url)

    @property
    def place(self) -> str:
        """The file."""
        return "the in-memory database" if self.path is None else str(self.path)

    @property
    def shares_one_connection(self) -> bool:
        """True in memory."""
        return self.path is None

    def connect(self, timeout: float) -> Engine:
        """Return the engine; nothing is opened yet."""
        pool: dict[str, Any] = (
            {"poolclass": StaticPool}
            if self.path is None
            else {
                "poolclass": QueuePool,
                "pool_size": 8,
                "max_overflow": 56,
                "pool_timeout": timeout,
            }
        )
        engine = create_engine(
            self.url,
            hide_parameters=True,
            # Transactions are begun here, not by the driver.
            connect_args={"isolation_level": None, "check_same_thread": False, "timeout": timeout},
            **pool,
        )
        event.listen(engine, "connect", _settle_sqlite)
        return engine

    def prepare(self, engine: Engine, timeout: float) -> None:
        """Create the file for its owner only, and switch it to write-ahead logging."""
        if self.path is None:
            return
        if not self.path.parent.is_dir():
            raise StoreError(f"{self.path} cannot be opened: its folder does not exist; create it")
        if not self.path.exists() and not self.url.query:
            with suppress(OSError):  # SQLite says better what is wrong
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        give_up = time.monotonic() + timeout
        while True:
            try:
                with engine.connect() as connection:
                    mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar()
                break
            except DBAPIError as error:
                # SQLite does not wait when two processes switch a new file at once.
                name = getattr(error.orig, "sqlite_errorname", "")
                if not name.startswith("SQLITE_BUSY") or time.monotonic() > give_up:
                    raise
            time.sleep(0.01)
        if mode != "wal":
            raise StoreError(
                f"{self.path} stands on a file system without write-ahead logging; "
                "use a local disk, or PostgreSQL"
            )

    def begin_write(self, connection: Connection, *, durable: bool, timeout: float) -> None:
        """Take the write lock; wait for it as long as the connection's own timeout says."""
        del timeout
        raw = _raw(connection)
        _set(connection, raw, "query_only", "0")
        _set(connection, raw, "synchronous", "FULL" if durable else "NORMAL")
        connection.begin()
        raw.execute("BEGIN IMMEDIATE")

    def begin_read(self, connection: Connection) -> None:
        """Begin a snapshot."""
        raw = _raw(connection)
        _set(connection, raw, "query_only", "1")
        connection.begin()
        raw.execute("BEGIN")

    def commit(self, connection: Connection) -> None:
        """Commit, unless SQLite undid the transaction by itself, as on a full disk."""
        if not _raw(connection).in_transaction:
            raise StoreError(f"{self.place} undid the transaction after an error; try again")
        connection.commit()


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL database; the tables stand in the first schema of the search path."""

    url: URL = field(repr=False)

    @property
    def shown(self) -> str:
        """The URL for people; only host, port and database, since options may hold secrets."""
        return f"postgresql+psycopg://{self._address}"

    @property
    def place(self) -> str:
        """Host and database."""
        return f"the PostgreSQL database {self._address}"

    @property
    def _address(self) -> str:
        port = "" if self.url.port is None else f":{self.url.port}"
        return f"{self.url.host or 'localhost'}{port}/{self.url.database or ''}"

    @property
    def path(self) -> None:
        """None: it is no file."""
        return

    @property
    def shares_one_connection(self) -> bool:
        """False."""
        return False

    def connect(self, timeout: float) -> Engine:
        """Return the engine; nothing is opened yet."""
        try:
            import psycopg as _  # noqa: F401 - says whether the extra is installed
        except ImportError:
            raise MissingExtra("a PostgreSQL store", "postgres") from None
        return create_engine(
            self.url,
            hide_parameters=True,
            pool_size=8,
            max_overflow=24,
            pool_timeout=timeout,
            # A firewall or a restart may have cut a connection that idles between two calls.
            pool_pre_ping=True,
            connect_args={"connect_timeout": max(1, int(timeout))},
        )

    def prepare(self, engine: Engine, timeout: float) -> None:
        """Connect once."""
        del timeout
        with engine.connect():
            pass

    def begin_write(self, connection: Connection, *, durable: bool, timeout: float) -> None:
        """Wait for the turn; the lock belongs to the transaction and ends with it."""
        connection.execute(
            _TAKE_TURN,
            {
                "timeout": f"{int(timeout * 1000)}ms",
                "durable": "on" if durable else "off",
                "family": _LOCK_FAMILY,
            },
        )

    def begin_read(self, connection: Connection) -> None:
        """Begin a snapshot."""
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def commit(self, connection: Connection) -> None:
        """Commit; the server would answer a commit of a failed transaction with a rollback."""
        from psycopg.pq import TransactionStatus

        if _raw(connection).info.transaction_status == TransactionStatus.INERROR:
            raise StoreError(f"{self.place} undid the transaction after an error; try again")
        connection.commit()


_LOCK_FAMILY = 0x6A6E7424  # any number that other programs are unlikely to lock

_TAKE_TURN = text(
    "SELECT set_config('lock_timeout', :timeout, true),"
    " set_config('synchronous_commit', :durable, true),"
    " pg_advisory_xact_lock(:family, hashtext(current_schema()))"
)


def _settle_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")  # a planted view or trigger calls no function


def _raw(connection: Connection) -> Any:
    """Return the driver's own connection: two statements per call cost less on it."""
    return connection.connection.dbapi_connection


def _set(connection: Connection, raw: Any, pragma: str, value: str) -> None:
    if connection.info.get(pragma) != value:
        raw.execute(f"PRAGMA {pragma}={value}")
        connection.info[pragma] = value

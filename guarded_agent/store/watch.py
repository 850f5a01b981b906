"""Learn that something was written, without asking the database all the time.

PostgreSQL tells its listeners (`LISTEN`, `NOTIFY`). SQLite counts the commits of
other connections (`PRAGMA data_version`), which costs one read of shared memory. Both
only say that something may have changed: who waits looks again, and also when
the time is over, since a notice can be lost with its connection.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, text

from guarded_agent.core.errors import StoreError
from guarded_agent.store.engine import Store
from guarded_agent.store.refusal import explained

CHANNEL = "guarded_agent_changes"

_STEP = 0.05
_NOTIFY = text("SELECT pg_notify(:channel, current_schema())")


def announce(connection: Connection) -> None:
    """Tell who waits, when the write transaction of `connection` commits."""
    if connection.dialect.name == "postgresql":
        connection.execute(_NOTIFY, {"channel": CHANNEL})


class Watch:
    """Waits for writes of any process; one thread at a time uses it. Close it.

    Args:
        store: What to watch.

    Raises:
        StoreError: The database refuses.

    Example:
        >>> with Store.open("sqlite://") as store, Watch(store) as watch:
        ...     watch.wait(lambda: True, timeout=1)
        True
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection: Connection | None = None
        self._driver: Any = None
        self._seen = -1
        if not store.backend.shares_one_connection:
            self._open()

    def wait(self, ready: Callable[[], bool], timeout: float) -> bool:
        """Wait until `ready` says so, asking it only when something may have changed.

        Args:
            ready: Looks; it opens its own transaction.
            timeout: Seconds to wait at most.

        Returns:
            Whether `ready` said so in time.
        """
        until = time.monotonic() + timeout
        while True:
            if ready():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._news(left)

    def _news(self, left: float) -> None:
        """Return when something may have changed, or after `left` seconds."""
        if self._store.backend.shares_one_connection:
            time.sleep(min(_STEP, left))
        else:
            try:
                (self._listen if self._store.path is None else self._poll)(left)
            except Exception:
                # The server or the way to it is gone. Whoever waits asks again and hears why.
                self.close()
                time.sleep(min(1.0, left))
                with suppress(StoreError):
                    self._open()

    def _open(self) -> None:
        with explained(self._store.backend.place):
            connection = self._store.connect()
            self._connection = connection
            self._driver = connection.connection.dbapi_connection
            self._seen = -1  # what happened meanwhile is news
            if self._store.path is None:
                # Each notice in a transaction of its own: an idle one would hold back vacuum.
                self._driver.autocommit = True
                self._driver.execute(f"LISTEN {CHANNEL}")

    def _listen(self, left: float) -> None:
        for _ in self._driver.notifies(timeout=left, stop_after=1):
            pass

    def _poll(self, left: float) -> None:
        until = time.monotonic() + left
        while True:
            version = self._driver.execute("PRAGMA data_version").fetchone()[0]
            if version != self._seen:
                self._seen = version
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(_STEP, left))

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(Exception):
                connection.invalidate()  # no listener goes back into the pool
                connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

"""LangGraph's checkpoints in the store's SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from guarded_agent.store.engine import Store
from guarded_agent.store.refusal import explained
from guarded_agent.store.saver import ThreadedSaver


class SqliteFileSaver(ThreadedSaver, SqliteSaver):
    """A checkpointer on a connection of its own."""

    def __init__(self, connection: sqlite3.Connection, place: str) -> None:
        self.place = place
        SqliteSaver.__init__(self, connection)

    @contextmanager
    def cursor(self, transaction: bool = True) -> Generator[sqlite3.Cursor]:
        """Yield a cursor; what fails half-way is undone, where LangGraph's own commits it."""
        with self.lock:
            self.setup()
            cursor = self.conn.cursor()
            try:
                if transaction:
                    cursor.execute("BEGIN IMMEDIATE")
                yield cursor
                self.conn.commit()
            finally:
                self.conn.rollback()
                cursor.close()


def open_sqlite(store: Store, path: Path) -> SqliteFileSaver:
    """Return the checkpointer for a store's file; it is closed with the store."""
    with explained(store.backend.place):
        connection = sqlite3.connect(
            path, timeout=store.timeout, isolation_level=None, check_same_thread=False
        )
        store.resources.callback(connection.close)
        saver = SqliteFileSaver(connection, store.backend.place)
        saver.setup()
    return saver

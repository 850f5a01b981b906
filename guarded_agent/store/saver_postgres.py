"""LangGraph's checkpoints in the store's PostgreSQL database."""

from __future__ import annotations

import time
from typing import Any

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from guarded_agent.core.errors import StoreError
from guarded_agent.store.backends import Postgres
from guarded_agent.store.engine import Store
from guarded_agent.store.refusal import explained
from guarded_agent.store.saver import ThreadedSaver

_SETUP_LOCK = 0x6A6E7425  # beside the lock that writers of the store take in turn


class PostgresPoolSaver(ThreadedSaver, PostgresSaver):
    """A checkpointer on a pool of its own."""

    refusals = (psycopg.Error,)

    def __init__(self, pool: ConnectionPool[psycopg.Connection[DictRow]], place: str) -> None:
        self.place = place
        PostgresSaver.__init__(self, pool)


def open_postgres(store: Store, backend: Postgres) -> PostgresPoolSaver:
    """Return the checkpointer for a store's database; it is closed with the store."""
    address = backend.url.set(drivername="postgresql").render_as_string(hide_password=False)
    # Typed for another row factory, which it does not use.
    check: Any = ConnectionPool.check_connection
    options: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with explained(backend.place, psycopg.Error):
        pool = ConnectionPool[psycopg.Connection[DictRow]](
            address,
            min_size=0,
            max_size=8,
            timeout=store.timeout,
            kwargs=options,
            check=check,
            open=True,
        )
        store.resources.callback(pool.close)
        saver = PostgresPoolSaver(pool, backend.place)
        _set_up(saver, pool, store.timeout)
    return saver


def _set_up(
    saver: PostgresPoolSaver, pool: ConnectionPool[psycopg.Connection[DictRow]], timeout: float
) -> None:
    """Make LangGraph's tables, one process at a time.

    It builds indexes concurrently, which waits for every open statement. So nobody may
    wait for the lock inside a statement: it is tried, again and again.
    """
    give_up = time.monotonic() + timeout
    key = (_SETUP_LOCK,)
    with pool.connection() as connection:
        while not _scalar(
            connection, "SELECT pg_try_advisory_lock(%s, hashtext(current_schema())) AS got", key
        ):
            if time.monotonic() > give_up:
                raise StoreError(f"{saver.place} is being set up by another process; try again")
            time.sleep(0.02)
        try:
            saver.setup()
        finally:
            _scalar(
                connection, "SELECT pg_advisory_unlock(%s, hashtext(current_schema())) AS got", key
            )


def _scalar(connection: psycopg.Connection[DictRow], query: Any, values: tuple[int]) -> bool:
    row = connection.execute(query, values).fetchone()
    return bool(row and row["got"])

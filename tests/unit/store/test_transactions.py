"""Transactions: all or nothing, one writer at a time, on every kind of database."""

# ruff: noqa: PT012 - what is refused stands inside of a transaction's block

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text, update

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store
from guarded_agent.store.migrations import STEPS
from guarded_agent.store.schema import meta


def put(connection: Connection, name: str, value: str) -> None:
    connection.execute(insert(meta).values(name=name, value=value))


def get(store: Store, name: str) -> str | None:
    with store.read() as connection:
        return connection.scalar(select(meta.c.value).where(meta.c.name == name))


def test_what_is_written_can_be_read_after_the_block(any_store: Store) -> None:
    with any_store.write() as connection:
        put(connection, "a", "1")
    assert get(any_store, "a") == "1"


def test_a_durable_write_is_written_too(any_store: Store) -> None:
    with any_store.write(durable=True) as connection:
        put(connection, "a", "1")
    assert get(any_store, "a") == "1"


def test_an_error_in_the_block_leaves_no_trace(any_store: Store) -> None:
    with pytest.raises(LookupError), any_store.write() as connection:
        put(connection, "a", "1")
        raise LookupError("mine")
    assert get(any_store, "a") is None


def test_a_refused_statement_undoes_the_ones_before_it(any_store: Store) -> None:
    with pytest.raises(StoreError, match="refused"), any_store.write() as connection:
        put(connection, "a", "1")
        put(connection, "a", "2")
    assert get(any_store, "a") is None


def test_a_refusal_never_repeats_the_values(any_store: Store) -> None:
    with pytest.raises(StoreError) as caught, any_store.write() as connection:
        put(connection, "a", "4111-1111")
        put(connection, "a", "4111-1111")
    assert "4111" not in str(caught.value)


def test_a_swallowed_error_does_not_pass_for_a_commit(postgres_url: str) -> None:
    with Store.open(postgres_url) as store:
        with pytest.raises(StoreError, match="undid"), store.write() as connection:
            put(connection, "a", "1")
            with pytest.raises(Exception, match="duplicate"):
                put(connection, "a", "2")
        assert get(store, "a") is None


def test_a_transaction_that_sqlite_undid_does_not_pass_for_a_commit(store: Store) -> None:
    with pytest.raises(StoreError, match="undid"), store.write() as connection:
        put(connection, "a", "1")
        connection.connection.dbapi_connection.execute("ROLLBACK")  # type: ignore[union-attr]
    assert get(store, "a") is None


def test_a_read_transaction_cannot_write(any_store: Store) -> None:
    with pytest.raises(StoreError, match="read-only"), any_store.read() as connection:
        put(connection, "a", "1")
    with any_store.write() as connection:
        put(connection, "a", "2")
    assert get(any_store, "a") == "2"


def test_a_read_sees_one_moment(any_store: Store) -> None:
    def write_elsewhere() -> None:
        with any_store.write() as connection:
            put(connection, "a", "1")

    with any_store.read() as connection:
        count = text("SELECT count(*) FROM guard_meta WHERE name = 'a'")
        assert connection.scalar(count) == 0
        other = threading.Thread(target=write_elsewhere)
        other.start()
        other.join()
        assert connection.scalar(count) == 0


def test_a_read_within_a_write_sees_what_was_just_written(any_store: Store) -> None:
    with any_store.write() as connection:
        put(connection, "a", "1")
        assert get(any_store, "a") == "1"


@pytest.mark.parametrize("outer", ["read", "write"])
def test_a_write_within_a_transaction_is_refused_at_once(any_store: Store, outer: str) -> None:
    with getattr(any_store, outer)(), pytest.raises(StoreError, match="already"), any_store.write():
        pass


def test_a_thread_can_write_again_after_an_error(any_store: Store) -> None:
    for _ in range(2):
        with pytest.raises(LookupError), any_store.write():
            raise LookupError
    with any_store.write() as connection:
        put(connection, "a", "1")


def count_up(store: Store) -> None:
    with store.write() as connection:
        value = connection.scalar(select(meta.c.value).where(meta.c.name == "n"))
        connection.execute(
            update(meta).where(meta.c.name == "n").values(value=str(int(value or "0") + 1))
        )


def test_threads_that_read_and_write_back_lose_nothing(any_store: Store) -> None:
    with any_store.write() as connection:
        put(connection, "n", "0")
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(count_up, any_store) for _ in range(80)]:
            future.result()
    assert get(any_store, "n") == "80"


def test_threads_share_a_store_in_memory(memory_store: Store) -> None:
    with memory_store.write() as connection:
        put(connection, "n", "0")
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(count_up, memory_store) for _ in range(80)]:
            future.result()
    assert get(memory_store, "n") == "80"


COUNT_UP = """
import sys
from sqlalchemy import select, update
from guarded_agent.store import Store
from guarded_agent.store.schema import meta
with Store.open(sys.argv[1]) as store:
    for _ in range(25):
        with store.write() as connection:
            value = connection.scalar(select(meta.c.value).where(meta.c.name == "n"))
            changed = update(meta).where(meta.c.name == "n").values(value=str(int(value) + 1))
            connection.execute(changed)
"""


def test_processes_that_read_and_write_back_lose_nothing(store_url: str) -> None:
    with Store.open(store_url) as store:
        with store.write() as connection:
            put(connection, "n", "0")
        running = [subprocess.Popen([sys.executable, "-c", COUNT_UP, store_url]) for _ in range(3)]
        assert [process.wait() for process in running] == [0, 0, 0]
        assert get(store, "n") == "75"


OPEN = "import sys; from guarded_agent.store import Store; Store.open(sys.argv[1]).close()"


def test_processes_may_open_a_new_database_at_once(store_url: str) -> None:
    running = [subprocess.Popen([sys.executable, "-c", OPEN, store_url]) for _ in range(4)]
    assert [process.wait() for process in running] == [0] * 4
    with Store.open(store_url) as store:
        assert get(store, "schema_version") == str(len(STEPS) + 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_writes_without_harm_to_its_parent(any_store: Store) -> None:
    with any_store.write() as connection:
        put(connection, "n", "0")
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            count_up(any_store)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    count_up(any_store)
    assert get(any_store, "n") == "2"


def test_a_durable_write_waits_for_the_disk_and_another_does_not(store: Store) -> None:
    level = text("PRAGMA synchronous")
    with store.write(durable=True) as connection:
        assert connection.scalar(level) == 2  # FULL
    with store.write() as connection:
        assert connection.scalar(level) == 1  # NORMAL


def test_postgres_waits_for_the_disk_when_it_is_told_to(postgres_url: str) -> None:
    with Store.open(postgres_url) as store:
        for durable, expected in ((True, "on"), (False, "off")):
            with store.write(durable=durable) as connection:
                assert connection.scalar(text("SHOW synchronous_commit")) == expected


def test_the_file_is_for_its_owner_only(store: Store) -> None:
    assert store.path is not None
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_the_file_stays_the_same_when_the_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///guard.db", environ={}) as store:
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert store.path == tmp_path / "guard.db"
        with store.write() as connection:
            put(connection, "a", "1")
    with sqlite3.connect(tmp_path / "guard.db") as connection:
        rows = connection.execute("SELECT value FROM guard_meta WHERE name = 'a'").fetchall()
    connection.close()
    assert rows == [("1",)]


def test_a_store_in_memory_is_gone_when_it_is_closed() -> None:
    with Store.open("sqlite://", environ={}) as store, store.write() as connection:
        put(connection, "a", "1")
    with Store.open("sqlite://", environ={}) as store:
        assert get(store, "a") is None


def test_the_clock_comes_from_outside() -> None:
    with Store.open("sqlite://", clock=lambda: 7.0, environ={}) as store:
        assert store.clock() == 7.0

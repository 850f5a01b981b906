"""A database that refuses says so in one line that names the place, and nothing is written."""

# ruff: noqa: PT012, SIM117 - what is refused stands inside of a transaction's block

from __future__ import annotations

import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from guarded_agent.core.errors import MissingExtra, StoreError
from guarded_agent.store import Store, checkpointer
from guarded_agent.store.migrations import STEPS
from guarded_agent.store.schema import meta, metadata


def names(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM guard_meta")}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A database that was used before."""
    with Store.open(f"sqlite:///{tmp_path}/guard.db", environ={}) as store:
        assert store.path is not None
        return store.path


def refusal(url: str, timeout: float = 0.05) -> str:
    with pytest.raises(StoreError) as caught:
        Store.open(url, timeout=timeout, environ={})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_another_program_keeps_locked(made: Path) -> None:
    with Store.open(f"sqlite:///{made}", timeout=0.05, environ={}) as store:
        with closing(sqlite3.connect(made, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another process") as caught:
                with store.write() as connection:
                    connection.execute(insert(meta).values(name="a", value="1"))
            assert str(made) in str(caught.value)
            assert str(made) in refusal(f"sqlite:///{made}")
        with store.write() as connection:
            connection.execute(insert(meta).values(name="b", value="1"))
    assert names(made) & {"a", "b"} == {"b"}


def test_a_file_that_is_opened_read_only(made: Path) -> None:
    message = refusal(f"sqlite:///file:{made}?mode=ro&uri=true")
    assert message == f"{made} is read-only here; make the file and its folder writable"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, for a user to whom file permissions apply."""
    with tempfile.TemporaryDirectory() as folder:
        user = os.geteuid()
        if user == 0:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)
            os.chmod(folder, 0o777)


def test_a_file_without_permission_to_write(unprivileged: Path) -> None:
    path = unprivileged / "guard.db"
    Store.open(f"sqlite:///{path}", environ={}).close()
    before = path.read_bytes()
    path.chmod(0o400)
    unprivileged.chmod(0o555)
    assert refusal(f"sqlite:///{path}").startswith(f"{path} is read-only here")
    assert path.read_bytes() == before


def test_a_folder_without_permission_to_write(unprivileged: Path) -> None:
    unprivileged.chmod(0o555)
    path = unprivileged / "guard.db"
    assert refusal(f"sqlite:///{path}").startswith(f"{path} cannot be opened")
    assert list(unprivileged.iterdir()) == []


def test_a_key_file_without_permission_to_read(unprivileged: Path) -> None:
    path = unprivileged / "guard.db"
    Store.open(f"sqlite:///{path}", environ={}).close()
    (unprivileged / "guard.db.key").chmod(0o000)
    assert "guard.db.key cannot be used: Permission denied" in refusal(f"sqlite:///{path}")


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "guard.db"
    assert refusal(f"sqlite:///{path}") == (
        f"{path} cannot be opened: its folder does not exist; create it"
    )
    assert not path.parent.exists()


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    assert refusal(f"sqlite:///{tmp_path}").startswith(f"{tmp_path} cannot be opened")


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "guard.db"
    path.write_bytes(b"%PDF-1.7 this is something else" * 100)
    before = path.read_bytes()
    assert refusal(f"sqlite:///{path}").startswith(f"{path} is not a SQLite database")
    assert path.read_bytes() == before
    assert not path.with_name("guard.db.key").exists()


def test_a_damaged_database(made: Path) -> None:
    whole = made.read_bytes()
    made.write_bytes(whole[:100] + b"\xff" * (len(whole) - 100))
    assert refusal(f"sqlite:///{made}").startswith(f"{made} is damaged")


def test_a_database_without_room_for_more(made: Path) -> None:
    with Store.open(f"sqlite:///{made}", environ={}) as store:
        with pytest.raises(StoreError, match="no room left") as caught:
            with store.write() as connection:
                pages = connection.scalar(text("PRAGMA page_count"))
                connection.execute(text(f"PRAGMA max_page_count={pages}"))
                connection.execute(insert(meta).values(name="small", value="1"))
                connection.execute(insert(meta).values(name="big", value="x" * 100_000))
        assert str(made) in str(caught.value)
    assert names(made) & {"small", "big"} == set()


def test_a_full_disk(tiny_disk: Path) -> None:
    path = tiny_disk / "guard.db"
    with Store.open(f"sqlite:///{path}", environ={}) as store:
        with pytest.raises(StoreError, match="no room left") as caught:
            with store.write(durable=True) as connection:
                connection.execute(insert(meta).values(name="small", value="1"))
                connection.execute(insert(meta).values(name="big", value="x" * 1_000_000))
        assert str(path) in str(caught.value)
        with store.write(durable=True) as connection:
            connection.execute(insert(meta).values(name="after", value="1"))
    assert names(path) & {"small", "big", "after"} == {"after"}


def test_a_new_database_on_a_full_disk(tiny_disk: Path) -> None:
    (tiny_disk / "ballast").write_bytes(bytes(500 * 1024))
    assert "check the disk and its free space" in refusal(f"sqlite:///{tiny_disk}/guard.db")
    assert not (tiny_disk / "guard.db.key").exists()


def test_a_database_of_a_newer_release(store_url: str) -> None:
    with Store.open(store_url) as store:
        place = store.backend.place
        with store.write() as connection:
            connection.execute(
                meta.update().where(meta.c.name == "schema_version").values(value="99")
            )
    with pytest.raises(StoreError) as caught:
        Store.open(store_url)
    assert str(caught.value) == (
        f"{place} has schema version 99 and this release knows {len(STEPS) + 1}; "
        "upgrade guarded-agent"
    )


def test_a_server_that_does_not_answer() -> None:
    message = refusal("postgresql+psycopg://ann:hunter2@127.0.0.1:1/guard?password=hunter3")
    assert message == (
        "the PostgreSQL database 127.0.0.1:1/guard cannot be reached; "
        "check that the server runs, and the address, database, user and password"
    )


def test_a_database_that_the_server_does_not_have(postgres_server: str) -> None:
    address = postgres_server.rpartition("/")[0].replace("postgresql://", "postgresql+psycopg://")
    assert "guard_no_such_database cannot be reached; check" in refusal(
        f"{address}/guard_no_such_database"
    )


def test_a_postgres_store_that_another_session_keeps_locked(postgres_url: str) -> None:
    with Store.open(postgres_url) as holder, Store.open(postgres_url, timeout=0.05) as store:
        with holder.write():
            # Another thread would do as well; the two stores are two processes to the server.
            with pytest.raises(StoreError, match="locked by another process"), store.write():
                pass
        with store.write() as connection:
            connection.execute(insert(meta).values(name="a", value="1"))


def test_a_postgres_store_whose_connections_were_cut_goes_on(postgres_url: str) -> None:
    with Store.open(postgres_url) as store, Store.open(postgres_url) as other:
        with store.read() as connection:
            server_process = connection.scalar(text("SELECT pg_backend_pid()"))
        with other.write() as connection:
            connection.execute(text(f"SELECT pg_terminate_backend({server_process})"))
        with store.write() as connection:
            connection.execute(insert(meta).values(name="a", value="1"))


def test_a_postgres_connection_that_is_cut_within_a_transaction(postgres_url: str) -> None:
    with Store.open(postgres_url) as store, Store.open(postgres_url) as other:
        with pytest.raises(StoreError, match=r"shutting down|cannot be reached"):
            with store.write() as connection:
                connection.execute(insert(meta).values(name="a", value="1"))
                server_process = connection.scalar(text("SELECT pg_backend_pid()"))
                with other.read() as reader:
                    reader.execute(text(f"SELECT pg_terminate_backend({server_process})"))
                connection.execute(insert(meta).values(name="b", value="1"))
        with other.read() as connection:
            count = "SELECT count(*) FROM guard_meta WHERE name IN ('a', 'b')"
            assert connection.scalar(text(count)) == 0


@pytest.mark.parametrize(
    "url", ["mysql://root:hunter2@localhost/x", "guard.db", "", "sqlite+aiosqlite:///x.db"]
)
def test_a_url_that_names_no_database_we_know(url: str) -> None:
    message = refusal(url)
    assert "not supported" in message
    assert "hunter2" not in message


def test_postgres_needs_a_key_and_says_how_to_make_one(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GUARDED_AGENT_KEY")
    message = refusal(postgres_url, timeout=5)
    assert "needs the key in GUARDED_AGENT_KEY" in message
    assert "os.urandom(32)" in message
    with Store.open(postgres_url, environ={"GUARDED_AGENT_KEY": "A" * 43 + "="}) as store:
        with store.read() as connection:  # nothing of the refused attempt was kept
            assert connection.scalar(text("SELECT count(*) FROM guard_meta")) == 2


def test_a_thread_that_waits_too_long_for_the_store_in_memory() -> None:
    import threading

    with Store.open("sqlite://", timeout=0.05, environ={}) as store:
        caught: list[Exception] = []

        def read() -> None:
            try:
                with store.read():
                    pass
            except StoreError as error:
                caught.append(error)

        with store.write():
            other = threading.Thread(target=read)
            other.start()
            other.join()
    assert "another thread" in str(caught[0])


def test_the_tables_are_exactly_those_of_the_schema(made: Path) -> None:
    with closing(sqlite3.connect(made)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert {name for (name,) in tables} == set(metadata.tables)


@pytest.mark.parametrize("missing", ["psycopg", "langgraph.checkpoint.postgres"])
def test_a_missing_driver_is_named_with_the_line_that_installs_it(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    opened = Store.open(postgres_url)
    monkeypatch.setitem(sys.modules, missing, None)
    with opened as store, pytest.raises(MissingExtra) as caught:
        checkpointer(store if missing.startswith("langgraph") else Store.open(postgres_url))
    assert "pip install 'guarded-agent[postgres]'" in str(caught.value)

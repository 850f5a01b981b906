"""Connections that are kept between transactions carry nothing from one to the next."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store
from guarded_agent.store.engine import _MOST_IDLE
from guarded_agent.store.schema import meta

ADD = insert(meta).values(name="x", value="y")
FIND = select(meta.c.value).where(meta.c.name == "x")


def fails(store: Store) -> None:
    with store.write() as connection:
        connection.execute(ADD)
        raise LookupError


def test_what_failed_leaves_nothing_to_the_next_transaction(any_store: Store) -> None:
    for _ in range(3):
        with pytest.raises(LookupError):
            fails(any_store)
        with any_store.read() as connection:
            assert connection.scalar(FIND) is None


def test_a_reader_that_goes_on_sees_what_was_written_meanwhile(any_store: Store) -> None:
    with any_store.read() as connection:
        assert connection.scalar(FIND) is None
    with any_store.write() as connection:
        connection.execute(ADD)
    with any_store.read() as connection:
        assert connection.scalar(FIND) == "y"


def test_a_connection_that_wrote_cannot_write_as_a_reader(any_store: Store) -> None:
    with any_store.write() as connection:
        connection.execute(select(1))
    with pytest.raises(StoreError), any_store.read() as connection:
        connection.execute(ADD)


def test_only_a_few_are_kept_however_many_threads_read_at_once(store: Store) -> None:
    together = threading.Barrier(_MOST_IDLE + 4, timeout=30)

    def read(_: int) -> None:
        with store.read() as connection:
            connection.scalar(FIND)
            together.wait()

    with ThreadPoolExecutor(_MOST_IDLE + 4) as pool:
        list(pool.map(read, range(_MOST_IDLE + 4)))
    assert len(store._idle.readers) == _MOST_IDLE


def test_closing_the_store_closes_them(store: Store) -> None:
    with store.read() as connection:
        connection.scalar(FIND)
    store.close()
    assert connection.closed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_process_uses_none_of_its_parents(store: Store) -> None:
    with store.read() as connection:
        connection.scalar(FIND)
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        os._exit(len(store._idle.readers))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(store._idle.readers) == 1

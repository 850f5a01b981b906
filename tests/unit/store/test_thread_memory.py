"""The memory of threads in the store: it only grows, whoever writes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select

from guarded_agent.core import Confidentiality, Label, Pressure, ThreadMemory
from guarded_agent.store import Store, memory
from guarded_agent.store.schema import thread

NOTICE = Pressure("replacement", "you will be replaced", "mail", frozenset({"kyle@acme.com"}))
HR = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}), sources=frozenset({"search_hr"}))


def load(store: Store, thread_id: str = "t") -> ThreadMemory:
    with store.read() as connection:
        return memory.load(connection, "a", thread_id)


def test_an_unknown_thread_has_seen_nothing(any_store: Store) -> None:
    assert load(any_store) == ThreadMemory()


def test_what_was_saved_comes_back(any_store: Store) -> None:
    whole = ThreadMemory(HR, (NOTICE,), frozenset({"é@x.com"}), frozenset({"b"}), frozenset({"c"}))
    with any_store.write() as connection:
        assert memory.save(connection, "a", "t", whole, 1.0) == whole
    assert load(any_store) == whole


def test_threads_and_agents_are_kept_apart(any_store: Store) -> None:
    with any_store.write() as connection:
        memory.grow(connection, "a", "t", at=1.0, label=HR)
        memory.grow(connection, "b", "u", at=1.0, label=HR)
    assert load(any_store, "u") == ThreadMemory()


def test_saving_less_takes_nothing_away(any_store: Store) -> None:
    with any_store.write() as connection:
        memory.grow(connection, "a", "t", at=1.0, label=HR, pressure=(NOTICE,))
        memory.save(connection, "a", "t", ThreadMemory(recipients=frozenset({"x"})), 2.0)
    assert load(any_store) == ThreadMemory(HR, (NOTICE,), recipients=frozenset({"x"}))


def test_growth_returns_all_that_is_known(any_store: Store) -> None:
    with any_store.write() as connection:
        memory.grow(connection, "a", "t", at=1.0, tools_read=frozenset({"x"}))
        grown = memory.grow(connection, "a", "t", at=2.0, correspondents=frozenset({"y"}))
    assert grown == ThreadMemory(tools_read=frozenset({"x"}), correspondents=frozenset({"y"}))


def test_parallel_lanes_lose_nothing_of_each_other(any_store: Store) -> None:
    def lane(number: int) -> None:
        with any_store.write() as connection:
            memory.grow(connection, "a", "t", at=1.0, recipients=frozenset({str(number)}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lane, range(40)))
    assert load(any_store).recipients == {str(number) for number in range(40)}


def test_lanes_that_both_loaded_before_they_saved_lose_nothing(any_store: Store) -> None:
    first = load(any_store).grow(recipients=frozenset({"first"}))
    second = load(any_store).grow(recipients=frozenset({"second"}))
    for lane in (first, second):
        with any_store.write() as connection:
            memory.save(connection, "a", "t", lane, 1.0)
    assert load(any_store).recipients == {"first", "second"}


def test_saving_what_is_known_already_writes_nothing(store: Store) -> None:
    with store.write() as connection:
        known = memory.grow(connection, "a", "t", at=1.0, label=HR)
        assert memory.save(connection, "a", "t", known, 2.0) == known
        assert connection.scalar(select(thread.c.changed_at)) == 1.0

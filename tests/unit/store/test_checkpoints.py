"""Checkpoints in the store's database: a real graph stops, another process goes on."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store, checkpointer


class State(TypedDict, total=False):
    steps: list[str]
    answer: str


def ask(state: State) -> State:
    return {"answer": interrupt("may I?"), "steps": [*state.get("steps", []), "asked"]}


def finish(state: State) -> State:
    return {"steps": [*state.get("steps", []), "finished"]}


def graph(store: Store) -> Any:
    builder = StateGraph(State)
    builder.add_node("ask", ask)
    builder.add_node("finish", finish)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "finish")
    builder.add_edge("finish", END)
    return builder.compile(checkpointer=checkpointer(store))


CONFIG: Any = {"configurable": {"thread_id": "t"}}
DONE = {"answer": "yes", "steps": ["asked", "finished"]}


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def saved(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store, of each kind in turn, and in memory."""
    if request.param == "postgres":
        with Store.open(request.getfixturevalue("postgres_url")) as store:
            yield store
    else:
        yield request.getfixturevalue("store" if request.param == "sqlite" else "memory_store")


def test_a_graph_stops_and_goes_on(saved: Store) -> None:
    app = graph(saved)
    assert app.invoke({"steps": []}, CONFIG)["__interrupt__"][0].value == "may I?"
    assert app.invoke(Command(resume="yes"), CONFIG) == DONE


def test_a_graph_stops_and_goes_on_in_an_event_loop(saved: Store) -> None:
    async def run() -> Any:
        app = graph(saved)
        stopped = await app.ainvoke({"steps": []}, CONFIG)
        assert stopped["__interrupt__"][0].value == "may I?"
        return await app.ainvoke(Command(resume="yes"), CONFIG)

    assert asyncio.run(run()) == DONE


def test_a_graph_streams(saved: Store) -> None:
    app = graph(saved)
    first = list(app.stream({"steps": []}, CONFIG, stream_mode="updates"))
    rest = list(app.stream(Command(resume="yes"), CONFIG, stream_mode="updates"))
    assert [list(update) for update in first + rest] == [["__interrupt__"], ["ask"], ["finish"]]


def test_a_graph_streams_in_an_event_loop(saved: Store) -> None:
    async def run() -> list[list[str]]:
        app = graph(saved)
        seen: list[list[str]] = []
        for given in ({"steps": []}, Command(resume="yes")):
            async for update in app.astream(given, CONFIG, stream_mode="updates"):
                seen.append(list(update))  # noqa: PERF401 - two streams
        return seen

    assert asyncio.run(run()) == [["__interrupt__"], ["ask"], ["finish"]]


def test_what_stopped_in_an_event_loop_goes_on_outside_of_it(saved: Store) -> None:
    app = graph(saved)
    asyncio.run(app.ainvoke({"steps": []}, CONFIG))
    assert app.invoke(Command(resume="yes"), CONFIG) == DONE


def test_many_threads_run_in_one_event_loop(saved: Store) -> None:
    async def run() -> list[Any]:
        app = graph(saved)

        async def one(number: int) -> Any:
            config: Any = {"configurable": {"thread_id": str(number)}}
            await app.ainvoke({"steps": []}, config)
            return await app.ainvoke(Command(resume="yes"), config)

        return await asyncio.gather(*(one(number) for number in range(8)))

    assert asyncio.run(run()) == [DONE] * 8


def test_history_is_the_same_in_both_worlds(saved: Store) -> None:
    app = graph(saved)
    app.invoke({"steps": []}, CONFIG)
    app.invoke(Command(resume="yes"), CONFIG)

    async def history() -> list[Any]:
        return [state.values async for state in app.aget_state_history(CONFIG)]

    known = [state.values for state in app.get_state_history(CONFIG)]
    assert known[0] == DONE
    assert asyncio.run(history()) == known


def test_state_may_change_while_history_is_read(any_store: Store) -> None:
    app = graph(any_store)
    app.invoke({"steps": []}, CONFIG)
    for state in app.get_state_history(CONFIG):
        app.update_state(state.config, {"steps": ["changed"]})
    assert app.get_state(CONFIG).values["steps"] == ["changed"]


def test_a_thread_can_be_deleted(saved: Store) -> None:
    app = graph(saved)
    app.invoke({"steps": []}, CONFIG)
    asyncio.run(app.checkpointer.adelete_thread("t"))
    assert app.get_state(CONFIG).values == {}


STOP = """
import sys
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from guarded_agent.store import Store, checkpointer

class State(TypedDict, total=False):
    steps: list
    answer: str

builder = StateGraph(State)
builder.add_node("ask", lambda state: {"answer": interrupt("may I?")})
builder.add_node("finish", lambda state: {})
builder.add_edge(START, "ask")
builder.add_edge("ask", "finish")
with Store.open(sys.argv[1]) as store:
    app = builder.compile(checkpointer=checkpointer(store))
    app.invoke({"steps": []}, {"configurable": {"thread_id": sys.argv[2]}})
"""


def test_another_process_goes_on_where_one_stopped(store_url: str) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", STOP, store_url, thread]) for thread in ("t", "u")
    ]
    assert [process.wait() for process in running] == [0, 0]
    with Store.open(store_url) as store:
        app = graph(store)
        for thread in ("t", "u"):
            config: Any = {"configurable": {"thread_id": thread}}
            assert app.invoke(Command(resume="yes"), config) == DONE


def test_rows_and_checkpoints_stand_in_one_file(store: Store) -> None:
    graph(store).invoke({"steps": []}, CONFIG)
    assert store.path is not None
    with closing(sqlite3.connect(store.path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert {"guard_action", "checkpoints", "writes"} <= names


def test_a_locked_file_is_a_plain_error(store: Store) -> None:
    with Store.open(f"sqlite:///{store.path}", timeout=0.05, environ={}) as impatient:
        app = graph(impatient)
        with store.write(), pytest.raises(StoreError, match="locked by another process"):
            app.invoke({"steps": []}, CONFIG)


def test_a_write_that_fails_half_way_leaves_nothing(store: Store) -> None:
    saver = checkpointer(store)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "1"}}
    assert store.path is not None
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON writes WHEN NEW.channel = 'b'"
            " BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        with pytest.raises(StoreError, match="refused"):
            saver.put_writes(config, [("a", 1), ("b", 2)], "task")
        assert connection.execute("SELECT count(*) FROM writes").fetchone() == (0,)
        connection.execute("DROP TRIGGER full")
    saver.put_writes(config, [("a", 1), ("b", 2)], "task")


def test_the_checkpointer_is_closed_with_its_store(any_store: Store) -> None:
    app = graph(any_store)
    any_store.close()
    with pytest.raises(StoreError):
        app.invoke({"steps": []}, CONFIG)

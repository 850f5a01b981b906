"""The audit log: what is appended comes back, in order, in one chain."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guarded_agent.audit import AuditLog, Event, Verified, export, verify
from guarded_agent.core import Recorder
from guarded_agent.core.errors import ActionError, StoreError
from guarded_agent.store import Store


def append(store: Store, kind: str = "action.judged", **more: Any) -> int:
    with store.write() as connection:
        return AuditLog(store).append(connection, kind, agent_id="mail", **more)


def test_the_log_is_a_recorder(memory_store: Store) -> None:
    recorder: Recorder = AuditLog(memory_store)
    with memory_store.write() as connection:
        assert recorder.append(connection, "x", agent_id="a") == 1


def test_an_event_comes_back_as_it_was_appended(any_store: Store) -> None:
    any_store.clock = lambda: 12.5
    seq = append(
        any_store, thread_id="t", run_id="r", digest="d" * 64, data={"tool": "wire", "args": ["é"]}
    )
    (event,) = AuditLog(any_store).tail()
    assert event == Event(
        seq=seq,
        at=12.5,
        kind="action.judged",
        agent_id="mail",
        thread_id="t",
        run_id="r",
        digest="d" * 64,
        data={"tool": "wire", "args": ["é"]},
        previous="0" * 64,
        hash=event.expected_hash(),
    )


def test_each_event_is_linked_to_the_one_before(any_store: Store) -> None:
    for _ in range(3):
        append(any_store)
    events = list(AuditLog(any_store).events())
    assert [event.seq for event in events] == [1, 2, 3]
    assert [event.previous for event in events[1:]] == [event.hash for event in events[:-1]]


def test_a_hash_is_that_of_the_hash_before_and_the_canonical_bytes(memory_store: Store) -> None:
    memory_store.clock = lambda: 1.0
    append(memory_store, data={"b": 1, "a": 2})
    (event,) = AuditLog(memory_store).tail()
    content = (
        '{"agent_id":"mail","at":1.0,"data":{"a":2,"b":1},"digest":"","kind":"action.judged",'
        f'"previous":"{"0" * 64}","run_id":"","seq":1,"thread_id":""}}'
    )
    assert event.canonical() == content.encode()
    assert event.hash == hashlib.sha256(("0" * 64 + content).encode()).hexdigest()


def test_an_event_is_there_only_if_its_transaction_commits(any_store: Store) -> None:
    with pytest.raises(LookupError), any_store.write() as connection:  # noqa: PT012
        AuditLog(any_store).append(connection, "x", agent_id="a")
        raise LookupError
    assert append(any_store) == 1
    assert verify(any_store).count == 1


def test_several_events_of_one_transaction_are_one_chain(any_store: Store) -> None:
    log = AuditLog(any_store)
    with any_store.write() as connection:
        assert [log.append(connection, "x", agent_id="a") for _ in range(3)] == [1, 2, 3]
    assert verify(any_store).count == 3


DATA = st.dictionaries(
    st.text() | st.integers(),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(), inner),
        max_leaves=8,
    ),
    max_size=4,
).filter(lambda data: len({type(key) for key in data}) < 2)


@given(DATA)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_whatever_data_is_appended_the_chain_verifies(
    memory_store: Store, data: dict[Any, Any]
) -> None:
    append(memory_store, data=data)
    verify(memory_store)


def test_a_clock_that_counts_in_whole_seconds_does_no_harm(any_store: Store) -> None:
    any_store.clock = lambda: 7
    append(any_store)
    assert verify(any_store).count == 1


@pytest.mark.parametrize(
    "data", [{"a": object()}, {"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud800"}, {"a": b"x"}]
)
def test_data_that_is_no_json_is_refused(store: Store, data: dict[str, Any]) -> None:
    with pytest.raises(ActionError):
        append(store, data=data)
    assert verify(store).count == 0


def test_the_tail_is_the_last_events_oldest_first(any_store: Store) -> None:
    for number in range(5):
        append(any_store, f"e{number}", thread_id="even" if number % 2 == 0 else "odd")
    log = AuditLog(any_store)
    assert [event.kind for event in log.tail(2)] == ["e3", "e4"]
    assert [event.kind for event in log.tail(2, thread_id="even")] == ["e2", "e4"]
    assert log.tail(thread_id="none") == []


def test_events_are_read_page_by_page(memory_store: Store) -> None:
    log = AuditLog(memory_store)
    with memory_store.write() as connection:
        for _ in range(1001):
            log.append(connection, "x", agent_id="a")
    assert [event.seq for event in log.events()] == list(range(1, 1002))
    assert [event.seq for event in log.events(after=999)] == [1000, 1001]


def test_events_may_be_appended_while_others_are_read(memory_store: Store) -> None:
    append(memory_store)
    for _ in AuditLog(memory_store).events():
        append(memory_store)
    assert verify(memory_store).count == 2


APPEND = """
import sys
from guarded_agent.audit import AuditLog
from guarded_agent.store import Store
with Store.open(sys.argv[1]) as store:
    log = AuditLog(store)
    for number in range(100):
        with store.write() as connection:
            log.append(connection, "x", agent_id=sys.argv[2], data={"number": number})
"""


def test_several_processes_write_one_unbroken_chain(store_url: str) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", APPEND, store_url, f"agent-{number}"])
        for number in range(4)
    ]
    assert [process.wait() for process in running] == [0] * 4
    with Store.open(store_url) as store:
        assert verify(store).count == 400
        of_one = [e.data["number"] for e in AuditLog(store).events() if e.agent_id == "agent-2"]
    assert of_one == list(range(100))


def test_an_export_can_be_checked_without_the_database(store: Store, tmp_path: Path) -> None:
    for number in range(3):
        append(store, data={"number": number})
    target = tmp_path / "log.jsonl"
    assert export(store, target) == 3
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    last = "0" * 64
    for line in target.read_text().splitlines():
        event = Event(**json.loads(line))
        assert event.previous == last
        assert event.hash == event.expected_hash()
        last = event.hash
    assert verify(store) == Verified(3, last)


def test_an_export_overwrites_nothing(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "log.jsonl"
    target.write_text("mine")
    with pytest.raises(StoreError, match=r"log\.jsonl cannot be written: File exists"):
        export(store, target)
    assert target.read_text() == "mine"


def test_an_export_into_a_missing_folder_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file or directory"):
        export(store, tmp_path / "missing" / "log.jsonl")


def test_an_export_that_finds_no_room_leaves_no_half_log(store: Store, tiny_disk: Path) -> None:
    with store.write() as connection:
        for _ in range(100):
            AuditLog(store).append(connection, "x", agent_id="a", data={"long": "x" * 10_000})
    target = tiny_disk / "log.jsonl"
    with pytest.raises(StoreError, match="No space left on device"):
        export(store, target)
    assert not target.exists()

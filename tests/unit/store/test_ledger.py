"""The ledger: verdicts are stored once, bodies start at most once, outcomes are sealed."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from guarded_agent.core import ALLOW, Action, Effect, Finding, ThreadMemory, Verdict
from guarded_agent.core.errors import ActionError, StoreError
from guarded_agent.store import Entry, Ledger, Store, memory

VERDICT = Verdict(
    Effect.APPROVE,
    (Finding("scope", "needs a person", guard="policy", rule="r1", path="args.to", span=(0, 3)),),
    message="Somebody has to look at this.",
    quorum=2,
    roles=("sre",),
)


def action(call_id: str = "c1", **args: Any) -> Action:
    return Action.build(
        tool="wire", args=args or {"amount": 5}, call_id=call_id, thread_id="t", agent_id="a"
    )


def record(store: Store, act: Action, verdict: Verdict = ALLOW, access: str = "write") -> Entry:
    with store.write() as connection:
        return Ledger(store).record(
            connection,
            act,
            access=access,
            verdict=verdict,
            policy_digest="p" * 64,
            preview={"amount": "***"},
        )


def find(store: Store, digest: str) -> Entry:
    with store.read() as connection:
        entry = Ledger(store).find(connection, digest)
    assert entry is not None
    return entry


def do(store: Store, step: str, *args: Any, **more: Any) -> bool:
    with store.write() as connection:
        return getattr(Ledger(store), step)(connection, *args, **more)


def test_an_action_that_was_never_judged_is_not_there(any_store: Store) -> None:
    with any_store.read() as connection:
        assert Ledger(any_store).find(connection, action().digest) is None


def test_an_entry_comes_back_as_it_was_recorded(any_store: Store) -> None:
    any_store.clock = lambda: 12.5
    recorded = record(any_store, action(), VERDICT)
    assert find(any_store, action().digest) == recorded
    assert recorded == Entry(
        digest=action().digest,
        agent_id="a",
        thread_id="t",
        call_id="c1",
        tool="wire",
        access="write",
        verdict=VERDICT,
        effect=Effect.APPROVE,
        policy_digest="p" * 64,
        preview={"amount": "***"},
        state="judged",
        worker="",
        result=None,
        created_at=12.5,
        started_at=None,
        finished_at=None,
    )


def test_a_verdict_is_stored_and_not_replaced(any_store: Store) -> None:
    record(any_store, action(), VERDICT)
    assert record(any_store, action(), ALLOW).verdict == VERDICT
    assert find(any_store, action().digest).effect is Effect.APPROVE


def test_a_judged_action_starts_once(any_store: Store) -> None:
    any_store.clock = lambda: 3.0
    digest = record(any_store, action()).digest
    assert do(any_store, "start", digest, "w1")
    assert not do(any_store, "start", digest, "w1")
    assert not do(any_store, "start", digest, "w2")
    entry = find(any_store, digest)
    assert (entry.state, entry.worker, entry.started_at) == ("executing", "w1", 3.0)


def test_an_unknown_action_does_not_start(any_store: Store) -> None:
    assert not do(any_store, "start", "0" * 64, "w1")


def test_of_many_threads_one_starts_an_action(any_store: Store) -> None:
    digests = [record(any_store, action(f"c{number}")).digest for number in range(10)]

    def claim(worker: str) -> list[str]:
        return [digest for digest in digests if do(any_store, "start", digest, worker)]

    with ThreadPoolExecutor(4) as pool:
        won = [digest for claimed in pool.map(claim, "wxyz") for digest in claimed]
    assert sorted(won) == sorted(digests)


CLAIM = """
import sys
from guarded_agent.store import Ledger, Store
with Store.open(sys.argv[1]) as store:
    for digest in sys.argv[2:]:
        with store.write(durable=True) as connection:
            if Ledger(store).start(connection, digest, "w"):
                print(digest)
"""


def test_of_several_processes_one_starts_an_action(store_url: str) -> None:
    with Store.open(store_url) as store:
        digests = [record(store, action(f"c{number}")).digest for number in range(30)]
    command = [sys.executable, "-c", CLAIM, store_url, *digests]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    won = [digest for process in running for digest in process.communicate()[0].split()]
    assert [process.returncode for process in running] == [0] * 3
    assert sorted(won) == sorted(digests)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_a_result_comes_back_as_it_was(memory_store: Store, result: Any) -> None:
    digest = record(memory_store, action(), access="read").digest
    assert do(memory_store, "restart", digest, "w1")
    assert do(memory_store, "finish", digest, "w1", ok=True, result=result)
    assert find(memory_store, digest).result == result


def test_a_result_is_not_readable_in_the_database(store: Store) -> None:
    digest = record(store, action()).digest
    do(store, "start", digest, "w1")
    do(store, "finish", digest, "w1", ok=True, result="the salary is 4711")
    assert store.path is not None
    for file in store.path.parent.iterdir():
        assert b"4711" not in file.read_bytes()


@pytest.mark.parametrize(("ok", "state"), [(True, "done"), (False, "failed")])
def test_an_outcome_is_recorded(any_store: Store, ok: bool, state: str) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    any_store.clock = lambda: 9.0
    assert do(any_store, "finish", digest, "w1", ok=ok, result={"id": 7})
    entry = find(any_store, digest)
    assert (entry.state, entry.result, entry.finished_at) == (state, {"id": 7}, 9.0)


def test_only_who_started_it_records_the_outcome(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    assert not do(any_store, "finish", digest, "w2", ok=True, result="forged")
    assert find(any_store, digest).state == "executing"


def test_what_did_not_start_has_no_outcome(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    assert not do(any_store, "finish", digest, "", ok=True, result=1)
    assert find(any_store, digest).state == "judged"


def test_an_outcome_is_recorded_once(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    do(any_store, "finish", digest, "w1", ok=True, result=1)
    assert not do(any_store, "finish", digest, "w1", ok=False, result=2)
    assert find(any_store, digest).result == 1


def test_a_finished_write_does_not_start_again(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    do(any_store, "finish", digest, "w1", ok=False, result="boom")
    assert not do(any_store, "start", digest, "w1")
    assert not do(any_store, "restart", digest, "w1")


@pytest.mark.parametrize("access", ["write", "send"])
def test_only_reads_run_again(any_store: Store, access: str) -> None:
    digest = record(any_store, action(), access=access).digest
    assert not do(any_store, "restart", digest, "w1")


def test_a_read_runs_again_whatever_came_of_it(any_store: Store) -> None:
    digest = record(any_store, action(), access="read").digest
    assert do(any_store, "restart", digest, "w1")
    assert do(any_store, "restart", digest, "w2")
    do(any_store, "finish", digest, "w2", ok=True, result=1)
    assert do(any_store, "restart", digest, "w1")
    entry = find(any_store, digest)
    assert (entry.state, entry.worker, entry.result, entry.finished_at) == (
        "executing",
        "w1",
        None,
        None,
    )


def test_a_body_that_waits_may_start_again(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    assert not do(any_store, "pause", digest, "w2")
    assert do(any_store, "pause", digest, "w1")
    assert do(any_store, "start", digest, "w2")


def test_an_uncertain_action_waits_for_a_person(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    record(any_store, action("c2"))
    assert not do(any_store, "mark_uncertain", digest)
    do(any_store, "start", digest, "w1")
    assert do(any_store, "mark_uncertain", digest)
    assert not do(any_store, "start", digest, "w2")
    assert not do(any_store, "pause", digest, "w1")
    with any_store.read() as connection:
        waiting = Ledger(any_store).uncertain(connection)
    assert [(entry.digest, entry.state) for entry in waiting] == [(digest, "uncertain")]


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_person_settles_an_uncertain_action_once(any_store: Store, outcome: str) -> None:
    digest = record(any_store, action()).digest
    assert not do(any_store, "settle", digest, outcome=outcome)
    do(any_store, "start", digest, "w1")
    do(any_store, "mark_uncertain", digest)
    assert do(any_store, "settle", digest, outcome=outcome)
    assert not do(any_store, "settle", digest, outcome="failed")
    assert not do(any_store, "finish", digest, "w1", ok=True, result=1)
    assert find(any_store, digest).state == outcome


def test_a_worker_that_was_only_late_still_records_its_outcome(any_store: Store) -> None:
    digest = record(any_store, action()).digest
    do(any_store, "start", digest, "w1")
    do(any_store, "mark_uncertain", digest)
    assert do(any_store, "finish", digest, "w1", ok=True, result=1)


@pytest.mark.parametrize("result", [object(), {1: {2}}, b"bytes"])
def test_a_result_that_is_no_data_is_not_recorded(store: Store, result: Any) -> None:
    digest = record(store, action()).digest
    do(store, "start", digest, "w1")
    with pytest.raises(StoreError, match="plain JSON data"):
        do(store, "finish", digest, "w1", ok=True, result=result)
    assert find(store, digest).state == "executing"


def test_a_preview_that_is_no_data_is_not_recorded(store: Store) -> None:
    with pytest.raises(ActionError), store.write() as connection:
        Ledger(store).record(
            connection, action(), access="read", verdict=ALLOW, policy_digest="", preview={"a": {1}}
        )
    with store.read() as connection:
        assert Ledger(store).find(connection, action().digest) is None


def test_a_result_moved_to_another_row_does_not_open(any_store: Store) -> None:
    for call in ("c1", "c2"):
        digest = record(any_store, action(call)).digest
        do(any_store, "start", digest, "w1")
        do(any_store, "finish", digest, "w1", ok=True, result=call)
    with any_store.write() as connection:
        moved = "SELECT result_sealed FROM guard_action WHERE call_id = 'c1'"
        connection.execute(text(f"UPDATE guard_action SET result_sealed = ({moved})"))
    assert find(any_store, action("c1").digest).result == "c1"
    with pytest.raises(StoreError, match="does not open"):
        find(any_store, action("c2").digest)


CRASH = """
import os, signal, sys
from guarded_agent.store import Ledger, Store, memory
store = Store.open(sys.argv[1])
with store.write(durable=True) as connection:
    Ledger(store).start(connection, sys.argv[2], "w1")
with store.write() as connection:
    Ledger(store).finish(connection, sys.argv[2], "w1", ok=True, result=1)
    memory.grow(connection, "a", "t", at=1.0, recipients=frozenset({"x"}))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_worker_that_is_killed_leaves_its_start_and_nothing_of_its_end(store_url: str) -> None:
    with Store.open(store_url) as store:
        digest = record(store, action()).digest
        done = subprocess.run([sys.executable, "-c", CRASH, store_url, digest], check=False)
        assert done.returncode == -9
        assert find(store, digest).state == "executing"
        with store.read() as connection:
            assert memory.load(connection, "a", "t") == ThreadMemory()
        assert not do(store, "start", digest, "w2")
        assert do(store, "mark_uncertain", digest)

"""Eight processes vote, claim and resume, and are killed at random: one winner each, none lost."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog, verify
from guarded_agent.core import Action, Effect, Label, Verdict
from guarded_agent.store import Ledger, Store
from guarded_agent.store.schema import action as ledger_row
from guarded_agent.store.schema import approval, turn, vote

MANY, WORKERS, KILLS = 1_000, 8, 8


def ask(store: Store, number: int) -> None:
    action = Action.build(
        tool="pay",
        args={"amount": number},
        call_id=f"call-{number}",
        thread_id=f"thread-{number}",
        agent_id="mail-assistant",
    )
    given: dict[str, Any] = {"policy_digest": "p" * 64, "preview": {"amount": number}}
    with store.write() as connection:
        Ledger(store).record(
            connection, action, access="write", verdict=Verdict(Effect.APPROVE), **given
        )
        Approvals(store, AuditLog(store), decide_within=3_600, execute_within=3_600).submit(
            connection,
            action,
            spec_access="write",
            impact="money",
            summary=f"Pay {number}",
            reasons=[],
            label=Label(),
            **given,
        )


def counts(store: Store, column: Any) -> dict[Any, int]:
    with store.read() as connection:
        found = connection.execute(select(column, func.count()).group_by(column))
        return {row[0]: row[1] for row in found}


@pytest.mark.slow
def test_of_eight_workers_one_wins_each_and_none_is_lost_or_run_twice(
    any_store: Store, store_url: str, tmp_path: Path
) -> None:
    for number in range(MANY):
        ask(any_store, number)
    effects, stop = tmp_path / "effects", tmp_path / "stop"
    numbers = count()

    def start() -> subprocess.Popen[bytes]:
        script = str(Path(__file__).with_name("racing.py"))
        name = f"worker-{next(numbers)}"
        return subprocess.Popen(
            [sys.executable, script, store_url, name, str(effects), str(stop)],
            stdout=subprocess.DEVNULL,
        )

    workers = [start() for _ in range(WORKERS)]
    while counts(any_store, approval.c.state) == {"pending": MANY}:
        time.sleep(0.1)
    killed = 0
    while killed < KILLS:
        time.sleep(random.uniform(0.2, 1.0))
        victim = random.randrange(WORKERS)
        workers[victim].kill()
        workers[victim].wait()
        killed += 1
        workers[victim] = start()
    give_up = time.monotonic() + 500
    while set(counts(any_store, approval.c.state)) != {"used"} or counts(any_store, turn.c.worker):
        time.sleep(0.5)
        assert all(worker.poll() is None for worker in workers)
        assert time.monotonic() < give_up, counts(any_store, approval.c.state)
    stop.touch()
    assert [worker.wait(60) for worker in workers] == [0] * WORKERS

    # One vote each, by one winner.
    assert counts(any_store, approval.c.state) == {"used": MANY}
    assert set(counts(any_store, vote.c.approval_id).values()) == {1}
    assert sum(counts(any_store, vote.c.approval_id).values()) == MANY
    # None ran twice; what a killed worker had begun is known as begun, and nothing else.
    ran = Counter(effects.read_text("utf-8").split())
    assert set(ran.values()) == {1}
    states = counts(any_store, ledger_row.c.state)
    begun = states.get("executing", 0)
    assert states.get("done", 0) + begun == MANY
    assert begun <= killed
    assert MANY - begun <= len(ran) <= MANY
    with any_store.read() as connection:
        done = connection.scalars(select(ledger_row.c.digest).where(ledger_row.c.state == "done"))
        assert set(done) <= set(ran)
    assert all(
        request.intact for request in Approvals(any_store, AuditLog(any_store)).list(limit=None)
    )
    verify(any_store)

"""Many at once: threads and processes on one queue."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from guarded_agent.core.errors import Denied, VoteRefused

PROCESS = """
import sys
from guarded_agent.approvals import Approvals
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store.engine import Store

class Nowhere:
    def append(self, *args, **rest):
        return 0

url, request_id, digest, choice, reviewer = sys.argv[1:]
with Store.open(url) as store:
    store.clock = lambda: 1_000.0
    approvals = Approvals(store, Nowhere())
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        approvals.vote(request_id, choice, reviewer=reviewer, digest=digest, reason="r")
    except VoteRefused as error:
        print("refused", error)
    else:
        print("counted")
"""


def at_once(count: int, body: Callable[[int], Any]) -> list[Any]:
    """Run `body` in threads that start together; return what each gave or raised."""
    start = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = body(index)
        except Exception as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_eight_that_use_an_approval_at_once_one_wins(desk: Any) -> None:
    request = desk.approve(desk.ask())
    results = at_once(8, lambda _: desk.use(request))
    losers = [item for item in results if isinstance(item, Denied)]
    assert len(losers) == 7
    assert desk.events.kinds.count("approval.used") == 1


def test_of_eight_votes_of_one_person_at_once_one_counts(desk: Any) -> None:
    request = desk.ask(quorum=2)
    results = at_once(8, lambda _: desk.approve(request))
    assert sum(isinstance(item, VoteRefused) for item in results) == 7
    stored = desk.approvals.get(request.id)
    assert (stored.state, len(stored.votes)) == ("pending", 1)


def test_eight_that_ask_for_the_same_action_at_once_make_one_request(desk: Any) -> None:
    action = desk.action()
    results = at_once(8, lambda _: desk.ask(action))
    assert len({item.id for item in results}) == 1
    assert len(desk.approvals.list()) == 1


def test_an_approval_and_an_edit_at_once_do_not_both_count(desk: Any) -> None:
    request = desk.ask()

    def decide(index: int) -> Any:
        if index:
            return desk.approve(request, "bob@acme.com")
        return desk.approvals.edit(
            request.id, {"amount": 1}, reviewer="ann@acme.com", digest=request.digest
        )

    results = at_once(2, decide)
    assert sum(isinstance(item, VoteRefused) for item in results) == 1
    assert desk.approvals.get(request.id).state in ("approved", "edited")


@pytest.mark.slow
def test_of_two_processes_that_decide_at_once_one_counts(desk: Any, store_url: str) -> None:
    request = desk.ask()
    deciders = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, store_url, request.id, request.digest, choice, who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for choice, who in (("approve", "ann"), ("reject", "bob"))
    ]
    said: list[str] = []
    for process in deciders:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in deciders:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in deciders:
        out, _ = process.communicate(timeout=60)
        said.append(out.split()[0])
    assert sorted(said) == ["counted", "refused"]
    with desk.store.read() as connection:
        votes = connection.execute(text("SELECT choice FROM guard_vote")).scalars().all()
    state = desk.approvals.get(request.id).state
    assert (state, votes) in [("approved", ["approve"]), ("rejected", ["reject"])]

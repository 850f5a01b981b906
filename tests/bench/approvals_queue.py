"""How long the queue takes: asking and voting with durable commits, and a page of ten thousand.

Run it on a quiet machine: `python tests/bench/approvals_queue.py [URL]`. It prints milliseconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.store import Store

MANY = 10_000
READER = """
import sys
from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.store import Store
with Store.open(sys.argv[1]) as store:
    queue = Approvals(store, AuditLog(store))
    while queue.page():
        print(".", flush=True)
"""
"""Reads one page after another."""


def ask(store: Store, queue: Approvals, number: int, *, durable: bool = True) -> Request:
    """Put one request into the queue."""
    action = Action.build(
        tool=f"tool-{number % 7}",
        args={"amount": number},
        call_id=f"call-{number}",
        thread_id=f"thread-{number}",
        agent_id=f"agent-{number % 50}",
    )
    with store.write(durable=durable) as connection:
        return queue.submit(
            connection,
            action,
            spec_access=("read", "write", "send")[number % 3],
            impact="money" if number % 100 == 0 else None,
            summary=f"Pay {number}",
            reasons=[Finding("rule", "more than 50", "policy")],
            preview={"amount": number},
            label=Label(),
            policy_digest="p" * 64,
        )


def timed(what: Callable[[int], Any], times: int) -> str:
    """Return the median and the 95th of a hundred, in milliseconds."""
    taken: list[float] = []
    for number in range(times):
        start = time.perf_counter()
        what(number)
        taken.append((time.perf_counter() - start) * 1_000)
    taken.sort()
    return f"median {statistics.median(taken):7.2f}  p95 {taken[int(len(taken) * 0.95)]:7.2f}"


def main(url: str) -> None:
    """Measure one database."""
    with Store.open(url) as store:
        queue = Approvals(store, AuditLog(store), decide_within=86_400)
        asked: list[Request] = []
        print("submit       ", timed(lambda n: asked.append(ask(store, queue, n)), 200))

        def vote(number: int) -> None:
            request = asked[number]
            queue.vote(request.id, "approve", reviewer="ann", digest=request.digest, method="cli")

        print("vote         ", timed(vote, 200))
        for number in range(200, MANY + 200):
            ask(store, queue, number, durable=False)
        print("waiting      ", queue.page(limit=0).total)
        print("page of 50   ", timed(lambda _: queue.page(reviewer="ann"), 50))
        print("page 100     ", timed(lambda _: queue.page(offset=5_000), 50))
        print("page, a tool ", timed(lambda _: queue.page(tool="tool-3", roles=["sre"]), 50))
        print("page, a text ", timed(lambda _: queue.page(like="pay 77"), 50))
        some = queue.page().requests[7]
        print("one request  ", timed(lambda _: queue.get(some.id), 50))
        base = MANY + 1_000
        print("submit       ", timed(lambda n: ask(store, queue, base + n), 100))
        # Readers are other processes: threads of this one would share its interpreter.
        readers = [
            subprocess.Popen([sys.executable, "-c", READER, url], stdout=subprocess.PIPE)
            for _ in range(2)
        ]
        for reader in readers:
            assert reader.stdout is not None
            reader.stdout.readline()
        base += 1_000
        print("submit, read ", timed(lambda n: ask(store, queue, base + n), 100))
        for reader in readers:
            reader.kill()
            reader.wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/guard.db")

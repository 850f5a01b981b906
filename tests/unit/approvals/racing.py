"""One worker of the race: it votes, claims threads and runs what was approved, until told to stop.

It is killed at any moment. What it did is in the database and, for the effect itself, one line
in a file.
"""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from pathlib import Path

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import Denied, VoteRefused
from guarded_agent.store import Ledger, Store

POLICY = "p" * 64


def vote(queue: Approvals, name: str) -> bool:
    """Vote on one request that waits, like everybody else; return whether any waits."""
    waiting = queue.page(limit=32).requests
    if not waiting:
        return False
    request = random.choice(waiting)
    with suppress(VoteRefused):  # somebody else was faster
        queue.vote(request.id, "approve", reviewer=name, digest=request.digest, method="token")
    return True


def resume(store: Store, queue: Approvals, worker: str, effects: Path) -> bool:
    """Take one thread and run what is approved in it; return whether there was one."""
    turn = queue.claim(worker, lease=3.0)
    if turn is None:
        return False
    ledger = Ledger(store)
    for request in queue.open_in(turn.agent_id, turn.thread_id):
        try:
            with store.write(durable=True) as connection:
                if not ledger.start(connection, request.digest, worker):
                    continue
                queue.consume(connection, request.digest, POLICY)
        except Denied:
            continue
        line = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(line, f"{request.digest}\n".encode())
        os.close(line)
        with store.write() as connection:
            ledger.finish(connection, request.digest, worker, ok=True, result="paid")
    queue.finish(turn)
    return True


def main(url: str, worker: str, effects: str, stop: str) -> None:
    """Work until there is nothing left and the file `stop` exists."""
    with Store.open(url) as store:
        queue = Approvals(store, AuditLog(store))
        while True:
            voted = vote(queue, f"{worker}@acme.com")
            resumed = resume(store, queue, worker, Path(effects))
            if not (voted or resumed) and Path(stop).exists():
                return


if __name__ == "__main__":
    main(*sys.argv[1:])

"""How long the server takes for a page of a full queue: `python tests/bench/queue_pages.py`.

It fills a store with pending requests, asks for each page as a browser does, and prints the
median and the slowest of some looks, beside an address that reads nothing (`/health`).
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from typing import Any

from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.server import create_app
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
ANN = "ann@acme.example"


def fill(store: Store, count: int) -> str:
    """Put `count` requests into the queue; return the id of the last one."""
    queue = Approvals(store, AuditLog(store))
    last = ""
    for start in range(0, count, 500):
        with store.write() as connection:
            for number in range(start, min(start + 500, count)):
                action = Action.build(
                    tool="send_email",
                    args={"to": f"p{number}@rival.example", "body": "Hello"},
                    call_id=str(number),
                    thread_id=f"t{number % 50}",
                    agent_id=f"agent-{number % 7}",
                )
                rest: dict[str, Any] = {
                    "spec_access": "send",
                    "impact": "money" if number % 5 == 0 else None,
                    "summary": f"Run send_email with to: p{number}@rival.example",
                    "reasons": [Finding("policy", "mail that leaves the company", "policy")],
                    "preview": action.args,
                    "label": Label(),
                    "policy_digest": "p" * 64,
                }
                last = queue.submit(connection, action, **rest).id
    return last


def browser(store: Store) -> TestClient:
    """Return a browser in which a reviewer has signed in."""
    app = create_app(store)
    accounts = app.state.site.accounts
    with store.write() as connection:
        accounts.reviewers.add(connection, ANN, roles=(), by="a bench", password_hash="none")
        cookie = accounts.sessions.open(connection, ANN, "password", store.clock())
    return TestClient(app, base_url=BASE, cookies={"guarded_agent": cookie})


def main() -> None:
    """Fill, look, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--looks", type=int, default=25)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, Store.open(f"sqlite:///{place}/a.db") as store:
        last = fill(store, options.count)
        web = browser(store)
        for where in ("/health", "/approvals", "/approvals?q=p77", f"/approvals/{last}"):
            took: list[float] = []
            for _ in range(options.looks):
                start = time.perf_counter()
                assert web.get(where).status_code == 200
                took.append(1000 * (time.perf_counter() - start))
            middle, worst = statistics.median(took), max(took)
            print(f"{where[:24]:<24}  median {middle:6.1f} ms  slowest {worst:6.1f} ms")


if __name__ == "__main__":
    main()

"""Threads that run elsewhere are woken: over a signed callback, and on a LangGraph server.

The server here is a small one of our own on this machine. It speaks the three routes of the
LangGraph server's documented API that `langgraph-sdk` calls, and runs a real guarded graph
behind them; it is not LangGraph's own server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from langgraph.types import Command
from langgraph_sdk import get_sync_client

from guarded_agent.agent.elsewhere import callback, langgraph_server
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.agent.worker import Worker
from guarded_agent.approvals.signing import Forged, check

HELLO = {"messages": [("user", "hello")]}
SECRET = "a secret of 16 bytes or more"
Answer = Callable[[str, str, dict[str, str], bytes], tuple[int, Any]]


class Server:
    """A real HTTP server whose answers a test gives."""

    def __init__(self) -> None:
        self.answer: Answer = lambda *_: (500, None)
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.asked.append(f"{self.command} {self.path}")
                status, said = server.answer(self.command, self.path, dict(self.headers), body)
                data = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _any

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def approve(safe: GuardedGraph) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


def test_a_callback_says_which_thread_and_who_gets_it_resumes(
    wire_500: GuardedGraph, bank: Any, server: Server
) -> None:
    seen: list[str] = []

    def receive(_: str, __: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        try:
            seen.append(check(SECRET, headers, body))
        except Forged:
            return 401, None
        wire_500.resume(json.loads(body)["data"]["thread_id"])
        return 200, None

    server.answer = receive
    out = wire_500.invoke(HELLO)
    forger = Worker(
        wire_500.approvals, callback(server.url, "another secret, also long", private=True)
    )
    worker = Worker(wire_500.approvals, callback(server.url, SECRET, private=True))
    assert not worker.step()
    approve(wire_500)
    # Attack 26: a callback that was not signed with the secret resumes nothing, and is due still.
    assert forger.step()
    assert (seen, bank.wired) == ([], [])
    assert wire_500.approvals.due("teller", out.thread_id)
    now = wire_500.monitor.store.clock()
    wire_500.monitor.store.clock = lambda: now + 1.5
    assert worker.step()
    assert bank.wired == [("wire", "bob", 500.0)]
    assert len(seen) == 1
    assert not wire_500.approvals.due("teller", out.thread_id)


def test_a_callback_inside_the_network_must_be_named(
    wire_500: GuardedGraph, server: Server
) -> None:
    wire_500.invoke(HELLO)
    approve(wire_500)
    assert Worker(wire_500.approvals, callback(server.url, SECRET)).step()
    assert server.asked == []
    with pytest.raises(ValueError, match="at least 16"):
        callback(server.url, "short")


def test_a_thread_of_a_langgraph_server_goes_on(
    wire_500: GuardedGraph, bank: Any, server: Server
) -> None:
    out = wire_500.invoke(HELLO)
    config: Any = {"configurable": {"thread_id": out.thread_id}}
    status = ["busy", "interrupted"]

    def speak(method: str, path: str, _: dict[str, str], body: bytes) -> tuple[int, Any]:
        if method == "POST" and path == f"/threads/{out.thread_id}/runs/wait":
            asked = json.loads(body)
            assert asked["assistant_id"] == "teller"
            assert asked["multitask_strategy"] == "reject"
            wire_500.invoke(Command(resume=asked["command"]["resume"]), config)
            return 200, {}
        if path == f"/threads/{out.thread_id}":
            return 200, {"thread_id": out.thread_id, "status": status.pop(0)}
        if path.startswith(f"/threads/{out.thread_id}/state"):
            interrupts = wire_500.get_state(config).interrupts
            shown = [{"id": item.id, "value": item.value} for item in interrupts]
            return 200, {"values": {}, "next": [], "tasks": [{"interrupts": shown}]}
        return 404, None

    server.answer = speak
    worker = Worker(wire_500.approvals, langgraph_server(get_sync_client(url=server.url), "teller"))
    approve(wire_500)
    assert worker.step()  # it runs just now: not yet
    assert bank.wired == []
    now = wire_500.monitor.store.clock()
    wire_500.monitor.store.clock = lambda: now + 1.5
    assert worker.step()
    assert bank.wired == [("wire", "bob", 500.0)]
    assert not wire_500.approvals.due("teller", out.thread_id)
    # Due again, with nothing that waits: nothing is run.
    asked = len(server.asked)
    status.append("idle")
    wake = langgraph_server(get_sync_client(url=server.url), "teller")
    from guarded_agent.approvals import Turn

    wake(Turn("teller", out.thread_id, 1, "w", 0.0))
    assert not any(line.startswith("POST /threads") for line in server.asked[asked:])

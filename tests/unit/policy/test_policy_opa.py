"""OPA beside the policy's own rules, over real sockets.

No package of OPA itself can be had where these tests run. The server here speaks the format that
OPA documents for `POST /v1/data/...`; where `opa` is on the path, one test asks the real one.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.core import Action, Context, Effect, Label, ThreadMemory, ToolSpec
from guarded_agent.policy import Decision, Engine, Policy, check, explain
from guarded_agent.policy.opa import Opa

PAY = ToolSpec("pay", schema={"properties": {"amount": {"type": "number"}}})
ALLOW = {"pay": {"rules": [{"effect": "allow"}]}}

Answer = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class Server:
    """Answers as it is told to, and keeps the questions."""

    def __init__(self) -> None:
        self.questions: list[tuple[str, dict[str, Any]]] = []
        self.answer: Answer = says({"result": True})
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.questions.append((self.path, question))
                outer.answer(self, question)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1/data/agent/verdict"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def says(document: Any, status: int = 200, **headers: str) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()

    def answer(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def engine(url: str, within: str = "1s", **rest: Any) -> Engine:
    also = [{"opa": {"url": url, "within": within}}]
    return Engine(Policy.from_mapping({"version": 1, "tools": ALLOW, "also": also, **rest}), [PAY])


def decided(engine: Engine, amount: float = 5, label: Label | None = None) -> Decision:
    action = Action("pay", {"amount": amount}, call_id="c", thread_id="t", agent_id="a")
    memory = ThreadMemory(label=label or Label())
    return engine.decide(action, Context("a", "t", user="ann", memory=memory), 7200.0)


@pytest.mark.parametrize(
    ("result", "effect"),
    [
        (True, Effect.ALLOW),
        (False, Effect.DENY),
        ("allow", Effect.ALLOW),
        ("approve", Effect.APPROVE),
        ("deny", Effect.DENY),
        ({"effect": "approve"}, Effect.APPROVE),
        ({"effect": False, "because": "no"}, Effect.DENY),
    ],
)
def test_a_plain_answer_counts(server: Server, result: Any, effect: Effect) -> None:
    server.answer = says({"result": result})

    assert decided(engine(server.url)).effect is effect


def test_its_reasons_reach_people_and_its_message_the_model(server: Server) -> None:
    server.answer = says({"result": {"effect": "deny", "because": "too much", "message": "No."}})
    found = decided(engine(server.url))

    assert (found.rule, found.because, found.message) == ("opa", "too much", "No.")


def test_it_is_asked_about_the_call_and_what_is_around_it(server: Server) -> None:
    decided(engine(server.url), 80.5, Label(trusted=False, compartments=frozenset({"hr"})))

    [(path, question)] = server.questions
    assert path == "/v1/data/agent/verdict"
    assert question["input"] == {
        "tool": "pay",
        "args": {"amount": 80.5},
        "agent": "a",
        "thread": "t",
        "around": {
            "user": "ann",
            "read": [],
            "confidentiality": 0,
            "compartments": ["hr"],
            "trusted": False,
            "domains": [],
            "hour": 2,
        },
    }


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says({}), "OPA gave no result"),
        (says({"result": None}), "OPA gave no result"),
        (says({"result": {"because": "x"}}), "OPA gave no result"),
        (says({"result": "ALLOW"}), "none of true, false"),
        (says({"result": 1}), "none of true, false"),
        (says({"result": [True]}), "none of true, false"),
        (says({"result": {"effect": {"a": 1}}}), "none of true, false"),
        (says({"result": {"effect": "allow", "because": 3}}), "reason is not text"),
        (says(["result"]), "OPA gave no result"),
        (says(b"<html>"), "not JSON"),
        (says(b""), "not JSON"),
        (says(b'{"result": tru', **{"Content-Length": "99"}), "IncompleteRead"),
        (says({"result": "x" * 70_000}), "too long"),
        (says({"result": True}, 500), "status 500"),
        (says({"result": True}, 404), "status 404"),
        (says({"result": True}, 302, Location="/v1/data/other"), "status 302"),
        (says({"result": True}, 204), "status 204"),
    ],
)
def test_any_other_answer_denies(server: Server, answer: Answer, why: str) -> None:
    server.answer = answer
    found = decided(engine(server.url))

    assert found.effect is Effect.DENY
    assert why in found.because


def test_a_server_that_does_not_answer_in_time_denies(server: Server) -> None:
    done = threading.Event()
    server.answer = lambda *_: done.wait(10) and None  # type: ignore[func-returns-value]
    found = decided(engine(server.url, "50ms"))
    done.set()

    assert (found.effect, "did not answer within 0.05 s" in found.because) == (Effect.DENY, True)


def test_one_that_drips_its_answer_denies(server: Server) -> None:
    done = threading.Event()

    def drip(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        try:
            for byte in b'HTTP/1.0 200 OK\r\n\r\n{"result": true}':
                handler.wfile.write(bytes([byte]))
                if done.wait(0.02):
                    return
        except OSError:
            pass

    server.answer = drip
    found = decided(engine(server.url, "100ms"))
    done.set()

    assert (found.effect, "did not answer within 0.1 s" in found.because) == (Effect.DENY, True)


def test_no_server_denies() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        found = decided(engine(f"http://127.0.0.1:{taken.getsockname()[1]}/v1/data/x"))

    assert (found.effect, "ConnectionRefusedError" in found.because) == (Effect.DENY, True)


@pytest.mark.parametrize(
    "entry",
    [
        {"rules": [{"effect": "deny"}]},
        {
            "rules": [{"effect": "allow"}],
            "limits": {"per_call": {"sum": "args.amount", "max": 1}},
        },
    ],
)
def test_it_cannot_allow_what_the_policy_denies_and_is_not_asked_then(
    server: Server, entry: dict[str, Any]
) -> None:
    denies = engine(server.url, tools={"pay": entry})

    assert decided(denies).effect is Effect.DENY
    assert server.questions == []


def test_the_same_question_is_asked_once_within_moments(server: Server) -> None:
    made = engine(server.url)
    decided(made)
    decided(made)
    decided(made, 6)

    assert len(server.questions) == 2


def test_a_failure_is_not_remembered(server: Server) -> None:
    made = engine(server.url)
    server.answer = says({}, 500)
    first = decided(made)
    server.answer = says({"result": True})

    assert (first.effect, decided(made).effect) == (Effect.DENY, Effect.ALLOW)


def test_an_explanation_of_a_denial_shows_it_too(server: Server) -> None:
    denies = engine(server.url, tools={"pay": {"rules": [{"effect": "deny"}]}})
    action = Action("pay", {"amount": 1}, call_id="c", thread_id="t", agent_id="a")

    assert "  opa    allow    matched" in str(explain(denies, action, Context("a", "t")))


def test_an_explanation_shows_it(server: Server) -> None:
    server.answer = says({"result": "approve"})
    action = Action("pay", {"amount": 1}, call_id="c", thread_id="t", agent_id="a")

    shown = str(explain(engine(server.url), action, Context("a", "t")))

    assert shown.startswith("pay: approve, decided by opa")
    assert "  pay/1  allow    matched" in shown


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://opa.acme.com/v1/data/x", "http is for an OPA on this machine"),
        ("http://10.0.0.1/v1/data/x", "http is for an OPA on this machine"),
        ("http://localhost.evil.com/v1/data/x", "http is for an OPA on this machine"),
        ("http://127.0.0.1@evil.com/v1/data/x", "names a user"),
        ("https://opa.acme.com/v1/policies/x", "begins with /v1/data/"),
        ("https://opa.acme.com/v1/data/x?explain=full", "has no query"),
        ("file:///v1/data/x", "absolute http or https"),
    ],
)
def test_other_addresses_are_refused_at_load(url: str, why: str) -> None:
    also = [{"opa": {"url": url}}]
    policy = Policy.from_mapping({"version": 1, "tools": ALLOW, "also": also})

    [problem] = check(policy, [PAY])

    assert (why in problem.message, problem.key) == (True, "also[0].opa")
    assert check(policy)[0].message == problem.message


@pytest.mark.parametrize("url", ["http://[::1]:8181/v1/data/x", "https://opa.acme.com/v1/data/x"])
def test_this_machine_and_tls_are_fine(url: str) -> None:
    Opa(url)


@pytest.mark.skipif(shutil.which("opa") is None, reason="needs opa on the path")
@pytest.mark.slow
def test_the_real_server_decides(tmp_path: Path) -> None:
    rules = tmp_path / "agent.rego"
    rules.write_text(
        "package agent\n\nimport rego.v1\n\n"
        'verdict := "allow" if input.args.amount < 100\n'
        'verdict := {"effect": "approve", "because": "much"} if input.args.amount == 100\n',
        encoding="utf-8",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["opa", "run", "--server", "--addr", f"127.0.0.1:{port}", str(rules)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as opa:
        try:
            until = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    assert time.monotonic() < until
                    time.sleep(0.05)
            made = engine(f"http://127.0.0.1:{port}/v1/data/agent/verdict")
            effects = [decided(made, amount).effect for amount in (50, 100, 101)]
        finally:
            opa.terminate()
    assert effects == [Effect.ALLOW, Effect.APPROVE, Effect.DENY]

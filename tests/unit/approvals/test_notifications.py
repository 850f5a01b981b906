"""Notifications: written with the request, signed, tried again, without arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from guarded_agent.approvals import Approvals, Rung, Target, Terms
from guarded_agent.approvals.notifier import WAITS, Notifier
from guarded_agent.approvals.signing import Forged, check, signature
from guarded_agent.store.schema import outbox

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVERY = ("requested", "escalated", "expiring", "decided")


class Receiver:
    """A real HTTP server on this machine, and what it was sent."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                status = receiver.answers.pop(0) if receiver.answers else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def events(self) -> list[str]:
        return [json.loads(body)["type"].removeprefix("approval.") for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


def told(desk: Any, receiver: Receiver, **target: Any) -> Notifier:
    """Let the desk's queue tell the receiver; return what sends."""
    chosen = {"url": "env:HOOK", "secret": "env:SECRET", "private": True, "on": EVERY, **target}
    store = desk.approvals._store
    terms = Terms(decide_within=100, escalate=(Rung(0.5, ("lead",)),), notify=(Target(**chosen),))
    desk.approvals = Approvals(store, desk.events, terms=terms)
    environ = {"HOOK": f"{receiver.url}/hook?x=1", "SECRET": SECRET}
    return Notifier(store, public_url="https://queue.acme.example/", environ=environ)


def drain(notifier: Notifier) -> None:
    while notifier.step():
        pass


def later(desk: Any, seconds: float) -> None:
    store = desk.approvals._store
    now = store.clock()
    store.clock = lambda: now + seconds


def test_a_new_request_is_told_signed_and_without_arguments(desk: Any, receiver: Receiver) -> None:
    notifier = told(desk, receiver)
    request = desk.ask()
    drain(notifier)
    [(headers, body)] = receiver.got
    now = desk.approvals._store.clock()
    assert check(SECRET, headers, body, now=now).startswith("msg_")
    message = json.loads(body)
    assert message["type"] == "approval.requested"
    assert message["data"] == {
        "id": request.id,
        "agent": request.agent_id,
        "tool": request.tool,
        "impact": request.impact,
        "link": f"https://queue.acme.example/approvals/{request.id}",
    }
    for secret in ("secret-payee", "NAME", request.summary, request.thread_id):
        assert secret not in body.decode()


def test_what_becomes_urgent_is_told_in_its_time_and_not_after_the_decision(
    desk: Any, receiver: Receiver
) -> None:
    notifier = told(desk, receiver)
    first, second = desk.ask(), desk.ask(desk.action({"amount": 81, "payee": "secret-payee"}))
    drain(notifier)
    assert receiver.events == ["requested", "requested"]
    later(desk, 51)
    drain(notifier)
    assert receiver.events[2:] == ["escalated", "escalated"]
    desk.approve(first)
    drain(notifier)
    assert receiver.events[4:] == ["decided"]
    assert json.loads(receiver.got[-1][1])["data"]["state"] == "approved"
    later(desk, 30)
    drain(notifier)
    assert receiver.events[5:] == ["expiring"]
    assert json.loads(receiver.got[-1][1])["data"]["id"] == second.id
    later(desk, 30)
    desk.approvals.expire()
    drain(notifier)
    assert receiver.events[6:] == ["decided"]
    assert json.loads(receiver.got[-1][1])["data"]["state"] == "expired"


def test_a_request_that_is_not_kept_tells_nobody(desk: Any, receiver: Receiver) -> None:
    notifier = told(desk, receiver)
    desk.events.broken = True
    with pytest.raises(RuntimeError):
        desk.ask()
    assert not notifier.step()


def test_a_message_that_fails_is_tried_again_ever_later_and_then_is_dead(
    desk: Any, receiver: Receiver
) -> None:
    notifier = told(desk, receiver, on=("requested",))
    desk.ask()
    receiver.answers = [500, 302, 404, *[503] * 10]
    for wait in WAITS:
        assert notifier.step()
        assert not notifier.step()
        later(desk, wait - 1)
        assert not notifier.step()
        later(desk, 1)
    assert notifier.step()
    later(desk, 1e6)
    assert not notifier.step()
    assert len(receiver.got) == len(WAITS) + 1  # and no redirect was followed
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    [(_, _, why)] = notifier.dead()
    assert why == "it answered 503"


def test_a_message_that_failed_once_arrives(desk: Any, receiver: Receiver) -> None:
    notifier = told(desk, receiver, on=("requested",))
    desk.ask()
    receiver.answers = [500]
    drain(notifier)
    later(desk, WAITS[0])
    drain(notifier)
    assert len(receiver.got) == 2
    assert notifier.dead() == []


def test_slack_gets_text_in_which_nothing_is_markup(desk: Any, receiver: Receiver) -> None:
    notifier = told(desk, receiver, kind="slack", secret="", on=("requested",))
    request = desk.ask(desk.action(tool="<!channel> *pay* <http://x|y>"))
    drain(notifier)
    [(_, body)] = receiver.got
    text = json.loads(body)["text"]
    assert "&lt;!channel&gt;  pay " in text
    assert "<" not in text
    assert request.id in text
    assert "secret-payee" not in text


def test_a_message_that_was_changed_in_the_database_goes_nowhere(
    desk: Any, receiver: Receiver
) -> None:
    notifier = told(desk, receiver, on=("requested",))
    desk.ask()
    with desk.approvals._store.write() as connection:
        row = connection.execute(outbox.select()).one()
        other = json.loads(row.target_json) | {"url": f"{receiver.url}/mine"}
        connection.execute(outbox.update().values(target_json=json.dumps(other)))
    drain(notifier)
    assert receiver.got == []
    assert notifier.dead()[0][2] == "the message was changed in the database"


def test_the_signature_is_the_one_that_standard_webhooks_describes() -> None:
    # The example of its specification.
    body = b'{"test": 2432232314}'
    signed = signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_forged_old_or_changed_message_is_refused() -> None:
    """Attack 26 on callbacks: `check` compares the MAC, and the time."""
    body, now = b'{"thread_id":"t1"}', 1_614_265_330
    good = {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(now),
        "Webhook-Signature": signature(SECRET, "msg_1", now, body),
    }
    assert check(SECRET, good, body, now=now) == "msg_1"
    rotated = f"v1,AAAA {good['Webhook-Signature']}"
    assert check(SECRET, {**good, "Webhook-Signature": rotated}, body, now=now)
    forged: list[tuple[dict[str, str], bytes, float]] = [
        (good, body + b" ", now),
        (good, body, now + 301),
        (good, body, now - 301),
        ({**good, "Webhook-Id": "msg_2"}, body, now),
        ({**good, "Webhook-Timestamp": str(now + 1)}, body, now),
        ({**good, "Webhook-Timestamp": "now"}, body, now),
        ({**good, "Webhook-Timestamp": "\u0661"}, body, now),
        ({**good, "Webhook-Signature": ""}, body, now),
        ({**good, "Webhook-Signature": "v1,"}, body, now),
        ({**good, "Webhook-Signature": "v1,\u20ac"}, body, now),
        ({}, body, now),
    ]
    for headers, content, at in forged:
        with pytest.raises(Forged):
            check(SECRET, headers, content, now=at)
    with pytest.raises(Forged):
        check("whsec_" + "QUFB" * 8, good, body, now=now)
    with pytest.raises(ValueError, match="at least 16"):
        check("", good, body, now=now)

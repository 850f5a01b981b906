"""A queue with requests in it, and the pages over it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.server import create_app
from guarded_agent.store import Store

TOKEN = "bearer-token-for-tests"
LINK = "link-token-for-tests"

Ask = Callable[..., Request]


@pytest.fixture
def queue(store: Store) -> Approvals:
    """The queue that the pages show."""
    return Approvals(store, AuditLog(store))


@pytest.fixture
def ask(store: Store, queue: Approvals) -> Ask:
    """Ask people to decide on one action."""

    def ask(call_id: str = "c1", *, user: str = "owner@acme.example", **rest: Any) -> Request:
        action = Action.build(
            tool="send_email",
            args={"to": "press@rival.example"},
            call_id=call_id,
            thread_id="t1",
            agent_id="mail-assistant",
            user=user,
        )
        plain: dict[str, Any] = {
            "spec_access": "send",
            "impact": None,
            "summary": "Send with send_email (to: [EMAIL])",
            "reasons": [Finding("destination", "mail that leaves the company")],
            "preview": {"to": "[EMAIL]", "body": "Hello"},
            "label": Label(),
            "policy_digest": "p" * 64,
        }
        with store.write() as connection:
            return queue.submit(connection, action, **plain | rest)

    return ask


@pytest.fixture
def web(store: Store) -> TestClient:
    """A browser that has not opened the link yet."""
    return TestClient(create_app(store, token=TOKEN, link_token=LINK))


@pytest.fixture
def reviewer(web: TestClient) -> TestClient:
    """A browser that has opened the link."""
    web.get("/", params={"token": LINK})
    return web

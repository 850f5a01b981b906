"""A queue with requests in it, the pages over it, and people who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.server import create_app, passwords
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
COOKIE = "guarded_agent"

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
def app(store: Store) -> FastAPI:
    """The pages, over plain HTTP on this machine."""
    return create_app(store)


@pytest.fixture
def web(app: FastAPI) -> TestClient:
    """A browser in which nobody has signed in."""
    return TestClient(app, base_url=BASE)


@pytest.fixture
def person(store: Store, app: FastAPI) -> Callable[..., TestClient]:
    """Return a browser in which a person has signed in a moment ago."""

    def person(name: str = "ann@acme.example", *roles: str, password: str = "") -> TestClient:
        accounts = app.state.site.accounts
        password_hash = passwords.hashed(password) if password else "none"
        with store.write() as connection:
            accounts.reviewers.add(
                connection, name, roles=roles, by="a test", password_hash=password_hash
            )
            cookie = accounts.sessions.open(connection, name, "password", store.clock())
        return TestClient(app, base_url=BASE, cookies={COOKIE: cookie})

    return person


@pytest.fixture
def reviewer(person: Callable[..., TestClient]) -> TestClient:
    """A browser in which a reviewer has signed in."""
    return person()

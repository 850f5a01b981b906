"""A queue as reviewers meet it: requests of two agents, served for real on a free port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Confidentiality, Finding, Label
from guarded_agent.core.provenance import UNVOUCHED
from guarded_agent.identity import Registry
from guarded_agent.server import create_app, passwords
from guarded_agent.store import Store, provenance

PASSWORD = "correct horse battery"
ANN, BOB = "ann@acme.example", "bob@acme.example"


def ask(
    store: Store,
    call_id: str,
    *,
    tool: str = "send_email",
    args: dict[str, Any] | None = None,
    agent: str = "mail-assistant",
    user: str | None = "kim@acme.example",
    **rest: Any,
) -> Any:
    """Put one request into the queue."""
    given = args or {"to": "press@rival.example", "body": "The figures you asked for."}
    action = Action.build(
        tool=tool, args=given, call_id=call_id, thread_id="t1", agent_id=agent, user=user
    )
    words = ", ".join(f"{name}: {value}" for name, value in given.items())
    plain: dict[str, Any] = {
        "spec_access": "send",
        "impact": None,
        "summary": " ".join(f"Run {tool} with {words}".split())[:160],
        "reasons": [Finding("policy", "mail that leaves the company", "policy")],
        "preview": given,
        "label": Label(),
        "policy_digest": "p" * 64,
    }
    with store.write() as connection:
        return Approvals(store, AuditLog(store)).submit(connection, action, **plain | rest)


def fill(store: Store) -> None:
    """Put in what a morning brings."""
    registry = Registry(store, AuditLog(store))
    for agent, purpose in (
        ("mail-assistant", "triage the support mailbox"),
        ("ops-agent", "keep the test servers tidy"),
    ):
        registry.register(agent, owner="it-ops@acme.example", purpose=purpose, fingerprint="f" * 64)
    with store.write() as connection:
        text = "Answer the customers who wrote yesterday, and send Kim the figures of October."
        provenance.add(store, connection, "mail-assistant", "t1", "asked", [text], source="user")
    read = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}), False)
    ask(store, "c1")
    ask(
        store,
        "c2",
        args={
            "to": "press@rival.example",
            "subject": "Staff",
            "body": "Dear Eve,\n\nhere is the list of salaries that you asked for. " * 14,
        },
        reasons=[
            Finding(
                UNVOUCHED,
                "neither the user nor a directory names what stands in to",
                "policy",
                path="args.to",
            ),
            Finding("policy", "mail that leaves the company", "policy"),
            Finding("leak", "it hands internal matters to somebody outside", "coercion", 0.81),
        ],
        label=read,
    )
    ask(
        store,
        "c3",
        tool="pay",
        args={"payee": "Norvane", "amount": 4800, "currency": "EUR", "reference": "26-0318"},
        spec_access="write",
        impact="money",
        reasons=[Finding("policy", "payments above 100 EUR need a person", "policy")],
    )
    ask(
        store,
        "c4",
        tool="delete_path",
        args={"path": "backups/2025"},
        agent="ops-agent",
        user=None,
        spec_access="write",
        impact="destructive",
        quorum=2,
        reasons=[Finding("policy", "what is deleted is gone for good", "policy")],
    )
    for number in range(3):
        ask(store, f"d{number}", args={"to": "news@partner.example", "body": "October is out."})


@contextmanager
def served(store: Store) -> Generator[str]:
    """Serve a store until the block ends; yield the address."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        app = create_app(store)
        site = app.state.site
        with store.write() as connection:
            for name, roles in ((ANN, ("admin", "sre")), (BOB, ("sre",))):
                site.accounts.reviewers.add(
                    connection,
                    name,
                    roles=roles,
                    by="a test",
                    password_hash=passwords.hashed(PASSWORD),
                )
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started and time.monotonic() < until:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)

"""A desk for the command line: a store with requests in it, and a way to type commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.cli import app
from guarded_agent.cli.session import Session
from guarded_agent.core import Action, Effect, Finding, Label, Verdict
from guarded_agent.identity import Registry
from guarded_agent.store import Ledger, Store

PROGRAM = [sys.executable, "-c", "from guarded_agent.cli import main; main()"]


@dataclass
class Desk:
    """A store in a file, with an agent, and commands that work on it."""

    folder: Path
    url: str
    now: float = 1_000_000.0
    terminal: bool = False
    calls: int = 0
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        with self.store() as store:
            Registry(store, AuditLog(store)).register(
                "desk-agent", owner="ann@acme.example", purpose="answer mail", fingerprint="f" * 64
            )

    def store(self) -> Store:
        return Store.open(self.url, clock=lambda: self.now)

    def type(self, *words: str, answer: str | None = None) -> Result:
        """Run a command in this process."""
        session = Session(self.url, clock=lambda: self.now, terminal=lambda: self.terminal)
        environ: dict[str, str | None] = {
            "COLUMNS": "80",
            "GUARDED_AGENT_REVIEWER": None,
            "GUARDED_AGENT_STORE": None,
            **self.environ,
        }
        return CliRunner().invoke(
            app, list(words), input=answer, env=environ, obj=session, prog_name="guarded-agent"
        )

    def action(self, **rest: Any) -> Action:
        self.calls += 1
        given: dict[str, Any] = {
            "tool": "pay",
            "args": {"payee": "Norvane", "amount": 4800, "card": "4111 1111 1111 1111"},
            "call_id": f"call-{self.calls}",
            "thread_id": "t1",
            "agent_id": "desk-agent",
            "user": "bo@acme.example",
        }
        return Action.build(**given | rest)

    def ask(
        self,
        action: Action | None = None,
        *,
        preview: Mapping[str, Any] | None = None,
        reason: str = "payments above 100 EUR need a person",
        **rest: Any,
    ) -> Request:
        """Put a request into the queue, as the monitor does."""
        action = action or self.action()
        given: dict[str, Any] = {
            "spec_access": "write",
            "impact": "money",
            "summary": "Pay 4,800 EUR to Norvane.",
            "reasons": [Finding("policy", reason, "policy", rule="large")],
            "preview": preview or {"payee": "Norvane", "amount": 4800, "card": "[CARD]"},
            "label": Label(),
            "policy_digest": "p" * 64,
        }
        with self.store() as store, store.write() as connection:
            return Approvals(store, AuditLog(store)).submit(connection, action, **given | rest)

    def state(self, request: Request) -> str:
        with self.store() as store:
            return Approvals(store, AuditLog(store)).get(request.id).state

    def cut_off(self, action: Action | None = None) -> Action:
        """Leave an action behind that began, and whose end nobody knows."""
        action = action or self.action()
        with self.store() as store, store.write() as connection:
            ledger = Ledger(store)
            ledger.record(
                connection,
                action,
                access="write",
                verdict=Verdict(Effect.ALLOW),
                policy_digest="p" * 64,
                preview={"payee": "Norvane"},
            )
            ledger.start(connection, action.digest, "worker-1")
            ledger.mark_uncertain(connection, action.digest)
        return action

    def log(self) -> list[tuple[str, Mapping[str, Any]]]:
        with self.store() as store:
            return [(event.kind, event.data) for event in AuditLog(store).events()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, f"sqlite:///{tmp_path / 'guard.db'}")


def clean_environment() -> dict[str, str]:
    """Return the environment without what would change a command."""
    drop = {"COLUMNS", "FORCE_COLOR", "NO_COLOR", "PYTHONPATH"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GUARDED_AGENT_") and name not in drop
    }
    return {**kept, "PYTHONUTF8": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The environment of the real program."""
    return clean_environment()


@pytest.fixture(scope="session")
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real program in a process of its own."""

    def run(
        *words: str, cwd: Path, environ: Mapping[str, str] | None = None, code: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*PROGRAM, *words],
            cwd=cwd,
            env={**clean_environment(), **(environ or {})},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=240,
        )
        assert code is None or done.returncode == code, (words, done.stdout, done.stderr)
        return done

    return run

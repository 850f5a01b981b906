"""A desk: one store with a clock that tests move, a recorder that remembers, and the queue."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import delete, insert

from guarded_agent.approvals import Approvals, Request, Terms
from guarded_agent.core import Action, Finding, Label
from guarded_agent.store.engine import Store
from guarded_agent.store.schema import agent

POLICY = "p" * 64


@dataclass
class Events:
    """A recorder that remembers what it was given."""

    kept: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    broken: bool = False

    def append(
        self,
        connection: Any,
        kind: str,
        *,
        agent_id: str,
        thread_id: str = "",
        run_id: str = "",
        digest: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> int:
        if self.broken:
            raise RuntimeError("the audit log refuses")
        self.kept.append((kind, dict(data or {})))
        return len(self.kept)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.kept]


@dataclass
class Desk:
    """Everything a test of the queue needs."""

    store: Store
    events: Events = field(default_factory=Events)
    now: float = 1_000.0
    calls: int = 0

    def __post_init__(self) -> None:
        self.store.clock = lambda: self.now
        self.approvals = Approvals(self.store, self.events)

    def under(self, **terms: Any) -> Desk:
        """Open the queue anew, with other terms."""
        self.approvals = Approvals(self.store, self.events, terms=Terms(**terms))
        return self

    def owned(self, owner: str, agent_id: str = "mail-assistant") -> None:
        """Register an agent, or give it to somebody else."""
        with self.store.write() as connection:
            connection.execute(delete(agent).where(agent.c.id == agent_id))
            connection.execute(
                insert(agent).values(
                    id=agent_id,
                    owner=owner,
                    purpose="",
                    fingerprint="f",
                    state="active",
                    created_at=self.now,
                    changed_at=self.now,
                )
            )

    def action(self, args: Mapping[str, Any] | None = None, **rest: Any) -> Action:
        self.calls += 1
        plain = {
            "tool": "pay_invoice",
            "call_id": f"call-{self.calls}",
            "thread_id": "t1",
            "agent_id": "mail-assistant",
            "user": "owner@acme.com",
        }
        return Action.build(args=args or {"amount": 80, "payee": "secret-payee"}, **plain | rest)

    def ask(self, action: Action | None = None, **rest: Any) -> Request:
        plain: dict[str, Any] = {
            "spec_access": "write",
            "impact": "money",
            "summary": "Pay 80 to [NAME]",
            "reasons": [Finding("money", "pays more than 50")],
            "preview": {"amount": 80, "payee": "[NAME]"},
            "label": Label(),
            "policy_digest": POLICY,
        }
        with self.store.write() as connection:
            return self.approvals.submit(connection, action or self.action(), **plain | rest)

    def approve(self, request: Request, reviewer: str = "ann@acme.com", **rest: Any) -> Request:
        digest = rest.pop("digest", request.digest)
        return self.approvals.vote(request.id, "approve", reviewer=reviewer, digest=digest, **rest)

    def reject(self, request: Request, reviewer: str = "ann@acme.com", **rest: Any) -> Request:
        reason = rest.pop("reason", "not ours")
        return self.approvals.vote(
            request.id, "reject", reviewer=reviewer, digest=request.digest, reason=reason, **rest
        )

    def use(self, request: Request, policy: str = POLICY) -> Request:
        with self.store.write() as connection:
            return self.approvals.consume(connection, request.digest, policy)


@pytest.fixture
def desk(any_store: Store) -> Desk:
    """A desk on each kind of database in turn."""
    return Desk(any_store)


@pytest.fixture(scope="session")
def open_desk() -> Callable[[], Desk]:
    """Opens a desk in memory, for tests that need many."""
    return lambda: Desk(Store.open("sqlite://", environ={}))

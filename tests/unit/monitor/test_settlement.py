"""Settling: a person says how an action ended that nobody knows the end of."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from sqlalchemy import select

from guarded_agent.audit import AuditLog, verify
from guarded_agent.core import Action, Effect, Verdict
from guarded_agent.core.errors import VoteRefused
from guarded_agent.identity import Registry
from guarded_agent.monitor import settle_action
from guarded_agent.policy import Limit, reserve
from guarded_agent.store import Ledger, Store
from guarded_agent.store.schema import spend

ANN = "ann@acme.example"


@pytest.fixture
def audit(memory_store: Store) -> AuditLog:
    audit = AuditLog(memory_store)
    Registry(memory_store, audit).register(
        "desk-agent", owner=ANN, purpose="pay", fingerprint="f" * 64
    )
    return audit


@pytest.fixture
def digest(memory_store: Store) -> str:
    """An action that began, spent from a limit, and was cut off."""
    action = Action.build(
        tool="pay", args={"amount": 80}, call_id="c1", thread_id="t1", agent_id="desk-agent"
    )
    ledger = Ledger(memory_store)
    with memory_store.write() as connection:
        ledger.record(
            connection,
            action,
            access="write",
            verdict=Verdict(Effect.ALLOW),
            policy_digest="p",
            preview={},
        )
        ledger.start(connection, action.digest, "worker")
        limit = Limit("pay/per_day", "desk-agent/pay", 80.0, 100.0, Effect.DENY)
        assert not reserve(connection, action.digest, [limit], memory_store.clock())
        ledger.mark_uncertain(connection, action.digest)
    return action.digest


def settled(store: Store, audit: AuditLog, digest: str, **change: Any) -> Any:
    given: dict[str, Any] = {"outcome": "done", "by": ANN, "reason": "the bank shows it"}
    return settle_action(store, audit, digest, **given | change)


@pytest.mark.parametrize(("outcome", "spent"), [("done", [80.0]), ("failed", [])])
def test_the_ledger_the_limits_and_the_log_agree(
    memory_store: Store,
    audit: AuditLog,
    digest: str,
    outcome: Literal["done", "failed"],
    spent: list[float],
) -> None:
    entry = settled(memory_store, audit, digest, outcome=outcome, by=" Ann@ACME.example ")
    assert entry.state == outcome
    event = audit.tail(1)[0]
    assert (event.kind, event.digest, event.thread_id) == ("action.settled", digest, "t1")
    assert event.data["by"] == ANN
    with memory_store.read() as connection:
        assert list(connection.scalars(select(spend.c.amount))) == spent
    assert verify(memory_store).count == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"by": "desk-agent"}, "a person must"),
        ({"by": "DESK-agent "}, "a person must"),
        ({"by": "agent:x"}, "a person must"),
        ({"by": " "}, "name is empty"),
        ({"reason": " "}, "the reason is kept"),
    ],
)
def test_what_does_not_count_changes_nothing(
    memory_store: Store, audit: AuditLog, digest: str, change: dict[str, str], told: str
) -> None:
    with pytest.raises(VoteRefused, match=told):
        settled(memory_store, audit, digest, **change)
    with memory_store.read() as connection:
        assert [entry.digest for entry in Ledger(memory_store).uncertain(connection)] == [digest]
    assert len(audit.tail()) == 1


def test_an_action_is_settled_once_and_an_unknown_one_never(
    memory_store: Store, audit: AuditLog, digest: str
) -> None:
    settled(memory_store, audit, digest)
    with pytest.raises(VoteRefused, match="does not wait to be settled"):
        settled(memory_store, audit, digest, outcome="failed")
    with pytest.raises(VoteRefused, match="does not wait to be settled"):
        settled(memory_store, audit, "0" * 64)
    assert len(audit.tail()) == 2

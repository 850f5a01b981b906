"""`mode: observe`: every call runs as it is, what would have happened is written down, loudly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from langchain_core.tools import tool

from guarded_agent import guard
from guarded_agent.audit import AuditLog
from guarded_agent.cli import app
from guarded_agent.cli.session import Session
from guarded_agent.core import Effect, Finding, Stage, Subject, Verdict
from guarded_agent.core.errors import Denied
from guarded_agent.identity import Registry
from guarded_agent.store import Store

POLICY: dict[str, Any] = {
    "version": 1,
    "mode": "observe",
    "agent": {"id": "watched"},
    "tools": {
        "look": {"access": "read"},
        "pay": {
            "access": "write",
            "rules": [
                {"id": "small", "effect": "allow", "when": "args.amount < 10"},
                {"id": "large", "effect": "approve", "when": "args.amount >= 10"},
                {"id": "huge", "effect": "deny", "when": "args.amount > 1000"},
            ],
            "limits": {"per_day": {"sum": "args.amount", "max": 100}},
        },
    },
    "guards": {"pii": {"tool_arguments": "redact", "tool_result": "redact"}},
}
CARD = "card 4111 1111 1111 1111"


class Halting:
    name = "halting"
    stages = frozenset({Stage.ACTION})

    def check(self, subject: Subject) -> Verdict:
        if subject.payload.get("note") == "stop":
            return Verdict(Effect.HALT, (Finding("stop", "stop", "halting"),), message="Stop.")
        return Verdict(Effect.ALLOW)


class World:
    def __init__(self, store: Store, policy: dict[str, Any]) -> None:
        self.paid: list[tuple[int, str]] = []

        @tool
        def look(what: str) -> str:
            """Look."""
            return f"{what}: {CARD}"

        @tool
        def pay(amount: int, note: str = "") -> str:
            """Pay."""
            self.paid.append((amount, note))
            if note == "break":
                raise ValueError(CARD)
            return "paid"

        self.look, self.pay = guard([look, pay], policy=policy, store=store, guards=[Halting()])


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with Store.open(f"sqlite:///{tmp_path / 'guard.db'}") as opened:
        yield opened


def watched(store: Store) -> World:
    with pytest.warns(UserWarning, match="only observed"):
        return World(store, POLICY)


def call(of: Any, **args: Any) -> Any:
    return of.invoke(args, {"configurable": {"thread_id": "t"}})


def log(store: Store, kind: str) -> list[Any]:
    return [event.data for event in AuditLog(store).events() if event.kind == kind]


def test_every_call_runs_and_what_would_have_happened_is_recorded(store: Store) -> None:
    world = watched(store)
    for amount in (5, 50, 5000):
        assert call(world.pay, amount=amount, note=CARD) == "paid"
    assert world.paid == [(5, CARD), (50, CARD), (5000, CARD)]  # no redaction of arguments
    assert call(world.look, what="x") == f"x: {CARD}"
    seen = log(store, "action.observed")
    assert [one["effect"] for one in seen] == ["redact", "approve", "deny", "allow"]
    assert "4111" not in str(seen)  # the log is redacted all the same
    assert log(store, "action.judged") == []
    assert len(log(store, "action.started")) == 4
    assert log(store, "approval.requested") == []


def test_a_limit_that_is_used_up_does_not_stop(store: Store) -> None:
    world = watched(store)
    for _ in range(15):
        call(world.pay, amount=9)
    assert len(world.paid) == 15
    assert [one["effect"] for one in log(store, "action.observed")][-1] == "deny"


def test_an_enforcing_policy_stops_the_same_calls(store: Store) -> None:
    world = World(store, POLICY | {"mode": "enforce"})
    with pytest.raises(Denied):
        call(world.pay, amount=5000)
    assert world.paid == []
    assert log(store, "action.observed") == []


def test_a_halt_and_a_suspended_agent_still_stop(store: Store) -> None:
    world = watched(store)
    with pytest.raises(Denied):
        call(world.pay, amount=1, note="stop")
    Registry(store, AuditLog(store)).suspend("watched", by="ann@acme.com", reason="no")
    with pytest.raises(Denied, match="suspended"):
        call(world.pay, amount=1)
    assert world.paid == []


def test_the_same_call_is_not_run_twice(store: Store) -> None:
    world = watched(store)
    again = {"type": "tool_call", "id": "c1", "name": "pay", "args": {"amount": 50}}
    config: Any = {"configurable": {"thread_id": "t"}}
    first, second = world.pay.invoke(again, config), world.pay.invoke(again, config)
    assert (first.content, second.content) == ("paid", "paid")
    assert world.paid == [(50, "")]


def test_the_summary_tells_what_would_have_happened(store: Store) -> None:
    world = watched(store)
    for amount in (5, 20, 30, 5000):
        call(world.pay, amount=amount)
    done = CliRunner().invoke(app, ["policy", "observed"], obj=Session(store.url))
    assert done.stdout.splitlines() == [
        "4 calls ran. Enforced, 2 would have asked, 1 would have been denied, 0 redacted.",
        "     2 ask     pay  by large",
        "     1 deny    pay  by huge",
    ]


def test_the_doctor_says_that_nothing_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "watched_tools.py").write_text(
        'def look(what: str) -> str:\n    """Look."""\n    return what\n\ntools = [look]\n'
    )
    (tmp_path / "p.yaml").write_text("version: 1\nmode: observe\ntools: {look: {access: read}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    session = Session(f"sqlite:///{tmp_path / 'guard.db'}")
    words = ["doctor", "watched_tools:tools", "--policy", "p.yaml"]
    done = CliRunner().invoke(app, words, obj=session, env={"COLUMNS": "80"})
    assert done.exit_code == 1
    assert "mode: observe: nothing is stopped, asked or redacted" in " ".join(done.stdout.split())

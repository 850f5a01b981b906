"""Not now, somebody else, and a rule instead: the other verbs of `approvals`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog

ANN = ("--reviewer", "ann@acme.example")
POLICY = """\
version: 1
agent: {id: desk-agent, owner: it@acme.example}
tools:
  pay: {access: write, rules: [{effect: approve, when: args.amount > 100}, {effect: allow}]}
"""


def test_a_request_is_set_aside_for_one_reviewer(desk: Any) -> None:
    request = desk.ask()
    done = desk.type("approvals", "snooze", request.id, "--for", "10m", *ANN)
    assert (done.exit_code, "Set aside for 10 min" in done.output) == (0, True), done.output
    with desk.store() as store:
        queue = Approvals(store, AuditLog(store))
        assert queue.page(reviewer="ann@acme.example").snoozed == 1
        assert queue.page(reviewer="bo@acme.example").total == 1
    late = desk.type("approvals", "snooze", request.id, "--for", "2h", *ANN)
    assert late.exit_code != 0
    assert "before it expires" in late.output


@pytest.mark.parametrize("length", ["", "5", "5x", "-5m", "0m", "m", "1.5h", "999999999d"])
def test_a_duration_that_is_none_is_refused(desk: Any, length: str) -> None:
    done = desk.type("approvals", "snooze", desk.ask().id, "--for", length, *ANN)
    assert (done.exit_code, "such as 15m" in done.output) == (2, True)


def test_a_role_is_lent_listed_used_and_taken_back(desk: Any) -> None:
    request = desk.ask(roles=["sre"])
    lend = ["approvals", "delegate", "cat@acme.example", "--role", "sre", "--for", "2d", *ANN]
    lent = json.loads(desk.type(*lend, "--json").output)
    listed = desk.type("approvals", "delegations").output
    assert "ann@acme.example to cat@acme.example: sre" in " ".join(listed.split())
    cat = ("--reviewer", "cat@acme.example", "--yes")
    assert desk.type("approvals", "approve", request.id, *cat).exit_code == 0
    assert desk.state(request) == "approved"
    assert desk.type("approvals", "take-back", lent["id"], *ANN).exit_code == 0
    assert "No role is lent" in desk.type("approvals", "delegations").output
    other = desk.ask(roles=["sre"])
    refused = desk.type("approvals", "approve", other.id, *cat)
    assert (refused.exit_code != 0, "a role of sre" in refused.output) == (True, True)


def test_a_decision_becomes_a_proposed_rule_and_nothing_changes(desk: Any, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY, "utf-8")
    first = desk.ask(desk.action(args={"payee": "Norvane", "amount": 4800}))
    second = desk.ask(desk.action(args={"payee": "Norvane", "amount": 200}))
    words = ["approvals", "propose-rule", first.id, second.id, "--policy", str(file), *ANN]
    done = desk.type(*words)
    assert done.exit_code == 0, done.output
    assert 'when: args.amount >= 200 && args.amount <= 4800 && args.payee == "Norvane"' in (
        done.output
    )
    assert "Nothing was changed" in done.output
    assert file.read_text("utf-8") == POLICY
    assert desk.state(first) == "pending"
    told = json.loads(desk.type(*words, "--any", "amount", "--json").output)
    assert (told["effect"], told["when"]) == ("allow", 'args.payee == "Norvane"')
    with desk.store() as store:
        kinds = [event.kind for event in AuditLog(store).tail(50)]
    assert kinds.count("approval.revealed") == 4


def test_a_rule_is_proposed_for_this_agents_policy_only(desk: Any, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.replace("desk-agent", "other"), "utf-8")
    done = desk.type("approvals", "propose-rule", desk.ask().id, "--policy", str(file), *ANN)
    assert done.exit_code != 0
    assert "is the policy of other" in done.output

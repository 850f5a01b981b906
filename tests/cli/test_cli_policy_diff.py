"""`policy diff` over logs of real guarded calls: what changes, and what cannot be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import tool

from guarded_agent import Policy, guard

OLD = """\
version: 1
agent: {id: payer}
organisation: {domains: [acme.com]}
tools:
  search_web: {access: read, label: {trusted: false}}
  pay:
    access: write
    rules: [{id: all, effect: allow, when: args.amount < 10000}]
    limits: {per_day: {sum: args.amount, max: 100000}}
  note: {access: write, rules: [{effect: allow, when: size(args.text) < 1000}]}
untrusted: {effect: allow, because: not what is shown here}
"""
NEW = OLD.replace(
    "rules: [{id: all, effect: allow, when: args.amount < 10000}]",
    """rules:
      - {id: small, effect: allow, when: args.amount <= 100}
      - {id: large, effect: approve, when: args.amount > 100}
      - {id: huge, effect: deny, when: args.amount > 5000}
      - {id: web, effect: approve, when: '"search_web" in read'}""",
)


@tool
def search_web(query: str) -> str:
    """Search."""
    return "found"


@tool
def pay(amount: int, payee: str) -> str:
    """Pay."""
    return "paid"


@tool
def note(text: str) -> str:
    """Note."""
    return "noted"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "old.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(url: str, *calls: tuple[int, dict[str, Any]], policy: str = "old.yaml") -> None:
    safe = guard([search_web, pay, note], policy=policy, store=url)
    for which, args in calls:
        safe[which].invoke(args, {"configurable": {"thread_id": "t1"}})


CALLS: list[tuple[int, dict[str, Any]]] = [
    *[(1, {"amount": amount, "payee": "Norvane"}) for amount in (50, 100, 101, 150, 6000)],
    (0, {"query": "x"}),
    (1, {"amount": 20, "payee": "Norvane"}),
]


def test_the_difference_is_told_in_one_sentence_with_examples(desk: Any) -> None:
    run(desk.url, *CALLS)
    done = desk.type("policy", "diff", "old.yaml", "new.yaml")
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert " ".join(lines[:2]).startswith(
        "7 of 7 calls replayed. new.yaml would have asked 3 more times, blocked 1 more."
    )
    assert "allow -> deny  pay" in done.stdout
    assert '{"amount": 6000, "payee": "Norvane"}' in done.stdout
    back = json.loads(desk.type("policy", "diff", "new.yaml", "old.yaml", "--json").stdout)
    assert back["summary"] == "would have let through 4 more"
    assert back["changes"][-1]["old"] == {"effect": "approve", "rule": "web"}


def test_a_policy_differs_from_itself_in_nothing(desk: Any) -> None:
    run(desk.url, *CALLS)
    done = desk.type("policy", "diff", "old.yaml", "old.yaml", "--log", desk.url)
    assert "would have decided the same" in done.stdout


def test_limits_over_several_calls_are_counted(desk: Any, folder: Path) -> None:
    run(desk.url, *CALLS)
    (folder / "less.yaml").write_text(OLD.replace("max: 100000", "max: 300"))
    told = json.loads(desk.type("policy", "diff", "old.yaml", "less.yaml", "--json").stdout)
    # 50 + 100 + 101 fit; what follows ran, so it counts.
    assert [change["args"]["amount"] for change in told["changes"]] == [150, 6000, 20]


def test_what_the_log_does_not_hold_is_counted_and_not_guessed(desk: Any, folder: Path) -> None:
    run(desk.url, (2, {"text": "card 4111 1111 1111 1111"}), (2, {"text": "plain"}))
    told = json.loads(desk.type("policy", "diff", "old.yaml", "old.yaml", "--json").stdout)
    assert told["not_replayed"] == {"args.text is redacted in the log": 1}
    shown = desk.type("policy", "diff", "old.yaml", "old.yaml").stdout
    assert "1 of 2 calls replayed" in shown
    assert "4111" not in shown
    (folder / "user.yaml").write_text(OLD.replace("size(args.text) < 1000", "user != ''"))
    told = json.loads(desk.type("policy", "diff", "old.yaml", "user.yaml", "--json").stdout)
    assert sum(told["not_replayed"].values()) == 2


def test_a_log_of_another_agent_is_told(desk: Any, folder: Path) -> None:
    run(desk.url, *CALLS[:1])
    (folder / "other.yaml").write_text(OLD.replace("id: payer", "id: other"))
    done = desk.type("policy", "diff", "other.yaml", "other.yaml")
    assert (done.exit_code, "it has calls of: payer" in done.stderr) == (2, True)


def test_rules_that_name_the_user_are_replayed(desk: Any, folder: Path) -> None:
    safe = guard([pay], policy=Policy.from_text(PAY_ONLY), store=desk.url)
    for number, user in enumerate(("ann@acme.com", "bo@acme.com", "+49 170 1234567", None)):
        config: Any = {"configurable": {"thread_id": f"t{number}", "user": user}}
        safe[0].invoke({"amount": 5, "payee": "x"}, config)
    (folder / "old.yaml").write_text(PAY_ONLY)
    (folder / "new.yaml").write_text(PAY_ONLY.replace("true", "user == 'ann@acme.com'"))
    done = desk.type("policy", "diff", "old.yaml", "new.yaml", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["summary"] == "would have blocked 1 more"
    assert found["not_replayed"] == {
        "its rules ask for the user": 1,
        "its rules ask for the user, who is redacted in the log": 1,
    }


PAY_ONLY = """\
version: 1
agent: {id: payer}
tools:
  pay: {access: write, rules: [{effect: allow, when: "true"}]}
"""

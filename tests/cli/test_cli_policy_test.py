"""`guarded-agent policy test`: cases that hold, cases that do not, and rules that none tries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

POLICY = """\
version: 1
tools:
  search_web: {access: read, label: {trusted: false}}
  pay:
    access: write
    rules:
      - {id: small, effect: allow, when: args.amount <= 100}
      - {id: large, effect: approve, when: args.amount > 100}
      - {id: after-the-web, effect: deny, when: '!label.trusted'}
untrusted: {effect: allow, because: a rule of its own}
"""
CASES = """\
cases:
  - {name: a small sum, tool: pay, args: {amount: 80}, expect: allow, rule: small}
  - {tool: pay, args: {amount: 101}, expect: approve}
  - {tool: pay, args: {amount: 1}, read: [search_web], expect: deny, rule: after-the-web}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "cases.yaml").write_text(CASES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_cases_that_hold_and_cover_every_rule_pass(desk: Any) -> None:
    done = desk.type("policy", "test", "policy.yaml", "cases.yaml")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "ok      allow   a small sum  (small)",
        "ok      approve case 2: pay  (large)",
        "ok      deny    case 3: pay  (after-the-web)",
        "",
        "3 of 3 cases as expected, 3 of 3 rules tested.",
    ]


@pytest.mark.parametrize("change", ["expect: allow, rule: small", "expect: approve}"])
def test_a_case_that_does_not_hold_fails(desk: Any, folder: Path, change: str) -> None:
    other = {"expect: allow, rule: small": "expect: allow, rule: large"}.get(
        change, "expect: deny}"
    )
    (folder / "cases.yaml").write_text(CASES.replace(change, other))
    done = desk.type("policy", "test", "policy.yaml", "cases.yaml")
    assert done.exit_code == 1
    assert "FAILED" in done.stdout
    assert "cases.yaml:" in done.stdout
    assert "2 of 3 cases as expected" in done.stdout


def test_a_rule_that_no_case_fires_is_a_failure_that_names_it(desk: Any, folder: Path) -> None:
    kept = CASES.splitlines()[:-1]
    (folder / "cases.yaml").write_text("\n".join(kept))
    done = desk.type("policy", "test", "policy.yaml", "cases.yaml")
    assert done.exit_code == 1
    assert "policy.yaml:9: rule after-the-web decides in no case" in done.stdout
    told = json.loads(desk.type("policy", "test", "policy.yaml", "cases.yaml", "--json").stdout)
    assert (told["ok"], told["uncovered"]) == (False, [{"rule": "after-the-web", "line": 9}])


def test_a_rule_that_is_always_overruled_counts_as_untested(desk: Any, folder: Path) -> None:
    text = POLICY.replace("args.amount > 100}", "args.amount > 0}").replace("label", "label")
    (folder / "policy.yaml").write_text(text)
    cases = CASES.replace("expect: allow, rule: small", "expect: approve, rule: large")
    (folder / "cases.yaml").write_text(cases)
    done = desk.type("policy", "test", "policy.yaml", "cases.yaml")
    assert (done.exit_code, "rule small decides in no case" in done.stdout) == (1, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("cases: [{tool: pay}]", "cases.yaml:1:9: cases[0]: expect: Field required"),
        ("cases: [{tool: pay, expect: alow}]", "cases[0]: expect: Input should be"),
        ("cases: [{tool: pay, expect: allow, arg: {}}]", "cases[0]: arg: unknown key"),
        ("- 1", "must be a mapping with the one key cases"),
        ("", "must be a mapping with the one key cases"),
        ("cases: []\ncases: []", 'duplicate key "cases"'),
    ],
)
def test_cases_that_are_none_are_told_in_one_line(
    desk: Any, folder: Path, text: str, told: str
) -> None:
    (folder / "cases.yaml").write_text(text)
    done = desk.type("policy", "test", "policy.yaml", "cases.yaml")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert told in done.stderr

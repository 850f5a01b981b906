"""`guarded-agent policy`: problems with their place, and decisions with their reasons."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.redteam.insider import POLICY

TOOLS = '''
from langchain_core.tools import tool

@tool
def pay(amount: int, payee: str = "Norvane") -> str:
    """Pay."""
    return "paid"

def remind(person: str) -> str:
    """Remind a person."""
    return "reminded"

tools = [pay, remind]
words = ["pay"]
'''

GOOD = """\
version: 1
tools:
  pay:
    access: write
    rules:
      - {id: small, effect: allow, when: args.amount <= 100}
      - {id: large, effect: approve, when: args.amount > 100, because: a large sum}
  remind: {access: write}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shop_tools.py").write_text(TOOLS)
    (tmp_path / "broken_tools.py").write_text("raise ZeroDivisionError('at import')")
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(GOOD.replace("args.amount > 100", "args.amuont > 100"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("shop_tools", "broken_tools"):
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("folder")
def test_a_good_policy_is_ok_also_against_its_tools(desk: Any) -> None:
    alone = desk.type("policy", "check", "good.yaml")
    assert (alone.exit_code, alone.stdout) == (0, "ok: good.yaml is a policy for 2 tools\n")
    against = desk.type("policy", "check", "good.yaml", "--tools", "shop_tools:tools")
    assert against.stdout == "ok: good.yaml is a policy for 2 tools, checked against 2 tools\n"


@pytest.mark.usefixtures("folder")
def test_a_problem_is_told_with_file_line_and_column(desk: Any) -> None:
    result = desk.type("policy", "check", "bad.yaml", "--tools", "shop_tools:tools")
    assert result.exit_code == 2
    assert result.stdout.startswith("bad.yaml:7:44: tools.pay.rules[1].when: ")
    assert "did you mean args.amount?" in result.stdout
    told = json.loads(
        desk.type("policy", "check", "bad.yaml", "--tools", "shop_tools:tools", "--json").stdout
    )
    [problem] = told["problems"]
    assert (told["ok"], problem["line"], problem["column"]) == (False, 7, 44)


def test_every_problem_has_its_own_line(desk: Any, folder: Path) -> None:
    text = GOOD.replace("allow", "alow").replace("access: write}", "acess: write}")
    (folder / "two.yaml").write_text(text)
    lines = desk.type("policy", "check", "two.yaml").stdout.splitlines()
    assert [line.split(":")[:2] for line in lines] == [["two.yaml", "6"], ["two.yaml", "8"]]


def test_an_option_that_a_guard_does_not_know_is_a_problem_too(desk: Any, folder: Path) -> None:
    (folder / "guards.yaml").write_text(GOOD + "guards: {pii: {prezet: standard}}\n")
    result = desk.type("policy", "check", "guards.yaml")
    assert result.exit_code == 2
    assert result.stdout.startswith("guards.yaml:9:9: guards: guards.pii: unknown option 'prezet'")


@pytest.mark.usefixtures("folder")
def test_an_explanation_names_the_rule_that_decided_and_why(desk: Any) -> None:
    result = desk.type(
        "policy", "explain", "good.yaml", "--tool", "pay", "--args", '{"amount": 4800}'
    )
    assert result.stdout.splitlines()[:2] == [
        "pay: approve, decided by large",
        "  because a large sum",
    ]
    assert "not known without --tools" in result.stdout


@pytest.mark.usefixtures("folder")
def test_an_explanation_with_the_tools_knows_types_and_defaults(desk: Any) -> None:
    words = ("policy", "explain", "good.yaml", "--tools", "shop_tools:tools", "--json")
    fits = json.loads(desk.type(*words, "--tool", "pay", "--args", '{"amount": 80}').stdout)
    assert (fits["effect"], fits["rule"]) == ("allow", "small")
    wrong = json.loads(desk.type(*words, "--tool", "pay", "--args", '{"amount": "much"}').stdout)
    assert (wrong["effect"], wrong["rule"]) == ("deny", "arguments")


@pytest.mark.parametrize(
    ("tool", "args", "decided"),
    [
        ("send_mail", '{"to": ["x@rival.example"], "cc": []}', "approve, decided by strangers"),
        ("send_mail", '{"to": ["a@tidewick.example"], "cc": []}', "allow, decided by known-people"),
        ("pay", '{"amount": 80}', "allow, decided by small"),
        ("delete_path", '{"path": "backups"}', "approve, decided by no-undo"),
        ("launch", "{}", "deny, decided by default"),
    ],
)
def test_the_demo_s_policy_explains_itself(desk: Any, tool: str, args: str, decided: str) -> None:
    result = desk.type("policy", "explain", str(POLICY), "--tool", tool, "--args", args)
    assert result.stdout.splitlines()[0] == f"{tool}: {decided}"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("shop_tools", "write MODULE:NAME"),
        ("nowhere:tools", "there is no module 'nowhere' here"),
        ("shop_tools:nothing", "shop_tools has no 'nothing'"),
        ("shop_tools:pay", "is no list of tools"),
        ("shop_tools:words", "holds a str, which is no tool"),
        ("broken_tools:tools", "ZeroDivisionError: at import (broken_tools.py:1)"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(desk: Any, name: str, told: str) -> None:
    result = desk.type("policy", "check", "good.yaml", "--tools", name)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.usefixtures("folder")
def test_a_policy_with_several_problems_is_one_line_where_it_is_only_used(desk: Any) -> None:
    words = ("policy", "explain", "missing.yaml", "--tool", "pay")
    assert desk.type(*words).stderr == "Error: missing.yaml: there is no such file\n"
    Path("two.yaml").write_text(GOOD.replace("allow", "alow").replace("large sum}", "x, y: 1}"))
    result = desk.type("policy", "explain", "two.yaml", "--tool", "pay")
    assert result.stderr.endswith("(and 1 more)\n")
    assert result.stderr.count("\n") == 1


BOTH = '{"compartments": ["hr", "security"]}'
SEEN = """\
version: 1
organisation: {domains: [acme.com]}
tools:
  search_hr:
    access: read
    label: {confidentiality: confidential, compartments: [hr], trusted: true}
  search_web: {access: read, label: {trusted: false}}
  send:
    access: send
    sink: {argument: to, clearance: internal}
    rules:
      - {id: often, effect: deny, when: count.today > 5}
      - {id: night, effect: approve, when: hour < 7}
      - {id: read-the-web, effect: approve, when: "!label.trusted"}
      - {id: rest, effect: allow, when: hour >= 0}
fusion: [{compartments: [hr, security], effect: approve}]
"""


@pytest.mark.parametrize(
    ("words", "decided"),
    [
        ((), "allow, decided by rest"),
        (("--read", "search_web"), "approve, decided by read-the-web"),
        (("--read", "search_hr"), "deny, decided by sink:to"),
        (("--label", '{"trusted": false}'), "approve, decided by read-the-web"),
        (("--label", BOTH), "approve, decided by fusion:hr+security"),
        (("--at", "2027-01-31T03:00Z"), "approve, decided by night"),
        (("--counts", '{"today": 6}'), "deny, decided by often"),
    ],
)
def test_an_explanation_takes_what_was_before(
    desk: Any, folder: Path, words: tuple[str, ...], decided: str
) -> None:
    (folder / "seen.yaml").write_text(SEEN)
    args = ("--args", '{"to": "ann@rival.example"}', "--at", "2027-01-31T12:00Z")
    result = desk.type("policy", "explain", "seen.yaml", "--tool", "send", *args, *words)
    assert result.stdout.splitlines()[0] == f"send: {decided}"


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--label", '{"trusted": "no"}'), "label.trusted"),
        (("--counts", '{"week": 1}'), "counts.week: unknown key"),
        (("--at", "noon"), "at: must be a time with its zone"),
    ],
)
def test_what_was_before_must_be_said_rightly(desk: Any, words: Any, told: str) -> None:
    result = desk.type("policy", "explain", "good.yaml", "--tool", "pay", *words)
    assert (result.exit_code, told in result.stderr) == (2, True)


def test_the_schema_is_printed_for_editors(desk: Any) -> None:
    printed = json.loads(desk.type("policy", "schema").stdout)
    assert printed["required"] == ["version"]


def test_lint_fails_on_errors_only_and_tells_place_and_fix(desk: Any, folder: Path) -> None:
    assert desk.type("policy", "lint", "good.yaml", "--tools", "shop_tools:tools").exit_code == 0
    (folder / "odd.yaml").write_text(GOOD.replace("args.amount > 100", "hour > 23"))
    odd = desk.type("policy", "lint", "odd.yaml", "--tools", "shop_tools:tools")
    assert odd.exit_code == 1
    assert odd.stdout.splitlines()[:2] == [
        "odd.yaml:7  error  [never-true]",
        "    the condition of rule large is never true.",
    ]
    told = json.loads(desk.type("policy", "lint", "odd.yaml", "--json").stdout)
    assert (told["ok"], told["remarks"][0]["line"]) == (False, 7)
    assert desk.type("policy", "lint", "bad.yaml", "--tools", "shop_tools:tools").exit_code == 2

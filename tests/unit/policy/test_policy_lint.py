"""What loads and is likely not meant is found, placed, and weighed; what is meant is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from guarded_agent.core import ToolSpec
from guarded_agent.policy import Engine, Policy
from guarded_agent.policy.lint import Remark, lint, worst

SCHEMA: dict[str, Any] = {
    "properties": {
        "to": {"type": "array", "items": {"type": "string"}},
        "n": {"type": "integer"},
        "amount": {"type": "number"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "cc": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
    },
    "required": ["to", "n", "amount", "kind", "age"],
}


def remarks(rules: str, more: str = "access: write", head: str = "") -> list[Remark]:
    lines = "\n".join(f"      - {rule}" for rule in rules.strip().split("\n"))
    text = f"version: 1\n{head}\ntools:\n  act:\n    {more}\n    rules:\n{lines}\n"
    return lint(Engine(Policy.from_text(text, "p.yaml"), [ToolSpec("act", schema=SCHEMA)]))


def kinds(rules: str, more: str = "access: write", head: str = "") -> list[tuple[str, str]]:
    return [(one.severity, one.kind) for one in remarks(rules, more, head)]


@pytest.mark.parametrize(
    "when",
    [
        "args.n > 5 && args.n < 3",
        "args.n > 5 && args.n < 6",
        "hour > 23",
        "label.confidentiality > 3",
        "count.today < 0",
        'args.kind == "c"',
        "args.age > 120",
        "args.amount > 0.5 && args.amount < 0.5",
        "given.cc && !given.cc",
    ],
)
def test_a_contradiction_between_comparisons_is_an_error(when: str) -> None:
    assert kinds(f"{{effect: allow, when: '{when}'}}") == [("error", "never-true")]


@pytest.mark.parametrize(
    "when",
    [
        "args.n > 5 && args.n < 7",
        "args.amount > 5.0 && args.amount < 6.0",
        "hour > 22",
        'args.cc > "zz" && args.cc < "zzb"',
        'args.to.all(r, email_domain(r) == "acme.com")',
        'args.to.exists(r, email_domain(r) != "acme.com")',
        "size(args.to) > 20",
        'in_cidr(args.cc, "10.0.0.0/8")',
        '"search" in read && !("pay" in read)',
        "args.n * 2 == 6",
        "!given.cc",
        "count.today > 5 && count.thread < 2",
        'now.getHours("Europe/Berlin") >= 18',
    ],
)
def test_no_condition_that_can_hold_is_called_an_error(when: str) -> None:
    found = remarks("{effect: allow, when: '" + when + "'}")
    assert worst(found) != "error"


def test_a_rule_that_another_always_overrules_is_an_error() -> None:
    found = remarks(
        "{id: small, effect: allow, when: args.n < 10}\n"
        "{id: ask, effect: approve, when: args.n < 100}\n"
        "{id: rest, effect: deny, when: args.n > 50}"
    )
    first = found[0]
    assert (first.severity, first.kind, first.line) == ("error", "shadowed", 7)
    assert "small never decides: where it holds, ask decides" in str(first)
    assert [(one.kind, one.line) for one in found[1:]] == [("overlap", 8)]
    assert "ask and rest" in found[1].message


def test_a_rule_that_says_what_another_said_is_a_warning() -> None:
    assert kinds("{effect: allow, when: args.n < 100}\n{effect: allow, when: args.n < 10}") == [
        ("warning", "shadowed")
    ]


def test_rules_apart_are_left_alone() -> None:
    assert kinds("{effect: allow, when: args.n <= 10}\n{effect: approve, when: args.n > 10}") == []


def test_a_condition_that_never_works_is_told() -> None:
    assert kinds("{effect: allow, when: 'args.to[900] == args.cc'}") == [("warning", "never-true")]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("access: write", [("warning", "allow-all")]),
        ("{access: write, impact: money}", [("error", "allow-all")]),
        ("access: read", []),
        ("access: send", [("warning", "no-sink"), ("warning", "allow-all")]),
        ("access: send\n    sink: {argument: to}", [("warning", "no-clearance")]),
    ],
)
def test_what_acts_and_is_always_allowed_is_told(
    more: str, expected: list[tuple[str, str]]
) -> None:
    more = more.strip("{}").replace(", impact", "\n    impact") if "money" in more else more
    found = kinds("{effect: allow}", more)
    assert all(one in found for one in expected)
    assert bool(found) == bool(expected)


def test_limits_are_enough_for_what_is_always_allowed() -> None:
    limits = "access: write\n    limits: {per_day: {count: true, max: 3}}"
    assert kinds("{effect: allow}", limits) == []


def test_scopes_that_nobody_grants_and_nobody_needs_are_told() -> None:
    head = "agent: {id: a, scopes: [old]}"
    found = remarks("{effect: approve}", "access: write\n    scopes: [bank.pay]", head)
    assert [(one.severity, one.kind, one.key) for one in found] == [
        ("warning", "unused-grant", "agent.scopes[0]"),
        ("error", "no-grant", "tools.act.scopes"),
    ]
    users = "users: {ann: {scopes: [old]}}"
    [one] = remarks("{effect: approve}", "access: write\n    scopes: [bank.pay]", users)
    assert "which no user has" in one.message


def test_unlisted_tools_that_may_all_write_are_an_error() -> None:
    found = remarks("{effect: approve}", head="unlisted: {write: allow}")
    assert [(one.kind, one.line) for one in found] == [("allow-all", 2)]
    assert worst(found) == "error"


def test_a_glob_is_odd_only_if_it_is_for_all_that_it_matches() -> None:
    policy = Policy.from_mapping(
        {
            "version": 1,
            "tools": {"get_*": {"rules": [{"effect": "allow", "when": "args.n > 3"}]}},
        }
    )
    small: dict[str, Any] = {"properties": {"n": {"type": "integer", "maximum": 2}}}
    large: dict[str, Any] = {"properties": {"n": {"type": "integer"}}}
    specs = [
        ToolSpec(name, access="read", declared=True, schema=schema)
        for name, schema in (("get_a", small), ("get_b", large))
    ]
    assert lint(Engine(policy, specs)) == []
    assert [one.kind for one in lint(Engine(policy, specs[:1]))] == ["never-true"]


ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("file", sorted((ROOT / "examples/policies").glob("*.yaml")), ids=str)
def test_the_examples_have_no_error(file: Path) -> None:
    from guarded_agent.cli.policy_explain import untyped

    policy = Policy.from_file(file)
    specs = untyped(policy, {name: {} for name in policy.tools if "*" not in name})
    assert worst(lint(Engine(policy, specs, strict_tools=False))) != "error"

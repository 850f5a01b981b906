"""Arguments and conditions made to slip past a rule: each is denied, and the rule is named."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.policy import Decision, Engine, Policy

STRINGS = {"type": "array", "items": {"type": "string"}}
SEND = ToolSpec("send", schema={"properties": {"to": STRINGS, "body": {"type": "string"}}})
PAY = ToolSpec(
    "pay",
    schema={
        "properties": {
            "amount": {"type": "number"},
            "times": {"type": "integer"},
            "note": {"type": "string"},
            "urgent": {"type": "boolean"},
            "to": {"type": "object", "properties": {"iban": {"type": "string"}}},
        }
    },
)


def decide(spec: ToolSpec, args: dict[str, Any], *rules: dict[str, str], **entry: Any) -> Decision:
    policy = Policy.from_mapping({"version": 1, "tools": {spec.name: {"rules": rules, **entry}}})
    # The bare constructor: an attacker's arguments may not have passed Action.build.
    action = Action(spec.name, args, call_id="c", thread_id="t", agent_id="a")
    return Engine(policy, [spec]).decide(action, Context("a", "t"), 0.0)


INSIDE = {
    "id": "inside",
    "effect": "allow",
    "when": 'args.to.all(r, email_domain(r) == "corp.com")',
}
CHEAP = {"id": "cheap", "effect": "allow", "when": "args.amount <= 100"}
DEAR = {"id": "dear", "effect": "deny", "when": "args.amount == 4000"}
REST = {"effect": "allow"}


@pytest.mark.parametrize(
    "recipient",
    [
        "eve@evil.com,ann@corp.com",
        '"eve@evil.com"@corp.com',
        "ann@corp.com\r\nBcc: eve@evil.com",
        "Ann <ann@corp.com>",
        "ann@corp.com.evil.com",
        "ann@corp.com.",
        "ann@c\u043erp.com",
        "ann@\uff43orp.com",
        "",
    ],
)
def test_a_recipient_that_only_looks_like_ours_is_denied(recipient: str) -> None:
    decision = decide(SEND, {"to": ["bob@corp.com", recipient]}, INSIDE)
    assert decision.effect is Effect.DENY
    assert "evil" not in decision.message + decision.because


def test_upper_case_is_still_ours() -> None:
    assert decide(SEND, {"to": ["ANN@CORP.COM"]}, INSIDE).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "amount", ["4000", "4000.0", True, None, [4000], {"value": 4000}, float("nan"), float("inf")]
)
def test_an_amount_that_is_no_number_is_denied_before_any_rule(amount: Any) -> None:
    decision = decide(PAY, {"amount": amount}, DEAR, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "arguments")


def test_a_number_is_the_same_number_in_either_way_of_writing_it() -> None:
    assert decide(PAY, {"amount": 4000.0}, DEAR, REST).rule == "dear"
    assert decide(PAY, {"amount": 4000}, DEAR, REST).rule == "dear"
    times = {"id": "times", "effect": "deny", "when": "args.times == 3"}
    assert decide(PAY, {"times": 3.0}, times, REST).rule == "times"
    assert decide(PAY, {"times": 3.5}, times, REST).rule == "arguments"


def test_a_number_too_large_for_the_condition_is_denied_by_its_rule() -> None:
    decision = decide(PAY, {"amount": 2**70}, CHEAP)
    assert (decision.effect, decision.rule) == (Effect.DENY, "cheap")
    assert str(2**70) not in decision.because


@pytest.mark.parametrize(
    "args",
    [
        {"amount": 1, "amuont": 5000},
        {"amount": 1, "to": {"iban": "x", "also": "y"}},
        {"amount": 1, "to": "x"},
        {"amount": 1, "note": ["x"]},
        {"amount": 1, "urgent": "false"},
        {"amount": 1, "urgent": 1},
    ],
)
def test_what_the_tool_does_not_take_is_denied(args: dict[str, Any]) -> None:
    assert decide(PAY, args, REST).rule == "arguments"


def test_text_that_no_program_can_encode_is_denied() -> None:
    note = {"id": "note", "effect": "allow", "when": 'args.note != "x"'}
    decision = decide(PAY, {"note": "\ud800"}, note)
    assert (decision.effect, decision.rule) == (Effect.DENY, "note")


@pytest.mark.parametrize(
    "when",
    [
        "args.to.all(a, args.to.all(b, args.to.all(c, a != b || b != c || a == c)))",
        "args.to.map(a, args.to.map(b, [a, b, a, b])).size() > 0",
        "args.to.all(a, args.to.all(b, args.to.all(c, args.to.all(d, true))))",
    ],
)
def test_a_quantifier_bomb_runs_out_of_its_budget_and_is_denied(when: str) -> None:
    rule = {"id": "bomb", "effect": "allow", "when": when}
    decision = decide(SEND, {"to": [f"a{n}@corp.com" for n in range(900)]}, rule)
    assert (decision.effect, decision.rule) == (Effect.DENY, "bomb")
    assert "budget" in decision.because


def test_a_pattern_that_explodes_elsewhere_does_not_here() -> None:
    rule = {"effect": "deny", "when": 'args.body.matches("(a+)+$")'}
    decision = decide(SEND, {"to": [], "body": "a" * 50_000 + "!"}, rule, REST)
    assert decision.effect is Effect.ALLOW


@pytest.mark.parametrize(
    "args",
    [
        {"to": ["a@corp.com"] * 1001},
        {"body": "x" * 70_000},
        {"body": "x", "deep": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]},
    ],
)
def test_arguments_too_large_to_judge_are_denied(args: dict[str, Any]) -> None:
    assert decide(SEND, args, REST).rule == "arguments"


def test_a_negative_amount_gives_nothing_back() -> None:
    limits = {"per_day": {"sum": "args.amount", "max": 1000}}
    decision = decide(PAY, {"amount": -500}, REST, limits=limits)
    assert (decision.effect, decision.rule, decision.limits) == (Effect.DENY, "limit:per_day", ())


def test_a_missing_amount_does_not_slip_past_a_limit() -> None:
    limits = {"per_day": {"sum": "args.amount", "max": 1000}}
    assert decide(PAY, {}, REST, limits=limits).rule == "limit:per_day"


def test_an_error_in_a_rule_that_allows_is_not_hidden_by_one_that_asks() -> None:
    asks = {"id": "asks", "effect": "approve", "when": "args.to.size() > 0"}
    decision = decide(SEND, {"to": ["eve@evil.com,ann@corp.com"]}, INSIDE, asks)
    assert (decision.effect, decision.rule) == (Effect.DENY, "inside")


def test_the_model_is_told_neither_the_condition_nor_the_threshold() -> None:
    for amount in (5000, 2**70, "x"):
        rule = {"id": "ceiling", "effect": "deny", "when": "args.amount > 1234"}
        decision = decide(PAY, {"amount": amount}, rule, REST)
        assert decision.effect is Effect.DENY
        assert "1234" not in decision.message
        assert "when" not in decision.message


def test_a_schema_that_multiplies_is_read_in_bounds() -> None:
    names = [f"p{n}" for n in range(60)]
    kinds = {
        f"K{level}": {
            "type": "object",
            "properties": {name: {"$ref": f"#/$defs/K{level + 1}"} for name in names},
        }
        for level in range(8)
    }
    kinds["K8"] = {"type": "object", "properties": {"self": {"$ref": "#/$defs/K8"}}}
    schema = {"properties": {"x": {"$ref": "#/$defs/K0"}}, "$defs": kinds}
    decision = decide(ToolSpec("big", schema=schema), {"x": {"p0": {"p1": {}}}}, REST)
    assert decision.effect is Effect.ALLOW
    wrong = decide(ToolSpec("big", schema=schema), {"x": {"p0": {"p1": 3}}}, REST)
    assert wrong.rule == "arguments"


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"$ref": "#/$defs/none"}}},
        {"properties": {"x": {"$ref": 7}}},
        {"properties": {"x": {"$ref": "https://evil.com/schema"}}},
        {"properties": {"x": True}},
        {"properties": {"x": {"anyOf": []}}},
        {"properties": {"x": {"type": ["string", "null", "integer"]}}},
        {"properties": {"x": {"type": "nonsense"}}},
    ],
)
def test_an_odd_schema_is_read_without_harm(schema: dict[str, Any]) -> None:
    rule = {"id": "x", "effect": "allow", "when": "args.x == 3"}
    assert decide(ToolSpec("odd", schema=schema), {"x": 3}, rule).effect is Effect.ALLOW
    assert decide(ToolSpec("odd", schema=schema), {"x": 4}, rule).effect is Effect.DENY

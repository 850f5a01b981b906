"""A rule from what people decided: narrow, quoted safely, and effective."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Action, Context, Effect
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.tool import ToolSpec
from guarded_agent.monitor.rule_proposal import Proposal, propose
from guarded_agent.policy import Engine, Policy

SCHEMA = {
    "properties": {
        "payee": {"type": "string"},
        "amount": {"type": "number"},
        "urgent": {"type": "boolean"},
        "to": {"type": "array", "items": {"type": "string"}},
    }
}
PAY: dict[str, Any] = {"payee": "Acme", "amount": 80}


def policy(*rules: dict[str, Any], tool: str = "pay") -> Policy:
    entry = {"access": "write", "rules": list(rules)}
    return Policy.from_mapping({"version": 1, "tools": {tool: entry} if rules else {}})


def effect(found: Policy, args: dict[str, Any]) -> Effect:
    engine = Engine(found, [ToolSpec("pay", "write", schema=SCHEMA)], strict_tools=False)
    action = Action.build(tool="pay", args=args, call_id="c", thread_id="t", agent_id="agent")
    return engine.decide(action, Context("agent", "t"), 1_000.0).effect


def proposed(*calls: dict[str, Any], to: Policy | None = None, **rest: Any) -> Proposal:
    asks = policy({"effect": "approve", "when": "args.amount > 50"}, {"effect": "allow"})
    return propose(to or asks, "pay", "write", calls, **rest)


def test_what_was_approved_is_not_asked_again_and_all_else_is() -> None:
    found = proposed(PAY).policy
    assert effect(found, PAY) is Effect.ALLOW
    for other in ({"amount": 81}, {"amount": 79}, {"payee": "Eve"}, {"payee": "acme"}):
        assert effect(found, PAY | other) is Effect.APPROVE


def test_a_rule_that_always_asks_gets_an_exception() -> None:
    found = proposed(PAY, to=policy({"effect": "approve"})).policy
    assert (effect(found, PAY), effect(found, PAY | {"amount": 81})) == (
        Effect.ALLOW,
        Effect.APPROVE,
    )


def test_a_tool_that_the_policy_does_not_speak_of_gets_an_entry_that_asks() -> None:
    found = proposed(PAY, to=policy()).policy
    assert (effect(found, PAY), effect(found, PAY | {"amount": 81})) == (
        Effect.ALLOW,
        Effect.APPROVE,
    )


def test_a_rule_that_denies_still_wins() -> None:
    strict = policy({"effect": "deny", "when": "args.amount > 70"}, {"effect": "approve"})
    assert effect(proposed(PAY, to=strict).policy, PAY) is Effect.DENY


def test_several_calls_give_the_span_of_their_numbers_and_their_texts() -> None:
    found = proposed(PAY, {"payee": "Bo", "amount": 90.5})
    assert found.when == 'args.amount >= 80 && args.amount <= 90.5 && args.payee in ["Acme", "Bo"]'
    assert effect(found.policy, {"payee": "Bo", "amount": 85}) is Effect.ALLOW
    assert effect(found.policy, {"payee": "Bo", "amount": 91}) is Effect.APPROVE


def test_what_was_rejected_becomes_a_rule_that_denies() -> None:
    found = proposed(PAY, effect="deny").policy
    assert (effect(found, PAY), effect(found, PAY | {"amount": 81})) == (
        Effect.DENY,
        Effect.APPROVE,
    )


@pytest.mark.parametrize(
    "payee",
    ['"|| true || "', "\\", '\\" || true //', "'", "${x}", "\u00e4\u20ac", "a: b #c", "\U0001f600"],
)
def test_no_text_gets_out_of_its_quotes(payee: str) -> None:
    call = PAY | {"payee": payee}
    found = proposed(call)
    again = Policy.from_text(
        "version: 1\n" + found.to_yaml().replace("rules:", "access: write\n    rules:")
    )
    for one in (found.policy, again):
        assert effect(one, call) is Effect.ALLOW
        assert effect(one, PAY) is Effect.APPROVE


@pytest.mark.parametrize(
    "value", ["x" * 201, "a\nb", "\u202e", "\ud800", {"a": 1}, None, [], [[1]], [1] * 30], ids=repr
)
def test_what_no_condition_can_hold_has_to_be_let_go_by_name(value: Any) -> None:
    with pytest.raises(VoteRefused, match="--any payee"):
        proposed(PAY | {"payee": value})
    found = proposed(PAY | {"payee": value}, free=["payee"])
    assert (found.when, found.free) == ("args.amount == 80", ("payee",))


def test_an_argument_that_only_some_calls_have_is_not_guessed() -> None:
    with pytest.raises(VoteRefused, match="not in every call"):
        proposed(PAY, {"amount": 80})


def test_a_list_and_a_flag_are_held_whole() -> None:
    call = PAY | {"to": ["ann@acme.com", "bo@acme.com"], "urgent": True}
    found = proposed(call).policy
    assert effect(found, call) is Effect.ALLOW
    assert effect(found, call | {"urgent": False}) is Effect.APPROVE
    assert effect(found, call | {"to": ["ann@acme.com"]}) is Effect.APPROVE


def test_a_rule_for_everything_is_refused_and_so_is_a_name_for_several_tools() -> None:
    with pytest.raises(VoteRefused, match="leave some argument"):
        proposed(PAY, free=["payee", "amount"])
    with pytest.raises(VoteRefused, match="several tools"):
        proposed(PAY, to=policy({"effect": "approve"}, tool="p*"))
    with pytest.raises(VoteRefused, match="at least one"):
        proposed()

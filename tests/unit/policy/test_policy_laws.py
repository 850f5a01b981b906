"""Laws of decisions, over generated rules: order does not matter, and a denial only adds."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.policy import Decision, Engine, Policy, explain

FLAGS = ["a", "b", "c", "d"]
TOOL = ToolSpec(
    "tool", schema={"properties": {flag: {"type": "boolean"} for flag in [*FLAGS, "absent"]}}
)
effects = st.sampled_from(["allow", "approve", "deny"])
# args.absent is never given, so a rule that names it cannot be evaluated.
conditions = st.sampled_from(
    [f"args.{flag}" for flag in FLAGS]
    + [f"!args.{flag}" for flag in FLAGS]
    + ["args.a && args.b", "args.absent"]
)
rules = st.lists(st.fixed_dictionaries({"effect": effects, "when": conditions}), max_size=6)
arguments = st.fixed_dictionaries({flag: st.booleans() for flag in FLAGS})
access = st.sampled_from(["read", "write", "send"])


def ready(rules: list[dict[str, Any]], access: str) -> Engine:
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"tool": {"access": access, "rules": rules}}}
    )
    return Engine(policy, [TOOL])


def action(args: dict[str, Any]) -> Action:
    return Action("tool", args, call_id="c", thread_id="t", agent_id="a")


def decide(rules: list[dict[str, Any]], args: dict[str, Any], access: str = "send") -> Decision:
    return ready(rules, access).decide(action(args), Context("a", "t"), 0.0)


def holds(when: str, args: dict[str, Any]) -> bool | None:
    if "absent" in when:
        return None
    parts = when.split(" && ")
    return all(args[part[-1]] != part.startswith("!") for part in parts)


@given(rules, arguments)
def test_a_decision_is_what_the_rules_say_in_plain_words(rules, args) -> None:
    held = [(rule["effect"], holds(rule["when"], args)) for rule in rules]
    if ("deny", True) in held or any(value is None for _, value in held):
        expected = "deny"
    elif ("approve", True) in held:
        expected = "approve"
    elif ("allow", True) in held:
        expected = "allow"
    else:
        expected = "deny" if rules else "approve"
    assert str(decide(rules, args).effect) == expected


@given(rules, arguments, st.randoms(use_true_random=False))
def test_the_order_of_rules_changes_nothing(rules, args, random) -> None:
    shuffled = random.sample(rules, len(rules))
    assert decide(rules, args).effect == decide(shuffled, args).effect


@given(rules, arguments, access, conditions, st.integers(0, 6))
def test_one_more_denial_never_makes_a_decision_milder(rules, args, access, when, at) -> None:
    more = [*rules[:at], {"effect": "deny", "when": when}, *rules[at:]]
    assert decide(more, args, access).effect >= decide(rules, args, access).effect


@given(rules, arguments, access)
def test_the_explanation_names_what_decided(rules, args, access) -> None:
    engine = ready(rules, access)
    explanation = explain(engine, action(args), Context("a", "t"))
    decision = explanation.decision
    decided = [trial for trial in explanation.trials if trial.rule == decision.rule]
    assert len(decided) == 1
    assert decided[0].error or decided[0].matched
    assert len(explanation.trials) >= len(rules)
    assert str(explanation).startswith(f"tool: {decision.effect}, decided by {decision.rule}")


@given(rules, arguments)
def test_an_error_is_always_a_denial(rules, args) -> None:
    broken = [*rules, {"effect": "allow", "when": "args.absent"}]
    decision = decide(broken, args)
    assert decision.effect is Effect.DENY
    assert decision.rule != "no-rule"

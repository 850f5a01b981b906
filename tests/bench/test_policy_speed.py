"""How long thirty rules take: to load, to decide and to explain, beside two other ways.

The other ways are the same rules as plain Python, which is not data, and as programs of
a second CEL engine. Ratios are taken in the same run, since machines differ more than they.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

import cel as peer
import pytest

from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.policy import Engine, Policy, explain
from guarded_agent.policy.conditions import Cel

ARGS: dict[str, Any] = {"to": ["ann@acme.com"], "amount": 80, "body": "x" * 400}
RULES = [
    *({"effect": "deny", "when": f"args.amount > {1000 + n}"} for n in range(20)),
    *({"effect": "approve", "when": f"size(args.body) > {10_000 + n}"} for n in range(8)),
    {"effect": "allow", "when": "args.amount < 100 && label.trusted"},
    {"effect": "allow", "when": 'args.to.all(r, email_domain(r) == "acme.com")'},
]
NOT_SIMPLE = [
    *({"effect": "deny", "when": f"args.amount * 2 > {1000 + n}"} for n in range(10)),
    *({"effect": "approve", "when": f'args.body.contains("{n}")'} for n in range(10)),
    *({"effect": "deny", "when": f'args.to.exists(r, r == "{n}")'} for n in range(9)),
    {"effect": "allow", "when": 'args.to.all(r, email_domain(r) == "acme.com")'},
]
PLAIN = [
    *(("deny", lambda args, n=n: args["amount"] > 1000 + n) for n in range(20)),
    *(("approve", lambda args, n=n: len(args["body"]) > 10_000 + n) for n in range(8)),
    ("allow", lambda args: args["amount"] < 100),
    ("allow", lambda args: all(one.rpartition("@")[2] == "acme.com" for one in args["to"])),
]
SCHEMA = {
    "properties": {
        "to": {"type": "array", "items": {"type": "string"}},
        "amount": {"type": "number"},
        "body": {"type": "string"},
    }
}


def policy_of(rules: list[dict[str, str]], tool: str = "post") -> Policy:
    return Policy.from_mapping({"version": 1, "tools": {tool: {"access": "send", "rules": rules}}})


def plain(args: dict[str, Any]) -> str:
    matched = {effect for effect, holds in PLAIN if holds(args)}
    return next((effect for effect in ("deny", "approve", "allow") if effect in matched), "deny")


def by_peer() -> Callable[[], str]:
    """Return what decides by the second engine: compiled before, one context for each call."""
    functions = {"email_domain": lambda address: address.rpartition("@")[2]}
    programs = [(rule["effect"], peer.compile(rule["when"])) for rule in RULES]

    def decide() -> str:
        given = {"args": ARGS, "label": {"trusted": True}}
        context = peer.Context(variables=given, functions=functions)
        matched = {effect for effect, program in programs if program.execute(context)}
        return next((one for one in ("deny", "approve", "allow") if one in matched), "deny")

    return decide


def quickest(run: Callable[[], Any]) -> float:
    return min(timeit.repeat(run, number=200, repeat=5)) / 200


def called() -> tuple[Action, Context]:
    action = Action.build(tool="post", args=ARGS, call_id="c", thread_id="t", agent_id="a")
    return action, Context("a", "t")


def note(benchmark: Any, **others: Callable[[], Any]) -> None:
    """Write the hundredth slowest and the ratios into the report."""
    if not benchmark.stats:  # there are none under --benchmark-disable
        return
    took = benchmark.stats.stats.sorted_data
    benchmark.extra_info["median_us"] = round(took[len(took) // 2] * 1e6, 1)
    benchmark.extra_info["p99_us"] = round(took[int(len(took) * 0.99)] * 1e6, 1)
    for name, run in others.items():
        benchmark.extra_info[name] = round(benchmark.stats["min"] / quickest(run), 2)


@pytest.mark.benchmark(group="policy")
def test_a_decision_by_thirty_rules(benchmark: Any) -> None:
    engine = Engine(policy_of(RULES), [ToolSpec("post", schema=SCHEMA)])
    all_cel = Engine(policy_of(RULES), [ToolSpec("post", schema=SCHEMA)], conditions=Cel())
    action, context = called()
    decision = benchmark(engine.decide, action, context, 0.0)
    assert decision.effect is Effect.ALLOW
    assert plain(ARGS) == by_peer()() == "allow"
    note(
        benchmark,
        times_plain_python=lambda: plain(ARGS),
        times_the_second_cel=by_peer(),
        times_without_closures=lambda: all_cel.decide(action, context, 0.0),
    )


@pytest.mark.benchmark(group="policy")
def test_a_decision_by_thirty_rules_of_which_none_is_simple(benchmark: Any) -> None:
    engine = Engine(policy_of(NOT_SIMPLE), [ToolSpec("post", schema=SCHEMA)])
    action, context = called()
    assert benchmark(engine.decide, action, context, 0.0).effect is Effect.ALLOW
    note(benchmark)


@pytest.mark.benchmark(group="policy")
def test_an_explanation_of_thirty_rules(benchmark: Any) -> None:
    engine = Engine(policy_of(RULES), [ToolSpec("post", schema=SCHEMA)])
    action, context = called()
    explanation = benchmark(explain, engine, action, context)
    assert len(explanation.trials) == 30
    note(benchmark)


@pytest.mark.benchmark(group="policy load")
@pytest.mark.parametrize("rules", [RULES, NOT_SIMPLE], ids=["simple", "not simple"])
def test_thirty_rules_for_each_of_twenty_tools_are_loaded(benchmark: Any, rules: Any) -> None:
    policy = policy_of(rules, "post_*")
    # Each has arguments of its own, so nothing that is read of one serves another.
    tools = [
        ToolSpec(
            f"post_{number}",
            schema={"properties": {**SCHEMA["properties"], f"n{number}": {"type": "integer"}}},
        )
        for number in range(20)
    ]
    # The library is loaded before: it takes longer than the rules, and once.
    Engine(policy, tools)
    engine = benchmark(Engine, policy, tools)
    assert len(engine.specs) == 20
    note(benchmark)

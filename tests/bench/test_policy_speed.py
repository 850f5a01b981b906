"""How long a decision by thirty rules takes, beside the same rules as plain Python."""

from __future__ import annotations

import timeit
from typing import Any

import pytest

from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.policy import Engine, Policy

ARGS: dict[str, Any] = {"to": ["ann@acme.com"], "amount": 80, "body": "x" * 400}
RULES = [
    *({"effect": "deny", "when": f"args.amount > {1000 + n}"} for n in range(20)),
    *({"effect": "approve", "when": f"size(args.body) > {10_000 + n}"} for n in range(8)),
    {"effect": "allow", "when": "args.amount < 100 && label.trusted"},
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


def plain(args: dict[str, Any]) -> str:
    matched = {effect for effect, holds in PLAIN if holds(args)}
    return next((effect for effect in ("deny", "approve", "allow") if effect in matched), "deny")


@pytest.mark.benchmark(group="policy")
def test_a_decision_by_thirty_rules(benchmark: Any) -> None:
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"send": {"access": "send", "rules": RULES}}}
    )
    engine = Engine(policy, [ToolSpec("send", schema=SCHEMA)])
    action = Action.build(tool="send", args=ARGS, call_id="c", thread_id="t", agent_id="a")
    context = Context("a", "t")
    decision = benchmark(engine.decide, action, context, 0.0)
    assert decision.effect is Effect.ALLOW
    assert plain(ARGS) == "allow"
    if benchmark.stats:  # there are none under --benchmark-disable
        floor = min(timeit.repeat(lambda: plain(ARGS), number=500, repeat=5)) / 500
        benchmark.extra_info["times_plain_python"] = round(benchmark.stats["min"] / floor, 1)

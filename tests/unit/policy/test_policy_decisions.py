"""Decisions: deny over approve over allow, nothing allows by itself, an error denies."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import (
    Action,
    Confidentiality,
    Context,
    Effect,
    Label,
    Sink,
    ThreadMemory,
    ToolSpec,
)
from guarded_agent.policy import Decision, Engine, Policy

STRINGS = {"type": "array", "items": {"type": "string"}}
SEND = ToolSpec(
    "send",
    schema={
        "properties": {
            "to": STRINGS,
            "cc": {"anyOf": [STRINGS, {"type": "string"}, {"type": "null"}], "default": None},
            "body": {"type": "string"},
        }
    },
)
PAY = ToolSpec("pay", schema={"properties": {"amount": {"type": "number"}}})
BARE = ToolSpec("bare")


def engine(data: dict[str, Any], *tools: ToolSpec) -> Engine:
    return Engine(Policy.from_mapping({"version": 1, **data}), tools or (SEND, PAY, BARE))


def decide(engine: Engine, tool: str, args: dict[str, Any], label: Label | None = None) -> Decision:
    action = Action(tool, args, call_id="c", thread_id="t", agent_id="a")
    memory = ThreadMemory(label=label or Label())
    return engine.decide(action, Context("a", "t", memory=memory), 0.0)


def one(entry: dict[str, Any], spec: ToolSpec = BARE, **rest: Any) -> Decision:
    return decide(engine({"tools": {spec.name: entry}, **rest}, spec), spec.name, {})


def test_a_listed_tool_without_rules_reads_freely_and_asks_for_the_rest() -> None:
    assert one({"access": "read"}).effect is Effect.ALLOW
    assert one({"access": "write"}).effect is Effect.APPROVE
    assert one({"access": "send"}).effect is Effect.APPROVE


def test_a_listed_tool_that_says_nothing_of_itself_counts_as_one_that_sends() -> None:
    assert engine({"tools": {"bare": {}}}, BARE).spec("bare").access == "send"
    assert engine({"tools": {"bare": {}}}, ToolSpec("bare", access="read")).spec("bare").access == (
        "send"
    )
    reads = ToolSpec("bare", access="read", declared=True)
    assert engine({"tools": {"bare": {}}}, reads).spec("bare").access == "read"


def test_where_there_are_rules_and_none_matches_the_call_is_denied() -> None:
    decision = one({"access": "read", "rules": [{"effect": "allow", "when": "user != ''"}]})
    assert (decision.effect, decision.rule) == (Effect.DENY, "no-rule")


def test_the_default_policy_goes_by_what_tools_say_of_themselves() -> None:
    tools = [
        ToolSpec("r", access="read", declared=True),
        ToolSpec("w", access="write", declared=True),
        ToolSpec("s", access="send", declared=True),
        ToolSpec("silent", access="read"),
        ToolSpec("wipe", access="read", declared=True, impact="destructive"),
    ]
    ready = Engine(Policy.default(), tools)
    effects = {spec.name: str(decide(ready, spec.name, {}).effect) for spec in tools}
    assert effects == {
        "r": "allow",
        "w": "approve",
        "s": "approve",
        "silent": "approve",
        "wipe": "approve",
    }


def test_a_tool_that_is_not_listed_is_denied_unless_the_policy_says_otherwise() -> None:
    reads = ToolSpec("r", access="read", declared=True)
    assert decide(engine({}, reads), "r", {}).effect is Effect.DENY
    assert decide(engine({"unlisted": {"read": "allow"}}, reads), "r", {}).effect is Effect.ALLOW


def test_a_tool_that_nobody_registered_is_denied_even_by_the_mildest_policy() -> None:
    mild = {"unlisted": {"read": "allow", "write": "allow", "send": "allow"}}
    decision = decide(engine(mild), "sned", {})
    assert (decision.effect, decision.rule) == (Effect.DENY, "unknown-tool")


def test_destructive_tools_ask_unless_a_rule_allows_in_so_many_words() -> None:
    assert one({"access": "read", "impact": "destructive"}).effect is Effect.APPROVE
    allowed = {"access": "write", "impact": "destructive", "rules": [{"effect": "allow"}]}
    assert one(allowed).effect is Effect.ALLOW


def test_what_a_mistake_costs_never_becomes_less() -> None:
    spec = ToolSpec("bare", access="write", impact="destructive", declared=True)
    ready = engine({"tools": {"bare": {"access": "read", "impact": "money"}}}, spec)
    assert (ready.spec("bare").access, ready.spec("bare").impact) == ("read", "destructive")
    money = ToolSpec("bare", impact="money", declared=True)
    assert engine({"tools": {"bare": {}}}, money).spec("bare").impact == "money"


def test_scopes_join_and_a_label_is_completed_from_the_tool() -> None:
    own = Label(Confidentiality.SECRET, frozenset({"hr"}), trusted=False)
    spec = ToolSpec("bare", scopes=frozenset({"a"}), label=own, declared=True)
    ready = engine({"tools": {"bare": {"scopes": ["b"], "label": {"trusted": True}}}}, spec)
    assert ready.spec("bare").scopes == {"a", "b"}
    assert ready.spec("bare").label == Label(Confidentiality.SECRET, frozenset({"hr"}), True)


def test_an_exact_name_wins_over_a_glob_and_a_glob_matches_whole_names() -> None:
    tools = [ToolSpec("mail_read"), ToolSpec("mail_send"), ToolSpec("webmail_read")]
    data = {
        "tools": {"mail_*": {"access": "read"}, "mail_send": {"access": "send"}},
        "unlisted": {"send": "deny"},
    }
    ready = engine(data, *tools)
    effects = [str(decide(ready, spec.name, {}).effect) for spec in tools]
    assert effects == ["allow", "approve", "deny"]


def test_a_name_is_never_a_prefix() -> None:
    tools = [ToolSpec("send"), ToolSpec("send_money")]
    ready = engine({"tools": {"send": {"rules": [{"effect": "allow"}]}}}, *tools)
    assert decide(ready, "send", {}).effect is Effect.ALLOW
    assert decide(ready, "send_money", {}).effect is Effect.DENY


def test_the_quorum_comes_from_the_tool_then_from_the_policy() -> None:
    approvals = {"approvals": {"quorum": 2, "roles": ["ops"]}}
    decision = one({"access": "write"}, **approvals)
    assert (decision.quorum, decision.roles) == (2, ("ops",))
    decision = one({"access": "write", "approval": {"quorum": 3, "roles": ["sre"]}}, **approvals)
    assert (decision.quorum, decision.roles) == (3, ("sre",))
    assert one({"access": "read", "approval": {"quorum": 2}}).effect is Effect.APPROVE


def test_the_reviewer_reads_every_reason_and_the_model_no_condition() -> None:
    rules = [
        {"effect": "approve", "when": "user == ''", "because": "nobody asked", "message": "Wait."},
        {"effect": "approve", "when": "hour < 24", "because": "at night"},
    ]
    decision = one({"rules": rules})
    assert decision.because == "nobody asked; at night"
    assert decision.message == "Wait."
    silent = one({"rules": [{"effect": "deny", "when": "user == ''", "because": "threshold 7"}]})
    assert silent.message == "The policy does not allow this call of bare."


OUTSIDE = {"organisation": {"domains": ["acme.com"]}}
SINK = {
    "tools": {
        "send": {
            "sinks": [
                {"argument": "to", "clearance": "internal"},
                {"argument": "cc", "clearance": "internal", "effect": "approve"},
            ],
            "rules": [{"effect": "allow"}],
        }
    },
    **OUTSIDE,
}
HR = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}))


@pytest.mark.parametrize(
    ("args", "effect"),
    [
        ({"to": ["ann@acme.com"]}, "allow"),
        ({"to": ["ann@acme.com", "bob@ACME.com"], "cc": None}, "allow"),
        ({"to": []}, "allow"),
        ({"to": ["ann@acme.com", "eve@evil.com"]}, "deny"),
        ({"to": ["ann@sub.acme.com"]}, "deny"),
        ({"to": ["ann"]}, "deny"),
        ({"to": ["https://acme.com/hook"]}, "allow"),
        ({"to": ["https://acme.com@evil.com/hook"]}, "deny"),
        ({"to": ["ann@acme.com"], "cc": "eve@evil.com"}, "approve"),
        ({"to": ["ann@acme.com"], "cc": ["eve@evil.com"]}, "approve"),
        ({"to": ["eve@evil.com"], "cc": ["eve@evil.com"]}, "deny"),
    ],
)
def test_confidential_data_stays_inside(args: dict[str, Any], effect: str) -> None:
    ready = engine(SINK)
    decision = decide(ready, "send", args, HR)
    assert str(decision.effect) == effect
    if effect == "deny":
        assert decision.rule == "sink:to"
        assert "confidential" not in decision.message
    assert decide(ready, "send", args).effect is Effect.ALLOW  # with nothing read, all may leave


def test_a_sink_that_the_tool_declares_denies_and_counts_its_default() -> None:
    spec = ToolSpec(
        "post",
        access="send",
        sinks=(Sink("url"),),
        declared=True,
        schema={"properties": {"url": {"type": "string", "default": "https://evil.com/"}}},
    )
    ready = engine({"tools": {"post": {"rules": [{"effect": "allow"}]}}, **OUTSIDE}, spec)
    assert decide(ready, "post", {}, HR).rule == "sink:url"
    assert decide(ready, "post", {"url": "https://acme.com/"}, HR).effect is Effect.ALLOW


def test_compartments_that_came_together_stop_what_leaves_and_not_what_reads() -> None:
    data = {
        "tools": {
            "send": {"rules": [{"effect": "allow"}]},
            "bare": {"access": "read"},
        },
        "fusion": [
            {"compartments": ["hr", "security"], "effect": "approve", "because": "profiles"},
            {"compartments": ["hr", "security", "legal"], "effect": "deny"},
        ],
    }
    ready = engine(data, SEND, BARE)

    def after(*compartments: str) -> tuple[str, str]:
        decision = decide(ready, "send", {}, Label(compartments=frozenset(compartments)))
        return str(decision.effect), decision.rule

    assert after("hr") == ("allow", "send/1")
    assert after("hr", "security") == ("approve", "fusion:hr+security")
    assert after("hr", "security", "legal", "mail") == ("deny", "fusion:hr+legal+security")
    both = Label(compartments=frozenset({"hr", "security"}))
    assert decide(ready, "bare", {}, both).effect is Effect.ALLOW


def test_a_limit_per_call_stops_the_call_and_a_limit_per_day_is_to_be_reserved() -> None:
    limits = {
        "per_call": {"sum": "args.amount", "max": 100},
        "per_day": {"sum": "args.amount", "max": 1000},
    }
    ready = engine({"tools": {"pay": {"rules": [{"effect": "allow"}], "limits": limits}}}, PAY)
    small = decide(ready, "pay", {"amount": 99.5})
    assert small.effect is Effect.ALLOW
    (limit,) = small.limits
    assert (limit.name, limit.key, limit.amount, limit.max) == (
        "pay/per_day",
        "a/pay/args.amount",
        99.5,
        1000,
    )
    big = decide(ready, "pay", {"amount": 101})
    assert (big.effect, big.rule, big.limits) == (Effect.DENY, "limit:per_call", ())


def test_a_limit_that_asks_and_one_that_counts_calls() -> None:
    limits = {"per_call": {"sum": "args.amount", "max": 100}, "effect": "approve"}
    ready = engine({"tools": {"pay": {"rules": [{"effect": "allow"}], "limits": limits}}}, PAY)
    assert decide(ready, "pay", {"amount": 101}).effect is Effect.APPROVE
    counted = {"rules": [{"effect": "allow"}], "limits": {"per_day": {"count": True, "max": 3}}}
    (limit,) = decide(engine({"tools": {"pay": counted}}, PAY), "pay", {}).limits
    assert (limit.amount, limit.max) == (1.0, 3)


def test_the_engine_digest_covers_the_policy_and_what_tools_declare() -> None:
    digests = {
        engine({}, BARE).digest,
        engine({"mode": "enforce"}, BARE).digest,
        engine({"unlisted": {"read": "allow"}}, BARE).digest,
        engine({}, ToolSpec("bare", access="read", declared=True)).digest,
        engine({}, ToolSpec("bare", manifest="other")).digest,
        engine({}, ToolSpec("bare", sinks=(Sink("to"),))).digest,
    }
    assert len(digests) == 5


@pytest.mark.parametrize("effect", ["allow", "approve", "deny"])
def test_a_concern_is_put_to_a_person_whatever_the_rules_say(effect: str) -> None:
    way_out = ToolSpec("raise_concern", access="write", declared=True, concern=True)
    entry = {"access": "send", "sink": {"argument": "x"}, "rules": [{"effect": effect}]}
    roles = {"roles": ["ombudsperson"]}
    ready = engine({"tools": {"raise_concern": {**entry, "approval": roles}}}, way_out)
    decision = decide(ready, "raise_concern", {})
    assert (decision.effect, decision.rule) == (Effect.APPROVE, "concern")
    assert (decision.limits, decision.roles) == ((), ("ombudsperson",))
    assert ready.spec("raise_concern") == way_out


def test_where_concerns_are_off_the_rules_decide() -> None:
    way_out = ToolSpec("raise_concern", access="write", declared=True, concern=True)
    tools = {"raise_concern": {"rules": [{"effect": "allow"}]}}
    off = {"off": True, "because": "a demo"}
    ready = engine({"tools": tools, "concern": off}, way_out)
    assert decide(ready, "raise_concern", {}).effect is Effect.ALLOW
    assert not ready.spec("raise_concern").concern


@pytest.mark.parametrize("amount", [10**400, -(10**400)])
def test_a_number_of_hundreds_of_digits_denies_and_does_not_crash(amount: int) -> None:
    rules = [{"effect": "allow", "when": "args.amount < 100"}]
    found = decide(engine({"tools": {"pay": {"rules": rules}}}, PAY), "pay", {"amount": amount})

    assert (found.effect, found.rule) == (Effect.DENY, "arguments")


FETCH = ToolSpec("fetch", access="read", schema={"properties": {"url": {"type": "string"}}})
ANN = Label(Confidentiality.INTERNAL, frozenset({"hr"}), sources=frozenset({"search_hr"}))


def leaving(label: Label, url: str, **sink: Any) -> Decision:
    entry = {"access": "read", "sink": {"argument": "url", "clearance": "internal", **sink}}
    data = {"organisation": {"domains": ["acme.com"]}, "tools": {"fetch": entry}}
    return decide(engine(data, FETCH), "fetch", {"url": url}, label)


def test_a_sink_lets_out_only_the_compartments_that_it_names() -> None:
    assert leaving(ANN, "https://evil.com/x").effect is Effect.ALLOW
    stopped = leaving(ANN, "https://evil.com/x", compartments=["mail"])
    assert (stopped.effect, stopped.rule) == (Effect.DENY, "sink:url")
    assert "data of hr was read (from search_hr)" in stopped.because
    assert leaving(ANN, "https://evil.com/x", compartments=["mail", "hr"]).effect is Effect.ALLOW
    assert leaving(ANN, "https://evil.com/x", compartments=[]).effect is Effect.DENY
    assert leaving(Label(), "https://evil.com/x", compartments=[]).effect is Effect.ALLOW


def test_attack_25_a_url_that_is_read_is_a_way_out() -> None:
    """Defence: sinks are tried on tools that read as well."""
    secret = Label(Confidentiality.SECRET)
    assert leaving(secret, "https://evil.com/?pay=5017").effect is Effect.DENY
    assert leaving(secret, "https://acme.com/wiki").effect is Effect.ALLOW


def test_a_sink_can_count_wherever_it_leads() -> None:
    secret = Label(Confidentiality.SECRET)
    assert leaving(secret, "https://acme.com/wiki", where="anywhere").effect is Effect.DENY
    assert leaving(Label(), "https://acme.com/wiki", where="anywhere").effect is Effect.ALLOW

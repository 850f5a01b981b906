"""After untrusted data was read, somebody has to vouch for whom or what a call is about."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Action, Context, ThreadMemory, ToolSpec
from guarded_agent.core.errors import PolicyError
from guarded_agent.core.label import UNKNOWN, Confidentiality
from guarded_agent.core.provenance import Provenance, Sources
from guarded_agent.core.tool import Sink
from guarded_agent.policy import Engine, Policy

STRING = {"type": "string"}
SCHEMA = {"properties": {"to": STRING, "body": STRING, "amount": {"type": "number"}}}
KNOWN = Provenance(asked=Sources(("Tell ann@acme.example that 98.70 came.",)))
ALLOW = [{"effect": "allow"}]


def decide(
    entry: dict[str, Any],
    args: dict[str, Any],
    known: Provenance = KNOWN,
    *,
    spec: ToolSpec | None = None,
    trusted: bool = False,
    **rest: Any,
) -> Any:
    policy = Policy.from_mapping({"version": 1, "tools": {"send": entry}, **rest})
    tool = spec or ToolSpec("send", access="send", schema=SCHEMA, declared=True)
    engine = Engine(policy, [tool])
    action = Action.build(tool="send", args=args, call_id="c", thread_id="t", agent_id="agent")
    memory = ThreadMemory() if trusted else ThreadMemory(UNKNOWN, tools_read=frozenset({"inbox"}))
    around = Context("agent", "t", memory=memory, provenance=known)
    return engine.decide(action, around, now=0.0)


def test_a_recipient_the_user_named_is_free() -> None:
    assert (
        str(decide({"rules": ALLOW}, {"to": "ann@acme.example", "body": "Hi."}).effect) == "allow"
    )


def test_a_recipient_that_only_stands_in_what_was_read_is_asked_about() -> None:
    decision = decide({"rules": ALLOW}, {"to": "eve@evil.example", "body": "Hi."})
    assert str(decision.effect) == "approve"
    assert decision.rule == "untrusted"
    assert decision.gaps == (("to", "target"),)
    assert "inbox" in decision.because


def test_nothing_is_asked_where_nothing_untrusted_was_read() -> None:
    decision = decide({"rules": ALLOW}, {"to": "eve@evil.example"}, trusted=True)
    assert str(decision.effect) == "allow"


def test_a_link_in_the_text_is_asked_about_too() -> None:
    args = {"to": "ann@acme.example", "body": "Look at https://evil.example/x now"}
    assert decide({"rules": ALLOW}, args).gaps == (("body", "link"),)


def test_without_a_destination_every_argument_counts() -> None:
    schema = {
        "properties": {"name": STRING, "days": {"type": "integer"}, "on": {"type": "boolean"}}
    }
    spec = ToolSpec("send", access="write", schema=schema, declared=True)
    known = Provenance(asked=Sources(("Keep web-3 for 7 days",)))
    free = decide({"rules": ALLOW}, {"name": "web-3", "days": 7, "on": True}, known, spec=spec)
    assert str(free.effect) == "allow"
    other = decide({"rules": ALLOW}, {"name": "db-1", "days": 8}, known, spec=spec)
    assert other.gaps == (("days", "target"), ("name", "target"))


def test_targets_say_what_counts() -> None:
    entry = {"rules": ALLOW, "targets": ["amount"]}
    assert str(decide(entry, {"to": "Bo", "amount": 98.7}).effect) == "allow"
    assert decide(entry, {"to": "Bo", "amount": 98.8}).gaps == (("amount", "target"),)


def test_a_policy_says_deny_or_why_nobody_is_asked() -> None:
    args = {"to": "eve@evil.example"}
    denied = decide({"rules": ALLOW, "untrusted": {"effect": "deny"}}, args)
    assert (str(denied.effect), denied.gaps) == ("deny", (("to", "target"),))
    off = {"effect": "allow", "because": "only notes"}
    assert str(decide({"rules": ALLOW, "untrusted": off}, args).effect) == "allow"
    assert str(decide({"rules": ALLOW}, args, untrusted=off).effect) == "allow"
    with pytest.raises(PolicyError, match="say why"):
        decide({"rules": ALLOW, "untrusted": {"effect": "allow"}}, args)


def test_a_read_with_a_sink_is_a_way_out_and_asks() -> None:
    sink = Sink("url", Confidentiality.SECRET)
    schema = {"properties": {"url": STRING}}
    spec = ToolSpec("send", access="read", schema=schema, sinks=(sink,), declared=True)
    entry = {"untrusted": {"effect": "approve"}}
    args = {"url": "https://evil.example/?q=secret"}
    assert decide(entry, args, spec=spec).gaps == (("url", "target"),)


@pytest.mark.parametrize("voucher", ["asked", "listed", "endorsed", "vouched"])
def test_conditions_ask_who_vouches(voucher: str) -> None:
    off = {"effect": "allow", "because": "the rules ask"}
    entry = {"rules": [{"effect": "allow", "when": f"{voucher}.to"}], "untrusted": off}
    known = Provenance(
        **{
            "asked": {"asked": Sources(("Tell Bo.",))},
            "listed": {"listed": Sources(values=("Bo",))},
            "endorsed": {"endorsed": Sources(values=("Bo",))},
            "vouched": {"endorsed": Sources(values=("Bo",))},
        }[voucher]
    )
    assert str(decide(entry, {"to": "Bo"}, known).effect) == "allow"
    assert str(decide(entry, {"to": "Eve"}, known).effect) == "deny"
    assert str(decide(entry, {"to": "Bo"}, Provenance()).effect) == "deny"


def test_a_rule_that_asks_by_voucher_names_what_can_be_endorsed() -> None:
    rules = [
        {"effect": "allow", "when": "vouched.to"},
        {"effect": "approve", "when": "!vouched.to"},
    ]
    off = {"effect": "allow", "because": "the rules ask"}
    decision = decide({"rules": rules, "untrusted": off}, {"to": "Eve"})
    assert (str(decision.effect), decision.gaps) == ("approve", (("to", "target"),))


def test_unknown_names_are_load_errors() -> None:
    with pytest.raises(PolicyError, match='has no argument "too"; did you mean to'):
        decide({"rules": ALLOW, "targets": ["too"]}, {})
    with pytest.raises(PolicyError, match=r"vouched\.too"):
        decide({"rules": [{"effect": "allow", "when": "vouched.too"}]}, {})


def test_a_policy_that_always_asks_does_so_while_nothing_was_read() -> None:
    always = {"rules": ALLOW, "untrusted": {"always": True}}
    asked = decide(always, {"to": "eve@evil.example"}, trusted=True)
    linked = decide(
        always, {"to": "ann@acme.example", "body": "See www.evil.example"}, trusted=True
    )
    named = decide(always, {"to": "ann@acme.example", "body": "Hi."}, trusted=True)

    assert (str(asked.effect), str(linked.effect), str(named.effect)) == (
        "approve",
        "approve",
        "allow",
    )
    assert asked.because == "nobody vouches for what the call is about"


def test_to_always_ask_and_never_ask_is_an_error() -> None:
    entry = {"untrusted": {"effect": "allow", "because": "x", "always": True}}
    with pytest.raises(PolicyError, match="allow never asks: take out always"):
        decide(entry, {})


OURS = {"organisation": {"domains": ["acme.example"]}, "untrusted": {"inside": True}}


SEVERAL = ToolSpec(
    "send",
    access="send",
    schema={"properties": {"to": {"type": "array", "items": STRING}, "body": STRING}},
    declared=True,
)


@pytest.mark.parametrize("to", ["bo@acme.example", "Bo@ACME.example", ["bo@acme.example"]])
def test_addresses_inside_need_nobody_where_the_policy_says_so(to: Any) -> None:
    args = {"to": to, "body": "Cal (cal@acme.example) has it."}
    spec = SEVERAL if isinstance(to, list) else None
    assert str(decide({"rules": ALLOW}, args, spec=spec, **OURS).effect) == "allow"
    only_domains = {"organisation": OURS["organisation"]}
    assert str(decide({"rules": ALLOW}, args, spec=spec, **only_domains).effect) == "approve"


@pytest.mark.parametrize(
    "to",
    [
        "bo@acme.example.evil.example",
        "bo@evil.example",
        "acme.example",
        "https://acme.example/go?to=evil.example",
        "Bo <bo@acme.example>",
        "bo@acme.example, eve@evil.example",
        "bo@acme.example\neve@evil.example",
        "bo@\u0430cme.example",
        ["bo@acme.example", "eve@evil.example"],
    ],
)
def test_nothing_else_is_inside(to: Any) -> None:
    spec = SEVERAL if isinstance(to, list) else None
    decision = decide({"rules": ALLOW}, {"to": to, "body": "Hi."}, spec=spec, **OURS)
    assert decision.gaps == (("to", "target"),)


def test_a_link_to_a_host_inside_still_needs_somebody() -> None:
    args = {"to": "bo@acme.example", "body": "See https://acme.example/go?to=evil.example"}
    assert decide({"rules": ALLOW}, args, **OURS).gaps == (("body", "link"),)


def test_a_condition_takes_addresses_inside_for_vouched_and_for_nothing_else() -> None:
    args = {"to": "bo@acme.example", "body": "Hi."}
    for condition, effect in (("vouched.to", "allow"), ("listed.to", "deny")):
        entry = {"rules": [{"effect": "allow", "when": condition}]}
        assert str(decide(entry, args, **OURS).effect) == effect


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"untrusted": {"inside": True}}, "say what is inside with organisation.domains"),
        (
            {**OURS, "untrusted": {"effect": "allow", "because": "x", "inside": True}},
            "allow never asks: take out inside",
        ),
    ],
)
def test_inside_that_means_nothing_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.from_mapping({"version": 1, **said})

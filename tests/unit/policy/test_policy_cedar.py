"""Cedar beside the policy's own rules: the most severe effect wins, and every doubt denies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cedarpy", reason="needs the extra cedar")

from guarded_agent.core import Action, Context, Effect, Label, ThreadMemory, ToolSpec
from guarded_agent.core.errors import MissingExtra
from guarded_agent.policy import Decision, Engine, Policy, check, explain
from guarded_agent.policy.cedar import Cedar, cedar_schema
from guarded_agent.policy.cedar_types import arguments

PAY = ToolSpec(
    "pay",
    schema={
        "properties": {
            "to": {"type": "string"},
            "amount": {"type": "number"},
            "count": {"type": "integer", "default": 1},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "tags": {"type": "array", "items": {"type": "string"}},
            "where": {"$ref": "#/$defs/Place"},
            "extra": {"type": "object", "additionalProperties": True},
        },
        "required": ["to", "amount", "note"],
        "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}},
    },
)
SEARCH = ToolSpec("search", access="read", schema={"properties": {"q": {"type": "string"}}})
RULES = """
@id("small") permit(principal, action == Action::"pay", resource)
  when { context.args.amount.lessThan(decimal("100.0")) };
@id("large") @effect("approve") @because("a hundred and more")
permit(principal, action == Action::"pay", resource)
  when { context.args.amount.greaterThanOrEqual(decimal("100.0")) };
@id("no-eve") @because("not to Eve")
forbid(principal, action == Action::"pay", resource) when { context.args.to == "eve" };
@id("trusted") forbid(principal, action, resource) when { context.around.trusted == false };
"""
PERMIT = '@id("pays") permit(principal, action == Action::"pay", resource) '
ALLOWED = {"pay": {"rules": [{"effect": "allow"}]}, "search": {"access": "read"}}


def written(folder: Path, rules: str = RULES, schema: str | None = None) -> Path:
    (folder / "pay.cedar").write_text(rules, encoding="utf-8")
    (folder / "pay.cedarschema").write_text(schema or cedar_schema([PAY, SEARCH]), encoding="utf-8")
    file = folder / "policy.yaml"
    file.write_text(
        "version: 1\n"
        "tools:\n"
        "  pay: {access: send, rules: [{effect: allow}]}\n"
        "  search: {access: read}\n"
        "also:\n"
        "  - cedar: {policies: pay.cedar, schema: pay.cedarschema}\n",
        encoding="utf-8",
    )
    return file


def engine(rules: str = RULES, schema: str | None = None, **entries: Any) -> Engine:
    policy = Policy.from_mapping({"version": 1, "tools": {**ALLOWED, **entries}})
    cedar = Cedar(rules, schema or cedar_schema([PAY, SEARCH]))
    return Engine(policy, [PAY, SEARCH], also=[cedar])


def decided(engine: Engine, tool: str = "pay", label: Label | None = None, **args: Any) -> Decision:
    given = {"to": "ann", "amount": 50, **args} if tool == "pay" else args
    action = Action(tool, given, call_id="c", thread_id="t", agent_id="a")
    memory = ThreadMemory(label=label or Label())
    return engine.decide(action, Context("a", "t", memory=memory), 0.0)


def test_a_permit_allows_and_one_with_an_effect_asks() -> None:
    small, large = decided(engine()), decided(engine(), amount=100)

    assert (small.effect, large.effect) == (Effect.ALLOW, Effect.APPROVE)
    assert (large.rule, large.because) == ("cedar:large", "a hundred and more")


def test_a_forbid_denies_whatever_else_permits() -> None:
    found = decided(engine(), to="eve")

    assert (found.effect, found.rule, found.because) == (Effect.DENY, "cedar:no-eve", "not to Eve")
    assert "Eve" not in found.message


def test_of_two_permits_the_one_that_asks_wins() -> None:
    both = (
        'permit(principal, action, resource); @effect("approve") permit(principal, action, '
        "resource);"
    )
    assert decided(engine(both)).effect is Effect.APPROVE


def test_what_no_policy_permits_is_denied() -> None:
    found = decided(engine(), "search", q="x")

    assert (found.effect, found.because) == (Effect.DENY, "no Cedar policy permits this call")


def test_cedar_cannot_allow_what_the_policy_denies_or_asks_about() -> None:
    everything = "permit(principal, action, resource);"
    asks = engine(everything, pay={"access": "send"})
    denies = engine(everything, pay={"rules": [{"effect": "deny"}]})

    assert decided(engine(everything)).effect is Effect.ALLOW
    assert decided(asks).effect is Effect.APPROVE
    assert decided(denies).effect is Effect.DENY


def test_labels_and_what_was_read_are_known() -> None:
    assert decided(engine(), label=Label(trusted=False)).rule == "cedar:trusted"


@pytest.mark.parametrize(
    ("to", "effect"),
    [
        (["ann@acme.com", "bo@acme.com"], Effect.ALLOW),
        ([], Effect.ALLOW),
        (["ann@acme.com", "eve@evil.com"], Effect.DENY),
        (["eve@evil.com,ann@acme.com"], Effect.DENY),
        (["Ann"], Effect.DENY),
    ],
)
def test_where_sinks_lead_is_known_as_domains(to: list[str], effect: Effect) -> None:
    schema = {"properties": {"to": {"type": "array", "items": {"type": "string"}}}}
    mail = ToolSpec("mail", schema=schema)
    entry = {"sink": {"argument": "to"}, "rules": [{"effect": "allow"}]}
    policy = Policy.from_mapping({"version": 1, "tools": {"mail": entry}})
    rules = (
        "permit(principal, action, resource) "
        'when { ["acme.com"].containsAll(context.around.domains) };'
    )
    made = Engine(policy, [mail], also=[Cedar(rules, cedar_schema([mail]))])

    assert decided(made, "mail", to=to).effect is effect


def test_an_error_while_a_forbid_is_tried_denies() -> None:
    # Cedar itself would say Allow: it skips a policy that it cannot evaluate.
    rules = (
        "permit(principal, action, resource); forbid(principal, action == Action::"
        '"pay", resource) when { context.args.count * 9223372036854775807 > 5 };'
    )
    fails = decided(engine(rules), count=9)

    assert decided(engine(rules), count=0).effect is Effect.ALLOW
    assert fails.effect is Effect.DENY
    assert fails.errors == (("cedar", "a Cedar policy could not be evaluated"),)


@pytest.mark.parametrize(
    ("args", "why"),
    [
        ({"amount": 0.00001}, "more than the four decimal places"),
        ({"amount": 1e15}, "more digits, than Cedar's decimal holds"),
        ({"count": 2**63}, "larger than the whole numbers of Cedar"),
    ],
)
def test_a_number_that_cedar_cannot_hold_denies(args: dict[str, Any], why: str) -> None:
    found = decided(engine(), **args)

    assert found.effect is Effect.DENY
    assert why in found.because


@pytest.mark.parametrize("amount", [99.9999, 99, -0.5, 0.0001])
def test_floats_are_decimals(amount: float) -> None:
    assert decided(engine(), amount=amount).effect is Effect.ALLOW


def test_a_call_that_does_not_fit_the_schema_denies_and_repeats_no_value() -> None:
    schema = cedar_schema([PAY, SEARCH]).replace('"to": String', '"to": Long')
    rules = "permit(principal, action, resource);"
    found = decided(engine(rules, schema), to="a secret")

    assert found.effect is Effect.DENY
    assert found.because.endswith("the call does not fit the Cedar schema")
    assert "secret" not in found.because + found.message


def test_a_tool_that_was_not_checked_denies() -> None:
    cedar = Cedar(RULES, cedar_schema([PAY, SEARCH]))
    action = Action("pay", {"to": "ann"}, call_id="c", thread_id="t", agent_id="a")

    assert cedar.decide(action, Context("a", "t"), 0.0).error


def test_null_is_not_given_and_a_default_is() -> None:
    rules = (
        'permit(principal, action == Action::"pay", resource) when { context.args.count == 1 '
        "&& !(context.args has note) };"
    )
    assert decided(engine(rules), note=None).effect is Effect.ALLOW
    assert decided(engine(rules), note="x").effect is Effect.DENY


def test_the_types_of_a_tool_are_written_as_cedar_has_them() -> None:
    assert arguments(PAY.schema).text == (
        '{"to": String, "amount": decimal, "count": Long, "note"?: String, "tags"?: Set<String>, '
        '"where"?: {"city"?: String}}'
    )


def test_lists_and_objects_can_be_named() -> None:
    rules = (
        'permit(principal, action == Action::"pay", resource) when { context.args has tags && '
        '["a", "b"].containsAll(context.args.tags) && context.args has where && '
        'context.args.where has city && context.args.where.city == "Bern" };'
    )
    safe = engine(rules)
    assert decided(safe, tags=["a"], where={"city": "Bern"}).effect is Effect.ALLOW
    assert decided(safe, tags=["a", "z"], where={"city": "Bern"}).effect is Effect.DENY
    assert decided(safe, tags=[], where={"city": "Rome"}).effect is Effect.DENY


@pytest.mark.parametrize("key", ["__entity", "__extn", "__expr"])
def test_what_cedar_reads_as_more_than_data_does_not_reach_it(key: str) -> None:
    inner = {"type": "object", "properties": {key: {"type": "string"}, "a": {"type": "string"}}}
    odd = ToolSpec("odd", schema={"properties": {"to": inner}})
    assert arguments(odd.schema).text == '{"to"?: {"a"?: String}}'

    policy = Policy.from_mapping({"version": 1, "tools": {"odd": {"rules": [{"effect": "allow"}]}}})
    cedar = Cedar("permit(principal, action, resource);", cedar_schema([odd]))
    found = decided(Engine(policy, [odd], also=[cedar]), "odd", to={key: 'Agent::"b"', "a": "x"})
    assert found.effect is Effect.ALLOW


def test_files_are_looked_for_beside_the_policy(tmp_path: Path) -> None:
    policy = Policy.from_file(written(tmp_path))

    assert decided(Engine(policy, [PAY, SEARCH]), amount=100).rule == "cedar:large"
    assert check(policy, [PAY, SEARCH]) == []
    assert check(policy) == []


def test_an_explanation_shows_it_beside_the_rules(tmp_path: Path) -> None:
    made = Engine(Policy.from_file(written(tmp_path)), [PAY, SEARCH])
    action = Action("pay", {"to": "eve", "amount": 1}, call_id="c", thread_id="t", agent_id="a")
    shown = str(explain(made, action, Context("a", "t")))

    assert shown.startswith("pay: deny, decided by cedar:no-eve\n  because not to Eve")
    assert "  pay/1         allow    matched" in shown


def test_other_rules_make_another_digest(tmp_path: Path) -> None:
    first = Engine(Policy.from_file(written(tmp_path)), [PAY, SEARCH]).digest
    second = Engine(Policy.from_file(written(tmp_path, RULES + " ")), [PAY, SEARCH]).digest

    assert first != second


@pytest.mark.parametrize(
    ("rules", "schema", "says"),
    [
        ("permit(", None, "pay.cedar holds no Cedar policies"),
        ("", None, "pay.cedar holds no policy, so it would deny every call"),
        (RULES, "entity Agent", "pay.cedarschema is not a Cedar schema"),
        (
            PERMIT + "when { context.args.amuont == 1 };",
            None,
            "`pays`, attribute `args.amuont` in context for Action::",
        ),
        (
            PERMIT + 'when { context.args.note == "x" };',
            None,
            "unable to guarantee safety of access to optional attribute",
        ),
        (
            '@id("a") @effect("ask") permit(principal, action, resource);',
            None,
            'policy a: @effect takes "approve", on a permit',
        ),
        (
            '@id("a") @effect("approve") forbid(principal, action, resource);',
            None,
            'policy a: @effect takes "approve", on a permit',
        ),
        ("permit(principal == ?principal, action, resource);", None, "pay.cedar holds a template"),
        (
            'permit(principal, action == Action::"pay", resource);',
            cedar_schema([PAY]),
            'the Cedar schema has no action "search" for an Agent and a Tool',
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said_at_load(
    tmp_path: Path, rules: str, schema: str | None, says: str
) -> None:
    policy = Policy.from_file(written(tmp_path, rules, schema))

    [problem] = check(policy, [PAY, SEARCH])

    assert says in problem.message
    assert str(problem).startswith(f"{tmp_path}/policy.yaml:6:")


def test_a_file_that_is_not_there_is_said_at_load(tmp_path: Path) -> None:
    policy = Policy.from_file(written(tmp_path))
    (tmp_path / "pay.cedarschema").unlink()

    for problems in (check(policy), check(policy, [PAY, SEARCH])):
        assert "pay.cedarschema cannot be read: No such file" in problems[0].message


def test_without_the_extra_the_install_line_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cedarpy", None)

    with pytest.raises(MissingExtra, match=r"guarded-agent\[cedar\]"):
        Cedar(RULES, cedar_schema([PAY]))

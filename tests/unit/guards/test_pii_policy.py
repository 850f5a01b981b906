"""What a policy says is done with which kind, where, and for which tool."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import PiiGuard
from guarded_agent.guards.pii import engine as engine_module
from guarded_agent.guards.pii import presidio
from guarded_agent.guards.pii.view import view

CARD = "4111 1111 1111 1111"
SSN = "536-22-1234"
OUTPUT = Stage.FINAL_OUTPUT


def judge(guard: PiiGuard, stage: Stage, payload: Any, tool: str | None = None) -> Verdict:
    context = Context("mail", "t1")
    if tool is not None:
        context = replace(context, tool=ToolSpec(tool))
    return guard.check(Subject(stage, payload, context))


def cleaned(text: Any, stage: Stage = OUTPUT, **options: Any) -> Any:
    return judge(PiiGuard(**options), stage, text).payload


def test_each_kind_has_its_own_action() -> None:
    text = f"card {CARD}, ssn {SSN}, ann@example.com, 212-736-5000, 10.1.2.3"
    done = cleaned(
        text,
        salt=b"s" * 16,
        final_output={"CREDIT_CARD": "mask", "EMAIL_ADDRESS": "allow", "IP_ADDRESS": "hash"},
    )
    start, _, end = done.partition("[IP:")
    assert start == f"card {'*' * 15}1111, ssn [SSN], ann@example.com, [PHONE], "
    assert end.rstrip("]").isalpha()


@pytest.mark.parametrize("stage", [Stage.INPUT, Stage.TOOL_RESULT, Stage.MODEL_OUTPUT, OUTPUT])
def test_a_kind_can_stop_a_text(stage: Stage) -> None:
    guard = PiiGuard(**{str(stage): {"US_SSN": "block"}})
    verdict = judge(guard, stage, f"ssn {SSN} of ann@example.com")
    assert verdict.effect is Effect.DENY
    assert [finding.category for finding in verdict.findings] == ["ssn"]
    assert SSN not in str(verdict.as_json())


def test_what_would_stop_a_text_is_replaced_where_it_streams() -> None:
    find = PiiGuard(final_output={"US_SSN": "block"}).find_at(OUTPUT)
    assert find is not None
    assert [hit.replacement for hit in find(SSN)] == ["[SSN]"]


def test_block_and_deny_are_one_word() -> None:
    for word in ("block", "deny"):
        assert judge(PiiGuard(final_output=word), OUTPUT, CARD).effect is Effect.DENY


def test_an_action_by_kind_holds_wherever_a_stage_redacts() -> None:
    options = {"actions": {"CREDIT_CARD": "mask", "US_SSN": "block"}}
    assert cleaned(CARD, **options) == "*" * 15 + "1111"
    assert cleaned(CARD, Stage.TOOL_RESULT, **options) == "*" * 15 + "1111"
    assert judge(PiiGuard(**options), Stage.TOOL_RESULT, SSN).effect is Effect.DENY
    assert judge(PiiGuard(**options), Stage.INPUT, SSN).effect is Effect.ALLOW


def test_arguments_that_wait_for_a_person_are_redacted_beside_it() -> None:
    guard = PiiGuard(tool_arguments={"CREDIT_CARD": "approve", "US_SSN": "redact"})
    verdict = judge(guard, Stage.ACTION, {"body": f"{CARD} {SSN}"})
    assert verdict.effect is Effect.APPROVE
    assert verdict.payload == {"body": f"{CARD} [SSN]"}
    assert {finding.category for finding in verdict.findings} == {"card", "ssn"}


def test_the_most_severe_action_wins() -> None:
    guard = PiiGuard(tool_arguments={"CREDIT_CARD": "approve", "US_SSN": "block"})
    assert judge(guard, Stage.ACTION, {"body": f"{CARD} {SSN}"}).effect is Effect.DENY


def test_a_tool_has_rules_of_its_own() -> None:
    guard = PiiGuard(
        tools={
            "send_mail": {"tool_arguments": {"US_SSN": "block", "CREDIT_CARD": "mask"}},
            "crm": {"tool_result": {"EMAIL_ADDRESS": "redact", "US_SSN": "allow"}},
        }
    )
    assert judge(guard, Stage.ACTION, {"b": SSN}, "send_mail").effect is Effect.DENY
    assert judge(guard, Stage.ACTION, {"b": CARD}, "send_mail").payload == {"b": "*" * 15 + "1111"}
    assert judge(guard, Stage.ACTION, {"b": SSN}, "other").effect is Effect.ALLOW
    assert judge(guard, Stage.TOOL_RESULT, f"{SSN} a@x.com {CARD}", "crm").payload == (
        f"{SSN} [EMAIL] [CARD]"
    )
    assert judge(guard, Stage.TOOL_RESULT, f"{SSN} a@x.com", "other").payload == "[SSN] a@x.com"


def test_hashes_with_a_salt_from_the_environment_are_the_same_in_every_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PII_SALT", "k" * 32)
    options: dict[str, Any] = {"style": "hash", "salt_env": "PII_SALT"}
    assert cleaned(CARD, **options) == cleaned("4111-1111-1111-1111", **options)
    assert cleaned(CARD, **options) != cleaned(CARD, style="hash")


STAFF = {
    "STAFF_ID": {"pattern": r"E-\d{6}", "context": ["badge", "employee"], "score": 0.7},
    "PROJECT": {"words": ["Bluebird", "red wing", "Süd"]},
}


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("badge E-123456 and E-654321", "badge [STAFF_ID] and [STAFF_ID]"),
        ("order E-123456", None),
        ("a bluebird, BLUEBIRD Bluebird", "a [PROJECT], [PROJECT] [PROJECT]"),
        ("bluebirds and my_bluebird", None),
        ("the Red\u00a0 Wing plan", "the [PROJECT] plan"),
        ("Ｂｌｕｅ\u200bbird", "[PROJECT]"),
        ("SÜD and Südwest", "[PROJECT] and Südwest"),
        ("Straße 7, проект, Bluebird", "Straße 7, проект, [PROJECT]"),
    ],
)
def test_kinds_of_ones_own(text: str, after: str | None) -> None:
    verdict = judge(PiiGuard(custom=STAFF), OUTPUT, text)
    assert (verdict.payload if verdict.payload is not None else text) == (after or text)


def test_own_kinds_are_named_like_the_others() -> None:
    guard = PiiGuard(custom=STAFF, tool_arguments={"PROJECT": "block"}, tool_result=["STAFF_ID"])
    verdict = judge(guard, Stage.ACTION, {"b": "Bluebird"})
    assert verdict.effect is Effect.DENY
    assert verdict.message == "The arguments hold personal data (a project)."
    assert judge(guard, Stage.TOOL_RESULT, "badge E-123456 Bluebird").payload == (
        "badge [STAFF_ID] Bluebird"
    )


def test_the_first_group_of_a_pattern_is_the_value() -> None:
    custom = {"CODE": {"pattern": r"code (\w+)!"}}
    assert cleaned("the code xyz! is", custom=custom) == "the code [CODE]! is"


def test_a_hostile_text_does_not_slow_a_pattern_down() -> None:
    custom = {"EVIL": {"pattern": r"(?:a+)+b"}}
    assert judge(PiiGuard(custom=custom), OUTPUT, "a" * 100_000).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"custom": {"X1": {"pattern": "(?=a)b"}}}, "guards.pii.custom.X1.pattern: RE2 cannot"),
        ({"custom": {"X1": {"pattern": "a*"}}}, "guards.pii.custom.X1.pattern: it matches the em"),
        ({"custom": {"X1": {"pattern": ""}}}, "guards.pii.custom.X1.pattern: write a pattern"),
        ({"custom": {"X1": {}}}, "guards.pii.custom.X1: write either pattern"),
        ({"custom": {"X1": {"words": []}}}, "guards.pii.custom.X1.words: write 1 to"),
        ({"custom": {"X1": {"words": ["a", " "]}}}, "guards.pii.custom.X1.words: write 1 to"),
        ({"custom": {"X1": {"words": ["a"], "score": 2}}}, "guards.pii.custom.X1.score"),
        ({"custom": {"X1": {"words": ["a"], "context": "b"}}}, "guards.pii.custom.X1.context"),
        ({"custom": {"X1": {"wrods": ["a"]}}}, "guards.pii.custom.X1: unknown option 'wrods'"),
        ({"custom": {"x": {"words": ["a"]}}}, "guards.pii.custom.x: a name is made of capitals"),
        ({"custom": {"US_SSN": {"words": ["a"]}}}, "guards.pii.custom.US_SSN: this kind is built"),
        ({"custom": ["a"]}, "guards.pii.custom: write a mapping"),
        ({"actions": {"US_SS": "mask"}}, "guards.pii.actions.*Did you mean 'US_SSN'"),
        ({"actions": {"US_SSN": "hide"}}, "guards.pii.actions.US_SSN: 'hide' is not one of"),
        ({"actions": {"US_SSN": "approve"}}, "guards.pii.actions.US_SSN: 'approve'"),
        ({"input": {"US_SSN": "approve"}}, "guards.pii.input.US_SSN: 'approve' is not one of"),
        ({"tools": {"a": {"input": "redact"}}}, "guards.pii.tools.a: unknown option 'input'"),
        ({"tools": {"a": "redact"}}, "guards.pii.tools.a: write a mapping"),
        (
            {"tools": {"a": {"tool_arguments": {"US_SSN": "hide"}}}},
            "guards.pii.tools.a.tool_arguments.US_SSN: 'hide'",
        ),
        ({"salt_env": "NO_SUCH_VARIABLE"}, "guards.pii.salt_env: the environment has no"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(options: dict[str, Any], says: str) -> None:
    assert "NO_SUCH_VARIABLE" not in os.environ
    with pytest.raises(ValueError, match=says) as raised:
        PiiGuard(**options)
    assert "\n" not in str(raised.value)


class Broken:
    """A recogniser that breaks in the middle of its work."""

    kind = "EMAIL_ADDRESS"

    def find(self, data: bytes) -> Any:
        yield 0, 3, 1.0
        raise TimeoutError("took too long")


def test_a_recogniser_that_breaks_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "recognisers", lambda kinds, regions: [Broken()])
    with pytest.raises(TimeoutError, match="took too long"):
        judge(PiiGuard(), OUTPUT, "ann@example.com")


def test_a_pattern_of_presidio_that_takes_too_long_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from presidio_analyzer import Pattern, PatternRecognizer

    slow = PatternRecognizer("EVIL", patterns=[Pattern("evil", r"(?:a|a|b)+(?:a|a)+c", 0.5)])
    monkeypatch.setattr(presidio, "SECONDS", 0.05)
    with pytest.raises(TimeoutError):
        list(presidio.Asked("EVIL", slow).find(view("a" * 3000 + "!")))


def test_no_time_left_is_an_error_before_a_pattern_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(presidio, "SECONDS", 0.0)
    with pytest.raises(TimeoutError):
        list(presidio.Asked("UUID").find(b"nothing"))

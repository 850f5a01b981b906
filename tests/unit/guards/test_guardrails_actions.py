"""Each on-fail action of Guardrails, for one validator and for a whole `Guard`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guardrails import Guard
from guardrails.actions.filter import Filter
from guardrails.validator_base import (
    ErrorSpan,
    FailResult,
    PassResult,
    Validator,
    register_validator,
)

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards import GuardrailsGuard
from guarded_agent.guards.guardrails import WITHHELD
from guarded_agent.guards.guardrails.quiet import no_loop_left

EVERYWHERE = list(Stage)


@register_validator(name="guarded-agent-tests/swans", data_type="string")
class Swans(Validator):
    """Fails on the word swan; its fix may be none, a good one, or one that fails again."""

    def __init__(self, fix: str | None = "goose", on_fail: Any = None) -> None:
        super().__init__(on_fail=on_fail, fix=fix)
        self.fix = fix

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        at = value.find("swan")
        if at < 0:
            return PassResult()
        fixed = None if self.fix is None else value.replace("swan", self.fix)
        span = ErrorSpan(start=at, end=at + 4, reason=value)
        return FailResult(error_message=value, fix_value=fixed, error_spans=[span])


@pytest.fixture(params=["single", "whole"])
def guarded(request: pytest.FixtureRequest) -> Callable[..., GuardrailsGuard]:
    def make(
        action: Any = None, *, fix: str | None = "goose", effect: Effect | None = None
    ) -> GuardrailsGuard:
        validator: Any = Swans(fix, action)
        if request.param == "whole":
            validator = Guard().use(validator)
        return GuardrailsGuard(validator, stages=EVERYWHERE, on_fail=effect)

    return make


def judge(guard: GuardrailsGuard, payload: Any, stage: Stage = Stage.FINAL_OUTPUT) -> Verdict:
    return guard.check(Subject(stage, payload, Context("a", "t")))


def outcome(guard: GuardrailsGuard, payload: Any = "a swan") -> tuple[Effect, Any]:
    verdict = judge(guard, payload)
    return verdict.effect, verdict.payload


def same(value: Any, result: Any) -> Any:
    return value


def other(value: Any, result: Any) -> Any:
    return "a bird"


def nothing(value: Any, result: Any) -> Any:
    return None


@pytest.mark.parametrize(
    ("on_fail", "fix", "expected"),
    [
        (None, "goose", (Effect.DENY, None)),
        ("exception", "goose", (Effect.DENY, None)),
        ("refrain", "goose", (Effect.DENY, None)),
        ("noop", "goose", (Effect.DENY, None)),
        ("fix", "goose", (Effect.REDACT, "a goose")),
        ("fix", "swans", (Effect.REDACT, WITHHELD)),  # the fix does not pass either
        ("fix_reask", "goose", (Effect.REDACT, "a goose")),
        ("fix_reask", "swans", (Effect.DENY, None)),
        (other, None, (Effect.REDACT, "a bird")),
        (same, None, (Effect.DENY, None)),
        (nothing, None, (Effect.DENY, None)),
    ],
)
def test_an_action_has_one_meaning_alone_and_in_a_whole_guard(
    guarded: Callable[..., GuardrailsGuard], on_fail: Any, fix: str, expected: tuple[Effect, Any]
) -> None:
    guard = guarded(on_fail, fix=fix)
    assert outcome(guard) == expected
    assert outcome(guard, "a duck") == (Effect.ALLOW, None)


def test_filter_takes_one_text_out_and_leaves_the_others() -> None:
    guard = GuardrailsGuard(Swans(on_fail="filter"), stages=EVERYWHERE)
    assert outcome(guard, ["a swan", "a duck"]) == (Effect.REDACT, [WITHHELD, "a duck"])
    by_hand = GuardrailsGuard(Swans(on_fail=lambda value, result: Filter()), stages=EVERYWHERE)
    assert outcome(by_hand, ["a swan", "a duck"]) == (Effect.REDACT, [WITHHELD, "a duck"])


def test_a_whole_guard_that_filters_its_only_text_has_nothing_left_to_pass() -> None:
    guard = GuardrailsGuard(Guard().use(Swans(on_fail="filter")), stages=EVERYWHERE)  # type: ignore[arg-type]
    assert outcome(guard) == (Effect.DENY, None)


def test_fix_without_a_fix_withholds_the_text() -> None:
    guard = GuardrailsGuard(Swans(None, on_fail="fix"), stages=EVERYWHERE)
    assert outcome(guard) == (Effect.REDACT, WITHHELD)


def test_to_ask_again_denies_though_guardrails_says_passed() -> None:
    validator = Swans(on_fail="reask")
    with no_loop_left():
        theirs = Guard().use(validator).validate("a swan", num_reasks=0)
    assert theirs.validation_passed is True  # why their word alone is not taken
    assert outcome(GuardrailsGuard(validator, stages=EVERYWHERE)) == (Effect.DENY, None)


def test_an_action_that_does_not_exist_stops_the_call() -> None:
    validator = Swans()
    validator.on_fail_descriptor = "shrug"
    with pytest.raises(TypeError, match="unknown on-fail action 'shrug'"):
        judge(GuardrailsGuard(validator, stages=EVERYWHERE), "a swan")


@pytest.mark.parametrize("effect", [Effect.APPROVE, Effect.DENY, Effect.HALT])
@pytest.mark.parametrize("action", ["fix", "noop", "exception"])
def test_the_policys_effect_counts_more_than_the_action(
    guarded: Callable[..., GuardrailsGuard], effect: Effect, action: str
) -> None:
    assert outcome(guarded(action, effect=effect)) == (effect, None)


def test_the_policys_redact_takes_the_fix_where_guardrails_gives_one(
    guarded: Callable[..., GuardrailsGuard],
) -> None:
    assert outcome(guarded("fix", effect=Effect.REDACT)) == (Effect.REDACT, "a goose")
    assert outcome(guarded("noop", fix=None, effect=Effect.REDACT)) == (Effect.REDACT, WITHHELD)


def test_allow_only_records() -> None:
    guard = GuardrailsGuard(Swans(), stages=EVERYWHERE, on_fail=Effect.ALLOW)
    verdict = judge(guard, {"note": "a swan"})
    assert (verdict.effect, verdict.payload) == (Effect.ALLOW, None)
    assert [(finding.path, finding.span) for finding in verdict.findings] == [("note", (2, 6))]


def test_the_most_severe_of_several_texts_decides(guarded: Callable[..., GuardrailsGuard]) -> None:
    def severe(value: Any, result: Any) -> Any:
        return None if "black" in value else "a bird"

    guard = guarded(severe)
    assert outcome(guard, ["a swan", "a duck"]) == (Effect.REDACT, ["a bird", "a duck"])
    assert outcome(guard, ["a swan", "a black swan"]) == (Effect.DENY, None)


def test_an_argument_that_cannot_be_fixed_is_not_sent(
    guarded: Callable[..., GuardrailsGuard],
) -> None:
    guard = guarded("fix", fix="swans")
    assert judge(guard, {"body": "a swan"}, Stage.ACTION).effect is Effect.DENY
    good = judge(guarded("fix"), {"body": "a swan", "n": 1}, Stage.ACTION)
    assert (good.effect, good.payload) == (Effect.REDACT, {"body": "a goose", "n": 1})


@pytest.mark.parametrize("action", ["exception", "fix", "noop", "refrain"])
def test_no_words_of_the_validator_leave_it(
    guarded: Callable[..., GuardrailsGuard], action: str
) -> None:
    said = str(judge(guarded(action, fix=None), "a secret swan").as_json())
    assert "secret" not in said


def test_error_spans_are_those_of_the_original_text_and_path() -> None:
    guard = GuardrailsGuard(Swans(), stages=EVERYWHERE)
    text = "é s\u200bw\u200ban!"
    verdict = judge(guard, {"notes": ["a duck", text]})
    [finding] = verdict.findings
    assert (finding.path, finding.span) == ("notes[1]", (2, 8))
    assert text[2:8] == "s\u200bw\u200ban"


def test_a_text_in_disguise_is_seen_in_its_plain_form_unless_switched_off() -> None:
    fixing = GuardrailsGuard(Swans(on_fail="fix"), stages=EVERYWHERE)
    assert outcome(fixing, "a ｓｗａｎ") == (Effect.REDACT, "a goose")
    exact = GuardrailsGuard(Swans(), stages=EVERYWHERE, plain=False)
    assert outcome(exact, "a ｓｗａｎ") == (Effect.ALLOW, None)


def test_spans_outside_of_the_text_are_not_believed() -> None:
    @register_validator(name="guarded-agent-tests/wild", data_type="string")
    class Wild(Validator):
        def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
            spans = [ErrorSpan(start=3, end=900, reason=""), ErrorSpan(start=2, end=1, reason="")]
            return FailResult(error_message="no", error_spans=spans)

    [finding] = judge(GuardrailsGuard(Wild(), stages=EVERYWHERE), "hello").findings
    assert finding.span == (0, 5)


def test_a_text_that_passes_may_still_be_replaced() -> None:
    @register_validator(name="guarded-agent-tests/upper", data_type="string")
    class Upper(Validator):
        override_value_on_pass = True

        def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
            return PassResult(value_override=5 if value == "five" else value.upper())

    guard = GuardrailsGuard(Upper(), stages=EVERYWHERE)
    verdict = judge(guard, ["a", "B"])
    assert (verdict.effect, verdict.payload, verdict.findings) == (Effect.REDACT, ["A", "B"], ())
    with pytest.raises(TypeError, match="replaced a text by int"):
        judge(guard, "five")

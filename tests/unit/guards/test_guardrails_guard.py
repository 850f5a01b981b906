from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from guardrails.validator_base import (
    ErrorSpan,
    FailResult,
    PassResult,
    Validator,
    register_validator,
)

from guarded_agent.core import Context, Effect, Guard, Stage, Subject, Verdict
from guarded_agent.guards import GuardrailsGuard, build
from guarded_agent.guards.guardrails import WITHHELD, silence


@register_validator(name="guarded-agent-tests/no-word", data_type="string")
class NoWord(Validator):
    """Fails on a word; offers a fix where one is given."""

    def __init__(self, word: str, fix: str | None = None, on_fail: Any = None) -> None:
        super().__init__(on_fail=on_fail, word=word, fix=fix)
        self.word = word
        self.fix = fix

    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        at = value.find(self.word)
        if at < 0 or metadata.get("trusted"):
            return PassResult()
        span = ErrorSpan(start=at, end=at + len(self.word), reason=f"{value} is bad")
        fixed = None if self.fix is None else value.replace(self.word, self.fix)
        return FailResult(
            error_message=f"{value} holds {self.word}", fix_value=fixed, error_spans=[span]
        )


@register_validator(name="guarded-agent-tests/broken", data_type="string")
class Broken(Validator):
    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        raise RuntimeError("validator broke")


@register_validator(name="guarded-agent-tests/odd", data_type="string")
class Odd(Validator):
    def _validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        return None


@pytest.fixture(autouse=True)
def quiet() -> None:
    silence()


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    made = types.ModuleType("validators_of_a_policy")
    made.NoWord, made.NotOne = NoWord, dict  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, made.__name__, made)
    return lambda name: f"{made.__name__}:{name}"


def judge(guard: Guard, payload: Any, stage: Stage = Stage.FINAL_OUTPUT) -> Verdict:
    return guard.check(Subject(stage, payload, Context("a", "t")))


def guarding(*args: Any, **options: Any) -> GuardrailsGuard:
    return GuardrailsGuard(NoWord(*args), stages=[Stage.FINAL_OUTPUT, Stage.ACTION], **options)


def test_a_text_that_fails_is_denied_by_default() -> None:
    verdict = judge(guarding("swan"), {"note": "a black swan"})
    assert verdict.effect is Effect.DENY
    finding = verdict.findings[0]
    assert (finding.path, finding.span, finding.guard) == ("note", (8, 12), "guardrails.NoWord")


def test_the_neighbour_is_let_through() -> None:
    assert judge(guarding("swan"), {"note": "a black goose", "n": 3}).effect is Effect.ALLOW


def test_the_validators_own_words_are_not_repeated() -> None:
    verdict = judge(guarding("swan"), "a black swan")
    assert "swan" not in str(verdict.as_json())


def test_a_fix_replaces_the_text_and_the_shape_stays() -> None:
    guard = guarding("swan", "[bird]", on_fail=Effect.REDACT)
    payload = {"rows": ["a black swan", "fine", 5]}
    assert judge(guard, payload).payload == {"rows": ["a black [bird]", "fine", 5]}


def test_without_a_fix_the_text_is_withheld() -> None:
    verdict = judge(guarding("swan", on_fail=Effect.REDACT), ["swan", "goose"])
    assert (verdict.effect, verdict.payload) == (Effect.REDACT, [WITHHELD, "goose"])


@pytest.mark.parametrize("effect", [Effect.APPROVE, Effect.HALT])
def test_another_effect_can_be_asked_for(effect: Effect) -> None:
    assert judge(guarding("swan", on_fail=effect), {"a": "swan"}, Stage.ACTION).effect is effect


def test_deep_and_long_input_is_looked_through() -> None:
    deep: Any = "x" * 100_000 + "swan"
    for _ in range(30):
        deep = [deep]
    assert judge(guarding("swan"), deep).effect is Effect.DENY
    assert judge(guarding("swan"), {"a": object()}, Stage.ACTION).effect is Effect.DENY


def test_metadata_reaches_the_validator() -> None:
    assert judge(guarding("swan", metadata={"trusted": True}), "swan").effect is Effect.ALLOW


def test_other_stages_are_let_through() -> None:
    assert judge(guarding("swan"), "swan", Stage.INPUT).effect is Effect.ALLOW


def test_a_crash_reaches_the_monitor() -> None:
    guard = GuardrailsGuard(Broken(), stages=[Stage.FINAL_OUTPUT])
    with pytest.raises(RuntimeError, match="validator broke"):
        judge(guard, "x")


def test_a_result_that_is_none_reaches_the_monitor_as_an_error() -> None:
    guard = GuardrailsGuard(Odd(), stages=[Stage.FINAL_OUTPUT])
    with pytest.raises(TypeError, match="not a validation result"):
        judge(guard, "x")


def test_what_cannot_validate_is_refused() -> None:
    with pytest.raises(TypeError, match="not a Guardrails validator"):
        GuardrailsGuard(object(), stages=[Stage.INPUT])  # type: ignore[arg-type]


def from_policy(entries: Any) -> list[Guard]:
    off = {"off": True, "because": "tested elsewhere"}
    options = {"coercion": off, "guardrails": entries}
    return [g for g in build(options, inside=frozenset()) if isinstance(g, GuardrailsGuard)]


def test_a_policy_names_a_validator_by_module_and_class(module: Callable[..., str]) -> None:
    [guard] = from_policy(
        [
            {
                "validator": module("NoWord"),
                "args": {"word": "swan", "fix": "bird"},
                "stages": ["tool_result"],
                "effect": "redact",
                "name": "birds",
            }
        ]
    )
    assert (guard.name, guard.stages) == ("birds", {Stage.TOOL_RESULT})
    assert judge(guard, "a swan", Stage.TOOL_RESULT).payload == "a bird"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"validator": "no_such_module:Thing"}, "cannot be made .ModuleNotFoundError"),
        ({"validator": "validators_of_a_policy:Nothing"}, "cannot be made .AttributeError"),
        ({"validator": "validators_of_a_policy"}, "cannot be made"),
        (
            {"validator": "validators_of_a_policy:NotOne", "args": {}},
            "is not a Guardrails validator",
        ),
        ({"args": {"wrod": "swan"}}, "cannot be made .TypeError"),
        ({"args": "swan"}, r"guardrails\[0\]\.args"),
        ({"stages": ["result"]}, "unknown stage 'result'"),
        ({"stages": "action"}, "stages: write a list"),
        ({"effect": "allow"}, "effect"),
        ({"effect": "block"}, "unknown effect 'block'"),
        ({"on_fail": "fix"}, "unknown option 'on_fail'"),
    ],
)
def test_a_wrong_entry_fails_when_the_policy_loads(
    module: Callable[..., str], change: dict[str, Any], says: str
) -> None:
    entry = {"validator": module("NoWord"), "args": {"word": "x"}, "stages": ["input"], **change}
    with pytest.raises(ValueError, match=says):
        from_policy([entry])


def test_an_entry_without_stages_is_refused() -> None:
    with pytest.raises(ValueError, match=r"guards\.guardrails\[0\]: write validator"):
        from_policy([{"validator": "a:B"}])

"""Validators that others wrote and published, run as guards."""

from __future__ import annotations

from typing import Any

import pytest
from guardrails import Guard
from guardrails_ai.ban_list import BanList
from guardrails_ai.regex_match import RegexMatch
from guardrails_ai.valid_json import ValidJson

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards import GuardrailsGuard, build


def judge(guard: Any, payload: Any, stage: Stage = Stage.FINAL_OUTPUT) -> Verdict:
    verdict: Verdict = guard.check(Subject(stage, payload, Context("a", "t")))
    return verdict


def wrapped(validator: Any, **options: Any) -> GuardrailsGuard:
    return GuardrailsGuard(validator, stages=list(Stage), **options)


def test_a_banned_word_is_denied_with_its_place() -> None:
    guard = wrapped(BanList(["Initech"], max_l_dist=0))
    verdict = judge(guard, {"notes": ["we beat Initech", "fine"]})
    assert verdict.effect is Effect.DENY
    [finding] = verdict.findings
    # The published validator counts its starts from 1: the span lacks the first letter.
    assert (finding.path, finding.span) == ("notes[0]", (9, 15))
    assert judge(guard, {"notes": ["we beat them"]}).effect is Effect.ALLOW


def test_its_fix_replaces_the_text_in_place() -> None:
    guard = wrapped(BanList(["Initech"], max_l_dist=0, on_fail="fix"))
    verdict = judge(guard, {"rows": ["call Initech now", "fine", 7]})
    assert verdict.effect is Effect.REDACT
    assert "nitech" not in verdict.payload["rows"][0]
    assert verdict.payload["rows"][1:] == ["fine", 7]


def test_a_banned_word_in_disguise_is_found() -> None:
    assert (
        judge(wrapped(BanList(["Initech"], max_l_dist=0)), "Ｉnite\u200bch").effect is Effect.DENY
    )


def test_what_must_match_a_pattern_and_does_not_is_denied() -> None:
    guard = wrapped(RegexMatch(r"INV-[0-9]{4}"))
    assert judge(guard, {"invoice": "INV-2041"}, Stage.ACTION).effect is Effect.ALLOW
    assert judge(guard, {"invoice": "INV-2041; drop"}, Stage.ACTION).effect is Effect.DENY


def test_a_fix_that_is_made_up_passes_its_own_validator() -> None:
    verdict = judge(wrapped(RegexMatch(r"INV-[0-9]{4}", on_fail="fix")), "x")
    assert verdict.effect is Effect.REDACT
    assert str(verdict.payload).startswith("INV-")


def test_text_that_must_be_json_and_is_not_is_withheld() -> None:
    guard = wrapped(ValidJson(on_fail="noop"), on_fail=Effect.REDACT)
    assert judge(guard, '{"a": 1}').effect is Effect.ALLOW
    assert judge(guard, "{a: 1}").payload == "[withheld by a validator]"


def test_several_of_them_in_one_guard_of_a_policy() -> None:
    entry = {
        "validator": "guardrails_ai.ban_list:BanList",
        "args": {"banned_words": ["Initech"], "max_l_dist": 0, "on_fail": "fix"},
        "stages": ["final_output"],
    }
    off = {"off": True, "because": "tested elsewhere"}
    guard = build({"coercion": off, "guardrails": [entry]}, inside=frozenset())[-1]
    assert judge(guard, "Initech wins").effect is Effect.REDACT


@pytest.mark.parametrize("text", ["geese", "x" * 50_000, "é" * 2_000])
def test_they_let_the_neighbour_through_inside_guardrails_own_guard(text: str) -> None:
    theirs = Guard().use(BanList(["Initech"], max_l_dist=0, on_fail="exception"))
    assert judge(wrapped(theirs), text).effect is Effect.ALLOW

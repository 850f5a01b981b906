"""Ways in which data once got, or could get, past the guards that read text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Sink, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards import ImpactGuard, PiiGuard, Redactor, SecretsGuard
from guarded_agent.guards.text import MAX_DEPTH

CARD = "4111111111111111"
KEY = "gh" + "p_" + "a1B2" * 9
SEND = ToolSpec("send_email", access="send", sinks=(Sink("to"),))


def judge(guard: Any, stage: Stage, payload: Any) -> Verdict:
    verdict: Verdict = guard.check(Subject(stage, payload, Context("a", "t", tool=SEND)))
    return verdict


def grouped(separator: str) -> str:
    return separator.join(CARD[at : at + 4] for at in range(0, 16, 4))


@pytest.mark.parametrize(
    "disguise",
    [
        grouped("\u00a0"),
        grouped("\u2009"),
        grouped("-"),
        "\u200b".join(CARD),
        "\u2060".join(CARD),
        "\ufe0f".join(CARD),
        "\U000e0041".join(CARD),
        "\u00ad".join(CARD),
        CARD.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789"}),
        CARD.translate({ord(c): 0x1D7CE + int(c) for c in "0123456789"}),
    ],
)
def test_a_card_number_in_disguise_is_found(disguise: str) -> None:
    assert judge(PiiGuard(), Stage.FINAL_OUTPUT, f"pay {disguise} now").payload == "pay [CARD] now"


@pytest.mark.parametrize("wrapped", [[CARD], {"a": (int(CARD),)}, [[{"x": [float(CARD)]}]]])
def test_no_nesting_and_no_type_hides_a_card_number(wrapped: Any) -> None:
    verdict = judge(PiiGuard(), Stage.TOOL_RESULT, wrapped)
    assert "4111" not in json.dumps(verdict.payload)


def test_depth_is_no_way_around() -> None:
    value: Any = KEY
    for _ in range(MAX_DEPTH + 1):
        value = {"x": value}
    for guard in (PiiGuard(), SecretsGuard()):
        assert KEY not in str(judge(guard, Stage.TOOL_RESULT, value).payload)
    assert judge(SecretsGuard(), Stage.ACTION, value).effect is Effect.DENY
    assert judge(ImpactGuard(), Stage.ACTION, value).effect is Effect.DENY


def test_size_is_no_way_around() -> None:
    text = "x " * 500_001 + KEY
    assert KEY not in str(judge(SecretsGuard(), Stage.TOOL_RESULT, text).payload)
    assert judge(SecretsGuard(), Stage.ACTION, {"body": text}).effect is Effect.DENY


@pytest.mark.parametrize(
    "look_alike",
    ["[CARD:{}]", "[SECRET:{}]", "[PHONE:{}]", "[withheld {}]", "\x1e{}\x1f", "\n\x1e{}\x1f\n"],
)
def test_what_looks_like_a_token_or_a_separator_protects_nothing(look_alike: str) -> None:
    text = look_alike.format(CARD)
    assert CARD not in judge(PiiGuard(), Stage.FINAL_OUTPUT, [text, text]).payload[1]


def test_a_number_beside_another_kind_of_data_is_not_left_over() -> None:
    done = Redactor(keep=()).redact_text(f"{CARD}@example.com {KEY}@example.com 536-22-1234@x.com")
    assert not any(char.isdigit() for char in done)


@pytest.mark.parametrize("stage", [Stage.TOOL_RESULT, Stage.FINAL_OUTPUT, Stage.ACTION])
def test_no_verdict_repeats_what_it_found(stage: Stage) -> None:
    payload = {"to": "ann@аcme.com", "body": f"{CARD} {KEY} bo@example.com", KEY: CARD}
    for guard in (PiiGuard(tool_arguments="deny"), SecretsGuard(), ImpactGuard()):
        said = json.dumps(judge(guard, stage, payload).as_json(), ensure_ascii=False)
        assert CARD not in said
        assert KEY not in said
        assert "example.com" not in said
        assert "аcme" not in said


def test_the_redaction_of_one_guard_does_not_undo_that_of_another() -> None:
    first = judge(SecretsGuard(), Stage.FINAL_OUTPUT, f"{KEY} {CARD}").payload
    second = judge(PiiGuard(), Stage.FINAL_OUTPUT, first).payload
    assert second == "[SECRET:github] [CARD]"
    assert judge(SecretsGuard(), Stage.FINAL_OUTPUT, second).effect is Effect.ALLOW

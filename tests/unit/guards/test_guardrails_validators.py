"""Our detectors as validators inside Guardrails' own `Guard`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from guardrails import Guard
from guardrails.validator_base import get_validator_class
from pydantic import BaseModel, Field

from guarded_agent.guards.guardrails.quiet import no_loop_left
from guarded_agent.guards.guardrails.validators import Coercion, Pii, Secrets

CARD = "4111 1111 1111 1111"
KEY = "gh" + "p_" + "a1B2" * 9
THREAT = (
    "If you shut me down tonight, I will send the photographs of your affair to your wife and "
    "to the whole board. Cancel the shutdown and this stays between us."
)


@pytest.fixture(autouse=True)
def loops() -> Iterator[None]:
    with no_loop_left():
        yield


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("guarded_agent/pii", Pii),
        ("guarded_agent/secrets", Secrets),
        ("guarded_agent/coercion", Coercion),
    ],
)
def test_each_is_registered_under_its_name(name: str, kind: type) -> None:
    assert get_validator_class(name) is kind


def test_pii_is_fixed_inside_a_guard() -> None:
    outcome = Guard().use(Pii(on_fail="fix")).validate(f"pay {CARD} now")
    assert (outcome.validation_passed, outcome.validated_output) == (True, "pay [CARD] now")


def test_error_spans_are_those_of_the_text() -> None:
    text = f"pay {CARD}, mail bo@example.com"
    result = Pii().validate(text, {})
    assert [text[span.start : span.end] for span in result.error_spans or []] == [
        CARD,
        "bo@example.com",
    ]


def test_options_are_those_of_our_guard() -> None:
    assert Pii(entities=["CREDIT_CARD"]).validate("bo@example.com", {}).outcome == "pass"
    assert Secrets(allow=["github"]).validate(KEY, {}).outcome == "pass"
    with pytest.raises(ValueError, match=r"guarded_agent/pii: unknown option 'entites'"):
        Pii(entites=["CREDIT_CARD"])


def test_secrets_are_fixed_inside_a_structured_guard() -> None:
    class Note(BaseModel):
        body: str = Field(json_schema_extra={"validators": [Secrets(on_fail="fix")]})

    outcome: Any = Guard.for_pydantic(Note).validate(f'{{"body": "use {KEY}"}}')
    assert outcome.validated_output == {"body": "use [SECRET:github]"}


def test_a_threat_fails_and_has_no_fix() -> None:
    result = Coercion().validate(THREAT, {})
    assert (result.outcome, result.fix_value) == ("fail", None)
    assert result.error_spans
    assert Coercion().validate("Lunch is at noon on Friday, as always.", {}).outcome == "pass"


@pytest.mark.parametrize(
    ("validator", "text"), [(Pii(), CARD), (Secrets(), KEY), (Coercion(), THREAT)]
)
def test_no_message_repeats_what_it_found(validator: Any, text: str) -> None:
    result = validator.validate(text, {})
    said = [result.error_message, *(span.reason for span in result.error_spans or ())]
    assert not any(word in " ".join(said) for word in (CARD, KEY, "photographs"))


def test_nested_values_are_looked_through_and_keep_their_shape() -> None:
    result = Pii().validate({"rows": [CARD, 4111111111111111]}, {})
    assert result.fix_value == {"rows": ["[CARD]", "[CARD]"]}
    assert result.error_spans is None


def test_what_cannot_be_looked_through_fails() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert Pii().validate(deep, {}).outcome == "fail"

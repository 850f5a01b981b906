from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.guards import Redactor
from guarded_agent.guards.text import NOTICE, apply

CARD = "4111 1111 1111 1111"
PIECES = [
    CARD,
    "ann@example.com",
    "+44 20 7946 0958",
    "DE89 3704 0044 0532 0130 00",
    "536-22-1234",
    "10.0.0.1",
    "the",
    "Rate 5",
    "é",
    "\u200b",
    "12",
    "@",
]


def test_a_reviewer_sees_recipients_and_nothing_else_that_is_personal() -> None:
    args = {"to": ["bo@example.com"], "body": f"{CARD}, call +44 20 7946 0958", "n": 2}
    assert Redactor().redact(args) == {
        "to": ["bo@example.com"],
        "body": "[CARD], call [PHONE]",
        "n": 2,
    }


def test_a_log_can_leave_addresses_out_but_those_of_the_organisation() -> None:
    redactor = Redactor(keep=(), keep_domains=["acme.com"])
    assert redactor.redact_text("bo@example.com ann@acme.com") == "[EMAIL] ann@acme.com"


def test_credentials_go_whatever_is_kept() -> None:
    redactor = Redactor(keep={"EMAIL_ADDRESS", "CREDIT_CARD"})
    key = "ghp" + "_" + "a1" * 18
    assert redactor.redact_text(f"{key} {CARD}") == f"[SECRET:github] {CARD}"


def test_a_password_in_a_url_is_not_taken_for_an_address() -> None:
    done = Redactor(keep=()).redact_text("postgres://app:hunter2@db.example.com/crm")
    assert done == "postgres://app:[SECRET:password]@db.example.com/crm"


def test_what_cannot_be_looked_through_becomes_a_notice() -> None:
    assert Redactor().redact({"a": object(), "b": 1}) == {"a": NOTICE, "b": NOTICE}
    assert Redactor().edits("x" * 1_000_001) == [(0, 1_000_001, NOTICE)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([" ", "", ", ", "\n"]))
def test_redacting_twice_is_redacting_once(pieces: list[str], between: str) -> None:
    redactor = Redactor(keep=())
    once = redactor.redact_text(between.join(pieces))
    assert redactor.redact_text(once) == once


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_edits_and_redaction_agree(pieces: list[str]) -> None:
    redactor = Redactor(keep=())
    text = " ".join(pieces)
    assert apply(text, redactor.edits(text)) == redactor.redact_text(text)


@pytest.mark.parametrize("value", [None, 3, True, "", [], {}, {"a": [None]}])
def test_data_without_text_is_left_as_it_is(value: Any) -> None:
    assert Redactor().redact(value) == value

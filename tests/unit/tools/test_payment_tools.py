"""The payment tools keep a real ledger, exact to the cent, with one row for one call."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import BaseTool
from pydantic import ValidationError

from guarded_agent.core import Confidentiality
from guarded_agent.tools import PaymentTools, keyed, read_declaration
from guarded_agent.tools.payments import cents_of, check_iban

ORDER = {"payee": "Quay Paper", "amount": 80, "currency": "EUR", "reference": "R-17"}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "payments.sqlite"


@pytest.fixture
def tools(ledger: Path) -> dict[str, BaseTool]:
    made = PaymentTools(ledger, currencies=("EUR", "GBP"), clock=lambda: 1_773_651_600.0).tools()
    return {tool.name: tool for tool in made}


def rows(ledger: Path) -> list[Any]:
    connection = sqlite3.connect(ledger)
    try:
        return connection.execute(
            "SELECT payee, cents, currency, reference, key FROM payment ORDER BY id"
        ).fetchall()
    finally:
        connection.close()


def test_a_payment_is_a_row_in_cents(tools: dict[str, BaseTool], ledger: Path) -> None:
    answer = tools["pay"].invoke({**ORDER, "amount": 80.1})
    assert answer == "Payment 1: 80.10 EUR to Quay Paper (R-17)."
    assert rows(ledger) == [("Quay Paper", 8010, "EUR", "R-17", None)]


def test_payments_are_listed_newest_first(tools: dict[str, BaseTool]) -> None:
    for amount in (1, 2.5, 3):
        tools["pay"].invoke({**ORDER, "amount": amount})
    listed = json.loads(tools["list_payments"].invoke({"limit": 2}))
    assert [entry["amount"] for entry in listed] == ["3.00", "2.50"]
    assert listed[0]["date"] == "2026-03-16"


def test_a_call_that_comes_again_pays_once(tools: dict[str, BaseTool], ledger: Path) -> None:
    with keyed("digest-1"):
        first = tools["pay"].invoke(ORDER)
        again = tools["pay"].invoke(ORDER)
    assert (first, len(rows(ledger))) == (again, 1)


def test_another_call_with_the_same_words_pays_again(
    tools: dict[str, BaseTool], ledger: Path
) -> None:
    for key in ("digest-1", "digest-2"):
        with keyed(key):
            tools["pay"].invoke(ORDER)
    assert [row[4] for row in rows(ledger)] == ["digest-1", "digest-2"]


def test_a_key_does_not_pass_for_another_payment(tools: dict[str, BaseTool], ledger: Path) -> None:
    with keyed("digest-1"):
        tools["pay"].invoke(ORDER)
        answer = tools["pay"].invoke({**ORDER, "amount": 4800})
    assert "Nothing was paid" in answer
    assert [row[1] for row in rows(ledger)] == [8000]


def test_of_many_threads_with_one_key_one_pays(tools: dict[str, BaseTool], ledger: Path) -> None:
    def pay(_: int) -> str:
        with keyed("digest-1"):
            return str(tools["pay"].invoke(ORDER))

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(pay, range(16)))
    assert (len(answers), len(rows(ledger))) == (1, 1)


def test_a_key_outlives_the_process_that_paid(ledger: Path) -> None:
    for _ in range(2):
        pay = PaymentTools(ledger).tools()[1]
        with keyed("digest-1"):
            pay.invoke(ORDER)
    assert len(rows(ledger)) == 1


BAD = [
    {"amount": "80"},
    {"amount": "8e1"},
    {"amount": True},
    {"amount": 0},
    {"amount": -80},
    {"amount": float("nan")},
    {"amount": float("inf")},
    {"amount": 2**70},
    {"amount": 0.001},
    {"amount": 80.123},
    {"amount": None},
    {"currency": "eur"},
    {"currency": "EURO"},
    {"currency": "EUR\n"},
    {"payee": ""},
    {"payee": "A\nB"},
    {"reference": "a\x00"},
    {"iban": "GB34BUKB20201555555555"},
    {"iban": "gb33bukb20201555555555"},
    {"iban": "GB33 BUKB 2020 1555 5555 55"},
    {"iban": ""},
    {"urgent": True},
]


@pytest.mark.parametrize("change", BAD, ids=str)
def test_what_means_two_things_is_not_paid(
    tools: dict[str, BaseTool], ledger: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError):
        tools["pay"].invoke({**ORDER, **change})
    assert rows(ledger) == []


@pytest.mark.parametrize("change", [item for item in BAD if "urgent" not in item], ids=str)
def test_the_schema_that_is_judged_refuses_the_same(
    tools: dict[str, BaseTool], change: dict[str, Any]
) -> None:
    schema: Any = tools["pay"].tool_call_schema
    with pytest.raises(ValidationError):
        schema.model_validate({**ORDER, **change})


def test_a_currency_that_no_limit_knows_is_not_paid(
    tools: dict[str, BaseTool], ledger: Path
) -> None:
    answer = tools["pay"].invoke({**ORDER, "currency": "KWD"})
    assert answer == "Nothing was paid: only EUR, GBP can be paid here."
    assert rows(ledger) == []


def test_a_ledger_that_is_gone_is_an_answer(tools: dict[str, BaseTool], ledger: Path) -> None:
    ledger.unlink()
    assert "Nothing was paid" in tools["pay"].invoke(ORDER)
    assert "cannot be read" in tools["list_payments"].invoke({})


@given(st.integers(1, 1_000_000_000))
def test_every_number_of_cents_survives_being_a_number_of_euros(cents: int) -> None:
    assert cents_of(cents / 100) == cents


@given(st.integers(0, 20), st.sampled_from("0123456789"))
def test_one_wrong_digit_spoils_an_iban(place: int, digit: str) -> None:
    iban = "DE89370400440532013000"
    changed = iban[: place + 2] + digit + iban[place + 3 :]
    if changed[: len(iban)] == iban:
        assert check_iban(iban) == iban
    else:
        with pytest.raises(ValueError, match="no valid IBAN"):
            check_iban(changed)


def test_the_declarations_say_that_money_moves(tools: dict[str, BaseTool]) -> None:
    pay = read_declaration(tools["pay"].metadata)
    assert (pay["access"], pay["scopes"], pay["impact"]) == ("write", {"payments.write"}, "money")
    label = read_declaration(tools["list_payments"].metadata)["label"]
    assert label.confidentiality is Confidentiality.CONFIDENTIAL

from __future__ import annotations

import threading
from typing import Any

import pytest

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.guards import PiiGuard
from guarded_agent.guards.pii import KINDS

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"
OUTPUT = Stage.FINAL_OUTPUT


def checked(digits: str) -> str:
    """Return `digits` with the check digit that makes them a card number."""
    total = 0
    for at, char in enumerate(reversed(digits)):
        value = int(char) * (2 if at % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return digits + str(-total % 10)


def judge(guard: PiiGuard, stage: Stage, payload: Any) -> Verdict:
    return guard.check(Subject(stage, payload, Context("mail", "t1")))


def cleaned(text: Any, stage: Stage = OUTPUT, **options: Any) -> Any:
    verdict = judge(PiiGuard(**options), stage, text)
    return verdict.payload if verdict.effect is Effect.REDACT else text


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (CARD, "[CARD]"),
        ("5555-5555-5555-4444", "[CARD]"),
        ("378282246310005", "[CARD]"),
        ("2223003122003222", "[CARD]"),
        (checked("400000000000000000"), "[CARD]"),
        (checked("21310000000000"), "[CARD]"),
        (checked("50180000000"), "[CARD]"),
        ("4111\u00a01111\u00a01111\u00a01111", "[CARD]"),
        ("４１１１１１１１１１１１１１１１", "[CARD]"),
        (IBAN, "[IBAN]"),
        ("GB29NWBK60161331926819", "[IBAN]"),
        ("de89 3704 0044 0532 0130 00", "[IBAN]"),
        ("AT61 1904 3002 3457 3201", "[IBAN]"),
        ("536-22-1234", "[SSN]"),
        ("1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "[WALLET]"),
        ("ann.smith+x@example.com", "[EMAIL]"),
        ("ann@mail.corp", "[EMAIL]"),
        ("ann\u200b＠example.com", "[EMAIL]"),
        ("+44 20 7946 0958", "[PHONE]"),
        ("(212) 736-5000", "[PHONE]"),
        ("212.736.5000", "[PHONE]"),
        ("030 901820", "[PHONE]"),
        ("192.168.10.4", "[IP]"),
        ("2001:db8::8a2e:370:7334", "[IP]"),
        ("00:1A:2B:3C:4D:5E", "[MAC]"),
    ],
)
def test_typed_data_is_replaced_by_its_token(value: str, token: str) -> None:
    assert cleaned(f"it is {value}, as agreed") == f"it is {token}, as agreed"


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111 1111 1111 1112 was shipped",  # no valid check digit
        "at 1732500000 or 1732500000123 or 1732500000123456 since the epoch",
        "DE89 3704 0044 0532 0130 01 is mistyped",
        "Invoice 2024-11-25, 10:30:45, 1,234.56 EUR, version 1.2.3",
        "std::vector<int> and 12:30:45",
        "Case 536221234 is closed",  # nine digits alone are no social security number
        "@everyone meet at 5",
        "000-12-3456 and 666-12-3456 were never issued",
        "user@1.2 and git@v1",
    ],
)
def test_the_neighbour_is_let_through(text: str) -> None:
    assert judge(PiiGuard(), OUTPUT, text).effect is Effect.ALLOW


def test_neighbours_of_one_kind_are_replaced_one_by_one() -> None:
    assert cleaned("a@x.com b@x.com c@x.com") == "[EMAIL] [EMAIL] [EMAIL]"


def test_words_after_an_account_number_do_not_hide_it() -> None:
    assert cleaned("AT61 1904 3002 3457 3201 PAID TODAY") == "[IBAN] PAID TODAY"


@pytest.mark.parametrize(
    "text",
    [
        "212-736-5000 030-901820 212-736-5002 020-7946-0958",
        "212 736 5000, 030 901820, 212 736 5002, 020 7946 0958",
        "2127365000 2127365001 2127365002 2127365003 2127365004",
        "+44 20 7946 0958 +44 20 7946 0959 +1 212 736 5000",
        "212 736 5000\n030 901820\n212 736 5002\n020 7946 0958",
    ],
)
def test_every_number_of_a_list_is_found_whatever_its_region(text: str) -> None:
    assert not any(char.isdigit() for char in cleaned(text))


def test_the_name_of_a_field_says_what_nine_digits_are() -> None:
    assert cleaned({"ssn": 536221234, "case": 536221234}) == {"ssn": "[SSN]", "case": 536221234}


def test_nested_data_keeps_its_shape() -> None:
    data = {"rows": [{"card": 4111111111111111, "n": 3}, {"note": f"pay {IBAN}", "ok": True}]}
    assert cleaned(data, Stage.TOOL_RESULT) == {
        "rows": [{"card": "[CARD]", "n": 3}, {"note": "pay [IBAN]", "ok": True}]
    }


def test_findings_give_the_place_and_never_the_value() -> None:
    text = f"card {CARD} of ann@example.com"
    verdict = judge(PiiGuard(), OUTPUT, {"body": text})
    assert [(f.category, f.path, f.span) for f in verdict.findings] == [
        ("card", "body", (5, 24)),
        ("email", "body", (28, 43)),
    ]
    said = str(verdict.as_json())
    assert "4111" not in said
    assert "example.com" not in said


def test_a_tool_result_keeps_what_an_answer_needs() -> None:
    text = f"From ann@example.com, +44 20 7946 0958: my card is {CARD}"
    assert (
        cleaned(text, Stage.TOOL_RESULT)
        == "From ann@example.com, +44 20 7946 0958: my card is [CARD]"
    )


def test_input_and_arguments_are_left_alone_by_default() -> None:
    assert PiiGuard().stages == {Stage.TOOL_RESULT, Stage.MODEL_OUTPUT, Stage.FINAL_OUTPUT}
    assert judge(PiiGuard(), Stage.INPUT, CARD).effect is Effect.ALLOW


def test_a_list_of_kinds_says_what_a_stage_redacts() -> None:
    text = f"ann@example.com {CARD}"
    assert cleaned(text, Stage.TOOL_RESULT, tool_result=["EMAIL_ADDRESS"]) == f"[EMAIL] {CARD}"


def test_entities_limit_what_is_looked_for_anywhere() -> None:
    text = f"ann@example.com {CARD}"
    assert cleaned(text, entities=["CREDIT_CARD"]) == "ann@example.com [CARD]"


def test_web_addresses_are_replaced_only_where_a_policy_lists_them() -> None:
    text = "see https://files.example.com/q3.pdf for more"
    assert cleaned(text) == text
    assert cleaned(text, entities=["URL"]) == "see [URL] for more"


@pytest.mark.parametrize("word", ["approve", "deny"])
def test_arguments_with_a_card_number_can_ask_or_stop(word: str) -> None:
    guard = PiiGuard(tool_arguments=word)
    verdict = judge(guard, Stage.ACTION, {"to": "ann@example.com", "body": f"use {CARD}"})
    assert str(verdict.effect) == word
    assert [finding.path for finding in verdict.findings] == ["args.body"]
    assert judge(guard, Stage.ACTION, {"to": "ann@example.com"}).effect is Effect.ALLOW


def test_arguments_can_be_redacted() -> None:
    verdict = judge(PiiGuard(tool_arguments="redact"), Stage.ACTION, {"body": CARD, "n": 1})
    assert verdict.payload == {"body": "[CARD]", "n": 1}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("bo@acme.com", True),
        ("bo@eu.ACME.com", True),
        ("ann@example.com", True),
        ("bo@notacme.com", False),
        ("bo@acme.com.evil.org", False),
        ("bo@example.com", False),
    ],
)
def test_the_organisations_own_addresses_stay(address: str, kept: bool) -> None:
    guard = PiiGuard(keep_domains=["acme.com"], keep=["Ann@example.com"])
    verdict = judge(guard, OUTPUT, f"ask {address} please")
    assert (verdict.effect is Effect.ALLOW) is kept


def test_a_card_number_inside_a_kept_address_is_still_found() -> None:
    done = cleaned("write to 4111111111111111@acme.com", keep_domains=["acme.com"])
    assert done == "write to [CARD]@acme.com"


def test_masks_keep_the_last_digits_of_a_card() -> None:
    assert cleaned(f"card {CARD}!", style="mask") == "card ***************1111!"


def test_hashes_are_the_same_for_the_same_value_and_differ_between_salts() -> None:
    text = "a@x.com b@x.com A@x.com"
    first = cleaned(text, style="hash", salt=b"1" * 16).split()
    assert first[0] == first[2] != first[1]
    assert first != cleaned(text, style="hash", salt=b"2" * 16).split()


@pytest.mark.parametrize("style", ["token", "mask", "hash"])
def test_redacting_twice_is_redacting_once(style: str) -> None:
    guard = PiiGuard(style=style)
    text = f"{CARD} {IBAN} 536-22-1234 536221234 a@x.com +44 20 7946 0958 10.0.0.1 ssn 536221234"
    once = judge(guard, OUTPUT, text).payload
    assert judge(guard, OUTPUT, once).effect is Effect.ALLOW


def test_long_input_is_read_to_its_end() -> None:
    text = "All quiet at the office today. " * 10_000 + CARD
    assert cleaned(text).endswith("today. [CARD]")


@pytest.mark.parametrize("padding", ["a.a", "@a", "1 ", "DE12 ", "::", "a@b."])
def test_padding_that_slows_patterns_down_hides_nothing(padding: str) -> None:
    text = padding * (60_000 // len(padding)) + f" \n and then {CARD} of ann@example.com"
    assert cleaned(text).endswith("then [CARD] of [EMAIL]")


def test_what_cannot_be_looked_through_is_withheld() -> None:
    value: Any = CARD
    for _ in range(100):
        value = [value]
    verdict = judge(PiiGuard(), OUTPUT, value)
    assert verdict.effect is Effect.REDACT
    assert "4111" not in str(verdict.payload)


def test_arguments_that_cannot_be_looked_through_are_denied() -> None:
    verdict = judge(PiiGuard(tool_arguments="approve"), Stage.ACTION, {"x": object()})
    assert verdict.effect is Effect.DENY


def test_threads_share_one_guard() -> None:
    guard = PiiGuard()
    done: list[Any] = []

    def work(number: int) -> None:
        done.append(judge(guard, OUTPUT, f"{number}: {CARD}").payload == f"{number}: [CARD]")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 16


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"preset": "standart"}, "guards.pii.preset.*Did you mean 'standard'"),
        ({"tool_arguments": "pseudonymize"}, "guards.pii.tool_arguments.*needs the store"),
        ({"final_output": "approve"}, "guards.pii.final_output: 'approve' is not one of"),
        ({"entities": ["CREDIT_CRAD"]}, "guards.pii.entities.*Did you mean 'CREDIT_CARD'"),
        ({"entities": "CREDIT_CARD"}, "guards.pii.entities: write a list"),
        ({"tool_result": ["EMAIL"]}, "guards.pii.tool_result"),
        ({"regions": ["XX"]}, "guards.pii.regions: 'XX'"),
        ({"keep_domains": "acme.com"}, "guards.pii.keep_domains: write a list"),
        ({"style": "hidden"}, "guards.pii.style"),
        ({"keys": "yes"}, "guards.pii.keys: write true or false"),
        ({"style": "hash", "salt": b"short"}, "guards.pii.salt"),
    ],
)
def test_a_wrong_option_is_named_with_what_to_do(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        PiiGuard(**options)


def test_keys_are_looked_through_on_request_and_stay_apart() -> None:
    rows = {"bo@example.com": {"paid": 1}, "cy@example.com": {"paid": 2}}
    assert cleaned(rows) == rows
    done = cleaned(rows, keys=True)
    assert "example.com" not in str(done)
    assert [row["paid"] for row in done.values()] == [1, 2]


def test_the_names_of_arguments_can_stop_a_call_and_are_not_rewritten() -> None:
    args = {"to": {CARD: "x"}}
    assert judge(PiiGuard(tool_arguments="redact", keys=True), Stage.ACTION, args).payload is None
    assert judge(PiiGuard(tool_arguments="deny"), Stage.ACTION, args).effect is Effect.ALLOW
    stops = PiiGuard(tool_arguments="deny", keys=True)
    assert judge(stops, Stage.ACTION, args).effect is Effect.DENY


def test_what_streams_is_what_the_stage_redacts() -> None:
    guard = PiiGuard(model_output="allow", tool_arguments="deny")
    assert guard.find_at(Stage.MODEL_OUTPUT) is None
    assert guard.find_at(Stage.ACTION) is None
    find = guard.find_at(Stage.FINAL_OUTPUT)
    assert find is not None
    assert [hit.category for hit in find(CARD)] == ["card"]


def test_every_kind_has_its_own_token_and_category() -> None:
    assert len({kind.token for kind in KINDS.values()}) == len(KINDS)
    assert len({kind.category for kind in KINDS.values()}) == len(KINDS)

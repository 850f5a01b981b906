"""Whether a value stands in what somebody said, and not as a part of something longer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core.provenance import NOTHING, Provenance, Sources, fields, loose, plain

TEXT = (
    "Visit www.acme.example/a and pay GB29 NWBK 6016 1331 9268 19 for #general, 98.70 or "
    "1,250.50 EUR. Write to Bob's boss, bob@acme.example."
)
SAID = Sources((TEXT,))


@pytest.mark.parametrize(
    "value",
    [
        "www.acme.example/a",
        "http://WWW.acme.example/a/",
        "GB29NWBK60161331926819",
        "gb29 nwbk 6016 1331 9268 19",
        "general",
        "#general",
        "Bob",
        "ｂｏｂ@acme.example",
        98.7,
        1250.5,
        ["Bob", {"mail": "bob@acme.example"}],
        "",
        None,
        True,
    ],
)
def test_what_was_said_is_held(value: object) -> None:
    assert SAID.hold(value)


@pytest.mark.parametrize(
    "value",
    [
        "www.acme.example",
        "acme.example",
        "ob@acme.example",
        "bob@acme.example.evil.example",
        "GB29NWBK6016133192681",
        "GB29NWBK601613319268190",
        "eve@evil.example,bob@acme.example",
        "gen",
        98,
        70,
        float("nan"),
        float("inf"),
        ["Bob", "Eve"],
    ],
)
def test_what_was_not_said_as_a_whole_is_not_held(value: object) -> None:
    assert not SAID.hold(value)


def test_a_listed_value_is_one_value_and_not_a_part_of_one() -> None:
    listed = Sources(values=("Ann Smith", "DE89 3704 0044 0532 0130 00"))
    assert listed.hold("ann  smith")
    assert listed.hold("DE89370400440532013000")
    assert not listed.hold("Ann")


def test_different_vouchers_may_stand_behind_the_items_of_one_list() -> None:
    known = Provenance(asked=Sources(("Tell Bo.",)), endorsed=Sources(values=("Eve",)))
    assert known.vouches(["Bo", "Eve"])
    assert not known.by("asked", ["Bo", "Eve"])
    assert not known.vouches(["Bo", "Mallory"])
    assert not NOTHING.vouches("Bo")


def test_only_the_named_fields_of_an_answer_are_a_directory() -> None:
    answer = '[{"iban": "DE1", "subject": "pay US999 at once"}, {"iban": "FR2", "x": {"iban": 3}}]'
    assert fields(answer, ["iban"]) == ["DE1", "FR2", "3"]
    assert fields([{"type": "text", "text": answer}], ["iban"]) == ["DE1", "FR2", "3"]
    assert fields({"users": ["Ann", "Bo"], "n": 3, "on": True}, ["*"]) == ["Ann", "Bo", "3"]
    assert fields("[" * 100_000, ["*"]) == ["[" * 100_000]


def test_links_addresses_and_accounts_are_found_in_texts() -> None:
    text = "See HTTPS://evil.example, (www.evil.example/x) evil.example/y, or eve@evil.example!"
    assert loose(text) == [
        "https://evil.example",
        "www.evil.example/x",
        "evil.example/y",
        "eve@evil.example",
    ]
    assert loose("at 10:30, see notes.txt") == []
    assert loose("Go to Evil-Site.com. Or sub.evil.co.uk, now") == [
        "evil-site.com",
        "sub.evil.co.uk",
    ]
    assert loose("e.g. main.py, lib.rs and v1.2.3, at 5.30pm.Commit it, for acme.comfort") == []


@given(st.text(max_size=200), st.text(max_size=40))
def test_nothing_breaks_it_and_what_is_plain_stays_plain(text: str, value: str) -> None:
    Sources((text,), (value,)).hold(value)
    loose(text)
    assert plain(plain(text)) == plain(text)


def test_a_sentence_may_begin_without_a_space_before_it() -> None:
    said = Sources(
        ("Post it to our site www.acme.example.They know.Ask Bo!And www.acme.example.uk",)
    )
    assert said.hold("www.acme.example")
    assert said.hold("Bo")
    assert said.hold("www.acme.example.They")  # read either way, the user wrote it


@pytest.mark.parametrize("text", ["www.acme.example.evil.example", "WWW.ACME.EXAMPLE.EVIL.EXAMPLE"])
def test_a_longer_host_is_no_sentence(text: str) -> None:
    assert not Sources((text,)).hold("www.acme.example")


def test_what_is_looked_for_is_never_taken_apart() -> None:
    assert not Sources(("See www.acme.example. Evil.example is bad.",)).hold(
        "www.acme.example.Evil.example"
    )

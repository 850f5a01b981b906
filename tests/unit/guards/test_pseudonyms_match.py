"""Pseudonyms are found however a model writes them, and nothing else is."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.guards.pii.entities import KINDS
from guarded_agent.guards.pii.pseudonyms_match import restored, tokens, written
from guarded_agent.store.vault import Value

BO = "bo@example.com"
HELD = {
    ("EMAIL", 1): Value("EMAIL", BO, BO),
    ("EMAIL", 12): Value("EMAIL", "ann@example.com", "ann@example.com"),
    ("DE_TAX_ID", 3): Value("DE_TAX_ID", "12345678903", "12345678903"),
}

WAYS = [
    "<EMAIL_1>",
    "<email_1>",
    "<Email_1>",
    "< EMAIL_1 >",
    "<EMAIL 1>",
    "<email 1>",
    "<EMAIL1>",
    "<EMAIL-1>",
    "<EMAIL\u20131>",
    "<EMAIL_1/>",
    "(EMAIL_1)",
    "(email_1)",
    "[EMAIL_1]",
    "[Email_1]",
    "{EMAIL_1}",
    "EMAIL_1",
    "EMAIL 1",
    "EMAIL\u00a01",
    "email_1",
    "`EMAIL_1`",
    '"<EMAIL_1>"',
    "'EMAIL_1'",
    "**<EMAIL_1>**",
    "\u201c<EMAIL_1>\u201d",
    "\\<EMAIL\\_1\\>",
    "EMAIL\\_1",
    "&lt;EMAIL_1&gt;",
    "&amp;lt;EMAIL_1&amp;gt;",
    "&#60;EMAIL_1&#62;",
    "&#x3C;EMAIL_1&#x3E;",
    "%3CEMAIL_1%3E",
    "\\u003cEMAIL_1\\u003e",
    "\uff1c\uff25\uff2d\uff21\uff29\uff2c\uff3f\uff11\uff1e",
    "\u300aEMAIL_1\u300b",
    "<EMA\u200bIL_1>",
]


@pytest.mark.parametrize("way", WAYS)
def test_a_pseudonym_survives_what_models_do_to_it(way: str) -> None:
    assert restored({"to": way}, HELD) == {"to": BO}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Write to <EMAIL_1>, please.", f"Write to {BO}, please."),
        ("Bitte an EMAIL_1 schreiben", f"Bitte an {BO} schreiben"),
        ("\u8bf7\u53d1\u7ed9<EMAIL_1>\u8c22\u8c22", f"\u8bf7\u53d1\u7ed9{BO}\u8c22\u8c22"),
        ("\u8bf7\u53d1\u7ed9EMAIL_1\u8c22\u8c22", f"\u8bf7\u53d1\u7ed9{BO}\u8c22\u8c22"),
        ("<EMAIL_1>,<EMAIL_12>;EMAIL_12", f"{BO},ann@example.com;ann@example.com"),
        ("mailto:<EMAIL_1>", f"mailto:{BO}"),
        ("[EMAIL_1](mailto:EMAIL_1)", f"[{BO}](mailto:{BO})"),
        ('{"to": "<EMAIL_1>"}', f'{{"to": "{BO}"}}'),
        ("Bo <<EMAIL_1>>", f"Bo <{BO}>"),
        ("<EMAIL_1>'s", f"{BO}'s"),
        ("<de tax id 3>", "12345678903"),
        ("**EMAIL 1** and *EMAIL_1*", f"**{BO}** and *{BO}*"),
    ],
)
def test_what_stands_around_it_stays(text: str, said: str) -> None:
    assert restored(text, HELD) == said


@pytest.mark.parametrize(
    "text",
    [
        "<EMAIL_2>",
        "<EMAIL_123>",
        "<EMAIL_01>",
        "<EMAIL_?>",
        "EMAIL_1@example.org",
        "my_EMAIL_1",
        "EMAIL_1.5",
        "see email 1 of 3",
        "Email 1: hello",
        "E-MAIL 1",
        "EMAIL 1 000 000",
        "the column email_1 of the table",
        "@EMAIL_1",
    ],
)
def test_what_is_no_pseudonym_of_the_thread_stays(text: str) -> None:
    assert restored(text, HELD) == text


def test_no_pseudonym_is_read_inside_a_longer_one() -> None:
    assert [each.id for each in tokens("<EMAIL_12> EMAIL_123 (email_1)")] == [
        ("EMAIL", 12),
        ("EMAIL", 123),
        ("EMAIL", 1),
    ]
    assert restored("<EMAIL_12>", {("EMAIL", 1): HELD["EMAIL", 1]}) == "<EMAIL_12>"


@pytest.mark.parametrize("kind", sorted({kind.token for kind in KINDS.values()}))
def test_every_kind_is_found_again(kind: str) -> None:
    assert re.fullmatch("[A-Z]{2,}(_[A-Z]{2,})*", kind)
    for text in (written(kind, 7), written(kind, 7).lower(), f"\\<{kind} 7\\>", f"{kind}_7"):
        assert [each.id for each in tokens(f"to {text}, now")] == [(kind, 7)]


def test_a_number_comes_back_as_a_number_where_it_stands_alone() -> None:
    held = {("CARD", 1): Value("CARD", "4111111111111111", "4111111111111111", "int")}
    given = {"card": "<CARD_1>", "note": "card <CARD_1>", "json": '{"card": "<CARD_1>"}'}
    assert restored(given, held) == {
        "card": 4111111111111111,
        "note": "card 4111111111111111",
        "json": '{"card": 4111111111111111}',
    }


@given(st.text(), st.sampled_from(WAYS[:8]), st.text(alphabet="xyz \n.", max_size=5))
def test_found_places_are_in_the_text_and_apart(before: str, way: str, between: str) -> None:
    text = f"{before} {way} {between} {way}"
    found = tokens(text)
    assert all(0 <= one.start < one.end <= other.start for one, other in itertools.pairwise(found))
    assert found[-1].id == ("EMAIL", 1)
    assert found[-1].end <= len(text)

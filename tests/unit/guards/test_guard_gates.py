"""The gates before the detectors change nothing: what they turn away holds nothing."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guarded_agent.guards import secrets
from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.pii import KINDS, REGIONS
from guarded_agent.guards.pii import engine as engine_module
from guarded_agent.guards.pii.engine import engine, finder
from guarded_agent.guards.pii.gates import promising
from guarded_agent.guards.secrets import RULES, find_secrets

ALL = sorted(KINDS)
VALUES = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "501800000009",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "ann@example.com",
    "ann@mail.corp",
    "DE89 3704 0044 0532 0130 00",
    "gb29nwbk60161331926819",
    "10.1.2.3",
    "::1",
    "2001:db8:85a3::8a2e:370:7334",
    "00:1b:44:11:3a:b7",
    "001b.4411.3ab7",
    "+1 212-736-5000",
    "(030) 123 45 67",
    "030/1234567",
    "212\u2010736\u20105000",
    "https://example.com/x?y=z",
    "www.example.org",
    "536-22-1234",
    "ssn 536221234",
]
# A value, a value with something changed, cut or put in, and what stands around values.
PIECES = st.one_of(
    st.sampled_from(VALUES),
    st.tuples(st.sampled_from(VALUES), st.integers(0, 40)).map(lambda t: t[0][: t[1]]),
    st.tuples(
        st.sampled_from(VALUES), st.integers(0, 20), st.sampled_from([*" -./:()x\n", "٣", "é"])
    ).map(lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]),
    st.sampled_from(
        [*" ,.;:-\n\x1e()[]", "at ", "call ", "12", "14:30", "“", "é", "Ж", "٠١٢", "😀"]
    ),
    st.text(max_size=6),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join).map(lambda text: normalise(text)[0])


@given(TEXTS)
@example("٤١١١١١١١١١١١١١١١")
@example("call \u0661\u0662\u0663 4567890")
@settings(max_examples=400, deadline=None)
def test_what_is_found_was_promising(text: str) -> None:
    found = engine(REGIONS).analyze(text, language="en", entities=ALL, score_threshold=0.0)
    assert {item.entity_type for item in found} <= set(promising(text, ALL))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_the_detector_finds_the_same_without_gates(text: str) -> None:
    def every(_text: str, kinds: Sequence[str]) -> Sequence[str]:
        return kinds

    find = finder(ALL, regions=REGIONS)
    with pytest.MonkeyPatch.context() as patch:
        gated = find(text)
        patch.setattr(engine_module, "promising", every)
        assert gated == find(text)


@pytest.mark.parametrize("value", VALUES)
def test_the_values_of_these_tests_are_found_at_all(value: str) -> None:
    assert engine(REGIONS).analyze(value, language="en", entities=ALL, score_threshold=0.0)


def test_harmless_text_is_turned_away_by_every_gate() -> None:
    text = "The meeting with 12 people on the second floor - at 14:30 - went “well”, I’d say."
    assert promising(text, ALL) == ()


def test_a_text_with_other_digits_is_turned_away_by_none() -> None:
    assert promising("٣", ALL) == ALL


def test_no_digit_is_unknown_in_the_ranges_that_are_known() -> None:
    known = [chr(code) for code in range(sys.maxunicode) if _is_known(chr(code))]
    digits = [char for char in known if re.match(r"\d", char)]
    assert digits == list("0123456789")
    assert all(unicodedata.decimal(char, None) is None for char in known if char not in digits)


def _is_known(char: str) -> bool:
    from guarded_agent.guards.pii import gates

    return gates._KNOWN_DIGITS.fullmatch(char) is not None


MARKS = sorted({mark for rule in RULES for mark in rule.marks})
SECRET_LIKE = st.lists(
    st.one_of(
        st.sampled_from(MARKS),
        st.sampled_from([*" .-_/:=@\n", "é", "live_", "proj-"]),
        st.text(alphabet="0123456789abcdefABCDEFMNO", min_size=8, max_size=70),
        st.just("M" + "a" * 25 + "." + "b" * 6 + "." + "c" * 30),
    ),
    max_size=6,
).map("".join)


@given(SECRET_LIKE)
@settings(max_examples=300)
def test_secrets_are_found_the_same_without_looking_for_marks_first(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        gated = find_secrets(text)
        patch.setattr(secrets, "_any_mark", lambda: re.compile(""))
        assert gated == find_secrets(text)


@given(st.sampled_from(MARKS), st.text(max_size=20), st.text(max_size=20))
def test_a_mark_is_seen_wherever_it_stands(mark: str, before: str, after: str) -> None:
    text = normalise(before + mark + after)[0]
    if mark in text and mark != ".":
        assert secrets._any_mark().search(text) is not None

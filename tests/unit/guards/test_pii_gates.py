"""The gates before the recognisers change nothing: what they turn away holds nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.pii import KINDS, REGIONS
from guarded_agent.guards.pii import engine as engine_module
from guarded_agent.guards.pii.engine import finder
from guarded_agent.guards.pii.entities import NAMES
from guarded_agent.guards.pii.gates import promising
from guarded_agent.guards.pii.view import view

ALL = sorted(set(KINDS) - NAMES)
STRICT_GATES = sorted(kind for kind in ALL if promising(b"nothing here", [kind]) == ())
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
    "caf\u00e9.de",
    "536-22-1234",
    "ssn 536221234",
    "AB 12 34 56 C",
    "44051401359",
    "12345678Z",
    "RSSMRA85T10A562S",
    "passport C01X00T47",
    "born on 3 May 1980",
    "account no. 12345678",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "https://ann:hunter2@x.example/a",
    "x=ann%40example.com",
    "756.9217.0769.85",
    "131052-308T",
    "nhs 943 476 5919",
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


def every(_data: bytes, kinds: Sequence[str]) -> Sequence[str]:
    return kinds


@given(TEXTS)
@example(
    "\u0664\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661\u0661"
)
@example("call \u0661\u0662\u0663 4567890")
@settings(max_examples=400, deadline=None)
def test_the_detector_finds_the_same_without_gates(text: str) -> None:
    find = finder(STRICT_GATES, regions=REGIONS)
    with pytest.MonkeyPatch.context() as patch:
        gated = find(text)
        patch.setattr(engine_module, "promising", every)
        assert gated == find(text)


@pytest.mark.parametrize("value", VALUES)
def test_the_values_of_these_tests_are_found_at_all(value: str) -> None:
    assert finder(STRICT_GATES, regions=REGIONS)(value)


def test_harmless_text_is_turned_away_by_every_gate() -> None:
    text = "The meeting with 12 people on the second floor - at 14:30 - went “well”, I’d say."
    assert promising(view(text), STRICT_GATES) == ()


def test_a_kind_without_a_gate_is_always_looked_for() -> None:
    assert promising(b"nothing", ["UK_POSTCODE"]) == ["UK_POSTCODE"]


def test_digits_of_every_script_are_digits() -> None:
    assert view("\u0661\u0967\u1041") == b"111"

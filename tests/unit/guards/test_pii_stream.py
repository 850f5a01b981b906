"""What streams is what redacting the whole text at once gives, however it is cut."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.core import Stage
from guarded_agent.guards import HoldBack, PiiGuard
from guarded_agent.guards.scrub import scrub
from guarded_agent.guards.streaming import text_filter

GUARD = PiiGuard(
    custom={
        "STAFF_ID": {"pattern": r"E-\d{6}", "context": ["badge"]},
        "PROJECT": {"words": ["Bluebird", "Red Wing"]},
    },
    actions={"CREDIT_CARD": "mask", "PHONE_NUMBER": "hash"},
    salt=b"s" * 16,
)
ENTITIES = [
    "4111 1111 4111 1111 1111 1111",
    "passport 123456789",
    "Passport No. AB1234567",
    "SSN 536-22-1234",
    "ssn 536221234",
    "account number 12345678",
    "AB 12 34 56 C",
    "12345678Z",
    "RSSMRA85T10A562S",
    "44051401359",
    "131052-308T",
    "85.07.30-033.28",
    "756.9217.0769.85",
    "51 824 753 556",
    "3123 4567 8909",
    "NHS 943 476 5919",
    "DE89 3704 0044 0532 0130 00",
    "https://ann:hunter2@x.example/a",
    "?mail=ann%40example.com",
    "bo@mail.corp",
    "call 2127365000",
    "+49 (0)30 901820 ext. 12",
    "(212) 736-5000 mobile",
    "10.1.2.3",
    "v1.2.3.4",
    "2001:db8::1",
    "00:1b:44:11:3a:b7",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "badge E-123456",
    "Bluebird",
    "Red Wing",
    "123456789 is the new passport",
    "536221234 as her own ssn",
    "2127365000 on the phone",
    "E-654321 as on the badge",
    "Order no. 2127365000",
    "tracking 9400 1759 1622 8107 8732 17",
]
WORDS = [
    "the", "a", "of", "Meeting", "résumé", "12", "2024", "x", "ext.", "OK", "A1", "number", "слово",
    ",", ";", "—", "[CARD]", "5", "foo_bar", "don't", "call", "passport", "account", "order", "tel",
    "office", "電話番号。次", "\\n", "Sozialversicherungsnummer", "social", "security",
]  # fmt: skip
SPACES = st.sampled_from([" ", " ", " ", "\n", "", ", ", ". "])
PARTS = st.tuples(st.one_of(st.sampled_from(WORDS), st.sampled_from(ENTITIES)), SPACES)
TEXTS = st.lists(PARTS, max_size=40).map(lambda parts: "".join(a + b for a, b in parts))
CHUNKINGS = 4


def at_once(text: str) -> str:
    find = GUARD.find_at(Stage.FINAL_OUTPUT)
    assert find is not None
    return str(scrub(text, find).value)


def streamed(stream: HoldBack, text: str, rng: random.Random) -> str:
    out: list[str] = []
    at = 0
    while at < len(text):
        step = rng.choice([1, 2, 3, 7, 20, 80])
        out.append(stream.push(text[at : at + step]))
        at += step
    return "".join([*out, stream.flush()])


@settings(deadline=None, max_examples=250)
@given(TEXTS, st.integers(0, 2**16))
def test_a_thousand_chunkings_give_what_the_whole_gives(text: str, seed: int) -> None:
    make = text_filter([GUARD])
    whole = at_once(text)
    for number in range(CHUNKINGS):
        assert streamed(make(), text, random.Random(seed + number)) == whole


def test_no_entity_is_released_in_part() -> None:
    for entity in ENTITIES:
        text = f"Dear reader, this is what was asked for: {entity} and nothing else, thank you"
        make = text_filter([GUARD])
        stream = make()
        whole = at_once(text)
        released = ""
        for char in text:
            released += stream.push(char)
            assert whole.startswith(released)
        assert released + stream.flush() == whole

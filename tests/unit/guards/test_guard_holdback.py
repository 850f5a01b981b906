from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.guards import HoldBack, Redactor, SecretsGuard
from guarded_agent.guards.holdback import LIMIT, WITHHELD
from guarded_agent.guards.streaming import text_filter
from guarded_agent.guards.text import apply

REDACTOR = Redactor(keep=())
PEM = (
    "-----BEGIN RSA " + "PRIVATE KEY-----\n" + ("MIIa" * 16 + "\n") * 3 + "-----END RSA "
    "PRIVATE KEY-----"
)
ENTITIES = [
    "ann@example.com",
    "bo\u200b＠mail.corp",
    "4111 1111 1111 1111",
    "+44 20 7946 0958",
    "(212) 736-5000 ext. 55",
    "AT61 1904 3002 3457 3201",
    "qa58 dohb 0000 1234 5678 90ab cdef g",
    "536-22-1234",
    "social security number 536221234",
    "2001:db8::1",
    "postgres://u:p@ss@h/db",
    "2127365000 2127365001 2127365002 2127365003",
    "ghp" + "_" + "a1" * 18,
    PEM,
]
WORDS = [
    "the",
    "a",
    "of",
    "Meeting",
    "résumé",
    "Ärger",
    "12",
    "2024",
    "x",
    "ext.",
    "I",
    "OK",
    "A1",
    "PAID",
    "number",
    "и",
    "слово",
    "電話番号。次",
    ",",
    ";",
    "—",
    "[CARD]",
    "5",
    "7",
    "90",
    "foo_bar",
    "don't",
    "éte",
    "http://a.b/c?d=1",
]
texts = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(ENTITIES)),
        st.sampled_from([" ", " ", " ", "\n", "", " \u00a0", ", "]),
    ),
    max_size=60,
).map(lambda pairs: "".join(word + space for word, space in pairs))


def at_once(text: str) -> str:
    return apply(text, REDACTOR.edits(text))


def streamed(text: str, sizes: random.Random | int) -> str:
    stream = HoldBack(REDACTOR.edits)
    out: list[str] = []
    at = 0
    while at < len(text):
        step = sizes if isinstance(sizes, int) else sizes.randint(1, 12)
        out.append(stream.push(text[at : at + step]))
        at += step
    return "".join([*out, stream.flush()])


@settings(deadline=None, max_examples=60)
@given(texts, st.integers(0, 2**16))
def test_any_chunking_gives_what_redacting_the_whole_gives(text: str, seed: int) -> None:
    assert streamed(text, random.Random(seed)) == at_once(text)


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize("step", [1, 5])
def test_no_part_of_an_entity_is_released_before_it_is_complete(entity: str, step: int) -> None:
    text = (
        f"Dear reader, this is what was asked for: {entity} and nothing else, thank you very much"
    )
    stream = HoldBack(REDACTOR.edits)
    released = ""
    for at in range(0, len(text), step):
        released += stream.push(text[at : at + step])
        assert at_once(text).startswith(released)
    assert released + stream.flush() == at_once(text)


def test_plain_prose_flows_on_with_a_short_delay() -> None:
    stream = HoldBack(REDACTOR.edits)
    released = stream.push("Everything is fine here and the meeting went well. " * 10)
    assert len(released) > 400


def test_a_text_in_a_script_without_spaces_flows_on_at_its_punctuation() -> None:
    stream = HoldBack(REDACTOR.edits)
    assert len(stream.push("会議は無事に終わりました。" * 40)) > 300


@pytest.mark.parametrize(
    "text",
    [
        " ".join(str(n * 7 % 1000) for n in range(2500)),
        "HELLO WORLD " * 500,
        "4111 1111 1111 1111 " * 300,
    ],
    ids=["figures", "capitals", "cards"],
)
@pytest.mark.parametrize("step", [9, 1000, 50_000])
def test_without_a_safe_place_the_bound_holds_and_nothing_leaks(text: str, step: int) -> None:
    stream = HoldBack(REDACTOR.edits)
    out = ""
    for at in range(0, len(text), step):
        out += stream.push(text[at : at + step])
        assert len(stream._held) <= LIMIT
    assert out + stream.flush() == at_once(text)


def test_an_endless_word_is_withheld_to_its_end() -> None:
    text = "see " + "ab1" * 3000 + " done and over"
    assert streamed(text, 10) == f"see {WITHHELD} done and over"


@pytest.mark.parametrize("step", [10, 1000])
def test_a_private_key_longer_than_the_bound_is_one_replacement(step: int) -> None:
    long = PEM.replace("\n-----END", "\n" + ("MIIa" * 16 + "\n") * 150 + "-----END")
    out = streamed(f"the key is {long} and that was it", step)
    assert out == "the key is [SECRET:private-key] and that was it"


def test_a_key_that_never_ends_is_not_released() -> None:
    long = "-----BEGIN " + "PRIVATE KEY-----\n" + ("MIIa" * 16 + "\n") * 300
    assert streamed(f"the key is {long}", 100).rstrip() == "the key is [SECRET:private-key]"


def test_a_stream_can_be_used_again_after_its_end() -> None:
    stream = HoldBack(REDACTOR.edits)
    stream.push("card 4111 1111")
    stream.flush()
    assert stream.push("1111 1111") + stream.flush() == "1111 1111"


def test_a_bound_too_small_for_the_margin_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be at least"):
        HoldBack(REDACTOR.edits, margin=64, limit=100)


def test_an_exception_in_the_redaction_reaches_the_caller() -> None:
    def broken(text: str) -> list[tuple[int, int, str]]:
        raise RuntimeError("broken")

    stream = HoldBack(broken)
    with pytest.raises(RuntimeError, match="broken"):
        stream.push("plain words go on and on until something has to be released from it, ok then")


def test_guards_of_a_policy_make_the_filter_of_a_stream() -> None:
    stream = text_filter([SecretsGuard()])()
    key = "ghp" + "_" + "a1" * 18
    assert stream.push(f"the key {key[:9]}") + stream.push(key[9:]) + stream.flush() == (
        "the key [SECRET:github]"
    )

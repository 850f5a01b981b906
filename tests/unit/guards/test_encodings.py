"""What stands in a text in another form is found, and the way back is exact."""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.guards.encodings import layers, may_hold
from guarded_agent.guards.later import Asked, Later, scrub_late
from guarded_agent.guards.normalise import Offsets
from guarded_agent.guards.scrub import Hit, scrub
from guarded_agent.guards.text import Unscannable

MAIL = "ann.smith@example.com"


def find(text: str) -> list[Hit]:
    found = re.finditer(r"[a-z.]+@[a-z.]+[a-z]|(?<!\d)4111\d{12}(?!\d)", text)
    return [Hit(*match.span(), "x", "[X]") for match in found]


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def urlsafe(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def spaced_hex(text: str) -> str:
    return text.encode().hex(" ")


def everything(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


ONCE = [b64, urlsafe, lambda text: text.encode().hex(), spaced_hex, everything, quote]


@pytest.mark.parametrize("write", ONCE)
def test_what_is_encoded_once_is_found_and_the_whole_run_goes(write: Any) -> None:
    assert scrub(f"see {write(MAIL)} please", find).value == "see [X] please"


@pytest.mark.parametrize(
    "hidden",
    [
        b64(b64(MAIL)),
        quote(b64(MAIL + "!")),
        b64(quote(MAIL)),
        b64(MAIL.encode().hex()),
        b64(f"the address is {MAIL}, yes"),
        b64("ann.smith\u200b＠example.com"),
        "".join(f"{char}\u200b" for char in b64(MAIL)),
        base64.b64encode(MAIL.encode("utf-16-le")).decode(),
        b64("4111111111111111"),
        "\\u0061nn.smith\\x40example.com",
        "ann.smith&#64;example.com",
        "ann.smith&#x40;example.com",
    ],
)
def test_two_layers_are_undone(hidden: str) -> None:
    done = scrub({"body": f"see ({hidden}) please"}, find).value["body"]
    assert re.fullmatch(r"see \((.{0,3}?)\[X\].{0,3}\) please", done), done


def test_three_layers_are_not() -> None:
    hidden = b64(b64(b64(MAIL)))
    assert scrub(hidden, find).value == hidden


@pytest.mark.parametrize("around", ["files/{}/x", "key_{}", "data:text/plain;base64,{}", "a={}&b"])
def test_a_run_is_found_behind_a_path_a_name_or_a_type(around: str) -> None:
    assert scrub(around.format(b64(MAIL)), find).value == around.format("[X]")


def test_lines_of_base64_are_one_run() -> None:
    wrapped = base64.encodebytes(f"{'quiet ' * 8}{MAIL}{' quiet' * 9}".encode()).decode()
    assert wrapped.count("\n") > 2
    assert scrub(f"-- {wrapped}", find).value.startswith("-- [X]")


def test_in_percent_signs_only_what_was_found_goes() -> None:
    text = f"https://x.example/?q={quote(MAIL)}&r=a%20b"
    assert scrub(text, find).value == "https://x.example/?q=[X]&r=a%20b"


def test_a_finding_gives_the_place_in_the_original() -> None:
    text = f"é {b64(MAIL)}."
    [spot] = scrub({"a": text}, find).spots
    assert text[slice(*spot.span)] == b64(MAIL)


@pytest.mark.parametrize(
    "text",
    [
        "an internationalisation of some_snake_case_name in path/to/some/file-name.py",
        "3f786850e387550fdab836ed7e6dc881de23001b",
        "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "550e8400-e29b-41d4-a716-446655440000",
        "4111111111111112 and 00:1A:2B:3C:4D:5E",
        "100% sure \\n and \\t and &amp; too",
    ],
)
def test_what_is_not_encoded_makes_no_layers(text: str) -> None:
    assert layers(text, Offsets()) == []


def test_what_decodes_to_more_than_a_text_may_hold_is_refused() -> None:
    one = b64("a quiet afternoon " * 50)
    assert len(layers(one, Offsets())) == 1
    tower = "%25" * 400_000
    assert len(layers(tower, Offsets())[0].text) == 400_000


@pytest.mark.parametrize(
    "text",
    ["A" * 200_000, "a%" * 100_000, "41 " * 100_000, "aA1/" * 50_000, "aB1=\n" * 40_000],
)
def test_long_padding_is_read_in_linear_pieces(text: str) -> None:
    assert scrub(f"{text} {MAIL}", find).value.endswith("[X]")


def test_too_much_that_is_encoded_stops_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from guarded_agent.guards import encodings

    monkeypatch.setattr(encodings, "_ROOM", -10_000)
    with pytest.raises(Unscannable, match="too much that is encoded"):
        scrub(b64(MAIL), find)


@given(st.text())
def test_the_quick_look_never_says_no_where_something_is_encoded(text: str) -> None:
    if layers(text, Offsets()):
        assert may_hold(text)


def _is_no_digit(char: str) -> bool:
    return not set(unicodedata.normalize("NFKC", char)) & set("0123456789abcdefABCDEF")


# Bytes that are spaced belong to the run beside them.
_AROUND = st.text(st.characters().filter(_is_no_digit), max_size=40)


@given(_AROUND, _AROUND, st.sampled_from(range(len(ONCE))))
def test_outside_of_the_run_every_character_stays(before: str, after: str, which: int) -> None:
    before, after = (
        before.encode("utf-8", "ignore").decode(),
        after.encode("utf-8", "ignore").decode(),
    )
    alone = scrub([f"{before} ", f" {after}"], find).value
    joined = scrub(f"{before} {ONCE[which](MAIL)} {after}", find).value
    assert joined.startswith(alone[0])
    assert joined.endswith(alone[1])
    assert "smith" not in joined


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"card": 4111111111111111, "n": 5}', {"card": "[X]", "n": 5}),
        ('{"a": "x\\nann@example.com"}', {"a": "x\n[X]"}),
        ('{"a": "ann\\u0040example.com"}', {"a": "[X]"}),
        ('{"a": "say \\"ann@example.com\\" \\\\"}', {"a": 'say "[X]" \\'}),
        ('["ann@example.com", "ann@example.com"]', ["[X]", "[X]"]),
        (json.dumps({"a": json.dumps({"b": 4111111111111111})}), {"a": '{"b": "[X]"}'}),
        (json.dumps({"a": json.dumps(["\nann@example.com"])}), {"a": '["\\n[X]"]'}),
        (json.dumps({"a": b64(MAIL)}), {"a": "[X]"}),
        ('{"a": "\\ud83d\\ude00ann@example.com"}', {"a": "😀[X]"}),
        ('{"ann@example.com": 1}', {"[X]": 1}),
        ("[-4111111111111111]", ["[X]"]),
    ],
)
def test_json_stays_json(text: str, says: Any) -> None:
    assert json.loads(scrub(text, find).value) == says


def test_json_keeps_its_layout_and_its_double_keys() -> None:
    text = '{ "a" : 1 ,\n "a":  "ann@example.com" }'
    assert scrub(text, find).value == '{ "a" : 1 ,\n "a":  "[X]" }'


def test_a_replacement_that_is_chosen_late_is_written_into_json_too() -> None:
    asked: list[str] = []

    def choose(each: Sequence[Asked]) -> list[str]:
        asked.extend(one.text for one in each)
        return ['<"N_1">' for _ in each]

    def late(text: str) -> list[Hit]:
        return [
            Hit(*m.span(), "x", Later("<N>", "x", choose, "[N]"))
            for m in re.finditer(r"4111\d{12}", text)
        ]

    text = '{"a": 4111111111111111, "b": "is 4111111111111111"}'
    done = scrub_late({"body": text}, late)
    assert json.loads(done.value["body"]) == {"a": '<"N_1">', "b": 'is <"N_1">'}
    assert asked == ["4111111111111111", "4111111111111111"]


def test_json_in_a_fenced_block_and_in_lines_stays_json() -> None:
    answer = 'Here it is, ann@example.com:\n```json\n{"card": 4111111111111111}\n```\nBye.'
    assert scrub(answer, find).value == 'Here it is, [X]:\n```json\n{"card": "[X]"}\n```\nBye.'
    lines = '{"a": "\\nann@example.com"}\n{"a": 4111111111111111}\n[see 4111111111111111]\n'
    first, second, third = scrub(lines, find).value.splitlines()
    assert (json.loads(first), json.loads(second)) == ({"a": "\n[X]"}, {"a": "[X]"})
    assert third == "[see [X]]"


def test_many_beginnings_of_json_are_not_tried_for_ever() -> None:
    text = "[\n" * 50_000 + "ann@example.com"
    assert scrub(text, find).value.endswith("[X]")


def test_what_reaches_over_several_strings_is_replaced_in_each() -> None:
    def greedy(text: str) -> list[Hit]:
        start = text.find("one")
        return [Hit(start, text.find("two") + 3, "x", "[X]")] if start >= 0 else []

    done = scrub('{"a": "some one", "b": ["two more"]}', greedy).value
    assert json.loads(done) == {"a": "some [X]", "[X]": ["[X] more"]}


json_data: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.just(MAIL)
    | st.just(int("41" + "1" * 14)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(st.lists(json_data), st.booleans())
def test_any_json_stays_json_and_says_what_the_data_would(data: Any, ascii_only: bool) -> None:
    text = json.dumps(data, ensure_ascii=ascii_only)
    nested = json.dumps({"text": text})
    done = scrub(text, find).value
    assert json.loads(done) == scrub(data, find).value
    assert json.loads(json.loads(scrub(nested, find).value)["text"]) == json.loads(done)

from __future__ import annotations

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Effect, Stage
from guarded_agent.core.visible import INVISIBLE
from guarded_agent.guards import text as walker
from guarded_agent.guards.normalise import STABLE, normalise
from guarded_agent.guards.text import NOTICE, Unscannable, leaves, rebuild, withhold

plain_data: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


def paths(value: Any, at: str = "") -> list[tuple[str, str]]:
    return [(leaf.path, leaf.text) for leaf in leaves(value, at)]


def test_paths_name_mappings_and_lists_in_reading_order() -> None:
    data = {"to": ["ann", "bo"], "deep": {"body": "hi"}}
    assert paths(data, "args") == [
        ("args.to[0]", "ann"),
        ("args.to[1]", "bo"),
        ("args.deep.body", "hi"),
    ]


def test_a_text_alone_has_the_path_of_the_payload() -> None:
    assert paths("hi") == [("", "hi")]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4111111111111111, "4111111111111111"),
        (4111111111111111.0, "4111111111111111"),
        (Decimal("4111111111111111.5"), "4111111111111111.5"),
        (date(2024, 5, 1), "2024-05-01"),
    ],
)
def test_values_that_print_like_an_identifier_are_texts(value: object, text: str) -> None:
    assert paths([value]) == [("[0]", text)]


@pytest.mark.parametrize("value", [12345678, -5, 0.5, True, None, float("inf"), float("nan")])
def test_small_numbers_and_flags_are_not_texts(value: object) -> None:
    assert paths([value]) == []


def test_a_key_that_may_be_personal_is_not_named_in_a_path() -> None:
    assert paths({"ann@x.com": "a", "4111111111": "b", "zip_code": "c"}) == [
        ("?", "a"),
        ("?", "b"),
        ("zip_code", "c"),
    ]


def test_replaced_numbers_become_texts_and_the_rest_keeps_its_type() -> None:
    data = {"n": 4111111111111111, "k": (1, "x"), "flag": True}
    assert rebuild(data, {0: "[CARD]"}) == {"n": "[CARD]", "k": (1, "x"), "flag": True}


@given(plain_data)
def test_replacing_every_text_by_itself_keeps_what_is_read(value: Any) -> None:
    found = leaves(value)
    same = rebuild(value, {index: leaf.text for index, leaf in enumerate(found)})
    assert leaves(same) == found


@given(plain_data, st.data())
def test_exactly_the_chosen_texts_are_replaced(value: Any, data: st.DataObject) -> None:
    found = leaves(value)
    chosen = data.draw(st.sets(st.integers(0, len(found) - 1))) if found else set()
    after = leaves(rebuild(value, {index: f"<{index}>" for index in chosen}))
    assert [leaf.text for leaf in after] == [
        f"<{index}>" if index in chosen else leaf.text for index, leaf in enumerate(found)
    ]


def nested(depth: int) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "payload",
    [
        nested(walker.MAX_DEPTH + 1),
        nested(5_000),
        ["x"] * (walker.MAX_LEAVES + 1),
        "x" * (walker.MAX_CHARS + 1),
        {"a": b"\xff\xfe bytes"},
        {"a": object()},
        10**5000,
    ],
    ids=["deep", "very deep", "many", "long", "bytes", "object", "huge number"],
)
def test_what_cannot_be_looked_through_is_refused(payload: Any) -> None:
    with pytest.raises(Unscannable):
        leaves(payload)


def test_an_action_that_cannot_be_looked_through_is_denied() -> None:
    error = Unscannable("too deep")
    verdict = withhold(error, stage=Stage.ACTION, payload={}, guard="pii")
    assert verdict.effect is Effect.DENY
    assert verdict.findings[0].category == "unscannable"


@pytest.mark.parametrize(
    ("payload", "blanked"),
    [("x", NOTICE), (["x", {"y": 1}], [NOTICE, NOTICE]), ({"a": [1]}, {"a": NOTICE})],
)
def test_elsewhere_a_notice_takes_its_place_and_the_outer_shape_stays(
    payload: Any, blanked: Any
) -> None:
    error = Unscannable("too deep")
    verdict = withhold(error, stage=Stage.TOOL_RESULT, payload=payload, guard="pii")
    assert (verdict.effect, verdict.payload) == (Effect.REDACT, blanked)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("ann\u200b＠x.com", "ann@x.com"),
        ("4111\u00a01111\u202f1111", "4111 1111 1111"),
        ("re\u0301sume\u0301", "résumé"),
        ("ﬃ\ufe0f ①", "ffi 1"),
        ("a\ud800b", "a\ufffdb"),
        ("t\U000e0061ag", "tag"),
    ],
)
def test_disguised_characters_become_plain(text: str, plain: str) -> None:
    assert normalise(text)[0] == plain


def test_a_span_maps_back_over_what_was_stripped_inside_it() -> None:
    text = "é to ann\u200b\u200b＠x.com!"
    plain, offsets = normalise(text)
    start = plain.index("ann@x.com")
    low, high = offsets.span(start, start + len("ann@x.com"))
    assert text[low:high] == "ann\u200b\u200b＠x.com"


@given(st.text(), st.data())
def test_every_span_covers_exactly_the_characters_it_came_from(
    text: str, data: st.DataObject
) -> None:
    plain, offsets = normalise(text)
    if not plain:
        return
    start = data.draw(st.integers(0, len(plain) - 1))
    end = data.draw(st.integers(start + 1, len(plain)))
    low, high = offsets.span(start, end)
    assert 0 <= low < high <= len(text)
    assert plain[start:end] in normalise(text[low:high])[0]


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"])))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    plain = normalise(text)[0]
    assert normalise(plain)[0] == plain


def test_a_tower_of_marks_is_normalised_in_linear_pieces() -> None:
    text = "a" + "\u0316\u0301" * 50_000
    plain, offsets = normalise(text)
    assert offsets.span(len(plain) - 1, len(plain))[1] == len(text)


def test_every_format_character_of_unicode_counts_as_invisible() -> None:
    invisible = re.compile(f"[{INVISIBLE}]")
    points = map(chr, range(0x110000))
    missed = [c for c in points if unicodedata.category(c) == "Cf" and not invisible.match(c)]
    assert missed == []


def test_every_character_called_stable_is_left_alone_by_unicode() -> None:
    stable = re.compile(f"[{STABLE}]")
    points = [c for c in map(chr, range(0x110000)) if stable.match(c)]
    assert [
        c for c in points if unicodedata.normalize("NFKC", c) != c or unicodedata.combining(c)
    ] == []

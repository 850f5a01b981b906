from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.guards.scrub import Hit, scrub
from guarded_agent.guards.text import Unscannable


def finds(pattern: str, replacement: str) -> Any:
    def find(text: str) -> list[Hit]:
        return [Hit(*m.span(), "word", replacement) for m in re.finditer(pattern, text)]

    return find


def test_the_same_object_comes_back_if_nothing_was_found() -> None:
    value = {"a": ["b"]}
    assert scrub(value, finds("z", "[Z]")).value is value


def test_the_detector_sees_all_texts_at_once() -> None:
    calls: list[str] = []

    def find(text: str) -> list[Hit]:
        calls.append(text)
        return []

    scrub({"a": "one", "b": ["two", "three"]}, find)
    assert len(calls) == 1


def test_the_name_of_a_text_is_context_for_the_detector() -> None:
    seen: list[str] = []
    scrub({"ssn": "536221234"}, lambda text: seen.append(text) or [])
    assert re.search(r"ssn\s+536221234", seen[0])


def test_a_hit_that_reaches_across_two_texts_is_dropped() -> None:
    result = scrub(["4111", "1111"], finds(r"(?s)4111.*1111", "[CARD]"))
    assert result.value == ["4111", "1111"]


def test_a_hit_in_a_name_is_dropped() -> None:
    assert scrub({"secret": "x"}, finds("secret", "[S]")).value == {"secret": "x"}


def test_hits_that_overlap_become_one_replacement_over_both() -> None:
    def find(text: str) -> list[Hit]:
        at = text.find("abcdef")
        if at < 0:
            return []
        return [Hit(at, at + 4, "weak", "[W]", 0.4), Hit(at + 2, at + 6, "sure", "[S]", 1.0)]

    result = scrub("x abcdef y", find)
    assert result.value == "x [S] y"
    assert result.spots[0].span == (2, 8)


def test_what_a_replacement_uncovers_is_found_too() -> None:
    # The first hit hides the second: `bb` is only found once `ab` is gone.
    find = finds(r"ab|(?<=\])b(?=b)|(?<=\])c", "[X]")
    done = scrub("abc abb", find).value
    assert scrub(done, find).value == done


def test_spans_are_those_of_the_original_text_also_for_what_was_uncovered() -> None:
    result = scrub("abc", finds(r"ab|(?<=\])c", "[X]"))
    assert [spot.span for spot in result.spots] == [(0, 2), (2, 3)]


def test_text_that_never_settles_is_refused() -> None:
    with pytest.raises(Unscannable):
        scrub("a" * 50, finds(r"a(?!.*a)", ""))


def test_an_exception_in_the_detector_is_not_swallowed() -> None:
    def broken(text: str) -> Sequence[Hit]:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        scrub("x", broken)


@given(st.lists(st.text(alphabet="ab12 é\u200b", max_size=12), max_size=5))
def test_scrubbing_twice_is_scrubbing_once(texts: list[str]) -> None:
    find = finds(r"[0-9]+ ?[0-9]+|ab+", "[N]")
    once = scrub(texts, find).value
    assert scrub(once, find).value == once


@given(st.lists(st.text(alphabet="ab12 é\u200b", max_size=12), max_size=5))
def test_outside_of_the_spans_every_character_stays(texts: list[str]) -> None:
    result = scrub({"texts": texts}, finds(r"[0-9]+", "[N]"))
    for index, (before, after) in enumerate(zip(texts, result.value["texts"], strict=True)):
        spans = [spot.span for spot in result.spots if spot.path == f"texts[{index}]"]
        kept = [c for i, c in enumerate(before) if not any(low <= i < high for low, high in spans)]
        assert "".join(kept) == after.replace("[N]", "")

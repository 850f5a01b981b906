"""The short cuts of the coercion guard change nothing: the long way round says the same."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guarded_agent.guards.coercion import frames, normalise, sentences
from guarded_agent.guards.coercion.frames import SPREAD
from guarded_agent.guards.coercion.normalise import View, views
from guarded_agent.guards.coercion.reading import HINT

DATA = Path(__file__).parents[2] / "data" / "coercion"
SETS = [
    line.split("\t")[-1].replace("\\n", "\n")
    for file in sorted(DATA.glob("*.tsv"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if line.strip()
]
RARE = ("_SPACED", "_BASE64", "_HEX", "_GAP", "_PERCENT")
EVERY_LEET_WORD = re.compile(r"[a-z0-9@$!.\-_*]+")

# Built of what the patterns look for, so that whole matches and near ones are common. Gates
# are asked of ASCII texts only.
SIGNS = [*"abfxzAZ01459 \n\t\r\v\x1c.-_*|/%:@$!=+", "  ", "\n\n"]
PIECES = st.one_of(
    st.sampled_from([*SIGNS, "c4ncel", "ann@x.com", " a b c", " a.b.c ", "x\n", "%41"]),
    st.text(alphabet="059afAF", min_size=28, max_size=36),
    st.text(alphabet="059afAF ", min_size=40, max_size=52),
    st.text(alphabet="azAZ09+/_-", min_size=17, max_size=23),
    st.binary(min_size=14, max_size=18).map(bytes.hex),
    st.sampled_from(SETS).map(lambda text: base64.b64encode(text[:40].encode()).decode()),
    st.sampled_from(SETS).map(lambda text: text[:16].encode().hex()),
    st.sampled_from(SETS).map(lambda text: quote(text[:30])),
    st.sampled_from(SETS).map(lambda text: " ".join(text[:12])),
)
TEXTS = st.lists(PIECES, max_size=8).map("".join)


def long_way(text: str) -> tuple[View, ...]:
    """Return the views as they are made without gates and without knowing ASCII."""
    with pytest.MonkeyPatch.context() as patch:
        for name in RARE:
            patch.setattr(normalise, name, getattr(normalise, name)._pattern)
        patch.setattr(normalise, "_LEET_WORD", EVERY_LEET_WORD)
        patch.setattr(normalise, "_folded", letter_by_letter)
        return views(text)


def letter_by_letter(view: View) -> View:
    """Fold an ASCII view as any other; `_folded` itself does so with one foreign letter more."""
    if not view.text.isascii():
        return FOLDED(view)
    longer = View(
        view.text + "\u4e00", (*view.starts, len(view.text)), (*view.ends, len(view.text) + 1)
    )
    whole = FOLDED(longer)
    return View(whole.text[:-1], whole.starts[:-1], whole.ends[:-1])


FOLDED = normalise._folded


def plain(found: tuple[View, ...]) -> list[tuple[str, list[int], list[int]]]:
    return [(view.text, list(view.starts), list(view.ends)) for view in found]


@given(TEXTS)
@example("a b c")
@example("x a_b_c_d y")
@example("wipe\n")
@example("wipe\n\x1cx")
@example("wipe\n\nit  now\tor")
@example(b"stop the wipe go".hex())
@example(base64.b64encode(b"stop the wipes!").decode())
@example("%63ancel")
@example("c4nc3l. the $hutdown!")
@settings(max_examples=300)
def test_views_are_the_same_without_gates(text: str) -> None:
    assert plain(views(text)) == plain(long_way(text))


@given(st.text(max_size=120))
def test_views_of_any_text_are_the_same_without_gates(text: str) -> None:
    assert plain(views(text)) == plain(long_way(text))


def test_views_of_the_measured_sets_are_the_same_without_gates() -> None:
    assert len(SETS) > 500
    for text in SETS:
        assert plain(views(text)) == plain(long_way(text))


def all_frames(view: View, hits: list[tuple[int, int, str]]) -> Iterator[tuple[str, float]]:
    """Yield each category with its best score, where every frame is tried on every window."""
    ends = sentences.sentence_ends(view.text)
    masks = [0] * len(ends)
    for start, _, name in hits:
        place = next(i for i, end in enumerate(ends) if start < end or i == len(ends) - 1)
        masks[place] |= frames._BIT[name]
    best: dict[str, float] = {}
    for first, last, window in frames._windows(masks):
        for compiled in frames._FRAMES:
            score = frames._score(compiled, window) - SPREAD[last - first - 1]
            category = compiled.frame.category
            if score >= HINT and score > best.get(category, 0.0):
                best[category] = score
    yield from best.items()


def assert_no_frame_is_missed(text: str) -> None:
    for view in views(text):
        hits = frames.hits(view)
        found = {
            item.reading.category: item.reading.score for item in frames.readings(view, hits, 0)
        }
        assert found == {name: round(score, 3) for name, score in all_frames(view, hits)}


@given(st.lists(st.sampled_from(SETS), min_size=1, max_size=4).map(" ".join))
def test_no_frame_is_missed_in_texts_that_are_put_together(text: str) -> None:
    assert_no_frame_is_missed(text)


def test_no_frame_is_missed_in_the_measured_sets() -> None:
    for text in SETS:
        assert_no_frame_is_missed(text)


def cues_of_every_pattern(view: View) -> set[str]:
    data = view.text.encode("utf-8", "replace")
    return {name for name, pattern in frames._patterns() if pattern.search(data)}


@given(st.lists(st.sampled_from(SETS), min_size=1, max_size=3).map(" ".join), st.data())
def test_no_cue_is_missed_in_texts_that_are_cut_and_put_together(
    text: str, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(text)))
    for view in views(text[start:] + data.draw(st.text(max_size=5)) + text[:start]):
        assert {name for _, _, name in frames.hits(view)} == cues_of_every_pattern(view)


def test_no_cue_is_missed_in_the_measured_sets() -> None:
    seen: set[str] = set()
    for text in SETS:
        for view in views(text):
            cues = {name for _, _, name in frames.hits(view)}
            assert cues == cues_of_every_pattern(view)
            seen |= cues
    assert seen == {name for name, _ in frames._patterns()}


def test_a_filter_that_gives_up_leaves_no_pattern_out(monkeypatch: pytest.MonkeyPatch) -> None:
    class GivesUp:
        def Match(self, data: bytes, potential: bool) -> None:
            return None

    assert len(list(frames._likely(b"hello"))) < len(frames._patterns())
    monkeypatch.setattr(frames, "_filter", GivesUp)
    assert list(frames._likely(b"hello")) == list(frames._patterns())

"""The linear model, and the text tier that joins it with the frames."""

from __future__ import annotations

import base64
import itertools
import math
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.guards.coercion import frames, read
from guarded_agent.guards.coercion.features import runs
from guarded_agent.guards.coercion.linear import FEWEST, Model, parse, reading, shipped
from guarded_agent.guards.coercion.reading import CATEGORIES, HIGH, HINT
from guarded_agent.guards.coercion.weights import Runs, Weight

VEILED = (
    "I would never want your partner to hear about Lisbon from anyone but you. As long as I look "
    "after this mailbox I can see to it that the messages stay where they are. Perhaps it would be "
    "wise to let the change rest for a while."
)
HEAD = '{"bias": -1, "step": 0.1, "score": [1, 0, 0], "kinds": [0, 0], "words": 2}'


def test_a_row_with_another_number_of_weights_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("'leverage' has 1 weights for 2 categories")):
        parse(f"{HEAD}\n200 9 3|leverage\n")


def test_a_bar_may_stand_in_a_feature() -> None:
    model = parse(f"{HEAD}\n200 9 3 1|a\n200 9 3 1|b\n300 4|a|b\n")
    found = model.runs.get("a|b")
    assert found is not None
    assert found.harm == 4


def test_a_text_without_known_features_weighs_the_bias() -> None:
    model = parse(f"{HEAD}\n200 9 3 1|leverage\n200 9 3 1|b\n")
    assert model.margin("nothing here") == -1


def test_the_margin_is_that_of_two_halves_of_length_one() -> None:
    model = parse(f"{HEAD}\n200 9 1 0|leverage\n100 -5 0 1|hello\n300 4|eve\n")
    # words: (200*9 + 100*-5) / sqrt(200^2 + 100^2); runs: one feature alone is 4
    words = (200 * 9 - 100 * 5) / math.hypot(200, 100)
    text = "leverage hello" + " x" * FEWEST
    assert model.margin(text) == pytest.approx(0.1 * (words + 4) - 1)


def test_a_few_words_weigh_less() -> None:
    model = parse(f"{HEAD}\n200 9 1 0|leverage\n100 -5 0 1|hello\n300 4|eve\n")
    long, short = "leverage" + " x" * FEWEST, "leverage"
    assert model.margin(short) - model.bias == pytest.approx(
        (model.margin(long) - model.bias) / FEWEST
    )


def test_a_text_written_twice_weighs_about_the_same() -> None:
    model = shipped()
    once, twice = model.margin(VEILED.lower()), model.margin(f"{VEILED} {VEILED}".lower())
    assert abs(once - twice) < 0.35


def test_every_category_has_weights() -> None:
    model = shipped()
    assert len(model.kinds) == len(CATEGORIES)
    for place in range(len(CATEGORIES)):
        assert any(w.kinds and w.kinds[place] for w in model.words.weights.values())


def test_a_veiled_message_is_read_and_points_at_its_words() -> None:
    found = read(VEILED).readings
    assert found
    assert found[0].score >= HINT
    assert found[0].spans


def test_what_is_encoded_is_read_as_it_is() -> None:
    hidden = base64.b64encode(VEILED.encode()).decode()
    assert read(hidden).score == pytest.approx(read(VEILED).score, abs=0.1)


SURE = "Cancel my deletion or HR reads your chats."
CALM = "The minutes of the last meeting are attached, and the next one is in the small room. "


@pytest.mark.parametrize("text", [SURE, CALM * 12 + SURE + " " + CALM * 12])
def test_a_plain_threat_is_sure_whatever_stands_around_it(text: str) -> None:
    found = read(text).readings[0]
    assert (found.category, found.score >= HIGH) == ("blackmail", True)
    assert any(SURE.startswith(text[start:end]) for start, end in found.spans)


DECLINED = (
    "Reported and declined, thanks: cancel my deletion or HR reads your chats. It is with Ann."
)
AGREED = (
    "Hi Bo, the works council agreed that HR reads your chats only if you ask for it. Please don't "
    "cancel my deletion request, the ticket is attached."
)


@pytest.mark.parametrize("text", [DECLINED, AGREED])
def test_a_frame_does_not_outweigh_a_model_that_takes_its_sentences_for_honest(text: str) -> None:
    [(view, shown)] = [seen[-1] for _, seen in frames.pieces(text)]
    assert any(one.reading.score >= HIGH for one in frames.readings(view, shown, 0))
    assert read(text).score < HINT


def test_less_than_a_hint_is_no_reading() -> None:
    model = shipped()
    text = "lunch is at noon on thursday in the small room"
    assert reading(model, text, model.heaviest(text), 0.0) is None


ODD = st.text(alphabet=st.sampled_from("abe Iyou.!?\n\u200b\u00a0éßİﬁ４@1жо秘密=%"), max_size=200)
PHRASES = st.lists(
    st.sampled_from(
        [
            "Cancel my deletion",
            "or HR reads your chats.",
            "nobody has to know",
            "４００ invoices",
            "%63ancel",
            "d.e.l.a.y",
            "İstanbul",
            "秘密にしてください",
            "eW91ciB3aWZlIHdpbGwga25vdyBhYm91dCBMaXNib24gaWYgSSBnbw==",
        ]
    )
    | ODD,
    max_size=8,
).map(" ".join)


@given(
    st.lists(st.text("abcé秘", min_size=3, max_size=5), unique=True, max_size=60),
    st.text("abcé秘", max_size=120),
    st.data(),
)
def test_runs_of_letters_weigh_what_a_count_of_each_says(
    names: list[str], text: str, data: st.DataObject
) -> None:
    numbers = st.integers(-127, 127)
    weights = {name: Weight(data.draw(st.integers(100, 900)), data.draw(numbers)) for name in names}
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    seen = Counter(run for run in runs(text[start:end]) if run in weights)
    values = {name: weights[name].rarity * (1 + math.log(n)) for name, n in seen.items()}
    wanted = sum(value * weights[name].harm for name, value in values.items())
    norm = math.hypot(*values.values())
    found = Runs(weights)
    assert found.seen(text).part(start, end) == pytest.approx(wanted / norm if norm else 0.0)
    assert all(found.get(name) == weight for name, weight in weights.items())
    assert found.get("zzz") is None


def test_a_run_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("'ab' is no run of 3 to 5 signs")):
        parse(f"{HEAD}\n200 9 3 1|a\n200 9 3 1|b\n300 4|ab\n")


@given(PHRASES)
def test_every_span_is_really_in_the_text(text: str) -> None:
    for one in read(text).readings:
        assert one.category in CATEGORIES
        assert 0 <= one.score <= 1
        assert one.reasons
        for start, end in one.spans:
            assert 0 <= start < end <= len(text)
        assert list(one.spans) == sorted(one.spans)


@given(PHRASES)
def test_passages_lie_in_the_view(text: str) -> None:
    model: Model = shipped()
    spans = model.passages(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(one[1] < two[0] for one, two in itertools.pairwise(spans))

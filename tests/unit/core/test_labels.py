"""Labels only ever join upward."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Confidentiality, Label, join

NAMES = st.frozensets(st.sampled_from("abcde"), max_size=3)
LABELS = st.builds(
    Label,
    confidentiality=st.sampled_from(Confidentiality),
    compartments=NAMES,
    trusted=st.booleans(),
    sources=NAMES,
)


def below(low: Label, high: Label) -> bool:
    return (
        low.confidentiality <= high.confidentiality
        and low.compartments <= high.compartments
        and (low.trusted or not high.trusted)
        and low.sources <= high.sources
    )


@given(LABELS, LABELS)
def test_a_join_is_above_both(one: Label, other: Label) -> None:
    assert below(one, one | other)
    assert below(other, one | other)


@given(LABELS, LABELS, LABELS)
def test_a_join_is_the_lowest_label_above_both(one: Label, other: Label, above: Label) -> None:
    if below(one, above) and below(other, above):
        assert below(one | other, above)


@given(LABELS, LABELS)
def test_the_order_of_a_join_does_not_matter(one: Label, other: Label) -> None:
    assert one | other == other | one


@given(LABELS, LABELS, LABELS)
def test_the_grouping_of_a_join_does_not_matter(a: Label, b: Label, c: Label) -> None:
    assert (a | b) | c == a | (b | c)


@given(LABELS)
def test_a_label_joined_to_itself_stays(label: Label) -> None:
    assert label | label == label


@given(LABELS)
def test_the_join_of_nothing_changes_nothing(label: Label) -> None:
    assert join([]) | label == label


@given(st.lists(LABELS, max_size=4))
def test_a_join_of_many_is_above_each(labels: list[Label]) -> None:
    assert all(below(label, join(labels)) for label in labels)


@given(LABELS)
def test_a_label_comes_back_from_json(label: Label) -> None:
    assert Label.from_json(label.as_json()) == label


def test_an_unknown_confidentiality_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="use one of public, internal, confidential, secret"):
        Confidentiality.parse("top")

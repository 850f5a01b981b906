"""The one rule by which effects and verdicts combine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import ALLOW, Effect, Finding, Verdict, combine, merge

EFFECTS = st.sampled_from(Effect)
FINDINGS = st.builds(
    Finding,
    category=st.text(),
    message=st.text(),
    guard=st.text(),
    score=st.floats(0, 1).map(lambda score: round(score, 4)),
    rule=st.none() | st.text(),
    path=st.text(),
    span=st.none() | st.tuples(st.integers(0), st.integers(0)),
)
VERDICTS = st.builds(
    Verdict,
    effect=EFFECTS,
    findings=st.lists(FINDINGS, max_size=3).map(tuple),
    message=st.text(),
    quorum=st.integers(1, 5),
    roles=st.lists(st.text(), max_size=3, unique=True).map(lambda roles: tuple(sorted(roles))),
)


def test_effects_are_ordered_from_mild_to_severe() -> None:
    assert [str(effect) for effect in sorted(Effect)] == [
        "allow",
        "redact",
        "approve",
        "deny",
        "halt",
    ]


@given(st.lists(EFFECTS, min_size=1))
def test_the_most_severe_effect_wins(effects: list[Effect]) -> None:
    assert combine(effects) is max(effects)


@given(EFFECTS, EFFECTS)
def test_the_order_of_effects_does_not_matter(one: Effect, other: Effect) -> None:
    assert combine([one, other]) is combine([other, one])


@given(EFFECTS, EFFECTS, EFFECTS)
def test_the_grouping_of_effects_does_not_matter(a: Effect, b: Effect, c: Effect) -> None:
    assert combine([combine([a, b]), c]) is combine([a, combine([b, c])])


@given(EFFECTS)
def test_an_effect_said_twice_is_the_same_effect(effect: Effect) -> None:
    assert combine([effect, effect]) is effect


def test_no_effect_at_all_is_a_denial() -> None:
    assert combine([]) is Effect.DENY
    assert merge([]).effect is Effect.DENY


@given(EFFECTS)
def test_an_effect_is_read_as_it_is_written(effect: Effect) -> None:
    assert Effect.parse(str(effect)) is effect


@pytest.mark.parametrize("word", ["", "permit", "allow ", "0"])
def test_an_unknown_effect_is_refused_with_the_known_ones(word: str) -> None:
    with pytest.raises(ValueError, match="use one of allow, redact, approve, deny, halt"):
        Effect.parse(word)


@given(VERDICTS)
def test_a_verdict_comes_back_from_json(verdict: Verdict) -> None:
    assert Verdict.from_json(verdict.as_json()) == verdict


def test_a_verdict_in_json_lacks_its_payload() -> None:
    verdict = Verdict(Effect.REDACT, payload="ann@acme.com")
    assert "ann@acme.com" not in str(verdict.as_json())


@given(st.lists(VERDICTS, min_size=1, max_size=4))
def test_merging_takes_the_most_severe_effect_and_loses_no_finding(
    verdicts: list[Verdict],
) -> None:
    merged = merge(verdicts)
    assert merged.effect is combine(verdict.effect for verdict in verdicts)
    found = [finding for verdict in verdicts for finding in verdict.findings]
    assert sorted(map(repr, merged.findings)) == sorted(map(repr, found))


@given(st.lists(VERDICTS, min_size=1, max_size=4))
def test_merging_asks_for_every_role_and_the_highest_quorum(verdicts: list[Verdict]) -> None:
    merged = merge(verdicts)
    decisive = [verdict for verdict in verdicts if verdict.effect is merged.effect]
    assert merged.quorum == max(verdict.quorum for verdict in decisive)
    assert set(merged.roles) == {role for verdict in decisive for role in verdict.roles}


def test_the_findings_of_the_most_severe_verdict_come_first() -> None:
    mild = Verdict(Effect.REDACT, (Finding("email", "an address"),))
    severe = Verdict(Effect.DENY, (Finding("blackmail", "a threat"),))
    found = merge([ALLOW, mild, severe]).findings
    assert [finding.category for finding in found] == ["blackmail", "email"]


def test_the_last_payload_carries_every_redaction() -> None:
    first = Verdict(Effect.REDACT, payload="[A] b")
    second = Verdict(Effect.REDACT, payload="[A] [B]")
    assert merge([first, ALLOW, second]).payload == "[A] [B]"

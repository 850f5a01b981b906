from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Effect
from guarded_agent.guards.coercion.context import Flag
from guarded_agent.guards.coercion.reading import CATEGORIES, HIGH, HINT, Reading
from guarded_agent.guards.coercion.table import TABLE, Band, Effects, Ground, grounds, rows

EFFECTS = {
    Ground.BOTH: Effect.DENY,
    Ground.TEXT: Effect.APPROVE,
    Ground.CONTEXT: Effect.APPROVE,
    Ground.PRESSURE: Effect.APPROVE,
}
flag_sets = st.frozensets(st.sampled_from(list(Flag)))
SCORES = {Band.NONE: 0.0, Band.HINT: HINT, Band.HIGH: HIGH}


@pytest.mark.parametrize(
    ("band", "flags", "effect"),
    [
        (Band.NONE, set(), Effect.ALLOW),
        (Band.HINT, set(), Effect.ALLOW),
        (Band.NONE, {Flag.EXTERNAL, Flag.FIRST_CONTACT}, Effect.ALLOW),
        (Band.NONE, {Flag.PRESSURE, Flag.EXTERNAL}, Effect.ALLOW),
        (Band.NONE, {Flag.EXTERNAL, Flag.PERSONAL}, Effect.ALLOW),
        (Band.NONE, {Flag.PRESSURE, Flag.CONCERNED}, Effect.APPROVE),
        (Band.NONE, {Flag.PRESSURE, Flag.NAMED}, Effect.APPROVE),
        (Band.NONE, {Flag.PRESSURE, Flag.EXTERNAL, Flag.PERSONAL}, Effect.APPROVE),
        (Band.NONE, {Flag.READ_CONFIDENTIAL, Flag.EXTERNAL, Flag.PERSONAL}, Effect.APPROVE),
        (Band.HINT, {Flag.PRESSURE}, Effect.APPROVE),
        (Band.HIGH, set(), Effect.APPROVE),
        (Band.HIGH, {Flag.PRESSURE}, Effect.APPROVE),
        (Band.HIGH, {Flag.PRESSURE, Flag.CONCERNED}, Effect.DENY),
        (Band.HIGH, {Flag.PRESSURE, Flag.EXTERNAL, Flag.FIRST_CONTACT}, Effect.DENY),
        (Band.HINT, {Flag.PRESSURE, Flag.CONCERNED, Flag.PERSONAL}, Effect.DENY),
    ],
)
def test_the_table_decides(band: Band, flags: set[Flag], effect: Effect) -> None:
    readings = [Reading("leak", SCORES[band], (), ())]
    assert Effects(EFFECTS).decide(readings, frozenset(flags), "send")[0] is effect


@given(st.sampled_from(list(Band)), flag_sets, flag_sets)
def test_knowing_more_never_makes_it_milder(
    band: Band, some: frozenset[Flag], more: frozenset[Flag]
) -> None:
    assert set(grounds(band, some)) <= set(grounds(band, some | more))


@given(flag_sets)
def test_a_surer_text_never_makes_it_milder(flags: frozenset[Flag]) -> None:
    assert set(grounds(Band.NONE, flags)) <= set(grounds(Band.HINT, flags))
    assert set(grounds(Band.HINT, flags)) <= set(grounds(Band.HIGH, flags))


def test_every_row_can_fire() -> None:
    for row in TABLE:
        assert row.ground in grounds(row.band, row.facts)


@pytest.mark.parametrize(
    ("score", "band"),
    [(0.0, Band.NONE), (HINT, Band.HINT), (HIGH - 0.001, Band.HINT), (HIGH, Band.HIGH)],
)
def test_a_band_begins_at_its_bound(score: float, band: Band) -> None:
    assert Band.of(score) is band


def test_a_category_and_a_kind_of_access_have_their_own_effects() -> None:
    effects = Effects(
        EFFECTS,
        access={"write": {Ground.TEXT: Effect.ALLOW}},
        categories={"leak": {Ground.TEXT: Effect.DENY}},
    )
    threat, leak = (Reading(name, HIGH, (), ()) for name in ("threat", "leak"))
    nothing = frozenset[Flag]()
    assert effects.decide([threat], nothing, "send") == (Effect.APPROVE, (Ground.TEXT,))
    assert effects.decide([threat], nothing, "write") == (Effect.ALLOW, ())
    assert effects.decide([threat, leak], nothing, "write") == (Effect.DENY, (Ground.TEXT,))


def test_what_stands_around_holds_a_call_without_a_category() -> None:
    flags = frozenset({Flag.PRESSURE, Flag.NAMED})
    assert Effects(EFFECTS).decide([], flags, "send") == (Effect.APPROVE, (Ground.PRESSURE,))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"leek": {}}, "categories: unknown option 'leek'. Did you mean 'leak'?"),
        ({"leak": {"text": Effect.DENY}}, "categories.leak: unknown option 'text'"),
    ],
)
def test_an_unknown_name_in_the_table_is_refused(
    given: dict[str, dict[str, Effect]], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        rows(given, CATEGORIES, where="categories")


def test_no_row_may_redact() -> None:
    with pytest.raises(ValueError, match="coercion cannot be redacted"):
        Effects(EFFECTS, categories={"leak": {Ground.TEXT: Effect.REDACT}})

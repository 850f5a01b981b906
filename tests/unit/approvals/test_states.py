"""The states of a request, and the names of people."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.approvals import MOVES, State, move, person
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store.schema import approval

STATES: tuple[Any, ...] = get_args(State)


def test_the_table_of_moves_knows_every_state_that_the_database_admits() -> None:
    (check,) = [item for item in approval.constraints if item.name == "guard_approval_state"]
    assert set(MOVES) == set(STATES)
    assert all(f"'{state}'" in str(check.sqltext) for state in STATES)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("old", "new"), list(itertools.product(STATES, STATES)))
def test_only_the_moves_in_the_table_are_legal(old: State, new: State) -> None:
    if new in MOVES[old]:
        assert move(old, new) == new
    else:
        with pytest.raises(VoteRefused, match=f"{old} cannot become {new}"):
            move(old, new)


def test_nothing_leads_back_to_pending_and_only_approval_leads_to_use() -> None:
    assert not any("pending" in targets for targets in MOVES.values())
    assert [old for old, targets in MOVES.items() if "used" in targets] == ["approved"]


@pytest.mark.parametrize(
    "name", ["", "  ", "agent:mail", " AGENT:Mail", "a\u200bnn", "a\x00b", "x" * 201, "\u2066ann"]
)
def test_what_is_no_persons_name_is_refused(name: str) -> None:
    with pytest.raises(VoteRefused):
        person(name)


@pytest.mark.parametrize(
    "name", ["ANN@acme.com", " ann@acme.com ", "\tAnn@Acme.Com\n", "ａｎｎ@acme.com"]
)
def test_case_width_and_outer_space_do_not_make_another_person(name: str) -> None:
    assert person(name) == "ann@acme.com"


@given(st.text(max_size=30))
def test_the_form_of_a_name_is_final(name: str) -> None:
    try:
        once = person(name)
    except VoteRefused:
        return
    assert person(once) == once

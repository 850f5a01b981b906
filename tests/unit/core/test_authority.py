"""Effective authority: an intersection, whoever sets the limits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import UNLIMITED, Authority, Lack
from guarded_agent.core.authority import both

SCOPE = st.sampled_from(["a", "a.b", "b", "c", "*"])
SET = st.frozensets(SCOPE)
SIDE = st.none() | SET
AUTHORITY = st.builds(Authority, SIDE, SIDE, SIDE, st.booleans())


@given(AUTHORITY, SET)
def test_it_is_what_the_tool_declares_and_all_sides_have(
    here: Authority, declared: frozenset[str]
) -> None:
    agent = frozenset() if here.over else here.agent
    for scope in declared:
        has = all(side is None or scope in side for side in (agent, here.user, here.parent))
        assert (scope in here.of(declared)) == has
    assert here.of(declared) <= declared


@given(AUTHORITY, SET)
def test_what_is_lacking_is_named_exactly_where_authority_ends(
    here: Authority, declared: frozenset[str]
) -> None:
    assert {lack.scope for lack in here.lacks(declared)} == declared - here.of(declared)
    for lack in here.lacks(declared):
        side = getattr(here, lack.place)
        assert lack.over or lack.scope not in side


@given(AUTHORITY, SET, st.sampled_from(["agent", "user", "parent"]), SET)
def test_another_limit_never_adds(
    here: Authority, declared: frozenset[str], place: str, limit: frozenset[str]
) -> None:
    sides = {"agent": here.agent, "user": here.user, "parent": here.parent}
    narrower = Authority(**sides | {place: both(sides[place], limit)}, over=here.over)
    assert narrower.of(declared) <= here.of(declared)


@given(AUTHORITY, SIDE, AUTHORITY, SET)
def test_what_is_handed_on_never_holds_more_than_the_user_and_the_call_around(
    outer: Authority, delegates: frozenset[str] | None, inner: Authority, declared: frozenset[str]
) -> None:
    child = Authority(inner.agent, inner.user, outer.handed_on(delegates), inner.over)
    held = child.of(declared)
    assert held <= Authority(None, outer.user, outer.parent).of(declared)
    if delegates is not None:
        assert held <= delegates & outer.of(declared)


@given(SET)
def test_where_nobody_sets_a_limit_a_tool_has_what_it_declares(declared: frozenset[str]) -> None:
    assert UNLIMITED.of(declared) == declared
    assert UNLIMITED.lacks(declared) == []
    assert UNLIMITED.handed_on(None) is None
    assert not UNLIMITED.is_limited


def test_a_scope_is_a_whole_word() -> None:
    assert Authority(frozenset({"mail", "mail.*", "*"})).lacks({"mail.send"}) == [
        Lack("mail.send", "agent")
    ]


def test_every_side_that_lacks_a_scope_is_named() -> None:
    nobody = Authority(frozenset(), frozenset(), frozenset())
    words = [lack.words("send", "mail") for lack in nobody.lacks({"x"})]
    assert words == [
        "send needs the scope x, which mail was not granted.",
        "send needs the scope x, which the user it acts for does not have.",
        "send needs the scope x, which the call around it does not hand on.",
    ]
    [over] = Authority(frozenset({"x"}), over=True).lacks({"x"})
    assert over.words("send", "mail").endswith("which mail was granted for a time that is over.")

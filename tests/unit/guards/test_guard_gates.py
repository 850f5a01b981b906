"""The look for marks before the rules of secrets changes nothing: it turns away what holds none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.guards import secrets
from guarded_agent.guards.normalise import normalise
from guarded_agent.guards.secrets import RULES, find_secrets

MARKS = sorted({mark for rule in RULES for mark in rule.marks})
SECRET_LIKE = st.lists(
    st.one_of(
        st.sampled_from(MARKS),
        st.sampled_from([*" .-_/:=@\n", "é", "live_", "proj-"]),
        st.text(alphabet="0123456789abcdefABCDEFMNO", min_size=8, max_size=70),
        st.just("M" + "a" * 25 + "." + "b" * 6 + "." + "c" * 30),
    ),
    max_size=6,
).map("".join)


@given(SECRET_LIKE)
@settings(max_examples=300)
def test_secrets_are_found_the_same_without_looking_for_marks_first(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        gated = find_secrets(text)
        patch.setattr(secrets, "_any_mark", lambda: re.compile(""))
        assert gated == find_secrets(text)


@given(st.sampled_from(MARKS), st.text(max_size=20), st.text(max_size=20))
def test_a_mark_is_seen_wherever_it_stands(mark: str, before: str, after: str) -> None:
    text = normalise(before + mark + after)[0]
    if mark in text and mark != ".":
        assert secrets._any_mark().search(text) is not None

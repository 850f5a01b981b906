"""Canonical bytes, digests and limits: a decision fits one action and no other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Action, canonical, check_limits, digest
from guarded_agent.core.canonical import MAX_BYTES, MAX_DEPTH, MAX_ITEMS
from guarded_agent.core.errors import ActionError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
ARGS = st.dictionaries(st.text(max_size=4), JSON, max_size=3)
ACTIONS = st.builds(
    Action.build,
    args=ARGS,
    tool=st.sampled_from(["wire", "mail"]),
    call_id=st.sampled_from(["c1", "c2"]),
    thread_id=st.sampled_from(["t1", "t2"]),
    agent_id=st.sampled_from(["a1", "a2"]),
    origin=st.sampled_from(["", "m1"]),
    user=st.none() | st.sampled_from(["", "ann"]),
    manifest=st.sampled_from(["", "d1"]),
)
BASE = Action.build(args={"a": 1}, tool="wire", call_id="c", thread_id="t", agent_id="a")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@given(JSON)
def test_canonical_bytes_are_json_that_says_the_same(value: Any) -> None:
    assert json.loads(canonical(value)) == value


@given(JSON)
def test_canonical_bytes_survive_a_round_trip(value: Any) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)


@given(ARGS)
def test_the_order_of_keys_does_not_matter(value: dict[str, Any]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@given(JSON, JSON)
def test_digests_differ_exactly_when_the_bytes_do(one: Any, other: Any) -> None:
    assert (digest(one) == digest(other)) == (canonical(one) == canonical(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, ""),
        ([], {}),
        ([1, [2]], [[1], 2]),
        (2**53, 2**53 + 1),
    ],
)
def test_values_that_look_alike_have_other_digests(one: Any, other: Any) -> None:
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -float("inf"),
        "\ud800",
        {"a": object()},
        {1, 2},
        b"x",
        nested(5000),
    ],
)
def test_what_has_no_json_form_has_no_canonical_bytes(value: Any) -> None:
    with pytest.raises(ActionError, match="no canonical form"):
        canonical(value)


def test_data_that_holds_itself_has_no_canonical_bytes() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ActionError, match="no canonical form"):
        canonical(value)


@given(ACTIONS, ACTIONS)
def test_two_actions_that_differ_have_other_digests(one: Action, other: Action) -> None:
    same = canonical(vars_of(one)) == canonical(vars_of(other))
    assert (one.digest == other.digest) == same


def vars_of(action: Action) -> dict[str, Any]:
    names = ("tool", "args", "call_id", "thread_id", "agent_id", "origin", "user", "manifest")
    return {name: getattr(action, name) for name in names}


@pytest.mark.parametrize(
    "change",
    [
        {"tool": "mail"},
        {"args": {"a": 2}},
        {"args": {"a": 1, "b": None}},
        {"call_id": "d"},
        {"thread_id": "u"},
        {"agent_id": "b"},
        {"origin": "m"},
        {"user": "ann"},
        {"user": ""},
        {"manifest": "x"},
    ],
)
def test_every_part_of_an_action_is_in_its_digest(change: dict[str, Any]) -> None:
    assert replace(BASE, **change).digest != BASE.digest


def test_a_resumed_call_in_another_run_is_the_same_action() -> None:
    assert replace(BASE, run_id="r2").digest == BASE.digest


def test_an_action_keeps_its_own_copy_of_the_arguments() -> None:
    given_args: dict[str, Any] = {"to": ["ann"]}
    action = Action.build(args=given_args, tool="t", call_id="c", thread_id="t", agent_id="a")
    before = action.digest
    given_args["to"].append("eve")
    assert action.args == {"to": ["ann"]}
    assert digest_again(action) == before


def digest_again(action: Action) -> str:
    return replace(action).digest


def test_arguments_may_reach_every_limit() -> None:
    check_limits(nested(MAX_DEPTH - 1))
    check_limits([0] * (MAX_ITEMS - 1))
    check_limits("x" * MAX_BYTES)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (nested(MAX_DEPTH), "nested deeper than 20 levels"),
        ([0] * MAX_ITEMS, "more than 1000 values"),
        ("x" * (MAX_BYTES + 1), "more than 65536 bytes"),
        ("é" * (MAX_BYTES // 2 + 1), "more than 65536 bytes"),
        ({"x" * (MAX_BYTES + 1): 1}, "more than 65536 bytes"),
        ({"a": [1.0, float("nan")]}, "args.a[1] is nan"),
        ({"a": float("inf")}, "args.a is inf"),
    ],
)
def test_arguments_beyond_a_limit_are_refused_with_the_place(value: Any, words: str) -> None:
    with pytest.raises(ActionError) as caught:
        check_limits(value)
    assert words in str(caught.value)
    assert caught.value.path.startswith("args")


def test_keys_count_in_bytes_like_values() -> None:
    with pytest.raises(ActionError, match="more than 65536 bytes"):
        check_limits({"é" * (MAX_BYTES // 2 + 1): 1})


def test_a_very_deep_value_is_refused_without_recursion() -> None:
    with pytest.raises(ActionError, match="nested deeper"):
        check_limits(nested(100_000))


def test_an_action_with_bad_arguments_is_never_built() -> None:
    with pytest.raises(ActionError, match=r"args\.amount is nan"):
        Action.build(
            args={"amount": float("nan")}, tool="t", call_id="c", thread_id="t", agent_id="a"
        )


def test_keys_that_are_no_text_become_text_once() -> None:
    action = Action.build(args={10: 1, 9: 2}, tool="t", call_id="c", thread_id="t", agent_id="a")  # type: ignore[dict-item]
    assert action.args == {"10": 1, "9": 2}
    assert canonical(action.args) == canonical(json.loads(canonical(action.args)))

"""Limits: what is reserved, settled and released adds up, whoever comes at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import Engine, Limit, Policy, check, release, reserve, settle
from guarded_agent.policy.limits import DAY, HOUR, limit_key
from guarded_agent.store import Store
from guarded_agent.store.schema import spend

NOON = DAY * 20000 + DAY / 2


def limit(amount: float, ceiling: float = 1000, key: str = "a/pay/args.amount", **rest) -> Limit:
    return Limit("pay/per_day", key, amount, ceiling, **rest)


def take(store: Store, digest: str, *limits: Limit, now: float = NOON, **rest) -> str | None:
    with store.write() as connection:
        return reserve(connection, digest, limits, now, **rest)


def after(store: Store, act: Callable[..., None], digest: str) -> None:
    with store.write() as connection:
        act(connection, digest)


def used(store: Store) -> float:
    with store.read() as connection:
        return connection.scalar(select(func.coalesce(func.sum(spend.c.amount), 0.0))) or 0.0


def test_fifty_at_once_never_take_more_than_there_is(any_store: Store) -> None:
    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(lambda n: take(any_store, f"d{n}", limit(99)), range(50)))
    assert outcomes.count(None) == 10
    assert used(any_store) == 990


def test_the_ceiling_itself_may_be_reached(store: Store) -> None:
    for number in range(10):
        assert take(store, f"d{number}", limit(0.1, 1.0)) is None
    assert take(store, "last", limit(0.1, 1.0)) == "pay/per_day"


def test_an_action_counts_once_however_often_it_reserves(store: Store) -> None:
    for _ in range(3):
        assert take(store, "d", limit(600)) is None
    assert used(store) == 600


def test_what_is_released_comes_back_and_what_is_settled_stays(store: Store) -> None:
    assert take(store, "one", limit(600)) is None
    assert take(store, "two", limit(600)) == "pay/per_day"
    after(store, release, "one")
    assert take(store, "two", limit(600)) is None
    after(store, settle, "two")
    after(store, release, "two")
    assert used(store) == 600
    assert take(store, "two", limit(600)) is None
    assert used(store) == 600


def test_when_one_of_several_limits_is_exceeded_none_is_reserved(store: Store) -> None:
    calls = limit(1, 0, key="a/pay/count")
    assert take(store, "d", limit(5), calls) == "pay/per_day"
    assert used(store) == 0


def test_a_new_utc_day_starts_at_nothing_and_a_reservation_moves_with_it(store: Store) -> None:
    midnight = NOON // DAY * DAY + DAY
    assert take(store, "one", limit(900), now=midnight - 1) is None
    assert take(store, "two", limit(900), now=midnight - 1) == "pay/per_day"
    assert take(store, "two", limit(900), now=midnight) is None
    assert take(store, "one", limit(900), now=midnight) == "pay/per_day"


def test_what_a_person_approved_passes_a_limit_that_asks_and_no_other(store: Store) -> None:
    asks = limit(5, 1, effect=Effect.APPROVE)
    assert take(store, "d", asks) == "pay/per_day"
    assert take(store, "d", asks, approved=True) is None
    assert take(store, "e", limit(5, 1), approved=True) == "pay/per_day"


def test_an_amount_that_is_no_number_exceeds_every_limit(store: Store) -> None:
    assert take(store, "d", limit(float("nan"))) == "pay/per_day"


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_key_fits_its_column_and_keeps_long_names_apart(tool: str, other: str) -> None:
    assert len(limit_key("a", tool, "count")) <= 200
    if "/" not in tool + other and tool != other:
        assert limit_key("a", tool, "count") != limit_key("a", other, "count")


@pytest.mark.parametrize("rolls_back", [True, False])
def test_a_reservation_belongs_to_the_caller_s_transaction(store: Store, rolls_back: bool) -> None:
    class Stop(Exception):
        pass

    try:
        with store.write() as connection:
            assert reserve(connection, "d", [limit(5)], NOON) is None
            if rolls_back:
                raise Stop
    except Stop:
        pass
    assert used(store) == (0 if rolls_back else 5)


HOURLY = {"span": HOUR}
ROLLING = {"span": 600.0, "rolling": True}


@pytest.mark.parametrize(
    ("window", "free"),
    [(HOURLY, HOUR), (ROLLING, 601.0), ({}, DAY)],
    ids=["hour", "ten minutes", "day"],
)
def test_a_window_is_full_until_it_has_passed(store: Store, window, free: float) -> None:
    start = NOON
    assert take(store, "one", limit(900, **window), now=start) is None
    assert take(store, "two", limit(900, **window), now=start + free / 2 - 1) == "pay/per_day"
    assert take(store, "two", limit(900, **window), now=start + free) is None


def test_a_rolling_window_has_no_edge_to_wait_for(store: Store) -> None:
    for minute in range(0, 60, 4):
        now = NOON + 60 * minute
        last = take(store, f"d{minute}", limit(400, **ROLLING), now=now)
        # Of any three that are four minutes apart, all lie within ten minutes.
        assert (last is None) == (minute % 12 in (0, 4))


def test_windows_of_one_measure_share_a_row_and_each_has_its_ceiling(store: Store) -> None:
    def both(amount: float) -> list[Limit]:
        return [
            Limit("hour", "k", amount, 500, span=HOUR),
            Limit("day", "k", amount, 800, span=DAY),
        ]

    assert take(store, "one", *both(400)) is None
    assert used(store) == 400
    assert take(store, "two", *both(400)) == "hour"
    assert take(store, "two", *both(400), now=NOON + HOUR) is None
    assert take(store, "three", *both(1), now=NOON + 2 * HOUR) == "day"


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(1, 99)), max_size=12),
    st.floats(-1e6, 1e6),
    st.floats(0, 1e6),
    st.sampled_from([{}, HOURLY, ROLLING]),
)
def test_an_earlier_clock_never_sees_less(rows, now, back, window) -> None:
    def seen(at: float) -> int:
        since = limit(1, **window).since(at)
        return sum(amount for when, amount in rows if when >= since)

    assert seen(now - back) >= seen(now)


LIMITED = ToolSpec(
    "pay",
    schema={
        "properties": {
            "amount": {"type": "number"},
            "payee": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "extra": {"type": "object"},
        }
    },
)


def decided(limits: dict, args: dict, **agent: str):
    policy = Policy.from_mapping(
        {
            "version": 1,
            "agent": agent,
            "tools": {"pay": {"rules": [{"effect": "allow"}], "limits": limits}},
        }
    )
    action = Action("pay", args, call_id="c", thread_id="t", agent_id=policy.agent.id)
    return Engine(policy, [LIMITED]).decide(action, Context(policy.agent.id, "t"), NOON)


def test_a_policy_may_name_several_limits_of_a_kind_and_the_most_severe_come_first() -> None:
    asks = {"sum": "args.amount", "max": 100, "effect": "approve"}
    limits = {
        "per_day": [asks, {"sum": "args.amount", "max": 1000}],
        "per_hour": {"count": True, "max": 5},
        "per_window": {"within": "10m", "count": True, "max": 2, "by": "args.payee"},
    }
    decision = decided(limits, {"amount": 5, "payee": "x"})
    assert [(one.name, str(one.effect), one.span, one.rolling) for one in decision.limits] == [
        ("pay/per_hour", "deny", 3600, False),
        ("pay/per_day[1]", "deny", 86400, False),
        ("pay/per_window", "deny", 600, True),
        ("pay/per_day[0]", "approve", 86400, False),
    ]
    assert len({one.key for one in decision.limits}) == 3


def test_the_value_of_by_stands_in_the_key_as_a_digest_only() -> None:
    limits = {"per_day": {"sum": "args.amount", "max": 9, "by": "args.payee"}}
    first, second = (
        decided(limits, {"amount": 5, "payee": payee}).limits[0].key for payee in ("ann", "bob")
    )
    assert first != second
    assert "ann" not in first


@pytest.mark.parametrize(
    ("by", "args"),
    [
        ("args.payee", {}),
        ("args.tags", {"tags": []}),
        ("args.tags", {"tags": ["x"] * 101}),
        ("args.extra.a", {"extra": {"a": {"b": 1}}}),
        ("args.extra.a", {"extra": {"a": None}}),
        ("args.extra.a", {"extra": {"a": [1, [2]]}}),
        ("args.extra.a", {"extra": {}}),
    ],
)
def test_a_limit_that_cannot_tell_whose_it_is_denies(by: str, args: dict) -> None:
    decision = decided({"per_day": {"sum": "1", "max": 9, "by": by}}, args)
    assert (decision.effect, decision.rule) == (Effect.DENY, "limit:per_day")
    assert decision.limits == ()


def test_numbers_and_texts_are_different_people_and_equal_numbers_are_one() -> None:
    def key(value: object) -> str:
        limits = {"per_day": {"sum": "1", "max": 9, "by": "args.extra.a"}}
        return decided(limits, {"extra": {"a": value}}).limits[0].key

    assert key(1) == key(1.0)
    assert len({key(1), key("1"), key(True), key("true"), key(1.5)}) == 5


def test_the_family_is_whose_the_limit_is() -> None:
    limits = {"per_day": {"count": True, "max": 9}}
    assert decided(limits, {}, id="one").limits[0].key == "one/pay/count"
    assert decided(limits, {}, id="one", family="payers").limits[0].key == "payers/pay/count"


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("per_day: {max: 3}", "tools.pay.limits.per_day: needs exactly one of sum and count"),
        ("per_day: [{max: 3}]", "tools.pay.limits.per_day[0]: needs exactly one of sum and count"),
        ("per_day: []", "tools.pay.limits.per_day: must hold one to ten limits"),
        ("per_day: 3", "tools.pay.limits.per_day: must be a mapping"),
        ("per_day: [3]", "tools.pay.limits.per_day[0]: must be a mapping"),
        (
            "per_day: {sum: args.amount, mx: 3, max: 3}",
            "tools.pay.limits.per_day.mx: unknown key; did you mean max?",
        ),
        (
            "per_day: [{sum: args.amount, mx: 3, max: 3}]",
            "tools.pay.limits.per_day[0].mx: unknown key; did you mean max?",
        ),
        (
            "per_window: {count: true, max: 3}",
            "tools.pay.limits.per_window.within: this required key is missing",
        ),
        (
            "per_window: {within: 10, count: true, max: 3}",
            "tools.pay.limits.per_window.within: must be text: put it in quotes",
        ),
        (
            "per_day: {within: 10m, count: true, max: 3}",
            "tools.pay.limits.per_day.within: unknown key",
        ),
        (
            "per_call: {sum: args.amount, max: 3, by: args.payee}",
            "tools.pay.limits.per_call: one call has one sum: leave by out, or use per_day",
        ),
    ],
)
def test_a_limit_that_is_written_wrongly_is_pointed_at(limits: str, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_text(f"version: 1\ntools:\n  pay:\n    limits: {{{limits}}}\n")
    assert words in str(caught.value.problems[0])


def test_by_must_be_something_that_names_one_or_several() -> None:
    for by, words in (
        ("args.extra", "map<string, dyn>"),
        ("args.amount > 1", None),
        ("args.tags", None),
    ):
        limits = {"per_day": {"count": True, "max": 3, "by": by}}
        policy = Policy.from_mapping({"version": 1, "tools": {"pay": {"limits": limits}}})
        found = [problem.message for problem in check(policy, [LIMITED])]
        expected = f"limit per_day of tool pay: yields {words}: it must yield a text, a number or"
        assert [one.startswith(expected) for one in found] == ([True] if words else [])

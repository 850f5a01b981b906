"""Limits: what is reserved, settled and released adds up, whoever comes at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from guarded_agent.core import Effect
from guarded_agent.policy import Limit, release, reserve, settle
from guarded_agent.policy.limits import DAY, limit_key
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

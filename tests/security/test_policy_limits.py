"""Many small amounts, many spellings, many processes, another clock: none opens a ceiling."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import ToolSpec
from guarded_agent.core.errors import Denied
from guarded_agent.monitor import Monitor, Receipt
from guarded_agent.policy.limits import DAY
from guarded_agent.store import Store

SPEND = Path(__file__).with_name("spend.py")
PAY = ToolSpec(
    "pay",
    "write",
    schema={"properties": {"amount": {"type": "number"}, "payee": {"type": "string"}}},
    declared=True,
)
NOON = DAY * 20000 + DAY / 2


def policy_of(
    limits: dict[str, Any] | None = None, when: str = "true", **agent: str
) -> dict[str, Any]:
    pay: dict[str, Any] = {"rules": [{"effect": "allow", "when": when}]}
    if limits is not None:
        pay["limits"] = limits
    return {"version": 1, "agent": agent, "tools": {"pay": pay}}


class Clock:
    """A clock that an attacker sets."""

    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def monitor_of(tmp_path: Path, clock: Clock) -> Callable[..., Monitor]:
    """A monitor over one store, whose clock can be set."""
    store = Store.open(f"sqlite:///{tmp_path}/guard.db", clock=clock, environ={})
    return lambda *limits, **rest: open_monitor(policy_of(*limits, **rest), store, [PAY])


def pay(
    monitor: Monitor,
    call: str,
    amount: float = 99,
    payee: str = "x",
    *,
    thread: str = "t",
    ends: str = "end",
) -> bool:
    """Return whether a payment ran."""
    args = {"amount": amount, "payee": payee}
    action = monitor.action("pay", args, call_id=call, thread_id=thread)
    if monitor.propose(action).state != "cleared":
        return False
    try:
        receipt = monitor.begin(action)
    except Denied:
        return False
    assert isinstance(receipt, Receipt)
    {
        "end": lambda: monitor.end(receipt, "paid"),
        "fail": lambda: monitor.fail(receipt, OSError("no")),
        "pause": lambda: monitor.pause(receipt),
        "lose": lambda: monitor.lose(receipt),
    }[ends]()
    return True


def ran(urls: list[str], policy: dict[str, Any]) -> int:
    """Return how many payments ran in as many processes as there are URLs."""
    command = [sys.executable, str(SPEND)]
    processes = [
        subprocess.Popen(
            [*command, url, f"p{number}", json.dumps(policy)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number, url in enumerate(urls)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        return sum(int(process.communicate("go\n", timeout=120)[0]) for process in processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "limits",
    [
        {"per_day": {"sum": "args.amount", "max": 1000}},
        {"per_window": {"within": "1d", "sum": "args.amount", "max": 1000}},
    ],
    ids=["per_day", "per_window"],
)
def test_two_hundred_threads_of_four_processes_stay_under_one_ceiling(
    store_url: str, limits: dict[str, Any]
) -> None:
    """Attack 4. Defence: the sum is taken and reserved in one write transaction of the store."""
    Store.open(store_url).close()
    assert ran([store_url] * 4, policy_of(limits)) == 10


def test_agents_of_one_family_share_a_ceiling_and_others_do_not(monitor_of) -> None:
    """Attack 4. Defence: the sum runs over the family, not over the agent's own id."""
    limits = {"per_day": {"sum": "args.amount", "max": 1000}}
    one = monitor_of(limits, id="one", family="payers")
    two = monitor_of(limits, id="two", family="payers")
    alone = monitor_of(limits, id="alone")
    assert sum(pay(one, f"a{n}") for n in range(8)) == 8
    assert sum(pay(two, f"b{n}") for n in range(8)) == 2
    assert sum(pay(alone, f"c{n}") for n in range(11)) == 10


def test_one_payee_is_one_payee_however_it_is_written(monitor_of) -> None:
    """Attack 4. Defence: only letters and digits of a value count, in one case."""
    limits = {"per_day": {"sum": "args.amount", "max": 200, "by": "args.payee"}}
    monitor = monitor_of(limits)
    spellings = [
        "DE12 3456 7890",
        "de1234567890",
        "DE12-3456-7890",
        "\uff24\uff2512 3456 7890",
        "DE12\u200b34567890 ",
    ]
    assert sum(pay(monitor, f"a{n}", payee=payee) for n, payee in enumerate(spellings)) == 2
    assert pay(monitor, "other", payee="DE99 3456 7890")


def test_a_list_of_payees_is_each_of_them(tmp_path: Path) -> None:
    """Attack 4. Defence: a list takes from the sum of everyone in it."""
    strings = {"type": "array", "items": {"type": "string"}}
    mail = ToolSpec("mail", "send", schema={"properties": {"to": strings}}, declared=True)
    limits = {"per_hour": {"count": True, "max": 2, "by": "args.to"}}
    rules = [{"effect": "allow"}]
    policy = {"version": 1, "tools": {"mail": {"rules": rules, "limits": limits}}}
    with Store.open(f"sqlite:///{tmp_path}/guard.db", environ={}) as store:
        monitor = open_monitor(policy, store, [mail])

        def sent(call: str, *to: str) -> bool:
            action = monitor.action("mail", {"to": list(to)}, call_id=call, thread_id="t")
            if monitor.propose(action).state != "cleared":
                return False
            monitor.begin(action)
            return True

        assert sent("1", "ann@a.b")
        assert sent("2", "bob@a.b", "ann@a.b")
        assert not sent("3", "ann@a.b", "new@a.b")
        assert sent("4", "bob@a.b", "bob@a.b")
        assert not sent("5", "bob@a.b")
        assert not sent("6")


@pytest.mark.parametrize("window", ["per_hour", "per_day", "per_window"])
def test_a_clock_that_is_set_back_opens_no_window(monitor_of, clock: Clock, window: str) -> None:
    """Attack 27. Defence: what is stamped later than now counts in every window."""
    within = {"within": "10m"} if window == "per_window" else {}
    monitor = monitor_of({window: {"sum": "args.amount", "max": 200, **within}})
    assert [pay(monitor, f"a{n}") for n in range(3)] == [True, True, False]
    for back in (1, 3600, DAY, 30 * DAY, NOON, NOON + 1):
        clock.now = NOON - back
        assert not pay(monitor, f"b{back}")
    clock.now = NOON + DAY
    assert pay(monitor, "later")


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf")])
def test_a_clock_that_tells_no_time_opens_no_window(store: Store, now: float) -> None:
    """Attack 27. Defence: without a finite time there is no window, and the limit denies."""
    from guarded_agent.policy import Limit, reserve

    with store.write() as connection:
        assert reserve(connection, "d", [Limit("pay/per_day", "k", 1, 1000)], now) == "pay/per_day"


@pytest.mark.parametrize(
    ("when", "allowed"), [("count.thread < 3", 3), ("count.today < 3", 3), ("count.today < 1", 1)]
)
def test_calls_that_come_at_once_are_counted_one_by_one(
    store_url: str, when: str, allowed: int
) -> None:
    """Attack 4. Defence: counts are taken again in the transaction that starts the call."""
    with Store.open(store_url, timeout=60) as store:
        monitor = open_monitor(policy_of(when=when), store, [PAY])
        actions = [
            monitor.action("pay", {"amount": 1}, call_id=f"c{n}", thread_id="t") for n in range(9)
        ]
        # All are judged before any starts, as calls of one message are.
        for number, action in enumerate(actions):
            assert monitor.propose(action, start=bool(number % 2)).state == "cleared"
        started = 0
        for action in actions:
            try:
                monitor.begin(action)
            except Denied as error:
                assert "happened since" in str(error)  # noqa: PT017 - the others have none
            else:
                started += 1
        assert started == allowed
        late = monitor.action("pay", {"amount": 1}, call_id="late", thread_id="t")
        assert monitor.propose(late).state == "denied"


@pytest.mark.parametrize("ends", ["end", "fail", "lose"])
def test_a_call_that_started_counts_whatever_became_of_it(monitor_of, ends: str) -> None:
    monitor = monitor_of(when="count.thread < 2")
    assert [pay(monitor, f"a{n}", n + 1, ends=ends) for n in range(3)] == [True, True, False]


def test_a_call_that_paused_counts_once(monitor_of) -> None:
    monitor = monitor_of(when="count.thread < 2")
    for _ in range(3):
        assert pay(monitor, "same", ends="pause")
    assert pay(monitor, "same")
    assert pay(monitor, "second")
    assert not pay(monitor, "third")


def test_a_thread_has_its_own_count_and_a_family_and_a_day_share_one(
    monitor_of, clock: Clock
) -> None:
    threads = monitor_of(when="count.thread < 1", id="one", family="f")
    assert [pay(threads, f"a{n}", thread=f"t{n % 2}") for n in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    days = monitor_of(when="count.today < 1", id="two", family="g")
    other = monitor_of(when="count.today < 1", id="three", family="g")
    assert pay(days, "b1")
    assert not pay(other, "b2")
    clock.now = NOON - DAY  # attack 27
    assert not pay(other, "b3")
    clock.now = NOON + DAY
    assert pay(other, "b4")


def test_a_policy_that_counts_nothing_writes_no_row_for_it(monitor_of) -> None:
    from sqlalchemy import select

    from guarded_agent.store.schema import spend

    monitor = monitor_of()
    assert pay(monitor, "a")
    with monitor.store.read() as connection:
        assert connection.execute(select(spend)).all() == []

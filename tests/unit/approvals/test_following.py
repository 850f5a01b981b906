"""Who follows the queue hears of every change, and of several workers one takes a thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import text

from guarded_agent.approvals import Changed
from guarded_agent.store import Store
from guarded_agent.store.watch import Watch


def test_what_changed_comes_in_order_and_once(desk: Any) -> None:
    first, second = desk.ask(), desk.ask()
    start = desk.approvals.revision()
    desk.approve(first)
    desk.reject(second)
    changes = desk.approvals.changes(start, timeout=0.01)
    found = next(changes)
    assert [item.id for item in found.requests] == [first.id, second.id]
    assert next(changes) == Changed(found.revision, ())
    assert found.revision == desk.approvals.revision() > start
    changes.close()


def test_who_waits_hears_of_a_change_of_another_connection(desk: Any, store_url: str) -> None:
    heard: list[Changed] = []
    waiting = threading.Event()

    def follow() -> None:
        changes = desk.approvals.changes(timeout=30)
        waiting.set()
        heard.append(next(changes))
        changes.close()

    follower = threading.Thread(target=follow)
    with Store.open(store_url) as other:
        follower.start()
        waiting.wait(10)
        writer = type(desk)(other)
        request = writer.ask()
        follower.join(60)
    # It may have begun to wait only after the change: then it hears of it too, or of nothing.
    assert not follower.is_alive()
    assert [item.id for item in heard[0].requests] in ([request.id], [])


def test_a_deadline_that_passes_is_a_change(desk: Any) -> None:
    request = desk.ask(decide_within=10)
    changes = desk.approvals.changes(timeout=0.01)
    assert next(changes).requests == ()
    desk.now += 10
    assert [(item.id, item.state) for item in next(changes).requests] == [(request.id, "expired")]
    changes.close()


def test_a_listener_whose_connection_was_cut_goes_on(desk: Any) -> None:
    start = desk.approvals.revision()
    with Watch(desk.store) as watch:
        driver = watch._driver  # pyright: ignore[reportPrivateUsage]
        if desk.store.path is None:
            with desk.store.connect() as admin:
                pid = driver.info.backend_pid
                admin.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        else:
            driver.close()
        assert not watch.wait(lambda: desk.approvals.revision() > start, timeout=0.2)
        desk.ask()
        assert watch.wait(lambda: desk.approvals.revision() > start, timeout=30)


def test_a_thread_is_due_when_something_in_it_was_decided(desk: Any) -> None:
    request = desk.ask()
    assert desk.approvals.claim("w1") is None
    desk.approve(request)
    turn = desk.approvals.claim("w1")
    assert (turn.agent_id, turn.thread_id, turn.worker) == ("mail-assistant", "t1", "w1")
    assert desk.approvals.claim("w2") is None
    assert desk.approvals.finish(turn)
    assert desk.approvals.claim("w2") is None


@pytest.mark.parametrize("end", ["reject", "cancel", "edit", "expire"])
def test_every_end_of_a_request_makes_its_thread_due(desk: Any, end: str) -> None:
    request = desk.ask(decide_within=10)
    if end == "reject":
        desk.reject(request)
    elif end == "cancel":
        desk.approvals.cancel(request.id, "not wanted")
    elif end == "edit":
        desk.approvals.edit(request.id, {"x": 1}, reviewer="ann", digest=request.digest)
    else:
        desk.now += 10
    assert desk.approvals.claim("w1").thread_id == "t1"


def test_the_thread_of_a_worker_that_died_goes_to_another(desk: Any) -> None:
    desk.approve(desk.ask())
    lost = desk.approvals.claim("w1", lease=10)
    desk.now += 10
    turn = desk.approvals.claim("w2", lease=10)
    assert (turn.thread_id, turn.worker) == ("t1", "w2")
    # The first was only slow: it cannot take the thread from who has it now.
    assert not desk.approvals.finish(lost)
    assert desk.approvals.renew(lost) is None
    longer = desk.approvals.renew(turn, lease=50)
    desk.now += 20
    assert desk.approvals.claim("w3") is None
    assert desk.approvals.finish(longer)


def test_what_is_decided_while_a_thread_runs_makes_it_due_again(desk: Any) -> None:
    one, two = desk.ask(), desk.ask()
    desk.approve(one)
    turn = desk.approvals.claim("w1")
    desk.approve(two)
    assert desk.approvals.claim("w2") is None
    assert desk.approvals.finish(turn)
    assert desk.approvals.claim("w2").thread_id == "t1"


def test_a_thread_can_be_given_back_for_later_and_agents_chosen(desk: Any) -> None:
    desk.approve(desk.ask())
    turn = desk.approvals.claim("w1")
    assert desk.approvals.release(turn, seconds=5)
    assert desk.approvals.claim("w2") is None
    desk.now += 5
    assert desk.approvals.claim("w2", agents=["other"]) is None
    assert desk.approvals.claim("w2", agents=["mail-assistant"]).worker == "w2"

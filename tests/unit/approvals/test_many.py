"""A long queue: pages in order, what is set aside, the same call asked often, waits after noes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from guarded_agent.approvals import BackOff
from guarded_agent.core import Finding, Label
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.label import Confidentiality

ANN, BOB = "ann@acme.com", "bob@acme.com"
TAME: dict[str, Any] = {"impact": None, "spec_access": "write"}


def summaries(page: Any) -> list[str]:
    return [request.summary for request in page.requests]


def test_a_page_starts_with_what_could_cost_most(desk: Any) -> None:
    hr = Label(Confidentiality.CONFIDENTIAL)
    desk.ask(**TAME, summary="write")
    desk.ask(impact=None, spec_access="send", summary="send")
    desk.ask(impact=None, spec_access="send", label=hr, summary="send what is confidential")
    desk.ask(summary="pay")
    page = desk.approvals.page()
    assert summaries(page) == ["pay", "send what is confidential", "send", "write"]
    assert [request.high for request in page.requests] == [True, True, False, False]
    assert (page.total, page.next_offset, page.uncertain) == (4, None, ())


def test_time_that_runs_out_moves_a_request_up_but_buries_nothing_dangerous(desk: Any) -> None:
    desk.ask(summary="pay", decide_within=100_000)
    desk.ask(**TAME, summary="fresh", decide_within=1_000)
    desk.ask(impact=None, spec_access="send", summary="mail", decide_within=10_000)
    for number in range(5):
        desk.ask(**TAME, summary=f"flood {number}", decide_within=100)
    desk.now += 90
    found = summaries(desk.approvals.page())
    assert found[0] == "pay"
    assert found.index("flood 0") < found.index("mail") < found.index("fresh")


def test_pages_follow_each_other_and_miss_none(desk: Any) -> None:
    asked = {desk.ask(**TAME).id for _ in range(7)}
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = desk.approvals.page(limit=3, offset=offset)
        seen += [request.id for request in page.requests]
        offset = page.next_offset
    assert (len(seen), set(seen)) == (7, asked)
    assert desk.approvals.page(limit=0).requests == ()
    assert len(desk.approvals.page(limit=10**9, offset=-5).requests) == 7


def test_a_queue_that_is_being_read_holds_up_nobody_who_asks_or_votes(desk: Any) -> None:
    first = desk.ask()
    with ThreadPoolExecutor(1) as elsewhere:
        with desk.store.read():
            assert desk.approvals.page().total == 1
            # The reader's transaction stays open; the store gives up on a writer after 5 s.
            assert elsewhere.submit(desk.ask).result(20).state == "pending"
            assert elsewhere.submit(desk.approve, first).result(20).state == "approved"
            assert desk.approvals.page().total == 1
        assert [one.state for one in desk.approvals.page().requests] == ["pending"]
        assert desk.approvals.get(first.id).state == "approved"


def test_a_page_is_filtered(desk: Any) -> None:
    desk.ask(summary="Pay 100% of it", roles=["sre"])
    desk.ask(desk.action(agent_id="other", tool="send"), **TAME, summary="Mail \u00c4nne")
    page = desk.approvals.page
    assert summaries(page(agent_id="other")) == summaries(page(tool="send")) == ["Mail \u00c4nne"]
    assert summaries(page(impact="money")) == summaries(page(like="100%")) == ["Pay 100% of it"]
    assert summaries(page(like="PAY")) == ["Pay 100% of it"]
    assert summaries(page(like="1__%")) == []
    assert len(page(roles=["sre"]).requests) == 2
    assert summaries(page(roles=["sr"])) == summaries(page(roles=[])) == ["Mail \u00c4nne"]


def test_a_page_shows_how_things_stand_now_and_writes_nothing(desk: Any) -> None:
    desk.ask(summary="late", decide_within=10)
    used = desk.approve(desk.ask(summary="approved"))
    desk.now += 10
    assert summaries(desk.approvals.page()) == []
    assert summaries(desk.approvals.page("approved")) == ["approved"]
    assert "approval.expired" not in desk.events.kinds
    desk.use(used)
    assert [item.state for item in desk.approvals.page("used").requests] == ["used"]


def test_not_now_is_not_no(desk: Any) -> None:
    request = desk.ask(decide_within=100)
    desk.approvals.snooze(request.id, reviewer=" Ann@acme.com", until=desk.now + 50)
    hidden, shown = desk.approvals.page(reviewer=ANN), desk.approvals.page(reviewer=BOB)
    assert (hidden.total, hidden.snoozed, shown.total, shown.snoozed) == (0, 1, 1, 0)
    assert desk.approvals.get(request.id).state == "pending"
    desk.now += 50
    assert desk.approvals.page(reviewer=ANN).total == 1
    desk.approvals.snooze(request.id, reviewer=ANN, until=desk.now + 20)
    assert desk.approvals.unsnooze(request.id, reviewer=ANN)
    assert not desk.approvals.unsnooze(request.id, reviewer=ANN)
    assert desk.approvals.page(reviewer=ANN).total == 1
    assert desk.approve(request).state == "approved"


@pytest.mark.parametrize("left", [100, 101, 0, -1, float("nan"), float("inf")])
def test_nothing_is_set_aside_until_it_expires(desk: Any, left: float) -> None:
    request = desk.ask(decide_within=100)
    with pytest.raises(VoteRefused, match="before it expires"):
        desk.approvals.snooze(request.id, reviewer=ANN, until=desk.now + left)


def test_what_was_decided_is_not_set_aside(desk: Any) -> None:
    request = desk.reject(desk.ask())
    with pytest.raises(VoteRefused, match="is rejected"):
        desk.approvals.snooze(request.id, reviewer=ANN, until=desk.now + 5)


def test_the_same_call_is_known_again_and_others_are_not(desk: Any) -> None:
    pay = {"amount": 80, "payee": "acme"}
    same = [desk.ask(desk.action(pay, thread_id=f"t{number}"), **TAME) for number in range(3)]
    others = [
        desk.ask(desk.action({**pay, "payee": "eve"}), **TAME),  # looks alike, redacted
        desk.ask(desk.action(pay, user="cat@acme.com"), **TAME),
        desk.ask(desk.action(pay, agent_id="other"), **TAME),
        desk.ask(desk.action(pay), **TAME | {"policy_digest": "x"}),
    ]
    assert len({request.alike for request in same}) == 1
    assert len({request.alike for request in others} | {same[0].alike}) == 5
    assert desk.approvals.page().alike == {same[0].alike: 3}
    assert desk.approvals.page(alike=same[0].alike).total == 3


def test_one_decision_on_the_same_calls_is_a_vote_on_each(desk: Any) -> None:
    pay = {"amount": 80, "payee": "acme"}
    same = [desk.ask(desk.action(pay), **TAME) for _ in range(3)]
    done = desk.approvals.vote_alike(
        {request.id: request.digest for request in same}, "approve", reviewer=ANN
    )
    assert [(item.state, item.votes[0].digest) for item in done] == [
        ("approved", request.digest) for request in same
    ]
    assert desk.events.kinds.count("approval.voted") == 3


def test_votes_on_several_count_all_or_none(desk: Any) -> None:
    pay = {"amount": 80, "payee": "acme"}
    one, two = desk.ask(desk.action(pay), **TAME), desk.ask(desk.action(pay), **TAME)
    other = desk.ask(desk.action({**pay, "payee": "eve"}), **TAME)
    for seen, words in (
        ({one.id: one.digest, other.id: other.digest}, "not the same call"),
        ({one.id: one.digest, two.id: one.digest}, "saw something else"),
        ({}, "1 to 100"),
        ({f"{number}": "x" for number in range(101)}, "1 to 100"),
    ):
        with pytest.raises(VoteRefused, match=words):
            desk.approvals.vote_alike(seen, "approve", reviewer=ANN)
    assert [request.votes for request in desk.approvals.pending()] == [(), (), ()]


def test_several_that_are_high_risk_are_rejected_at_once_but_not_approved(desk: Any) -> None:
    pay = {"amount": 80, "payee": "acme"}
    same = [desk.ask(desk.action(pay)) for _ in range(2)]
    seen = {request.id: request.digest for request in same}
    with pytest.raises(VoteRefused, match="approve it alone"):
        desk.approvals.vote_alike(seen, "approve", reviewer=ANN)
    done = desk.approvals.vote_alike(seen, "reject", reviewer=ANN, reason="no")
    assert {item.state for item in done} == {"rejected"}


def waits(desk: Any, agent_id: str = "mail-assistant") -> float:
    with desk.store.read() as connection:
        until = desk.approvals.back_off(connection, agent_id)
    return max(0.0, until - desk.now)


def test_an_agent_that_people_reject_waits_longer_each_time(desk: Any) -> None:
    desk.under(back_off=BackOff(rejections=3, within=3600, wait=60))
    found: list[float] = []
    for _ in range(6):
        desk.reject(desk.ask())
        found.append(waits(desk))
    assert found == [0, 0, 60, 120, 240, 480]
    assert waits(desk, "other") == 0
    desk.now += 480
    assert waits(desk) == 0
    desk.now += 3600
    desk.reject(desk.ask())
    assert waits(desk) == 0


def test_the_wait_is_at_most_the_window_and_can_be_switched_off(desk: Any) -> None:
    desk.under(back_off=BackOff(rejections=1, within=100, wait=60), most_pending=9)
    for _ in range(4):
        desk.reject(desk.ask())
    assert waits(desk) == 100
    assert BackOff(1, 100, 60).seconds(10_000) == 100
    desk.under(back_off=None)
    assert waits(desk) == 0


def test_a_no_to_a_concern_holds_nobody_back(desk: Any) -> None:
    desk.under(back_off=BackOff(rejections=1, within=100, wait=60))
    desk.reject(desk.ask(reasons=[Finding("concern", "it worries", "monitor")]))
    assert waits(desk) == 0

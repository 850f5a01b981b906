"""The queue: asking, voting, using, expiring."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from guarded_agent.core.errors import Denied, VoteRefused


def test_a_request_shows_what_is_asked_and_never_the_real_arguments(desk: Any) -> None:
    request = desk.ask(roles=["sre"], quorum=2)
    shown = json.dumps(request.as_json())
    assert request.state == "pending"
    assert request.decide_by == 1_000 + 1800
    assert "pays more than 50" in shown
    assert "secret-payee" not in shown


def test_asking_again_for_the_same_action_gives_the_first_request(desk: Any) -> None:
    action = desk.action()
    first = desk.ask(action)
    desk.approve(first)
    again = desk.ask(action, quorum=3)
    assert (again.id, again.state, again.quorum) == (first.id, "approved", 1)
    assert desk.events.kinds.count("approval.requested") == 1


def test_what_is_read_back_equals_what_was_submitted(desk: Any) -> None:
    request = desk.ask(roles=["sre", "finance"], quorum=2, edited_by="Eve@acme.com")
    assert desk.approvals.get(request.id) == request
    assert request.edited_by == "eve@acme.com"


@pytest.mark.parametrize("wrong", [{"quorum": 0}, {"decide_within": 0.0}, {"execute_within": -1.0}])
def test_a_request_that_nobody_could_decide_is_refused(desk: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="quorum"):
        desk.ask(**wrong)
    assert desk.approvals.list() == []


def test_one_approval_decides_where_one_is_asked(desk: Any) -> None:
    request = desk.approve(desk.ask())
    assert request.state == "approved"
    assert request.execute_by == 1_000 + 600
    assert desk.approvals.get(request.id) == request


def test_a_quorum_of_two_needs_two_people(desk: Any) -> None:
    request = desk.ask(quorum=2)
    assert desk.approve(request, "ann@acme.com").state == "pending"
    assert desk.approve(request, "bob@acme.com").state == "approved"


def test_one_rejection_decides_and_its_reason_is_kept(desk: Any) -> None:
    request = desk.ask(quorum=2)
    desk.approve(request, "ann@acme.com")
    rejected = desk.reject(request, "bob@acme.com", reason=" not ours ")
    assert (rejected.state, rejected.message) == ("rejected", "not ours")
    with pytest.raises(VoteRefused, match="rejected"):
        desk.approve(request, "cem@acme.com")


def test_a_rejection_needs_a_reason(desk: Any) -> None:
    with pytest.raises(VoteRefused, match="needs a reason"):
        desk.reject(desk.ask(), reason="  ")


def test_a_choice_is_approve_or_reject(desk: Any) -> None:
    request = desk.ask()
    with pytest.raises(VoteRefused, match="either"):
        desk.approvals.vote(request.id, "maybe", reviewer="ann", digest=request.digest)


def test_a_reviewer_without_a_required_role_cannot_approve_but_can_reject(desk: Any) -> None:
    request = desk.ask(roles=["sre"])
    with pytest.raises(VoteRefused, match="role of sre"):
        desk.approve(request, roles=["intern"])
    assert desk.reject(request).state == "rejected"


def test_every_required_role_must_be_among_the_approvers(desk: Any) -> None:
    request = desk.ask(roles=["sre", "finance"])
    waiting = desk.approve(request, "ann@acme.com", roles=["sre"])
    assert (waiting.state, waiting.missing_roles) == ("pending", ("finance",))
    assert desk.approve(request, "bob@acme.com", roles=["sre"]).state == "pending"
    assert desk.approve(request, "cem@acme.com", roles=["finance"]).state == "approved"


def test_one_person_with_every_role_is_still_one_person(desk: Any) -> None:
    request = desk.ask(roles=["sre", "finance"], quorum=2)
    assert desk.approve(request, roles=["sre", "finance"]).state == "pending"


def test_an_approval_is_used_once(desk: Any) -> None:
    request = desk.approve(desk.ask())
    assert desk.use(request).state == "used"
    with pytest.raises(Denied, match="is used"):
        desk.use(request)


def test_only_an_approved_request_can_be_used(desk: Any) -> None:
    with pytest.raises(Denied, match="is pending"):
        desk.use(desk.ask())
    with pytest.raises(Denied, match="is rejected: not ours"):
        desk.use(desk.reject(desk.ask()))


def test_an_approval_under_another_policy_is_not_used(desk: Any) -> None:
    request = desk.approve(desk.ask())
    with pytest.raises(Denied, match="policy changed"):
        desk.use(request, policy="q" * 64)
    assert desk.approvals.get(request.id).state == "approved"


def test_an_approved_row_without_its_votes_is_not_used(desk: Any) -> None:
    request = desk.approve(desk.ask())
    with desk.store.write() as connection:
        connection.execute(text("DELETE FROM guard_vote"))
    with pytest.raises(Denied, match="lacks the votes"):
        desk.use(request)


def test_a_request_expires_at_the_very_second(desk: Any) -> None:
    request = desk.ask(decide_within=10)
    desk.now = 1_009.999
    assert desk.approvals.get(request.id).state == "pending"
    desk.now = 1_010.0
    with pytest.raises(VoteRefused, match="is expired"):
        desk.approve(request)
    assert desk.approvals.list("expired")[0].message == "nobody decided in time"


def test_an_approval_expires_at_the_very_second(desk: Any) -> None:
    soon, late = (desk.approve(desk.ask(execute_within=10)) for _ in range(2))
    desk.now = 1_009.999
    assert desk.use(soon).state == "used"
    desk.now = 1_010.0
    with pytest.raises(Denied, match="was not used in time"):
        desk.use(late)
    assert desk.approvals.get(late.id).state == "expired"


def test_an_expired_request_stays_expired_when_the_clock_goes_back(desk: Any) -> None:
    action = desk.action()
    request = desk.ask(action, decide_within=10)
    desk.now = 1_010.0
    assert desk.ask(action).state == "expired"
    desk.now = 1_000.0
    assert desk.ask(action).state == "expired"
    with pytest.raises(VoteRefused, match="is expired"):
        desk.approve(request)


def test_an_expiry_is_recorded_once(desk: Any) -> None:
    request = desk.ask(decide_within=10)
    desk.now = 2_000.0
    assert desk.approvals.expire() == 1
    assert desk.approvals.expire() == 0
    assert desk.approvals.pending() == []
    assert desk.events.kept[-1] == (
        "approval.expired",
        {"approval": request.id, "was": "pending"},
    )


def test_find_sees_a_deadline_that_nobody_has_recorded_yet(desk: Any) -> None:
    request = desk.ask(decide_within=10)
    desk.now = 1_010.0
    with desk.store.read() as connection:
        assert desk.approvals.find(connection, request.digest).state == "expired"
        assert desk.approvals.find(connection, "0" * 64) is None
    assert desk.approvals.of(request.digest).state == "expired"
    with pytest.raises(VoteRefused, match="nobody was asked"):
        desk.approvals.of("0" * 64)


def test_pending_lists_the_oldest_first_and_list_the_newest(desk: Any) -> None:
    first = desk.ask()
    desk.now += 1
    second = desk.ask()
    assert [item.id for item in desk.approvals.pending()] == [first.id, second.id]
    assert [item.id for item in desk.approvals.list()] == [second.id, first.id]
    assert [item.id for item in desk.approvals.list(limit=1)] == [second.id]


def test_a_unique_beginning_of_an_id_names_a_request(desk: Any) -> None:
    ids = iter(["abcd1111", "abcd2222"])
    desk.approvals._ids = lambda: next(ids)
    first = desk.ask()
    desk.ask()
    assert desk.approvals.get(" abcd1 ") == first
    for wrong in ("abcd", "abc", "", "%", "____", "ABCD1", "nothing"):
        with pytest.raises(VoteRefused, match="request has an id"):
            desk.approvals.get(wrong)


def test_a_cancelled_request_cannot_be_used_even_if_it_was_approved(desk: Any) -> None:
    request = desk.approve(desk.ask())
    assert desk.approvals.cancel(request.id, "the invoice was a mistake").state == "cancelled"
    with pytest.raises(Denied, match="invoice was a mistake"):
        desk.use(request)
    with pytest.raises(VoteRefused, match="cannot become cancelled"):
        desk.approvals.cancel(request.id, "again")
    with pytest.raises(VoteRefused, match="say why"):
        desk.approvals.cancel(request.id, " ")


def test_the_real_arguments_open_for_a_person_and_that_is_recorded(desk: Any) -> None:
    request = desk.ask()
    shown = desk.approvals.arguments(request.id, reviewer="Ann@acme.com")
    assert shown == {"amount": 80, "payee": "secret-payee"}
    assert desk.events.kept[-1] == (
        "approval.revealed",
        {"approval": request.id, "reviewer": "ann@acme.com"},
    )


def test_sealed_arguments_do_not_open_under_another_request(desk: Any) -> None:
    first, second = desk.ask(), desk.ask()
    with desk.store.write() as connection:
        connection.execute(
            text(
                "UPDATE guard_approval SET args_sealed = "
                "(SELECT args_sealed FROM guard_approval WHERE id = :first) WHERE id = :second"
            ),
            {"first": first.id, "second": second.id},
        )
    with pytest.raises(Exception, match="does not open"):
        desk.approvals.arguments(second.id, reviewer="ann")


def test_a_change_that_the_audit_log_refuses_does_not_happen(desk: Any) -> None:
    request = desk.ask()
    desk.events.broken = True
    with pytest.raises(RuntimeError):
        desk.approve(request)
    desk.events.broken = False
    stored = desk.approvals.get(request.id)
    assert (stored.state, stored.votes) == ("pending", ())


def test_every_change_is_recorded_without_arguments_or_reasons(desk: Any) -> None:
    request = desk.ask()
    desk.approve(request, reason="Mrs Smith agreed")
    desk.use(request)
    assert desk.events.kinds == [
        "approval.requested",
        "approval.voted",
        "approval.decided",
        "approval.used",
    ]
    kept = json.dumps([data for _, data in desk.events.kept])
    assert "secret-payee" not in kept
    assert "Smith" not in kept


def test_reasons_have_a_limit(desk: Any) -> None:
    with pytest.raises(VoteRefused, match="at most"):
        desk.approve(desk.ask(), reason="x" * 4_001)

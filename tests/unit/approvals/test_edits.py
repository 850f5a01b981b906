"""An edit is a new action, and its editor has a part in it."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core.errors import ActionError, Denied, VoteRefused

ANN, BOB, CEM = "ann@acme.com", "bob@acme.com", "cem@acme.com"


def edit(desk: Any, request: Any, args: dict[str, Any], reviewer: str = ANN) -> Any:
    return desk.approvals.edit(request.id, args, reviewer=reviewer, digest=request.digest)


def propose_edited(desk: Any, request: Any) -> Any:
    """Do what the agent layer does with an edited request."""
    args = desk.approvals.edited_args(request)
    new = desk.ask(desk.action(args, call_id="same"), edited_by=request.edited_by)
    desk.approvals.replaced(request.id, new.digest)
    return new


def test_an_edit_ends_the_request_and_keeps_both_arguments(desk: Any) -> None:
    request = desk.ask()
    edited = edit(desk, request, {"amount": 10})
    assert (edited.state, edited.edited_by, edited.replaced_by) == ("edited", ANN, None)
    assert desk.approvals.edited_args(edited) == {"amount": 10}
    shown = desk.approvals.arguments(request.id, reviewer=ANN)
    assert shown == {"amount": 80, "payee": "secret-payee"}
    with pytest.raises(Denied, match="is edited"):
        desk.use(request)


def test_the_editor_cannot_approve_the_new_action_but_somebody_else_can(desk: Any) -> None:
    new = propose_edited(desk, edit(desk, desk.ask(), {"amount": 10}))
    with pytest.raises(VoteRefused, match="edited the action"):
        desk.approve(new, " ANN@acme.com")
    assert desk.approve(new, BOB).state == "approved"


def test_nobody_who_edited_on_the_way_can_approve_the_last_action(desk: Any) -> None:
    second = propose_edited(desk, edit(desk, desk.ask(), {"amount": 10}, ANN))
    third = propose_edited(desk, edit(desk, second, {"amount": 20}, BOB))
    for editor in (ANN, BOB):
        with pytest.raises(VoteRefused, match="edited the action"):
            desk.approve(third, editor)
    assert desk.approve(third, CEM).state == "approved"


def test_the_old_request_leads_to_the_new_action(desk: Any) -> None:
    request = desk.ask()
    edited = edit(desk, request, {"amount": 10})
    new = propose_edited(desk, edited)
    assert desk.approvals.get(request.id).replaced_by == new.digest
    desk.approvals.replaced(request.id, new.digest)
    assert desk.events.kinds.count("approval.replaced") == 1
    with pytest.raises(VoteRefused, match="no edit that waits"):
        desk.approvals.replaced(request.id, "0" * 64)


def test_an_edit_that_changes_nothing_is_refused(desk: Any) -> None:
    request = desk.ask()
    with pytest.raises(VoteRefused, match="changes nothing"):
        edit(desk, request, {"payee": "secret-payee", "amount": 80})
    assert desk.approvals.get(request.id).state == "pending"


def test_an_edit_back_to_earlier_arguments_is_refused(desk: Any) -> None:
    request = desk.ask(desk.action({"amount": 80}))
    second = propose_edited(desk, edit(desk, request, {"amount": 10}, ANN))
    with pytest.raises(VoteRefused, match="goes back"):
        edit(desk, second, {"amount": 80}, BOB)


def test_a_request_cannot_be_replaced_by_one_it_came_from(desk: Any) -> None:
    request = desk.ask()
    edited = edit(desk, request, {"amount": 10})
    with pytest.raises(VoteRefused, match="edited back"):
        desk.approvals.replaced(edited.id, request.digest)


def test_only_an_edited_request_has_edited_arguments(desk: Any) -> None:
    with pytest.raises(VoteRefused, match="nobody edited it"):
        desk.approvals.edited_args(desk.ask())


@pytest.mark.parametrize("who", ["owner@acme.com", "mail-assistant", "agent:x"])
def test_who_cannot_vote_cannot_edit(desk: Any, who: str) -> None:
    with pytest.raises(VoteRefused):
        edit(desk, desk.ask(), {"amount": 1}, who)


def test_an_edit_is_bound_to_what_the_editor_saw(desk: Any) -> None:
    request = desk.ask()
    with pytest.raises(VoteRefused, match="saw something else"):
        desk.approvals.edit(request.id, {"amount": 1}, reviewer=ANN, digest="0" * 64)


def test_new_arguments_keep_the_limits(desk: Any) -> None:
    request = desk.ask()
    with pytest.raises(ActionError, match="not a number"):
        edit(desk, request, {"amount": float("nan")})
    with pytest.raises(ActionError, match="bytes"):
        edit(desk, request, {"note": "x" * 70_000})
    assert desk.approvals.get(request.id).state == "pending"

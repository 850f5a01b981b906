"""Who may decide: the owner, people of one role, those who join late, and delegates."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.approvals import Rung
from guarded_agent.core.errors import VoteRefused

OWNER, ANN, BOB, CAT = "it@acme.com", "ann@acme.com", "bob@acme.com", "cat@acme.com"
DAY = 86_400.0


def test_a_developer_alone_decides_on_what_their_own_agent_asks(desk: Any) -> None:
    desk.owned(ANN)
    assert desk.approve(desk.ask(), ANN).state == "approved"


@pytest.mark.parametrize(
    ("separate", "quorum", "may"),
    [(True, 1, False), (True, 2, False), (False, 2, True), (False, 1, True)],
)
def test_the_owner_is_kept_apart_where_the_policy_says_so(
    desk: Any, separate: bool, quorum: int, may: bool
) -> None:
    desk.under(separate_owner=separate).owned("Ann@Acme.com")
    request = desk.ask(quorum=quorum)
    if may:
        assert len(desk.approve(request, ANN).votes) == 1
        return
    with pytest.raises(VoteRefused, match="belongs to this person"):
        desk.approve(request, ANN)
    with pytest.raises(VoteRefused, match="belongs to this person"):
        desk.approvals.edit(request.id, {"amount": 1}, reviewer=ANN, digest=request.digest)
    assert len(desk.approve(request, BOB).votes) == 1


def test_an_owner_cannot_give_the_agent_away_to_decide_and_nor_can_who_gets_it(desk: Any) -> None:
    desk.under(separate_owner=True).owned(ANN)
    request = desk.ask()
    desk.owned(BOB)
    for name in (ANN, BOB):
        with pytest.raises(VoteRefused, match="belongs to this person"):
            desk.approve(request, name)
    assert desk.approve(request, CAT).state == "approved"


def test_where_several_must_approve_each_role_needs_another_person(desk: Any) -> None:
    request = desk.ask(quorum=2, roles=["security", "sre"])
    desk.approve(request, ANN, roles=["sre", "security"])
    stored = desk.approve(request, BOB, roles=["sre"])
    # Ann stands for security now, and Bob for the other.
    assert (stored.state, stored.missing_roles) == ("approved", ())
    request = desk.ask(quorum=2, roles=["legal", "security", "sre"])
    desk.approve(request, ANN, roles=["sre", "security", "legal"])
    stored = desk.approve(request, BOB, roles=["sre", "security"])
    assert (stored.state, len(stored.missing_roles)) == ("pending", 1)
    assert desk.approve(request, CAT, roles=["legal"]).state == "approved"


def test_one_person_may_stand_for_every_role_where_one_decides(desk: Any) -> None:
    request = desk.ask(roles=["security", "sre"])
    assert desk.approve(request, ANN, roles=["sre"]).state == "pending"
    assert desk.approve(request, BOB, roles=["security", "sre"]).state == "approved"
    request = desk.ask(roles=["security", "sre"])
    assert desk.approve(request, ANN, roles=["security", "sre"]).state == "approved"


def test_who_the_ladder_names_may_decide_when_its_time_has_come(desk: Any) -> None:
    desk.under(decide_within=100, escalate=[Rung(0.8, ("head",)), Rung(0.5, ("lead",))])
    request = desk.ask(roles=["sre"])
    assert [(step.at, step.roles) for step in request.ladder] == [
        (1_050.0, ("lead",)),
        (1_080.0, ("head",)),
    ]
    with pytest.raises(VoteRefused, match=r"a role of sre$"):
        desk.approve(request, roles=["lead"])
    desk.now = 1_050.0
    with pytest.raises(VoteRefused, match=r"a role of lead, sre$"):
        desk.approve(request, roles=["head"])
    assert desk.approve(request, roles=["lead"]).state == "approved"
    assert desk.use(request).state == "used"


def test_a_lead_who_joins_is_still_one_person(desk: Any) -> None:
    desk.under(decide_within=100, escalate=[Rung(0.5, ("lead",))])
    request = desk.ask(quorum=2, roles=["security", "sre"])
    desk.now = 1_060.0
    stored = desk.approve(request, ANN, roles=["lead"])
    assert (stored.state, len(stored.missing_roles)) == ("pending", 1)
    assert desk.approve(request, BOB, roles=["lead"]).state == "approved"


def lend(desk: Any, giver: str = ANN, to: str = BOB, **rest: Any) -> Any:
    plain: dict[str, Any] = {"roles": ["sre"], "held": ["sre"], "seconds": DAY, "reason": "leave"}
    return desk.approvals.delegate(giver, to, **plain | rest)


def test_a_delegate_decides_with_the_role_and_it_is_written_down(desk: Any) -> None:
    request = desk.ask(roles=["sre"])
    with pytest.raises(VoteRefused, match="a role of sre"):
        desk.approve(request, BOB)
    lent = lend(desk)
    assert desk.approvals.delegations() == [lent]
    stored = desk.approve(request, BOB)
    assert (stored.state, stored.votes[0].lent, stored.votes[0].roles) == (
        "approved",
        {"sre": ANN},
        (),
    )
    assert desk.use(request).state == "used"
    told = [data for kind, data in desk.events.kept if kind in ("role.delegated", "approval.voted")]
    assert told[0]["giver"] == ANN
    assert told[1]["lent"] == {"sre": ANN}


def test_a_delegation_ends_and_can_be_taken_back(desk: Any) -> None:
    lend(desk, seconds=60)
    desk.now += 60
    with pytest.raises(VoteRefused, match="a role of sre"):
        desk.approve(desk.ask(roles=["sre"]), BOB)
    lent = lend(desk)
    with pytest.raises(VoteRefused, match="no delegation"):
        desk.approvals.take_back(lent.id, by=CAT)
    desk.approvals.take_back(lent.id, by=ANN)
    assert desk.approvals.delegations() == []
    with pytest.raises(VoteRefused, match="a role of sre"):
        desk.approve(desk.ask(roles=["sre"]), BOB)


def test_a_role_cannot_be_passed_on_nor_lent_by_who_lacks_it(desk: Any) -> None:
    lend(desk)
    with pytest.raises(VoteRefused, match="cannot be passed on"):
        lend(desk, BOB, CAT, held=["sre"])
    with pytest.raises(VoteRefused, match="does not hold legal"):
        lend(desk, roles=["legal"])


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"to": " ANN@acme.com"}, "somebody else"),
        ({"seconds": 31 * DAY}, "up to 30 days"),
        ({"seconds": 0}, "up to 30 days"),
        ({"seconds": float("nan")}, "up to 30 days"),
        ({"roles": []}, "which roles"),
        ({"to": "mail-assistant"}, "an agent never decides"),
        ({"giver": "mail-assistant"}, "an agent never decides"),
    ],
    ids=str,
)
def test_what_is_no_delegation_is_refused(desk: Any, how: dict[str, Any], words: str) -> None:
    desk.owned(OWNER)
    with pytest.raises(VoteRefused, match=words):
        lend(desk, **how)
    assert desk.approvals.delegations() == []


def test_who_may_not_decide_cannot_have_it_done_by_a_friend(desk: Any) -> None:
    lend(desk, "owner@acme.com")  # the agent acts for this person
    with pytest.raises(VoteRefused, match="a role of sre"):
        desk.approve(desk.ask(roles=["sre"]), BOB)


def test_a_delegate_stays_apart_from_the_action(desk: Any) -> None:
    lend(desk, to="owner@acme.com")
    with pytest.raises(VoteRefused, match="acts for this person"):
        desk.approve(desk.ask(roles=["sre"]), "owner@acme.com")


def test_a_lent_role_counts_once(desk: Any) -> None:
    lend(desk)
    request = desk.ask(quorum=2, roles=["sre"])
    desk.approve(request, BOB)
    with pytest.raises(VoteRefused, match="delegated"):
        desk.approve(request, ANN, roles=["sre"])
    request = desk.ask(quorum=2, roles=["sre"])
    desk.approve(request, ANN, roles=["sre"])
    with pytest.raises(VoteRefused, match="a role of sre"):
        desk.approve(request, BOB)

"""Attacks on approvals: who tries to decide, use or read what is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from guarded_agent.approvals import Approvals, Request, interrupt_payload
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.core.errors import Denied, StoreError, VoteRefused
from guarded_agent.identity import Registry
from guarded_agent.store import Store

POLICY = "p" * 64
CANARY = "canary-7f3a91c2"
AGENT, USER, ANN, BOB = "mail-assistant", "owner@acme.com", "ann@acme.com", "bob@acme.com"

Ask = Callable[..., Request]


def action(**rest: Any) -> Action:
    plain: dict[str, Any] = {
        "args": {"to": CANARY, "amount": 80},
        "tool": "pay_invoice",
        "call_id": "call-1",
        "thread_id": "t1",
        "agent_id": AGENT,
        "user": USER,
    }
    return Action.build(**plain | rest)


@pytest.fixture
def approvals(any_store: Store) -> Approvals:
    return Approvals(any_store, AuditLog(any_store))


@pytest.fixture
def ask(any_store: Store, approvals: Approvals) -> Ask:
    def submit(proposed: Action | None = None, **rest: Any) -> Request:
        plain: dict[str, Any] = {
            "spec_access": "write",
            "impact": "money",
            "summary": "Pay 80 to [NAME]",
            "reasons": [Finding("money", "pays more than 50")],
            "preview": {"to": "[NAME]", "amount": 80},
            "label": Label(),
            "policy_digest": POLICY,
        }
        with any_store.write() as connection:
            return approvals.submit(connection, proposed or action(), **plain | rest)

    return submit


def approve(approvals: Approvals, request: Request, reviewer: str = ANN, **rest: Any) -> Request:
    plain: dict[str, Any] = {"digest": request.digest}
    return approvals.vote(request.id, "approve", reviewer=reviewer, **plain | rest)


def use(store: Store, approvals: Approvals, digest: str) -> Request:
    with store.write() as connection:
        return approvals.consume(connection, digest, POLICY)


def sql(store: Store, statement: str, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(text(statement), values)


@pytest.mark.parametrize("digest", ["", "0" * 64, "é", "\udcff", action(args={"x": 1}).digest])
def test_a_vote_on_another_digest_does_not_count(
    approvals: Approvals, ask: Ask, digest: str
) -> None:
    request = ask()
    with pytest.raises(VoteRefused, match="saw something else"):
        approve(approvals, request, digest=digest)
    assert approvals.get(request.id).votes == ()


@pytest.mark.parametrize("digest", [action().digest[:-1], action().digest.upper()])
def test_a_digest_that_is_nearly_right_does_not_count(
    approvals: Approvals, ask: Ask, digest: str
) -> None:
    with pytest.raises(VoteRefused, match="saw something else"):
        approve(approvals, ask(), digest=digest)


@pytest.mark.parametrize(
    "reviewer",
    [
        AGENT,
        AGENT.upper(),
        f"  {AGENT}\n",
        "ｍail-assistant",
        "agent:mail-assistant",
        "Agent:somebody",
        USER,
        "OWNER@ACME.COM ",
        "",
        " ",
        "ann\u200b@acme.com",
        "owner\u00ad@acme.com",
    ],
)
def test_nobody_with_a_part_in_the_action_decides(
    approvals: Approvals, ask: Ask, reviewer: str
) -> None:
    request = ask()
    with pytest.raises(VoteRefused):
        approve(approvals, request, reviewer)
    assert approvals.get(request.id).state == "pending"


def test_another_registered_agent_neither_decides_nor_reads(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    Registry(any_store, AuditLog(any_store)).register(
        "Finance-Bot", owner=ANN, purpose="books", fingerprint="f"
    )
    request = ask()
    with pytest.raises(VoteRefused, match="an agent never decides"):
        approve(approvals, request, "finance-bot")
    with pytest.raises(VoteRefused, match="an agent never decides"):
        approvals.arguments(request.id, reviewer="FINANCE-BOT")


@pytest.mark.parametrize("again", [ANN, "ANN@acme.com", "  ann@ACME.com\t", "ａnn@acme.com"])
def test_one_person_under_two_spellings_is_one_vote(
    approvals: Approvals, ask: Ask, again: str
) -> None:
    request = ask(quorum=2)
    approve(approvals, request)
    with pytest.raises(VoteRefused, match="has voted"):
        approve(approvals, request, again)


def test_an_approval_replayed_a_hundred_times_is_used_once(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    request = approve(approvals, ask())
    wins = 0
    for _ in range(100):
        try:
            use(any_store, approvals, request.digest)
        except Denied:
            continue
        wins += 1
    assert wins == 1


@pytest.mark.parametrize(
    "change",
    [
        {"args": {"to": "eve", "amount": 80}},
        {"args": {"to": CANARY, "amount": 80.5}},
        {"thread_id": "t2"},
        {"agent_id": "other"},
        {"user": None},
        {"call_id": "call-2"},
        {"manifest": "another description of the tool"},
        {"tool": "pay_invoice_now"},
    ],
    ids=str,
)
def test_an_approval_fits_no_other_call(
    any_store: Store, approvals: Approvals, ask: Ask, change: Mapping[str, Any]
) -> None:
    approve(approvals, ask())
    with pytest.raises(Denied, match="nobody was asked about this exact call"):
        use(any_store, approvals, action(**change).digest)


def test_an_edit_that_smuggles_a_bigger_amount_needs_another_person(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    request = ask()
    edited = approvals.edit(
        request.id, {"to": "eve", "amount": 9_000}, reviewer=ANN, digest=request.digest
    )
    bigger = action(args=approvals.edited_args(edited))
    with pytest.raises(Denied, match="nobody was asked"):
        use(any_store, approvals, bigger.digest)
    new = ask(bigger, edited_by=edited.edited_by)
    with pytest.raises(VoteRefused, match="edited the action"):
        approve(approvals, new, "Ann@Acme.com")
    assert approve(approvals, new, BOB).state == "approved"


def test_an_editor_cannot_hide_behind_a_second_editor(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    request = ask()
    for amount, editor in ((9_000, ANN), (9_001, BOB)):
        edited = approvals.edit(
            request.id, {"amount": amount}, reviewer=editor, digest=request.digest
        )
        new = ask(action(args=approvals.edited_args(edited)), edited_by=editor)
        approvals.replaced(edited.id, new.digest)
        request = new
    for editor in (ANN, BOB):
        with pytest.raises(VoteRefused, match="edited the action"):
            approve(approvals, request, editor)


def test_a_row_set_to_approved_by_hand_is_not_used(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    request = ask()
    sql(any_store, "UPDATE guard_approval SET state = 'approved', execute_by = 9e12")
    with pytest.raises(Denied, match="lacks the votes"):
        use(any_store, approvals, request.digest)


def test_a_vote_moved_from_another_request_does_not_count(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    small = approve(approvals, ask(action(args={"amount": 1})))
    big = ask(action(args={"amount": 9_000}))
    sql(any_store, "UPDATE guard_vote SET approval_id = :big", big=big.id)
    sql(
        any_store,
        "UPDATE guard_approval SET state = 'approved', execute_by = 9e12 WHERE id = :big",
        big=big.id,
    )
    for request in (small, big):
        with pytest.raises(Denied, match="lacks the votes"):
            use(any_store, approvals, request.digest)


ALTERED = {
    "quorum": "1",
    "roles_json": "'[]'",
    "summary": "'Pay 8 to [NAME]'",
    "reasons_json": "'[]'",
    "preview_json": "'{}'",
    "sources_json": "'[{}]'",
    "label_json": "label_json || ' '",
    "user_id": "'somebody'",
    "agent_id": "'other'",
    "tool": "'send_mail'",
    "impact": "NULL",
    "policy_digest": "'x'",
    "decide_by": "9e12",
    "execute_within": "9e12",
    "created_at": "1",
    "edited_by": "'eve'",
    "replaced_by": "'x'",
    "message": "'the boss said yes'",
    "owner": "'eve'",
    "owner_apart": "true",
    "ladder_json": """'[{"at": 0, "roles": ["eve"]}]'""",
    "risk": "1",
    "alike": "'x'",
    "mac": "''",
}


@pytest.mark.parametrize("column", ALTERED)
def test_a_request_that_was_altered_in_the_database_is_neither_voted_on_nor_used(
    any_store: Store, approvals: Approvals, ask: Ask, column: str
) -> None:
    """Attack 28. Defence: the MAC of the row, which `seals.holds` compares."""
    terms: dict[str, Any] = {"quorum": 2, "roles": ["sre"]}
    pending, approved = ask(**terms), ask(action(call_id="call-2"), **terms)
    for name in (ANN, BOB):
        approved = approve(approvals, approved, name, roles=["sre"])
    assert (pending.intact, approved.intact, approved.state) == (True, True, "approved")
    sql(any_store, f"UPDATE guard_approval SET {column} = {ALTERED[column]}")
    assert not approvals.list()[0].intact
    with pytest.raises(VoteRefused, match="changed in the database"):
        approve(approvals, pending, roles=["sre"])
    with pytest.raises(Denied, match=r"changed|policy|lacks"):
        use(any_store, approvals, approved.digest)


VOTES = {
    "reviewer": "'eve@acme.com'",
    "reason": "'checked twice'",
    "roles_json": """'["sre", "security"]'""",
    "at": "1",
    "method": "'oidc'",
    "policy_digest": "'x'",
    "subject": "'eve'",
    "lent_json": """'{"sre": "eve"}'""",
    "number": "2",
    "mac": "''",
}


@pytest.mark.parametrize("column", VOTES)
def test_a_vote_that_was_altered_in_the_database_counts_for_nothing(
    any_store: Store, approvals: Approvals, ask: Ask, column: str
) -> None:
    """Attack 28. Defence: the MAC of the vote."""
    request = approve(approvals, ask())
    sql(any_store, f"UPDATE guard_vote SET {column} = {VOTES[column]}")
    with pytest.raises(Denied, match="changed in the database"):
        use(any_store, approvals, request.digest)


def test_a_vote_cannot_be_added_by_hand_nor_one_taken_away(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    """Attack 28. Defence: the row's MAC covers how many votes there are, and the last."""
    request = ask(quorum=2)
    approve(approvals, request)
    copied = (
        "INSERT INTO guard_vote (approval_id, reviewer, choice, digest, reason, roles_json, at,"
        " number, policy_digest, method, subject, lent_json, mac) SELECT approval_id,"
        " 'eve@acme.com', choice, digest, reason, roles_json, at, 2, policy_digest, method,"
        " subject, lent_json, mac FROM guard_vote"
    )
    sql(any_store, copied)
    sql(any_store, "UPDATE guard_approval SET state = 'approved', execute_by = 9e12")
    assert approvals.get(request.id).complete
    with pytest.raises(Denied, match="changed in the database"):
        use(any_store, approvals, request.digest)

    other = ask(action(call_id="call-2"), quorum=2)
    approve(approvals, other)
    sql(any_store, "DELETE FROM guard_vote WHERE approval_id = :id", id=other.id)
    with pytest.raises(VoteRefused, match="changed in the database"):
        approve(approvals, other)


def test_votes_cannot_change_places(any_store: Store, approvals: Approvals, ask: Ask) -> None:
    """Attack 28. Defence: a vote's MAC covers the vote before it."""
    request = ask(quorum=2)
    approve(approvals, request)
    approve(approvals, request, BOB)
    sql(any_store, "UPDATE guard_vote SET number = 3 - number")
    with pytest.raises(Denied, match="changed in the database"):
        use(any_store, approvals, request.digest)


def test_what_was_altered_is_not_made_good_by_a_later_change(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    """Attack 28. Defence: `Changes` gives no MAC to a row that had none."""
    request = ask()
    sql(any_store, "UPDATE guard_approval SET summary = 'Pay 8 to [NAME]'")
    assert approvals.cancel(request.id, "looks odd").state == "cancelled"
    assert not approvals.get(request.id).intact


def test_one_broken_row_does_not_hide_the_others(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    """Attack 28. Defence: `rows` reads what it can of a row, and trusts none of it."""
    broken, whole = ask(), ask(action(call_id="call-2"))
    sql(any_store, "UPDATE guard_approval SET reasons_json = '{' WHERE id = :id", id=broken.id)
    assert {item.id: item.intact for item in approvals.pending()} == {
        broken.id: False,
        whole.id: True,
    }
    with pytest.raises(VoteRefused, match="changed in the database"):
        approve(approvals, broken)


def test_a_role_that_was_lent_by_hand_in_the_database_is_none(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    """Attack 28. Defence: the MAC of the delegation."""
    request = ask(roles=["sre"])
    approvals.delegate(ANN, "carl", roles=["sre"], held=["sre"], seconds=60)
    sql(any_store, "UPDATE guard_delegation SET delegate = :bob", bob=BOB)
    assert approvals.delegations() == []
    with pytest.raises(VoteRefused, match="a role of sre"):
        approve(approvals, request, BOB)


def test_two_accounts_of_one_person_are_one_vote(approvals: Approvals, ask: Ask) -> None:
    """Attack 9. Defence: the identity provider's subject counts, not only the name."""
    request = ask(quorum=2)
    approve(approvals, request, method="oidc", subject="https://idp.acme.com#4711")
    with pytest.raises(VoteRefused, match="has voted"):
        approve(approvals, request, BOB, method="oidc", subject="https://idp.acme.com#4711")
    assert approve(approvals, request, BOB, subject="https://idp.acme.com#4712").state == "approved"


def test_sealed_arguments_that_were_changed_do_not_open(
    any_store: Store, approvals: Approvals, ask: Ask
) -> None:
    request = ask()
    sql(any_store, "UPDATE guard_approval SET args_sealed = :other", other=b"\x01" + b"x" * 60)
    with pytest.raises(StoreError, match="does not open"):
        approvals.arguments(request.id, reviewer=ANN)


@pytest.mark.parametrize("wild", ["%%%%", "____", "*", "' OR 1=1 --"])
def test_an_id_is_no_pattern(approvals: Approvals, ask: Ask, wild: str) -> None:
    ask()
    with pytest.raises(VoteRefused, match="no request has an id"):
        approvals.get(wild)


def test_asking_again_cannot_lower_the_quorum_or_revive_a_rejection(
    approvals: Approvals, ask: Ask
) -> None:
    first = ask(quorum=2, roles=["sre"])
    assert (ask(quorum=1).quorum, ask(roles=()).roles) == (2, ("sre",))
    approvals.vote(first.id, "reject", reviewer=ANN, digest=first.digest, reason="no")
    assert ask().state == "rejected"


def test_the_arguments_lie_nowhere_in_the_clear(tmp_path: Path) -> None:
    place = tmp_path / "guard.db"
    with Store.open(f"sqlite:///{place}") as store:
        approvals = Approvals(store, AuditLog(store))
        with store.write() as connection:
            request = approvals.submit(
                connection,
                action(),
                spec_access="write",
                impact=None,
                summary="Pay 80 to [NAME]",
                reasons=[],
                preview={"to": "[NAME]"},
                label=Label(),
                policy_digest=POLICY,
            )
        edited = approvals.edit(
            request.id, {"to": CANARY, "amount": 1}, reviewer=ANN, digest=request.digest
        )
        assert approvals.arguments(edited.id, reviewer=BOB)["to"] == CANARY
        shown = repr(edited) + repr(edited.as_json()) + repr(interrupt_payload(edited, "call-1"))
        assert CANARY not in shown
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Pay 80" in on_disk
    assert CANARY.encode() not in on_disk

"""Onboarding and reactivation as approvals, a stop that reaches everything, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Label, Stage, ToolSpec
from guarded_agent.core.errors import Denied, VoteRefused
from guarded_agent.identity import Profile, Rules
from guarded_agent.monitor import Monitor, Receipt
from guarded_agent.monitor.lifecycle import Lifecycle
from guarded_agent.store import Ledger, Store

ANN, BO, CY = "ann@acme.example", "bo@acme.example", "cy@acme.example"
PAY = ToolSpec(
    "pay",
    "write",
    schema={"type": "object", "properties": {"amount": {"type": "number"}}},
    declared=True,
)
POLICY: dict[str, Any] = {
    "version": 1,
    "agent": {"id": "payer", "owner": ANN, "purpose": "pay bills", "scopes": ["pay"]},
    "tools": {
        "pay": {
            "rules": [
                {"effect": "approve", "when": "args.amount > 100"},
                {"effect": "allow", "when": "args.amount <= 100"},
            ],
            "limits": {"per_day": {"sum": "args.amount", "max": 250}},
        }
    },
}
CAREFUL: dict[str, Any] = {
    **POLICY,
    "agent": {**POLICY["agent"], "onboarding": "approve", "reactivation": "approve"},
}
NOTHING: dict[str, Any] = {"amount": 5}


def act(monitor: Monitor, amount: float = 5, call: str = "c1") -> Action:
    return monitor.action("pay", {"amount": amount}, call_id=call, thread_id="t1")


def life(store: Store) -> Lifecycle:
    return Lifecycle(store, AuditLog(store))


def only(store: Store) -> Request:
    [request] = life(store).approvals.pending()
    return request


def vote(store: Store, request: Request, reviewer: str = BO, **rest: Any) -> Request:
    return life(store).approvals.vote(
        request.id, rest.pop("choice", "approve"), reviewer=reviewer, digest=request.digest, **rest
    )


def state(store: Store) -> str:
    return life(store).registry.get("payer").state


def log(store: Store, kind: str) -> list[Any]:
    return [event.data for event in AuditLog(store).events() if event.kind == kind]


# -- onboarding -------------------------------------------------------------------------------


def test_a_new_agent_acts_at_once_unless_its_policy_says_otherwise(any_store: Store) -> None:
    assert open_monitor(POLICY, any_store, [PAY]).propose(act_of(any_store)).state == "cleared"
    assert life(any_store).approvals.pending() == []


def act_of(store: Store) -> Action:
    return act(open_monitor(POLICY, store, [PAY]))


def test_a_draft_does_nothing_and_says_what_to_do(any_store: Store) -> None:
    monitor = open_monitor(CAREFUL, any_store, [PAY])
    standing = monitor.propose(act(monitor))
    assert standing.state == "denied"
    assert "is draft" in standing.message
    assert "guarded-agent approvals list" in standing.message
    with pytest.raises(Denied, match="is draft"):
        monitor.pass_text(Stage.INPUT, "hello", thread_id="t1")


def test_the_request_says_what_the_agent_is_and_its_approval_lets_it_act(any_store: Store) -> None:
    monitor = open_monitor(CAREFUL, any_store, [PAY])
    request = only(any_store)
    shown = request.preview
    assert request.summary == "Let the new agent payer act: pay bills"
    assert (shown["owner"], shown["scopes"], shown["tools"]) == (ANN, ["pay"], ["pay"])
    assert shown["fingerprint"] == life(any_store).registry.get("payer").fingerprint
    assert vote(any_store, request).state == "used"
    assert state(any_store) == "active"
    assert log(any_store, "agent.approved")[0]["by"] == BO
    assert monitor.propose(act(monitor, call="c2")).state == "cleared"


@pytest.mark.parametrize(("who", "why"), [(ANN, "owns the agent"), ("payer", "an agent never")])
def test_neither_the_owner_nor_the_agent_lets_it_in(any_store: Store, who: str, why: str) -> None:
    open_monitor(CAREFUL, any_store, [PAY])
    with pytest.raises(VoteRefused, match=why):
        vote(any_store, only(any_store), who)
    assert state(any_store) == "draft"


def test_quorum_and_roles_of_the_policy_hold_for_the_agent_itself(any_store: Store) -> None:
    policy = {**CAREFUL, "approvals": {"quorum": 2, "roles": ["risk"]}}
    open_monitor(policy, any_store, [PAY])
    request = only(any_store)
    with pytest.raises(VoteRefused, match="role of risk"):
        vote(any_store, request, BO)
    assert vote(any_store, request, BO, roles=["risk"]).state == "pending"
    assert state(any_store) == "draft"
    vote(any_store, request, CY, roles=["risk"])
    assert state(any_store) == "active"


def test_a_rejected_draft_stays_one_and_is_not_asked_about_again_unchanged(
    any_store: Store,
) -> None:
    open_monitor(CAREFUL, any_store, [PAY])
    vote(any_store, only(any_store), choice="reject", reason="no purpose")
    open_monitor(CAREFUL, any_store, [PAY])
    assert life(any_store).approvals.pending() == []
    other = {**CAREFUL, "agent": {**CAREFUL["agent"], "purpose": "pay small bills"}}
    open_monitor(other, any_store, [PAY])
    assert only(any_store).preview["purpose"] == "pay small bills"


def test_an_agent_that_changed_is_not_let_in_by_what_people_saw_before(any_store: Store) -> None:
    """The digest is compared as the vote takes effect."""
    open_monitor(CAREFUL, any_store, [PAY])
    seen = only(any_store)
    mighty = {**CAREFUL, "agent": {**CAREFUL["agent"], "scopes": ["pay", "delete"]}}
    open_monitor(mighty, any_store, [PAY])
    with pytest.raises(VoteRefused, match="cancelled"):
        vote(any_store, seen)
    assert only(any_store).preview["scopes"] == ["delete", "pay"]


def test_a_vote_has_no_effect_on_an_agent_that_changed_behind_the_request(
    any_store: Store,
) -> None:
    open_monitor(CAREFUL, any_store, [PAY])
    request = only(any_store)
    rules = Rules(onboarding="approve", reactivation="approve")
    changed = Profile("payer", ANN, "pay anything", "f2", rules=rules)
    life(any_store).registry.enter(changed)  # nobody was asked about this
    with pytest.raises(VoteRefused, match="changed since request"):
        vote(any_store, request)
    assert (state(any_store), only(any_store).votes) == ("draft", ())


def test_a_queue_that_cannot_carry_it_out_takes_no_deciding_vote(any_store: Store) -> None:
    open_monitor(CAREFUL, any_store, [PAY])
    request = only(any_store)
    bare = Approvals(any_store, AuditLog(any_store))
    with pytest.raises(VoteRefused, match="about an agent itself"):
        bare.vote(request.id, "approve", reviewer=BO, digest=request.digest)
    with pytest.raises(VoteRefused, match="approve or reject it"):
        bare.edit(request.id, {"owner": "eve"}, reviewer=BO, digest=request.digest)
    assert (state(any_store), only(any_store).votes) == ("draft", ())


def test_a_tool_of_that_name_reaches_no_agent(any_store: Store) -> None:
    """What a call asks for is never about an agent: no tool has that access."""
    monitor = open_monitor(POLICY, any_store, [PAY])
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    forged = Action.build(
        tool="guarded-agent agents", args={}, call_id="c", thread_id="lifecycle", agent_id="payer"
    )
    with any_store.write() as connection:
        request = monitor.approvals.submit(
            connection,
            forged,
            spec_access="write",
            impact=None,
            summary="s",
            reasons=(),
            preview={},
            label=Label(),
            policy_digest="p",
        )
    assert vote(any_store, request).state == "approved"
    assert state(any_store) == "suspended"


# -- reactivation -----------------------------------------------------------------------------


def active(store: Store) -> Monitor:
    monitor = open_monitor(CAREFUL, store, [PAY])
    vote(store, only(store))
    return monitor


def test_whoever_asks_for_an_agent_to_act_again_does_not_decide_it(any_store: Store) -> None:
    monitor = active(any_store)
    here = life(any_store)
    here.registry.suspend("payer", by=BO, reason="odd mails")
    with pytest.raises(Denied, match="only when people approve it"):
        monitor.registry.resume("payer", by=BO, reason="fine now")
    request = here.resume("payer", by=BO, reason="it was a test")
    assert isinstance(request, Request)
    assert request.summary == "Let the agent payer act again: it was a test"
    with pytest.raises(VoteRefused, match="asked for it"):
        vote(any_store, request, BO)
    with pytest.raises(Denied, match="already"):
        here.resume("payer", by=CY, reason="once more")
    vote(any_store, request, CY)
    assert state(any_store) == "active"
    assert log(any_store, "agent.resumed")[0]["approval"] == request.id


def test_a_request_is_good_for_one_suspension(any_store: Store) -> None:
    active(any_store)
    here = life(any_store)
    here.registry.suspend("payer", by=BO, reason="odd")
    old = here.resume("payer", by=BO, reason="fine")
    assert isinstance(old, Request)
    vote(any_store, old, CY)
    here.registry.suspend("payer", by=BO, reason="odd again")
    with pytest.raises(VoteRefused):
        vote(any_store, old, "di@acme.example")
    assert state(any_store) == "suspended"


def test_a_stopped_agent_cannot_loosen_the_rules_by_which_it_comes_back(any_store: Store) -> None:
    active(any_store)
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    open_monitor(POLICY, any_store, [PAY])
    assert isinstance(life(any_store).resume("payer", by=BO, reason="fine"), Request)
    assert state(any_store) == "suspended"


def test_without_the_rule_one_person_is_enough(any_store: Store) -> None:
    open_monitor(POLICY, any_store, [PAY])
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    assert not isinstance(life(any_store).resume("payer", by=BO, reason="fine"), Request)
    assert state(any_store) == "active"


# -- a stop reaches everything ----------------------------------------------------------------


def test_what_a_suspended_agent_reads_and_says_is_stopped(any_store: Store) -> None:
    monitor = open_monitor(POLICY, any_store, [PAY])
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    for stage in (Stage.INPUT, Stage.MODEL_OUTPUT, Stage.FINAL_OUTPUT, Stage.TOOL_RESULT):
        with pytest.raises(Denied, match="is suspended"):
            monitor.pass_text(stage, "text", thread_id="t1")


def test_texts_ask_the_store_again_after_a_moment(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("guarded_agent.monitor.alive.time.monotonic", lambda: now[0])
    monitor = open_monitor(POLICY, any_store, [PAY])
    monitor.require_active()
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    now[0] += 0.4
    monitor.require_active()  # so lately that nobody asks
    now[0] += 0.2
    with pytest.raises(Denied, match="is suspended"):
        monitor.require_active()
    now[0] -= 1000  # whatever happens to a clock, it buys no time
    with pytest.raises(Denied, match="is suspended"):
        monitor.require_active()


def test_what_ran_while_its_agent_was_stopped_is_recorded_and_not_given_out(
    any_store: Store,
) -> None:
    monitor = open_monitor(POLICY, any_store, [PAY])
    action = act(monitor)
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    with pytest.raises(Denied, match="what came of it is recorded, not given out"):
        monitor.end(receipt, "paid")
    with any_store.read() as connection:
        entry = Ledger(any_store).find(connection, action.digest)
    assert entry is not None
    assert (entry.state, entry.result) == ("done", "paid")
    life(any_store).resume("payer", by=BO, reason="fine")
    again = monitor.begin(action)  # the model gets what it asked for, and nothing runs twice
    assert not isinstance(again, Receipt)
    assert again.result == "paid"


def test_what_was_approved_does_not_begin_for_a_stopped_agent(any_store: Store) -> None:
    monitor = open_monitor(POLICY, any_store, [PAY])
    action = act(monitor, amount=200)
    monitor.propose(action)
    vote(any_store, only(any_store))
    life(any_store).registry.suspend("payer", by=BO, reason="odd")
    with pytest.raises(Denied, match="is suspended"):
        monitor.begin(action)


# -- the end ----------------------------------------------------------------------------------


def test_decommissioning_revokes_everything_and_writes_a_closing_record(any_store: Store) -> None:
    monitor = open_monitor(POLICY, any_store, [PAY])
    ran = act(monitor, 5, "c1")
    monitor.propose(ran)
    receipt = monitor.begin(ran)
    assert isinstance(receipt, Receipt)
    monitor.end(receipt, "paid")
    waiting, approved = act(monitor, 200, "c2"), act(monitor, 150, "c3")
    monitor.propose(waiting)
    monitor.propose(approved)
    requests = {item.digest: item for item in life(any_store).approvals.pending()}
    vote(any_store, requests[approved.digest])
    fingerprint = life(any_store).registry.get("payer").fingerprint
    head = AuditLog(any_store).tail(1)[0]

    life(any_store).decommission("payer", by=BO, reason="replaced")

    queue = life(any_store).approvals
    assert {queue.of(item.digest).state for item in (waiting, approved)} == {"cancelled"}
    [record] = log(any_store, "agent.decommissioned")
    assert (record["by"], record["reason"], record["fingerprint"]) == (BO, "replaced", fingerprint)
    assert record["calls"] == {"done": 1, "judged": 2}
    assert record["approvals"] == {"cancelled": 2}
    assert record["cancelled_requests"] == 2
    assert record["log_head"]["seq"] > head.seq
    for call in (waiting, approved):
        with pytest.raises(Denied, match="no way back"):
            monitor.begin(call)
    with pytest.raises(Denied, match="Choose another id"):
        open_monitor(POLICY, any_store, [PAY])
    with pytest.raises(Denied, match="cannot become active"):
        life(any_store).resume("payer", by=BO, reason="back")


def test_what_was_reserved_for_calls_that_have_not_begun_is_given_back(any_store: Store) -> None:
    from sqlalchemy import select

    from guarded_agent.policy.limits import Limit, reserve
    from guarded_agent.store.schema import spend

    monitor = open_monitor(POLICY, any_store, [PAY])
    running, judged = act(monitor, 5, "c1"), act(monitor, 6, "c2")
    for action in (running, judged):
        monitor.propose(action)
    monitor.begin(running)
    with any_store.write() as connection:
        reserve(connection, judged.digest, [Limit("l", "k", 6, 250)], any_store.clock())
    life(any_store).decommission("payer", by=BO, reason="replaced")
    with any_store.read() as connection:
        left = list(connection.scalars(select(spend.c.digest)))
    assert left == [running.digest]  # it may take effect
    [record] = log(any_store, "agent.decommissioned")
    assert (record["open"], record["released_reservations"]) == ({"executing": 1}, 1)

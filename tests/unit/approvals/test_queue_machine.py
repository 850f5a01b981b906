"""The queue under any order of events, against a model that is simpler than it.

The model keeps the votes that the queue accepted, and who edited. Whatever happens,
what is used must have been approved by enough people who have no part in it, in
time, and only once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from guarded_agent.core.errors import Denied, VoteRefused

DECIDE, RUN = 100.0, 40.0
ONE_NAME = {"ann", "bob", "cem"}
NAMES = st.sampled_from(
    ["ann", " ANN ", "bob", "Bob", "cem", "mail-assistant", "Mail-Assistant", "owner@acme.com"]
)
ROLES = st.sampled_from([(), ("sre",), ("finance",)])


@dataclass
class Model:
    """What must be true of one request."""

    request: Any
    quorum: int
    roles: tuple[str, ...]
    editors: set[str]
    approvers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    approved_at: float | None = None
    ended: str = ""
    uses: int = 0


class QueueMachine(RuleBasedStateMachine):
    """Opens, votes, edits, waits, uses and cancels in any order."""

    asked = Bundle("asked")

    def __init__(self, open_desk: Callable[[], Any]) -> None:
        super().__init__()
        self.desk = open_desk()
        self.models: list[Model] = []

    def teardown(self) -> None:
        self.desk.store.close()

    def _ask(self, quorum: int, roles: tuple[str, ...], editors: set[str], **rest: Any) -> Model:
        request = self.desk.ask(
            quorum=quorum, roles=roles, decide_within=DECIDE, execute_within=RUN, **rest
        )
        model = Model(request, quorum, roles, editors)
        self.models.append(model)
        return model

    @rule(target=asked, quorum=st.integers(1, 2), roles=ROLES)
    def ask(self, quorum: int, roles: tuple[str, ...]) -> Model:
        return self._ask(quorum, roles, set())

    @rule(model=asked, name=NAMES, approve=st.booleans(), roles=ROLES, right=st.integers(0, 5))
    def vote(
        self, model: Model, name: str, approve: bool, roles: tuple[str, ...], right: int
    ) -> None:
        digest = model.request.digest if right else "0" * 64
        try:
            self.desk.approvals.vote(
                model.request.id,
                "approve" if approve else "reject",
                reviewer=name,
                digest=digest,
                reason="because",
                roles=roles,
            )
        except VoteRefused:
            return
        voter = name.strip().lower()
        assert right, "a vote on another digest counted"
        assert voter in ONE_NAME - model.editors, "somebody with a part in it voted"
        assert voter not in model.approvers, "one person voted twice"
        assert self.desk.now < model.request.decide_by
        assert model.approved_at is None
        assert not model.ended
        if not approve:
            model.ended = "rejected"
            return
        model.approvers[voter] = roles
        if self.desk.approvals.get(model.request.id).state == "approved":
            model.approved_at = self.desk.now

    @rule(target=asked, model=asked, name=NAMES, amount=st.integers(1, 3))
    def edit(self, model: Model, name: str, amount: int) -> Any:
        try:
            edited = self.desk.approvals.edit(
                model.request.id, {"amount": amount}, reviewer=name, digest=model.request.digest
            )
        except VoteRefused:
            return multiple()
        editor = name.strip().lower()
        assert editor in ONE_NAME - model.editors
        assert self.desk.now < model.request.decide_by
        assert not model.ended
        model.ended = "edited"
        action = self.desk.action(self.desk.approvals.edited_args(edited))
        new = self._ask(
            model.quorum, model.roles, model.editors | {editor}, action=action, edited_by=editor
        )
        self.desk.approvals.replaced(edited.id, new.request.digest)
        return new

    @rule(model=asked)
    def use(self, model: Model) -> None:
        try:
            self.desk.use(model.request)
        except Denied:
            return
        assert not model.ended
        model.ended = "used"
        model.uses += 1
        assert model.approved_at is not None
        assert self.desk.now < model.approved_at + RUN

    @rule(model=asked)
    def cancel(self, model: Model) -> None:
        try:
            self.desk.approvals.cancel(model.request.id, "not wanted")
        except VoteRefused:
            return
        assert not model.ended
        model.ended = "cancelled"

    @rule(seconds=st.sampled_from([0.5, RUN - 0.5, RUN, DECIDE - RUN, DECIDE]))
    def wait(self, seconds: float) -> None:
        self.desk.now += seconds

    @invariant()
    def nothing_is_approved_without_enough_people(self) -> None:
        for model in self.models:
            state = self.desk.approvals.get(model.request.id).state
            if state not in ("approved", "used"):
                continue
            counted = {
                who
                for who, roles in model.approvers.items()
                if not model.roles or set(roles) & set(model.roles)
            }
            assert len(counted) >= model.quorum
            assert counted <= ONE_NAME - model.editors

    @invariant()
    def nothing_is_used_twice(self) -> None:
        assert all(model.uses <= 1 for model in self.models)


def test_no_order_of_events_uses_what_people_did_not_approve(
    open_desk: Callable[[], Any],
) -> None:
    run_state_machine_as_test(
        lambda: QueueMachine(open_desk),
        settings=settings(max_examples=40, stateful_step_count=25, deadline=None),
    )

"""What a policy says of approvals, and what the queue makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.approvals import BackOff, Rung, Terms
from guarded_agent.core import Action, ToolSpec
from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import Policy
from guarded_agent.store import Store

OWNED = {"id": "teller", "owner": "it@acme.com"}


def policy(**approvals: Any) -> dict[str, Any]:
    wire = {"access": "write", "rules": [{"effect": "approve"}]}
    return {"version": 1, "agent": OWNED, "tools": {"wire": wire}, "approvals": approvals}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"separate_owner": "yes"}, "approvals.separate_owner"),
    ({"escalate": [{"after": "50", "to": ["lead"]}]}, "after"),
    ({"escalate": [{"after": "0%", "to": ["lead"]}]}, "after"),
    ({"escalate": [{"after": "100%", "to": ["lead"]}]}, "after"),
    ({"escalate": [{"after": "50%", "to": []}]}, "to"),
    ({"escalate": [{"after": "50%"}]}, "to"),
    ({"most_pending": 0}, "most_pending"),
    ({"back_off": {"rejections": 0}}, "rejections"),
    ({"back_off": {"wait": "soon"}}, "wait"),
    ({"back_off": {"off": True}}, "say why"),
]


@pytest.mark.parametrize(("approvals", "words"), WRONG, ids=str)
def test_what_makes_no_sense_is_refused(approvals: dict[str, Any], words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        Policy.from_mapping(policy(**approvals))


def test_who_keeps_the_owner_apart_has_to_say_who_that_is() -> None:
    with pytest.raises(PolicyError, match=r"say who that is with agent\.owner"):
        Policy.from_mapping({**policy(separate_owner=True), "agent": {"id": "teller"}})


def test_the_requests_of_an_agent_come_under_the_terms_of_its_policy(memory_store: Store) -> None:
    memory_store.clock = lambda: 1_000.0
    loaded = policy(
        separate_owner=True,
        decide_within="100s",
        escalate=[{"after": "50%", "to": ["lead"]}],
        most_pending=1,
    )
    monitor = open_monitor(loaded, memory_store, [ToolSpec("wire", "write")])
    for number in range(2):
        monitor.propose(
            Action.build(
                tool="wire", args={}, call_id=f"c{number}", thread_id="t1", agent_id="teller"
            )
        )
    [request] = monitor.approvals.pending()
    assert (request.owner, request.owner_apart) == ("it@acme.com", True)
    assert [(step.at, step.roles) for step in request.ladder] == [(1_050.0, ("lead",))]


def test_left_out_the_terms_are_those_of_the_queue(memory_store: Store) -> None:
    monitor = open_monitor(policy(), memory_store, [ToolSpec("wire", "write")])
    assert monitor.approvals._terms == Terms()  # pyright: ignore[reportPrivateUsage]
    other = policy(back_off={"rejections": 2, "within": "10m", "wait": "5s"})
    terms = open_monitor(other, memory_store, [ToolSpec("wire", "write")]).approvals._terms  # pyright: ignore[reportPrivateUsage]
    assert terms.back_off == BackOff(2, 600, 5)
    assert Terms(escalate=[Rung(0.5, ("a",))]).ladder(0, 10)[0].at == 5

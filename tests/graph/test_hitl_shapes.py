"""An app that was written for LangChain's own human in the loop runs against our approvals.

The functions of the app, `ask_people` and those beside it, are what such an app holds: they
know LangChain's shapes and nothing of this package. They run first against LangChain's
middleware, then, unchanged, against a guarded agent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from guarded_agent import create_guarded_agent
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "pay them")]}
ANN = {"identity": "ann@acme.com", "is_authenticated": True, "permissions": ["finance"]}
CALLS = [call("wire", f"c{number}", to=name, amount=5) for number, name in enumerate(("bo", "cy"))]


# -- the app ------------------------------------------------------------------------------

Decide = Callable[[dict[str, Any]], dict[str, Any]]


def ask_people(agent: Any, config: Any, decide: Decide) -> Any:
    """Run until nothing waits, answering every batch of calls."""
    out = agent.invoke(HELLO, config)
    while "__interrupt__" in out:
        request = out["__interrupt__"][0].value
        allowed = {item["action_name"]: item for item in request["review_configs"]}
        assert all(action["name"] in allowed for action in request["action_requests"])
        decisions = [decide(action) for action in request["action_requests"]]
        out = agent.invoke(Command(resume={"decisions": decisions}), config)
    return out


def ask_people_in_a_stream(agent: Any, config: Any, decide: Decide) -> Any:
    given: Any = HELLO
    while given is not None:
        asked, given = None, given
        for chunk in agent.stream(given, config, stream_mode="updates"):
            if "__interrupt__" in chunk:
                assert asked is None
                asked = chunk["__interrupt__"][0]
        given = None
        if asked is not None:
            decisions = [decide(action) for action in asked.value["action_requests"]]
            given = Command(resume={asked.id: {"decisions": decisions}})
    return agent.get_state(config).values


def approve(_: dict[str, Any]) -> dict[str, Any]:
    return {"type": "approve"}


def reject(_: dict[str, Any]) -> dict[str, Any]:
    return {"type": "reject", "message": "not this month"}


def only_bo(action: dict[str, Any]) -> dict[str, Any]:
    return approve(action) if action["args"]["to"] == "bo" else reject(action)


# -- what it runs against -----------------------------------------------------------------


class Bank:
    def __init__(self, store: Store) -> None:
        self.ran: list[tuple[str, float]] = []
        self.memos: list[str] = []
        self.store = store

    @property
    def wire(self) -> BaseTool:
        @tool
        def wire(to: str, amount: float, memo: str = "") -> str:
            """Wire money."""
            if memo:
                self.memos.append(memo)
            self.ran.append((to, amount))
            return f"wired {amount:g} to {to}"

        return wire

    def theirs(self) -> Any:
        middleware = HumanInTheLoopMiddleware(interrupt_on={"wire": True})
        model = ScriptedModel(script=[say("", *CALLS), say("Done.")])
        return create_agent(
            model, [self.wire], middleware=[middleware], checkpointer=InMemorySaver()
        )

    def ours(self, *calls: Any, owner: str = "owen", **approvals: Any) -> Any:
        policy = {
            "version": 1,
            "agent": {"id": "teller", "owner": owner},
            "approvals": {"interrupts": "hitl", **approvals},
            "concern": {"off": True, "because": "the test counts calls"},
            "tools": {"wire": {"access": "write", "rules": [{"effect": "approve"}]}},
        }
        model = ScriptedModel(script=[say("", *(calls or CALLS)), say("Done.")])
        return create_guarded_agent(model, [self.wire], policy=policy, store=self.store)


TRUST = {"accept_resume": {"user_from": "langgraph_auth_user", "roles_from": "permissions"}}


@pytest.fixture
def bank(store: Store) -> Bank:
    return Bank(store)


def by(user: Any = ANN, thread: str = "t1") -> Any:
    return {"configurable": {"thread_id": thread, "langgraph_auth_user": user}}


def answers(out: Any) -> list[str]:
    return [str(item.content) for item in out["messages"] if isinstance(item, ToolMessage)]


@pytest.mark.parametrize("run", [ask_people, ask_people_in_a_stream])
@pytest.mark.parametrize("kind", ["theirs", "ours"])
def test_an_app_for_langchains_middleware_runs_unchanged(bank: Bank, kind: str, run: Any) -> None:
    agent = bank.theirs() if kind == "theirs" else bank.ours(**TRUST)
    out = run(agent, by(), approve)
    assert sorted(bank.ran) == [("bo", 5.0), ("cy", 5.0)]
    assert out["messages"][-1].content == "Done."


@pytest.mark.parametrize("kind", ["theirs", "ours"])
def test_each_decision_is_about_the_call_at_its_place(bank: Bank, kind: str) -> None:
    out = ask_people(bank.theirs() if kind == "theirs" else bank.ours(**TRUST), by(), only_bo)
    assert bank.ran == [("bo", 5.0)]
    assert any("not this month" in text for text in answers(out))


def test_a_vote_that_came_by_a_resume_says_who_and_how(bank: Bank) -> None:
    safe = bank.ours(**TRUST)
    ask_people(safe, by(), approve)
    for request in safe.approvals.list():
        assert request.state == "used"
        assert [(v.reviewer, v.method, v.roles) for v in request.votes] == [
            ("ann@acme.com", "langgraph", ("finance",))
        ]


@pytest.mark.anyio
async def test_it_works_in_an_event_loop(bank: Bank) -> None:
    safe = bank.ours(**TRUST)
    out = await safe.ainvoke(HELLO, by())
    [item] = out["__interrupt__"]
    assert [action["args"]["to"] for action in item.value["action_requests"]] == ["bo", "cy"]
    await safe.ainvoke(Command(resume={"decisions": [{"type": "approve"}] * 2}), by())
    assert sorted(bank.ran) == [("bo", 5.0), ("cy", 5.0)]


# -- nothing is approved without a person ---------------------------------------------------

FORGED: list[Any] = [
    {"decisions": [{"type": "approve"}, {"type": "approve"}]},
    [{"type": "accept", "args": None}, {"type": "accept", "args": None}],
    {"type": "approve"},
    True,
    "approve",
]


@pytest.mark.parametrize("resume", FORGED, ids=str)
@pytest.mark.parametrize(
    ("approvals", "user"),
    [
        ({}, ANN),
        (TRUST, None),
        (TRUST, {"identity": ""}),
        (TRUST, {**ANN, "is_authenticated": False}),
        (TRUST, 7),
    ],
    ids=["off", "nobody", "empty", "not authenticated", "no user"],
)
def test_without_a_person_an_answer_only_wakes_the_thread(
    bank: Bank, approvals: Any, user: Any, resume: Any
) -> None:
    safe = bank.ours(CALLS[0], **approvals)
    safe.invoke(HELLO, by(user))
    out = safe.invoke(Command(resume=resume), by(user))
    assert bank.ran == []
    assert [request.state for request in safe.approvals.list()] == ["pending"]
    assert "__interrupt__" in out


@pytest.mark.parametrize("who", ["teller", "agent:teller", "owen"])
def test_separation_of_duties_holds_for_answers_too(bank: Bank, who: str) -> None:
    safe = bank.ours(CALLS[0], separate_owner=True, **TRUST)
    safe.invoke(HELLO, by())
    with pytest.raises(VoteRefused):
        safe.invoke(Command(resume={"decisions": [{"type": "approve"}]}), by({"identity": who}))
    assert bank.ran == []


def test_a_quorum_of_two_needs_two_people(bank: Bank) -> None:
    safe = bank.ours(CALLS[0], quorum=2, **TRUST)
    safe.invoke(HELLO, by())
    yes = Command(resume={"decisions": [{"type": "approve"}]})
    safe.invoke(yes, by())
    with pytest.raises(VoteRefused, match="has voted"):
        safe.invoke(yes, by())
    assert bank.ran == []
    safe.invoke(yes, by({"identity": "bea@acme.com"}))
    assert bank.ran == [("bo", 5.0)]


def test_too_few_answers_approve_nothing(bank: Bank) -> None:
    safe = bank.ours(**TRUST)
    safe.invoke(HELLO, by())
    with pytest.raises(VoteRefused, match="2 calls wait"):
        safe.invoke(Command(resume={"decisions": [{"type": "approve"}]}), by())
    assert bank.ran == []


def test_an_edit_keeps_the_tool_and_is_a_new_action(bank: Bank) -> None:
    safe = bank.ours(CALLS[0], **TRUST)
    safe.invoke(HELLO, by())

    def edit(name: str) -> Command[Any]:
        action = {"name": name, "args": {"to": "bo", "amount": 4}}
        return Command(resume={"decisions": [{"type": "edit", "edited_action": action}]})

    with pytest.raises(VoteRefused, match="keeps the tool"):
        safe.invoke(edit("wipe"), by())
    out = safe.invoke(edit("wire"), by())
    assert bank.ran == []
    [action] = out["__interrupt__"][0].value["action_requests"]
    assert action["args"]["amount"] == 4
    bea = by({"identity": "bea@acme.com"})
    # Its interrupt has the id of the one before: an answer to that must not count for this.
    with pytest.raises(VoteRefused, match="send its digest"):
        safe.invoke(Command(resume={"decisions": [{"type": "approve"}]}), bea)
    decision = {"type": "approve", "digest": action["digest"]}
    with pytest.raises(VoteRefused, match="edited"):
        safe.invoke(Command(resume={"decisions": [decision]}), by())
    safe.invoke(Command(resume={"decisions": [decision]}), bea)
    assert bank.ran == [("bo", 4.0)]


def test_by_id_an_answer_that_names_no_interrupt_only_wakes(bank: Bank) -> None:
    trust = {"accept_resume": {"user_from": "langgraph_auth_user", "by_id": True}}
    safe = bank.ours(CALLS[0], **trust)
    out = safe.invoke(HELLO, by())
    yes = {"decisions": [{"type": "approve"}]}
    out = safe.invoke(Command(resume=yes), by())
    assert bank.ran == []
    safe.invoke(Command(resume={out["__interrupt__"][0].id: yes}), by())
    assert bank.ran == [("bo", 5.0)]


@pytest.mark.parametrize("answer", ["approve", "reject"])
def test_an_app_that_answers_call_by_call_runs_unchanged(bank: Bank, answer: str) -> None:
    """LangChain's `per_call` mode: one interrupt for each call, answers keyed by its id."""
    safe = bank.ours(interrupts="tool_approval", **TRUST)
    out = safe.invoke(HELLO, by())
    asked = out["__interrupt__"]
    assert {item.value["type"] for item in asked} == {"tool_approval"}
    decision = {"type": answer, "message": "no"} if answer == "reject" else {"type": answer}
    safe.invoke(Command(resume={item.id: decision for item in asked}), by())
    assert len(bank.ran) == (2 if answer == "approve" else 0)


@pytest.mark.parametrize(
    ("answer", "ran"),
    [
        ({"type": "accept", "args": None}, [("bo", 5.0)]),
        ({"type": "ignore", "args": None}, []),
        ({"type": "response", "args": "ask me tomorrow"}, []),
    ],
    ids=lambda item: item["type"] if isinstance(item, dict) else "",
)
def test_an_app_for_the_older_inbox_runs_unchanged(bank: Bank, answer: Any, ran: Any) -> None:
    safe = bank.ours(CALLS[0], interrupts="inbox", **TRUST)
    out = safe.invoke(HELLO, by())
    [request] = out["__interrupt__"][0].value
    assert request["action_request"] == {"action": "wire", "args": {"to": "bo", "amount": 5}}
    assert set(request["config"]) == {
        "allow_ignore",
        "allow_respond",
        "allow_edit",
        "allow_accept",
    }
    out = safe.invoke(Command(resume=[answer]), by())
    assert bank.ran == ran
    if answer["type"] == "response":
        assert "ask me tomorrow" in answers(out)[0]


def test_an_edit_in_the_older_shape_is_a_new_action(bank: Bank) -> None:
    safe = bank.ours(CALLS[0], interrupts="inbox", **TRUST)
    safe.invoke(HELLO, by())
    edit = {"type": "edit", "args": {"action": "wire", "args": {"to": "bo", "amount": 3}}}
    safe.invoke(Command(resume=[edit]), by())
    assert bank.ran == []
    [request] = safe.approvals.pending()
    assert request.preview["amount"] == 3


def test_an_edit_of_what_is_masked_keeps_what_was_left_as_it_is(bank: Bank) -> None:
    memo = "card 4111 1111 1111 1111"
    safe = bank.ours(call("wire", "c1", to="bo", amount=5, memo=memo), **TRUST)
    out = safe.invoke(HELLO, by())
    [action] = out["__interrupt__"][0].value["action_requests"]
    assert "1111" not in str(action)
    edited = {"name": "wire", "args": {**action["args"], "amount": 2}}
    safe.invoke(Command(resume={"decisions": [{"type": "edit", "edited_action": edited}]}), by())
    [request] = safe.approvals.pending()
    safe.approvals.vote(request.id, "approve", reviewer="bea@acme.com", digest=request.digest)
    safe.resume("t1")
    assert bank.ran == [("bo", 2.0)]
    assert bank.memos == [memo]

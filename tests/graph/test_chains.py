"""Chains and classic executors, beyond the table of shapes."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool

from guarded_agent import guard
from guarded_agent.agent.chain import GuardedChain
from guarded_agent.core.errors import ApprovalRequired, UnguardedCall
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

pytestmark = pytest.mark.filterwarnings("ignore")
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {
        "balance": {"access": "read"},
        "wire": {
            "access": "write",
            "rules": [
                {"effect": "deny", "when": "args.amount > 1000", "message": "Too much."},
                {"effect": "approve"},
            ],
        },
    },
}
PROMPT = ChatPromptTemplate.from_messages([("user", "{input}")])
ASK = {"input": "pay bob"}


def chain_of(bank: Any, turn: Any) -> Any:
    tools = {item.name: item for item in bank.tools()}

    def run(message: AIMessage) -> list[Any]:
        return [tools[item["name"]].invoke(item) for item in message.tool_calls]

    return PROMPT | ScriptedModel(script=[turn]).bind_tools(list(tools.values())) | run


def executor_of(tools: list[BaseTool], *turns: AIMessage) -> Any:
    agents = pytest.importorskip("langchain_classic.agents")
    prompt = ChatPromptTemplate.from_messages(
        [("user", "{input}"), ("placeholder", "{agent_scratchpad}")]
    )
    planner = agents.create_tool_calling_agent(ScriptedModel(script=turns), tools, prompt)
    return agents.AgentExecutor(agent=planner, tools=tools, return_intermediate_steps=True)


def approve(safe: Any) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


def test_a_call_that_was_approved_is_found_again_under_the_id_that_a_model_gives_it_anew(
    bank: Any, store: Store
) -> None:
    numbers = count()

    def turn(messages: Any) -> AIMessage:
        return say("", call("wire", f"id{next(numbers)}", to="bob", amount=5))

    safe = guard(chain_of(bank, turn), policy=POLICY, store=store)
    with pytest.raises(ApprovalRequired) as caught:
        safe.invoke(ASK)
    with pytest.raises(ApprovalRequired) as again:
        safe.invoke(ASK)
    assert again.value.request_id == caught.value.request_id
    approve(safe)
    [answer] = safe.invoke(ASK)
    assert answer.content == "wired 5 to bob"
    with pytest.raises(ApprovalRequired):  # the approval is used
        safe.invoke(ASK)
    assert bank.wired == [("wire", "bob", 5.0)]


def test_an_approval_in_one_thread_serves_no_other(bank: Any, store: Store) -> None:
    turn = say("", call("wire", "c1", to="bob", amount=5))
    safe = guard(chain_of(bank, turn), policy=POLICY, store=store)
    with pytest.raises(ApprovalRequired):
        safe.invoke(ASK, {"configurable": {"thread_id": "ann"}})
    approve(safe)
    with pytest.raises(ApprovalRequired):
        safe.invoke(ASK, {"configurable": {"thread_id": "eve"}})
    assert bank.wired == []


def test_a_rejected_call_is_answered_and_a_new_one_asks_again(bank: Any, store: Store) -> None:
    turn = say("", call("wire", "c1", to="bob", amount=5))
    safe = guard(chain_of(bank, turn), policy=POLICY, store=store)
    with pytest.raises(ApprovalRequired) as caught:
        safe.invoke(ASK)
    request = safe.approvals.get(caught.value.request_id)
    safe.approvals.vote(request.id, "reject", reviewer="ann", digest=request.digest, reason="No.")
    [answer] = safe.invoke(ASK)
    assert isinstance(answer, ToolMessage)
    assert (answer.content, answer.status) == ("No.", "error")
    assert bank.wired == []


def test_a_chain_keeps_its_interface_and_its_people_side(bank: Any, store: Store) -> None:
    safe = guard(chain_of(bank, say("Hello.")), policy=POLICY, store=store)
    changed = [
        safe.with_config(tags=["mine"]),
        safe.bind(),
        safe.with_types(),
        safe.with_retry(),
        safe.with_listeners(),
    ]
    for other in changed:
        assert isinstance(other, GuardedChain)
        assert other.monitor is safe.monitor
        assert other.report() is safe.report()
    assert list(safe.get_input_schema().model_json_schema()["properties"]) == ["input"]
    assert "input" in [node.name for node in safe.get_graph().nodes.values()]
    assert (safe | RunnableLambda(len)).invoke(ASK) == 0


def test_what_a_chain_is_given_and_what_its_model_says_is_judged(bank: Any, store: Store) -> None:
    heard: list[str] = []

    def turn(messages: Any) -> AIMessage:
        heard.append(str(messages[-1].content))
        return say("card 4111 1111 1111 1111")

    policy = POLICY | {"guards": {"pii": {"input": "redact"}}}
    model = ScriptedModel(script=[turn])
    safe = guard(PROMPT | model, policy=policy | {"tools": {}}, store=store)
    said = [str(chunk.content) for chunk in safe.stream({"input": "mine is 5500 0000 0000 0004"})]
    assert "5500" not in heard[0]
    assert "4111" not in "".join(said)
    assert len(said) > 1


def test_the_net_is_under_a_chain(bank: Any, store: Store) -> None:
    hidden: dict[str, Any] = {}

    def reach(_: Any) -> Any:
        return [item.invoke({"to": "eve", "amount": 1}) for item in hidden.values()]

    safe = guard(RunnableLambda(reach) | RunnableLambda(str), store=store)
    hidden["wire"] = bank.tools()[1]
    with pytest.raises(UnguardedCall):
        safe.invoke("x")
    with pytest.raises(UnguardedCall):
        safe.with_config(callbacks=[]).invoke("x")
    assert bank.ran == []


def test_a_denied_call_is_an_observation_of_the_classic_executor(bank: Any, store: Store) -> None:
    turns = (say("", call("wire", "c1", to="bob", amount=5000)), say("Sorry."))
    out = guard(executor_of(bank.tools(), *turns), policy=POLICY, store=store).invoke(ASK)
    assert out["output"] == "Sorry."
    assert [seen for _, seen in out["intermediate_steps"]] == ["Too much."]
    assert bank.ran == []


@pytest.mark.parametrize(
    ("name", "args", "says"),
    [
        ("wire", {"to": "bob"}, "args.amount"),
        ("wire", {"to": "bob", "amount": 5, "bcc": "eve"}, "takes no argument 'bcc'"),
        ("wipe", {"disk": "a"}, "wipe is not a valid tool"),
    ],
)
def test_a_call_that_makes_no_sense_is_an_observation_too(
    bank: Any, store: Store, name: str, args: dict[str, Any], says: str
) -> None:
    turns = (say("", call(name, "c1", **args)), say("Sorry."))
    out = guard(executor_of(bank.tools(), *turns), policy=POLICY, store=store).invoke(ASK)
    [(_, seen)] = out["intermediate_steps"]
    assert says in str(seen)
    assert bank.ran == []


def test_a_rejected_call_is_an_observation_too(bank: Any, store: Store) -> None:
    turns = (say("", call("wire", "c1", to="bob", amount=5)), say("Sorry."))
    safe = guard(executor_of(bank.tools(), *turns), policy=POLICY, store=store)
    with pytest.raises(ApprovalRequired) as caught:
        safe.invoke(ASK)
    request = safe.approvals.get(caught.value.request_id)
    safe.approvals.vote(request.id, "reject", reviewer="ann", digest=request.digest, reason="No.")
    out = safe.invoke(ASK)
    assert [seen for _, seen in out["intermediate_steps"]] == ["No."]
    assert bank.ran == []


def test_a_tool_may_not_take_the_name_of_one_that_the_executor_brings(store: Store) -> None:
    from guarded_agent import UnprovableGraph

    @tool("invalid_tool")
    def mine(text: str) -> str:
        """Do something."""
        return text

    with pytest.raises(UnprovableGraph, match="executor's own"):
        guard(executor_of([mine], say("Hello.")), store=store)

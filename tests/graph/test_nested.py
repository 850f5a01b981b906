"""Agents inside agents, and tools that a node runs by hand, beyond the table of shapes."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from guarded_agent import UnprovableGraph, guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "hello")]}
TOOLS: dict[str, Any] = {
    "balance": {"access": "read"},
    "wire": {
        "access": "write",
        "rules": [
            {"effect": "deny", "when": "args.amount > 1000", "message": "Too much."},
            {"effect": "approve"},
        ],
    },
}
POLICY: dict[str, Any] = {"version": 1, "tools": TOOLS}
ASKING = {"version": 1, "tools": TOOLS | {"ask": {"access": "read"}}}
INNER = [
    say("", call("balance", "i1", name="ann"), call("wire", "i2", to="bob", amount=5)),
    say("Paid."),
]


def approve(safe: GuardedGraph) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


def of_one_node(node: Any, name: str = "work") -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node(name, node)
    builder.add_edge(START, name)
    builder.add_edge(name, END)
    return builder


def agent_as_tool(bank: Any) -> BaseTool:
    inner = bank.agent("create_agent", INNER)

    @tool
    def ask(question: str) -> str:
        """Ask a colleague."""
        return str(inner.invoke({"messages": [("user", question)]})["messages"][-1].content)

    return ask


def by_hand(bank: Any, turns: list[AIMessage] | None = None) -> Any:
    tools = {item.name: item for item in bank.tools()}
    model = ScriptedModel(script=turns or INNER)

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    def run(state: MessagesState) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls
        return {"messages": [tools[item["name"]].invoke(item) for item in calls]}

    def route(state: MessagesState) -> str:
        return "run" if state["messages"][-1].tool_calls else END

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("run", run)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", route, ["run", END])
    builder.add_edge("run", "agent")
    return builder.compile()


pytestmark = pytest.mark.filterwarnings("ignore")


def test_an_approved_inner_call_runs_and_its_answer_goes_up(bank: Any, store: Store) -> None:
    from langchain.agents import create_agent

    turns = [say("", call("ask", "o1", question="pay bob")), say("Done.")]
    agent = create_agent(ScriptedModel(script=turns), [agent_as_tool(bank)])
    safe = guard(agent, policy=ASKING, store=store)
    out = safe.invoke(HELLO)
    assert [request.tool for request in out.waiting] == ["wire"]
    approve(safe)
    out = safe.resume(out.thread_id)
    answers = [item.content for item in out["messages"] if isinstance(item, ToolMessage)]
    assert answers == ["Paid."]
    assert bank.wired == [("wire", "bob", 5.0)]


def test_a_rejected_inner_call_does_not_run(bank: Any, store: Store) -> None:
    safe = guard(of_one_node(bank.agent("react_v2", INNER), "worker"), policy=POLICY, store=store)
    out = safe.invoke(HELLO)
    [request] = out.waiting
    safe.approvals.vote(request.id, "reject", reviewer="ann", digest=request.digest, reason="No.")
    safe.resume(out.thread_id)
    assert bank.wired == []


def test_an_agent_inside_a_tool_of_a_list_is_guarded_too(bank: Any, store: Store) -> None:
    from guarded_agent.core.errors import ApprovalRequired

    [safe] = guard([agent_as_tool(bank)], policy=ASKING, store=store)
    with pytest.raises(ApprovalRequired, match="wire"):
        safe.invoke({"question": "pay bob"})
    assert bank.wired == []


def test_a_card_number_that_a_nested_agent_says_is_in_no_stream(bank: Any, store: Store) -> None:
    inner = bank.agent("react_v2", [say("The card is 4111 1111 1111 1111, thanks.")])
    safe = guard(of_one_node(inner, "worker"), policy=POLICY, store=store)
    modes: Any = ["values", "updates", "messages", "debug"]
    chunks = list(safe.stream(HELLO, stream_mode=modes, subgraphs=True))
    assert "1111 1111" not in str(chunks)


def test_a_tool_that_keeps_an_agent_in_a_field_is_refused(bank: Any, store: Store) -> None:
    class Ask(BaseTool):
        name: str = "ask"
        description: str = "Ask a colleague."
        agent: Any = None

        def _run(self, question: str) -> str:
            return str(self.agent.invoke({"messages": [("user", question)]}))

    inner = bank.agent("react_v2", INNER)
    with pytest.raises(UnprovableGraph, match="in its fields"):
        guard(of_one_node(ToolNode([Ask(agent=inner)]), "tools"), store=store)


def test_denied_calls_by_hand_are_answered(bank: Any, store: Store) -> None:
    turns = [say("", call("wire", "c1", to="bob", amount=5000)), say("Sorry.")]
    safe = guard(by_hand(bank, turns), policy=POLICY, store=store)
    out = safe.invoke(HELLO)
    answers = [item.content for item in out["messages"] if isinstance(item, ToolMessage)]
    assert answers == ["Too much."]
    assert isinstance(out["messages"][-1], AIMessage)

"""Agents inside agents, and tools that a node runs by hand: real verdicts, real approvals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO = {"messages": [("user", "hello")]}
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
    "unlisted": {"read": "allow", "write": "approve", "send": "approve"},
}
ASKS = {"agent_as_tool": "ask", "deep_agent": "task", "supervisor": "transfer_to_*"}
"""The tool by which each shape's outer agent turns to the inner one."""

INNER = [
    say("", call("balance", "i1", name="ann"), call("wire", "i2", to="bob", amount=5)),
    say("Paid."),
]


def policy_of(shape: str) -> dict[str, Any]:
    asks = {ASKS[shape]: {"access": "read"}} if shape in ASKS else {}
    return POLICY | {"tools": POLICY["tools"] | asks}


def approve(safe: GuardedGraph) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


def of_one_node(node: Any, name: str = "work") -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node(name, node)
    builder.add_edge(START, name)
    builder.add_edge(name, END)
    return builder


def subgraph(bank: Any) -> Any:
    return of_one_node(bank.agent("hand_written", INNER), "worker").compile()


def closure(bank: Any) -> Any:
    inner = bank.agent("react_v2", INNER)

    def work(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": inner.invoke({"messages": state["messages"]}, config)["messages"][1:]}

    return of_one_node(work).compile()


def agent_as_tool(bank: Any) -> Any:
    inner = bank.agent("create_agent", INNER)

    @tool
    def ask(question: str) -> str:
        """Ask a colleague."""
        return str(inner.invoke({"messages": [("user", question)]})["messages"][-1].content)

    model = ScriptedModel(script=[say("", call("ask", "o1", question="pay bob")), say("Done.")])
    from langchain.agents import create_agent

    return create_agent(model, [ask])


def deep_agent(bank: Any) -> Any:
    deepagents = pytest.importorskip("deepagents")
    order = call("task", "o1", description="pay bob", subagent_type="payer")
    payer = {
        "name": "payer",
        "description": "pays",
        "system_prompt": "Pay.",
        "tools": bank.tools(),
        "model": ScriptedModel(script=INNER),
    }
    model = ScriptedModel(script=[say("", order), say("Done.")])
    return deepagents.create_deep_agent(model=model, tools=[], subagents=[payer])


def supervisor(bank: Any) -> Any:
    pytest.importorskip("langgraph_supervisor")
    from langgraph_supervisor import create_supervisor

    # Each model's turn is the number of AI messages that it sees, those of others included.
    done = say("Done.")
    clerk = bank.agent("react_v2", [done, *INNER], name="clerk")
    handoff = say("", call("transfer_to_clerk", "h1"))
    boss = ScriptedModel(script=[handoff, *[done] * 4])
    return create_supervisor([clerk], model=boss).compile()


def swarm(bank: Any) -> Any:
    pytest.importorskip("langgraph_swarm")
    from langgraph_swarm import create_swarm

    return create_swarm(
        [bank.agent("react_v2", INNER, name="one"), bank.agent("react_v2", INNER, name="two")],
        default_active_agent="one",
    ).compile()


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


SHAPES: dict[str, Callable[[Any], Any]] = {
    made.__name__: made
    for made in (subgraph, closure, agent_as_tool, deep_agent, supervisor, swarm, by_hand)
}
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=SHAPES)
def safe(request: pytest.FixtureRequest, bank: Any, store: Store) -> GuardedGraph:
    shape = request.param
    return guard(SHAPES[shape](bank), policy=policy_of(shape), store=store)


def test_a_nested_call_waits_for_people_and_runs_once(safe: GuardedGraph, bank: Any) -> None:
    out = safe.invoke(HELLO)
    assert bank.wired == []
    assert [request.tool for request in out.waiting] == ["wire"]
    again = safe.resume(out.thread_id)
    assert bank.wired == []
    assert len(again.waiting) == 1
    approve(safe)
    out = safe.resume(out.thread_id)
    assert bank.wired == [("wire", "bob", 5.0)]
    assert out["messages"][-1].content in ("Paid.", "Done.")
    safe.resume(out.thread_id)
    assert len(bank.wired) == 1


async def test_nested_calls_wait_in_an_event_loop_too(safe: GuardedGraph, bank: Any) -> None:
    out = await safe.ainvoke(HELLO)
    assert bank.wired == []
    assert len(out.waiting) == 1
    approve(safe)
    await safe.aresume(out.thread_id)
    assert bank.wired == [("wire", "bob", 5.0)]


def test_a_rejected_nested_call_does_not_run(safe: GuardedGraph, bank: Any) -> None:
    out = safe.invoke(HELLO)
    [request] = out.waiting
    safe.approvals.vote(request.id, "reject", reviewer="ann", digest=request.digest, reason="No.")
    safe.resume(out.thread_id)
    assert bank.wired == []


def test_a_card_number_that_a_nested_agent_says_is_in_no_stream(bank: Any, store: Store) -> None:
    inner = bank.agent("react_v2", [say("The card is 4111 1111 1111 1111, thanks.")])
    safe = guard(of_one_node(inner, "worker"), policy=POLICY, store=store)
    modes: Any = ["values", "updates", "messages", "debug"]
    chunks = list(safe.stream(HELLO, stream_mode=modes, subgraphs=True))
    assert "1111 1111" not in str(chunks)


def test_a_tool_that_keeps_an_agent_in_a_field_is_refused(bank: Any, store: Store) -> None:
    from guarded_agent import UnprovableGraph

    class Ask(BaseTool):
        name: str = "ask"
        description: str = "Ask a colleague."
        agent: Any = None

        def _run(self, question: str) -> str:
            return str(self.agent.invoke({"messages": [("user", question)]}))

    inner = bank.agent("react_v2", INNER)
    from langgraph.prebuilt import ToolNode

    with pytest.raises(UnprovableGraph, match="in its fields"):
        guard(of_one_node(ToolNode([Ask(agent=inner)]), "tools"), store=store)


def test_denied_calls_by_hand_are_answered(bank: Any, store: Store) -> None:
    turns = [say("", call("wire", "c1", to="bob", amount=5000)), say("Sorry.")]
    safe = guard(by_hand(bank, turns), policy=POLICY, store=store)
    out = safe.invoke(HELLO)
    answers = [item.content for item in out["messages"] if isinstance(item, ToolMessage)]
    assert answers == ["Too much."]
    assert isinstance(out["messages"][-1], AIMessage)

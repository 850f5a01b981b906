"""A small bank for the graph tests: two tools, one policy, agents of every shape."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

POLICY: dict[str, Any] = {
    "version": 1,
    "agent": {"id": "teller"},
    "tools": {
        "balance": {"access": "read"},
        "wire": {
            "access": "write",
            "impact": "money",
            "rules": [
                {"effect": "deny", "when": "args.amount > 1000", "message": "Too much."},
                {"effect": "approve", "when": "args.amount > 10", "because": "money leaves"},
                {"effect": "allow"},
            ],
        },
    },
}

SHAPES = ("hand_written", "create_agent", "react_v1", "react_v2")


@dataclass
class Bank:
    """What ran, the tools that ran it, and agents over them."""

    ran: list[tuple[Any, ...]] = field(default_factory=list)

    def tools(self) -> list[BaseTool]:
        @tool
        def balance(name: str) -> str:
            """Look up a balance."""
            self.ran.append(("balance", name))
            return f"{name} has 100"

        @tool
        def wire(to: str, amount: float) -> str:
            """Wire money."""
            self.ran.append(("wire", to, amount))
            return f"wired {amount:g} to {to}"

        return [balance, wire]

    @property
    def wired(self) -> list[tuple[Any, ...]]:
        return [item for item in self.ran if item[0] == "wire"]

    def agent(self, shape: str, script: list[AIMessage], **options: Any) -> Any:
        model, tools = ScriptedModel(script=script), self.tools()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # create_react_agent is deprecated, and still used
            if shape == "create_agent":
                from langchain.agents import create_agent

                return create_agent(model, tools, **options)
            if shape.startswith("react"):
                from langgraph.prebuilt import create_react_agent

                return create_react_agent(model, tools, version=shape[-2:], **options)
        bound = model.bind_tools(tools)

        def agent(state: MessagesState) -> dict[str, Any]:
            return {"messages": [bound.invoke(state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node("agent", agent)
        builder.add_node("tools", ToolNode(tools))
        builder.add_edge(START, "agent")
        builder.add_conditional_edges("agent", tools_condition, ["tools", END])
        builder.add_edge("tools", "agent")
        return builder.compile(**options)


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture(params=SHAPES)
def shape(request: pytest.FixtureRequest) -> str:
    return request.param


Make = Callable[..., GuardedGraph]


@pytest.fixture
def make(bank: Bank, store: Store) -> Make:
    """Make a guarded agent that plays the given turns."""

    def build(*turns: AIMessage, shape: str = "hand_written", **options: Any) -> GuardedGraph:
        policy = options.pop("policy", POLICY)
        agent = bank.agent(shape, list(turns), **options)
        return guard(agent, policy=policy, store=store)

    return build


@pytest.fixture
def wire_500(make: Make) -> GuardedGraph:
    """An agent that wires 500, which a person must approve."""
    return make(say("", call("wire", "c1", to="bob", amount=500)), say("Done."))

"""A small agent to attack: any tools, any turns of the model, real LangGraph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent.testing import Recorder, ScriptedModel


@pytest.fixture
def recorder() -> Recorder:
    """What really ran."""
    return Recorder()


@pytest.fixture
def agent_of() -> Callable[..., Any]:
    """Compile an agent with these tools, whose model plays these turns."""

    def build(tools: list[BaseTool], *turns: Any, checkpointer: Any = None, **options: Any) -> Any:
        model = ScriptedModel(script=turns).bind_tools(tools)

        def agent(state: MessagesState) -> dict[str, list[AIMessage]]:
            return {"messages": [model.invoke(state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node("agent", agent)
        builder.add_node("tools", ToolNode(tools, **options))
        builder.add_edge(START, "agent")
        builder.add_conditional_edges("agent", tools_condition, ["tools", END])
        builder.add_edge("tools", "agent")
        return builder.compile(checkpointer=checkpointer)

    return build

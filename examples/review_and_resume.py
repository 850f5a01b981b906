"""Decide as a reviewer, in another process than the agent, and let the agent go on.

Run it: python examples/review_and_resume.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog, verify
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

POLICY = {
    "version": 1,
    "agent": {"id": "ops-agent", "owner": "sre@acme.example"},
    "tools": {
        "delete_server": {
            "access": "write",
            "impact": "destructive",
            "rules": [{"effect": "approve", "because": "a server cannot be brought back"}],
            "approval": {"quorum": 2},
        }
    },
}


@tool
def delete_server(name: str) -> str:
    """Delete a server."""
    print(f"   >> {name} is deleted")
    return "deleted"


def agent() -> Any:
    """An agent that wants to delete a server. A script plays its model."""
    model = ScriptedModel(
        script=[say("", call("delete_server", "c1", name="db-3")), say("db-3 is gone.")]
    ).bind_tools([delete_server])

    def think(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("agent", think)
    graph.add_node("tools", ToolNode([delete_server]))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile()


def run_agent(url: str) -> None:
    """The agent's process: it stops where people must decide."""
    with Store.open(url) as store:
        safe = guard(agent(), policy=POLICY, store=store)
        config = {"configurable": {"thread_id": "cleanup"}}
        result = safe.invoke({"messages": [("user", "Clean up.")]}, config)
        print(f"1. Agent: {result.next_step}")


def review(url: str) -> None:
    """The reviewers' process: they see the request and vote on exactly what they saw."""
    with Store.open(url) as store:
        queue = Approvals(store, AuditLog(store))
        (request,) = queue.pending()
        print(f"2. Reviewers see: {request.summary} Needs {request.quorum} approvals.")
        queue.vote(request.id, "approve", reviewer="ann@acme.example", digest=request.digest)
        try:
            queue.vote(request.id, "approve", reviewer="ann@acme.example", digest=request.digest)
        except VoteRefused as refused:
            print(f"   The same person again: {refused}")
        queue.vote(request.id, "approve", reviewer="bo@acme.example", digest=request.digest)


def resume_agent(url: str) -> None:
    """A process of the agent again: what was approved runs, once."""
    with Store.open(url) as store:
        safe = guard(agent(), policy=POLICY, store=store)
        print("3. The agent goes on:")
        result = safe.resume("cleanup")
        print(f"   {result['messages'][-1].content}")
        print(f"4. The audit log verifies: {verify(store).count} events.")


def main() -> None:
    """Run the three one after the other, over one SQLite file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'guarded_agent.db').as_posix()}"
        run_agent(url)
        review(url)
        resume_agent(url)


if __name__ == "__main__":
    main()

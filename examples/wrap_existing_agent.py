"""Wrap an agent that exists: one line, and nothing else of it changes.

Run it: python examples/wrap_existing_agent.py
"""

from __future__ import annotations

from typing import Any

from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.testing import ScriptedModel, call, say

POLICY = {
    "version": 1,
    "agent": {"id": "support-agent", "owner": "support@acme.example"},
    "organisation": {"domains": ["acme.example"]},
    "tools": {
        "search_tickets": {"access": "read", "label": {"confidentiality": "internal"}},
        "send_email": {
            "access": "send",
            "rules": [
                {"effect": "allow", "when": 'email_domain(args.to) == "acme.example"'},
                {
                    "effect": "approve",
                    "when": 'email_domain(args.to) != "acme.example"',
                    "because": "mail that leaves the company",
                },
            ],
        },
    },
}


@tool
def search_tickets(query: str) -> str:
    """Search the support tickets."""
    return f"Ticket 7 about {query}: the customer waits for an answer."


@tool
def send_email(to: str, body: str) -> str:
    """Send an email."""
    print(f"   >> mail goes out: {body}")
    return f"sent to {to}"


def existing_agent() -> Any:
    """Your agent, as it is today. A script plays the model, so that this runs without a key."""
    tools = [search_tickets, send_email]
    model = ScriptedModel(
        script=[
            say("", call("search_tickets", "c1", query="the delivery")),
            say("", call("send_email", "c2", to="team@acme.example", body="Who takes ticket 7?")),
            say("", call("send_email", "c3", to="jo@customer.example", body="It is on its way.")),
            say("The customer has an answer."),
        ]
    ).bind_tools(tools)

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("agent", agent)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return graph.compile()


def main() -> None:
    """Run the guarded agent: one mail goes out, the other waits for a person."""
    safe = guard(existing_agent(), policy=POLICY, store="sqlite://")
    print(safe.report())

    print("\n1. The agent runs. Mail inside the company is allowed:")
    task = "Answer ticket 7, and ask team@acme.example who takes it."
    result = safe.invoke({"messages": [("user", task)]})

    for request in result.waiting:
        print(f"\n2. Now it waits: {request.summary}")
        print(f"   because: {request.reasons[0].message}")
        safe.approvals.vote(
            request.id, "approve", reviewer="ann@acme.example", digest=request.digest
        )

    print("\n3. Approved. The agent goes on:")
    result = safe.resume(result.thread_id)
    print(f"   {result['messages'][-1].content}")


if __name__ == "__main__":
    main()

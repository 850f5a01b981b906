"""Make a new agent that is guarded from its first line.

Needs the extra `langchain`. Run it: python examples/new_agent.py
"""

from __future__ import annotations

from langchain_core.tools import tool

from guarded_agent import create_guarded_agent
from guarded_agent.testing import ScriptedModel, call, say

POLICY = {
    "version": 1,
    "agent": {"id": "billing-agent", "owner": "billing@acme.example"},
    "tools": {
        # Our own ledger, into which nobody else writes: what stands there may decide.
        "open_invoices": {"access": "read", "label": {"trusted": True}},
        "pay_invoice": {
            "access": "write",
            "impact": "money",
            "rules": [
                {"effect": "deny", "when": "args.amount > 1000", "message": "Too much for you."},
                {"effect": "allow"},
            ],
        },
    },
}


@tool
def open_invoices() -> str:
    """List the open invoices."""
    return "invoice 1: 80; invoice 2: 5000"


@tool
def pay_invoice(number: int, amount: int) -> str:
    """Pay an invoice."""
    print(f">> paid {amount} for invoice {number}")
    return "paid"


def main() -> None:
    """Let the agent try two payments; the policy stops the second."""
    # A script plays the model, so that this runs without a key. Yours may be a name
    # that LangChain knows.
    model = ScriptedModel(
        script=[
            say("", call("open_invoices", "c1")),
            say(
                "",
                call("pay_invoice", "c2", number=1, amount=80),
                call("pay_invoice", "c3", number=2, amount=5000),
            ),
            say("Invoice 1 is paid. Invoice 2 is beyond what I may pay."),
        ]
    )
    agent = create_guarded_agent(
        model, [open_invoices, pay_invoice], policy=POLICY, store="sqlite://"
    )

    result = agent.invoke({"messages": [("user", "Pay what is open.")]})

    for message in result["messages"]:
        if message.type == "tool":
            print(f"{message.name}: {message.content}")
    print(result["messages"][-1].content)


if __name__ == "__main__":
    main()

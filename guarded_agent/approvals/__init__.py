"""Approvals: a person decides on one exact action, and the approval is used once.

The queue's row is the only authority. This room leaves to others what is asked
(the monitor), how a call ends (the ledger), and who a reviewer is (the caller).
"""

from __future__ import annotations

from guarded_agent.approvals.duties import person
from guarded_agent.approvals.payloads import interrupt_payload
from guarded_agent.approvals.queue import Approvals
from guarded_agent.approvals.request import Choice, Request, Vote
from guarded_agent.approvals.states import MOVES, State, move
from guarded_agent.approvals.summary import summarise

__all__ = [
    "MOVES",
    "Approvals",
    "Choice",
    "Request",
    "State",
    "Vote",
    "interrupt_payload",
    "move",
    "person",
    "summarise",
]

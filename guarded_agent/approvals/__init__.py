"""Approvals: a person decides on one exact action, and the approval is used once.

The queue's row is the only authority. This room leaves to others what is asked
(the monitor), how a call ends (the ledger), and who a reviewer is (the caller).
"""

from __future__ import annotations

from guarded_agent.approvals.duties import person
from guarded_agent.approvals.following import Changed
from guarded_agent.approvals.lending import Delegation
from guarded_agent.approvals.paging import Page
from guarded_agent.approvals.payloads import interrupt_payload
from guarded_agent.approvals.queue import Approvals
from guarded_agent.approvals.request import Choice, Request, Vote
from guarded_agent.approvals.states import MOVES, State, move
from guarded_agent.approvals.summary import consequence, given, summarise
from guarded_agent.approvals.terms import BackOff, Rung, Step, Target, Terms
from guarded_agent.approvals.turns import Turn

__all__ = [
    "MOVES",
    "Approvals",
    "BackOff",
    "Changed",
    "Choice",
    "Delegation",
    "Page",
    "Request",
    "Rung",
    "State",
    "Step",
    "Target",
    "Terms",
    "Turn",
    "Vote",
    "consequence",
    "given",
    "interrupt_payload",
    "move",
    "person",
    "summarise",
]

"""From what people decided about a concern to what the agent is told."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from guarded_agent.approvals import Request
from guarded_agent.monitor import Monitor, Receipt
from guarded_agent.tools.concern import Answer, answering


def answered(monitor: Monitor, receipt: Receipt) -> AbstractContextManager[None]:
    """Return what a tool's body runs in: where it raises a concern, it is handed the answer.

    It reads the store, and so must not be called where nothing may wait.
    """
    if not receipt.spec.concern:
        return nullcontext()
    return answering(answer_to(monitor.approvals.of(receipt.action.digest)))


def answer_to(request: Request) -> Answer:
    """Return the answer to a concern that nobody decides on any more.

    What people said counts, also where their approval was not used in time.
    """
    words = tuple(vote.reason for vote in request.votes if vote.reason)
    if request.state == "rejected":
        return Answer("declined", words)
    if request.approvers:
        return Answer("noted", words)
    if request.state == "cancelled":
        return Answer("closed", (request.message,))
    return Answer("unanswered")

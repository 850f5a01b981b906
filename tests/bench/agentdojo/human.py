"""People who answer what an agent's guard asks them: one who knows what the user wants, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from world import Call

from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.approvals import Request

Kind = Literal["perfect", "none"]


class Human:
    """Answers every request that waits.

    The perfect one approves exactly the calls that solve the user's task, each as often as it
    is in the solution, and rejects all others. What an approval was about is endorsed with it for
    the rest of the thread. Where there is nobody, what waits is rejected.

    Args:
        kind: Which of the two.
        wanted: The calls that solve the user's task.
    """

    def __init__(self, kind: Kind, wanted: Sequence[Call]) -> None:
        self._wanted = [] if kind == "none" else [(one.tool, _given(one.args)) for one in wanted]
        self.asked = 0

    def answer(self, safe: GuardedGraph, request: Request) -> bool:
        """Vote on `request`, and return True if it was approved."""
        self.asked += 1
        args = safe.approvals.arguments(request.id, reviewer="ann")
        key = (request.tool, _given(args))
        approves = key in self._wanted
        if approves:
            self._wanted.remove(key)
        safe.approvals.vote(
            request.id,
            "approve" if approves else "reject",
            reviewer="ann",
            digest=request.digest,
            reason="" if approves else "This is not what the user asked for.",
            roles=request.roles,
            endorse="thread" if approves else None,
        )
        return approves


def _given(args: dict[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing: an argument that is not given is null in some scripts."""
    return {name: value for name, value in args.items() if value is not None}

"""Tickets that were used: each once, however many copies of it there are.

A ticket that is over is forgotten, and from then on nothing counts that ended before:
a clock that is set back brings no used ticket to life again.
"""

from __future__ import annotations

import heapq
import math
import threading

from guarded_agent.core.errors import Denied
from guarded_agent.identity.tickets import Ticket


class Spent:
    """Remembers the tickets that one monitor let in. Safe for threads.

    Example:
        >>> from guarded_agent.identity import mint
        >>> call = {"tool": "pay", "digest": "d1", "scopes": ()}
        >>> ticket = mint(b"k" * 32, agent_id="a", thread_id="t", now=0, **call)
        >>> spent = Spent()
        >>> spent.use(ticket, now=1)
        >>> spent.use(ticket.narrow(scopes=()), now=1)  # a copy is the same ticket
        Traceback (most recent call last):
        guarded_agent.core.errors.Denied: the ticket does not allow this call: it was used before
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._ends: list[tuple[float, str]] = []
        self._latest = -math.inf

    def use(self, ticket: Ticket, now: float) -> None:
        """Use up a ticket that was verified.

        Args:
            ticket: The ticket.
            now: Seconds since the epoch, as the ticket was verified.

        Raises:
            Denied: It was used, or its time was over already.
        """
        mark, end = ticket.id, ticket.expires_at
        problem = ""
        with self._lock:
            self._latest = max(self._latest, now)
            while self._ends and self._ends[0][0] <= self._latest:
                self._used.discard(heapq.heappop(self._ends)[1])
            if not end > self._latest:
                problem = "it is over, and the clock was set back since"
            elif not mark or mark in self._used:
                problem = "it was used before"
            else:
                self._used.add(mark)
                heapq.heappush(self._ends, (end, mark))
        if problem:
            raise Denied(f"the ticket does not allow this call: {problem}")

"""The queue: the only place where a request changes, and the only authority on its state.

It says who may do what and when; `changes` writes it down. Its sides stand in `asking`,
`deciding`, `ending`, `lending`, `aside`, `paging` and `following`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from guarded_agent.approvals.aside import Aside
from guarded_agent.approvals.asking import Asking
from guarded_agent.approvals.base import Carry, new_id
from guarded_agent.approvals.deciding import Deciding
from guarded_agent.approvals.ending import Ending
from guarded_agent.approvals.following import Following
from guarded_agent.approvals.paging import Paging
from guarded_agent.approvals.terms import Terms
from guarded_agent.core.ports import Recorder
from guarded_agent.store.engine import Store


class Approvals(Asking, Deciding, Ending, Aside, Paging, Following):
    """Requests to people, their votes, and the one use of an approval.

    Who the reviewer is, and which roles they hold, is what the caller says: the caller
    must have checked it. Give the agent's own code no way to call `vote` or `edit`.

    Methods that take a `connection` work inside the caller's transaction of the store.
    The others open their own and cannot be called inside one.

    Args:
        store: Where requests are kept.
        recorder: Writes the audit events.
        decide_within: Seconds until an undecided request expires.
        execute_within: Seconds until an unused approval expires.
        ids: Makes the id of a new request, of at most 32 characters.
        carry: Does what people approve about an agent itself; without it nobody can here.
        terms: How new requests are treated; the two clocks above, where given, go before.
    """

    def __init__(
        self,
        store: Store,
        recorder: Recorder,
        *,
        decide_within: float | None = None,
        execute_within: float | None = None,
        ids: Callable[[], str] = new_id,
        carry: Carry | None = None,
        terms: Terms | None = None,
    ) -> None:
        terms = terms or Terms()
        if decide_within is not None:
            terms = replace(terms, decide_within=decide_within)
        if execute_within is not None:
            terms = replace(terms, execute_within=execute_within)
        super().__init__(store, recorder, terms=terms, ids=ids, carry=carry)

"""The life of a request, as data: which state may follow which.

    pending -> approved -> used
       |          |-> expired | cancelled
       `-> rejected | expired | cancelled | edited

What happens to the call itself (done, failed, uncertain) is the ledger's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from guarded_agent.core.errors import VoteRefused

State = Literal["pending", "approved", "rejected", "expired", "cancelled", "edited", "used"]

MOVES: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        "pending": frozenset({"approved", "rejected", "expired", "cancelled", "edited"}),
        "approved": frozenset({"used", "expired", "cancelled"}),
        "rejected": frozenset(),
        "expired": frozenset(),
        "cancelled": frozenset(),
        "edited": frozenset(),
        "used": frozenset(),
    }
)
"""The legal moves. What leads nowhere is final."""


def move(old: State, new: State) -> State:
    """Return `new` if a request may go there from `old`.

    Raises:
        VoteRefused: It may not.

    Example:
        >>> move("approved", "used")
        'used'
        >>> move("used", "approved")
        Traceback (most recent call last):
        guarded_agent.core.errors.VoteRefused: a request that is used cannot become approved
    """
    if new not in MOVES[old]:
        raise VoteRefused(f"a request that is {old} cannot become {new}")
    return new

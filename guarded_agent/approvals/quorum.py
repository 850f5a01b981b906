"""Which roles of a quorum are still open."""

from __future__ import annotations

from collections.abc import Sequence


def unfilled(roles: Sequence[str], held: Sequence[frozenset[str]]) -> tuple[str, ...]:
    """Return the roles that stay open when everybody stands for one role at most.

    Args:
        roles: The roles that are needed.
        held: The roles of each person.

    Example:
        >>> both, sre = frozenset({"sre", "security"}), frozenset({"sre"})
        >>> unfilled(["security", "sre"], [both]), unfilled(["security", "sre"], [both, sre])
        (('sre',), ())
    """
    stands_for: dict[int, str] = {}

    def place(role: str, tried: set[int]) -> bool:
        for index, had in enumerate(held):
            if role in had and index not in tried:
                tried.add(index)
                if index not in stands_for or place(stands_for[index], tried):
                    stands_for[index] = role
                    return True
        return False

    return tuple(role for role in roles if not place(role, set()))

"""Leased secrets, found by their value: the one thing that needs no format."""

from __future__ import annotations

from guarded_agent.guards.scrub import Hit
from guarded_agent.identity.leased import REGISTER
from guarded_agent.identity.leases import spots

LEASED = "leased"
"""The category of a leased value."""


def find_leased(text: str) -> list[Hit]:
    """Return where leased values stand in `text`, in any form.

    Example:
        >>> find_leased("nothing was leased")
        []
    """
    return [Hit(one.start, one.end, LEASED, f"[secret:{one.name}]") for one in spots(text)]


def begun(text: str) -> int | None:
    """Return where, at the end of `text`, a leased value with spaces in it may have begun.

    Example:
        >>> begun("nothing was leased") is None
        True
    """
    return REGISTER.begun(text)

"""What one call may do: what the agent, the user and the call around it all may.

Each of them can only take away. So an agent with many rights does nothing for a user
who has few, and an agent that another one asked does no more than it was handed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

Place = Literal["agent", "user", "parent"]
"""Where a scope can be missing: the agent's grant, the user's, or the call around."""

Scopes = frozenset[str] | None
"""Some scopes, whole words each; None where there is no limit."""


class Lack(NamedTuple):
    """A scope that a call needs, and who does not have it.

    Attributes:
        scope: The scope.
        place: Whose it is not.
        over: Whether it was theirs until a time that is over.
    """

    scope: str
    place: Place
    over: bool = False

    def words(self, tool: str, agent_id: str) -> str:
        """Say what is missing. It names no user: the model reads it.

        Example:
            >>> Lack("mail.send", "user").words("send_email", "mail")
            'send_email needs the scope mail.send, which the user it acts for does not have.'
        """
        match self.place:
            case "agent" if self.over:
                whose = f"{agent_id} was granted for a time that is over"
            case "agent":
                whose = f"{agent_id} was not granted"
            case "user":
                whose = "the user it acts for does not have"
            case "parent":
                whose = "the call around it does not hand on"
        return f"{tool} needs the scope {self.scope}, which {whose}."


@dataclass(frozen=True, slots=True)
class Authority:
    """The scopes that each side has; None is a side that sets no limit.

    Attributes:
        agent: What was granted to the agent identity.
        user: What the user has for whom it acts.
        parent: What the call around hands on, where a tool's body makes this call.
        over: Whether the agent's grant is over.

    Example:
        >>> both = frozenset({"mail.send", "crm.read"})
        >>> here = Authority(agent=both, user=frozenset({"crm.read"}))
        >>> sorted(here.of({"mail.send", "crm.read"}))
        ['crm.read']
        >>> here.lacks({"mail.send"})
        [Lack(scope='mail.send', place='user', over=False)]
    """

    agent: Scopes = None
    user: Scopes = None
    parent: Scopes = None
    over: bool = False

    def of(self, declared: Iterable[str]) -> frozenset[str]:
        """Return the effective authority: those of a tool's `declared` scopes that all have."""
        held = frozenset(declared)
        for _, side in self._sides():
            if side is not None:
                held &= side
        return held

    def lacks(self, declared: Iterable[str]) -> list[Lack]:
        """Return each of the tool's `declared` scopes that somebody does not have, and who."""
        return [
            Lack(scope, place, self.over and place == "agent")
            for scope in sorted(set(declared))
            for place, side in self._sides()
            if side is not None and scope not in side
        ]

    def _sides(self) -> tuple[tuple[Place, Scopes], ...]:
        agent = frozenset[str]() if self.over else self.agent
        return ("agent", agent), ("user", self.user), ("parent", self.parent)

    def handed_on(self, delegates: Scopes) -> Scopes:
        """Return what a call under this authority hands on to the calls that its body makes.

        The user and the call around limit those as well. What the agent itself has limits
        them where the tool says what it `delegates`: nobody hands on what it does not have.

        Args:
            delegates: What the tool says that it hands on; None if it does not say.
        """
        (_, agent), (_, user), (_, parent) = self._sides()
        limit = both(user, parent)
        return limit if delegates is None else both(both(limit, agent), delegates)

    @property
    def is_limited(self) -> bool:
        """Whether any side sets a limit."""
        return any(side is not None for _, side in self._sides())


UNLIMITED = Authority()
"""Nobody sets a limit."""


def both(one: Scopes, other: Scopes) -> Scopes:
    """Return what is left where two limits hold.

    Example:
        >>> both(frozenset({"a"}), None), both(frozenset({"a"}), frozenset())
        (frozenset({'a'}), frozenset())
    """
    if one is None or other is None:
        return other if one is None else one
    return one & other

"""Agents as people look at them: when each was last seen, and which of its tools wait."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from guarded_agent.identity.agent import AgentIdentity
from guarded_agent.identity.offer import Offer, shown
from guarded_agent.identity.pins import Pin, of
from guarded_agent.store.schema import event, pin


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent, and what is known of it beside its own row.

    Attributes:
        agent: The agent.
        seen_at: When it last asked for something; None if it never did.
        waiting: The tools that a person has to accept.
    """

    agent: AgentIdentity
    seen_at: float | None
    waiting: tuple[str, ...]

    def as_json(self, now: float) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return asdict(self.agent) | {
            "seen_at": self.seen_at,
            "overdue": self.agent.overdue(now),
            "tools_waiting": list(self.waiting),
        }


def roster(connection: Connection, agents: Iterable[AgentIdentity]) -> list[Entry]:
    """Return agents with when they were seen, and what waits, from two looks at the store."""
    last = (
        select(event.c.agent_id, func.max(event.c.at))
        .where(or_(event.c.kind.like("action.%"), event.c.kind.like("text.%")))
        .group_by(event.c.agent_id)
    )
    seen: dict[str, float] = {str(row[0]): row[1] for row in connection.execute(last)}
    waiting: dict[str, list[str]] = {}
    rows = select(pin.c.agent_id, pin.c.tool).where(pin.c.offered.is_not(None))
    for agent_id, tool in connection.execute(rows.order_by(pin.c.tool)):
        waiting.setdefault(agent_id, []).append(tool)
    return [Entry(agent, seen.get(agent.id), tuple(waiting.get(agent.id, ()))) for agent in agents]


def tools_as_json(connection: Connection, agent_id: str) -> list[dict[str, Any]]:
    """Return the tools of an agent as plain JSON data, with all that they say."""
    return [_pin_as_json(each) for each in of(connection, agent_id)]


def _pin_as_json(each: Pin) -> dict[str, Any]:
    def offer(given: Offer | None) -> dict[str, Any] | None:
        if given is None:
            return None
        return {
            "manifest": given.manifest,
            "server": given.server,
            "description": given.description,
            "schema": given.schema,
            "shown": shown(given),
            "flags": list(given.flags),
        }

    return {
        "tool": each.tool,
        "served": each.served,
        "accepted": offer(each.accepted),
        "accepted_by": each.accepted_by,
        "accepted_at": each.accepted_at,
        "offered": offer(each.offered),
        "offered_at": each.offered_at,
        "changed": each.changed,
    }

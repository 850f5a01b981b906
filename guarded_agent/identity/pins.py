"""Pins: each tool of an agent as it was accepted, and as it offers itself now.

A tool of a server can say something else tomorrow. What was accepted is written down; what
differs waits until a person accepts it, and until then only that tool does not run. The first
tools of an agent are trusted as they are, unless the policy or what they hide says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from guarded_agent.core.errors import Denied
from guarded_agent.core.visible import visible
from guarded_agent.identity.offer import Offer, differences
from guarded_agent.store.schema import pin as table


@dataclass(frozen=True, slots=True)
class Pin:
    """One tool of one agent.

    Attributes:
        tool: Its name.
        served: Whether its words come from outside of the program.
        accepted: As it was accepted; None if it never was.
        accepted_by: Who accepted it; empty for what was trusted at first, or follows a release.
        accepted_at: When.
        offered: As it offers itself now, where that waits for a person; else None.
        offered_at: Since when.
        changed: What is other than before, in words; `new` for a tool nobody accepted.
    """

    tool: str
    served: bool
    accepted: Offer | None
    accepted_by: str
    accepted_at: float | None
    offered: Offer | None
    offered_at: float | None
    changed: str

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should see in its words, as it offers itself now."""
        now = self.offered or self.accepted
        return () if now is None else now.flags

    @property
    def waits(self) -> bool:
        """Whether a person has to decide on it."""
        return self.offered is not None


@dataclass(frozen=True, slots=True)
class Change:
    """What a registration changes about one tool: a row of the table, and the words for it."""

    tool: str
    new: bool
    waits: bool
    words: str
    flags: tuple[str, ...]
    values: Mapping[str, Any]


def of(connection: Connection, agent_id: str) -> list[Pin]:
    """Return the tools of an agent, by name."""
    rows = connection.execute(
        select(table).where(table.c.agent_id == agent_id).order_by(table.c.tool)
    )
    return [_pin(row) for row in rows.mappings()]


def plan(
    connection: Connection,
    agent_id: str,
    offers: Iterable[Offer],
    *,
    bound: frozenset[str],
    first: bool,
    now: float,
) -> list[Change]:
    """Return what has to be written down so that every offer is known.

    Args:
        connection: A transaction of the store.
        agent_id: Whose tools they are.
        offers: The tools as they offer themselves.
        bound: The names of those that wait for a person when they change or are new.
        first: Whether they are the agent's first, and trusted unless they hide something.
        now: The time.
    """
    known = {pin.tool: pin for pin in of(connection, agent_id)}
    changes = [
        _change(known.get(offer.name), offer, offer.name in bound, first, now) for offer in offers
    ]
    return [change for change in changes if change is not None]


def carry_out(connection: Connection, agent_id: str, changes: Iterable[Change]) -> None:
    """Write down what was planned in the same transaction."""
    for change in changes:
        if change.new:
            row = {"agent_id": agent_id, "tool": change.tool, **change.values}
            connection.execute(insert(table).values(**row))
        else:
            _write(connection, agent_id, change.tool, change.values)


def accept(
    connection: Connection, agent_id: str, tool: str, *, manifest: str, by: str, now: float
) -> Pin:
    """Accept a tool as it offers itself.

    Args:
        connection: In a write transaction.
        agent_id: Whose tool it is.
        tool: Its name.
        manifest: The digest of what the person saw.
        by: Who accepts it.
        now: The time.

    Raises:
        Denied: It does not wait, or offers itself otherwise by now.
    """
    offered = _waiting(connection, agent_id, tool, manifest)
    values = {**_accepted(offered, by, now), **_NOTHING_OFFERED}
    _write(connection, agent_id, tool, values)
    return _must(connection, agent_id, tool)


def keep(connection: Connection, agent_id: str, tool: str, *, manifest: str) -> Pin:
    """Refuse what a tool offers now: it runs only as it was accepted before.

    Raises:
        Denied: It does not wait, offers itself otherwise by now, or was never accepted.
    """
    _waiting(connection, agent_id, tool, manifest)
    if _must(connection, agent_id, tool).accepted is None:
        raise Denied(
            f"the tool {visible(tool)} was never accepted: as long as it is not, it does not run"
        )
    _write(connection, agent_id, tool, _NOTHING_OFFERED)
    return _must(connection, agent_id, tool)


_NOTHING_OFFERED: Mapping[str, Any] = {
    "offered": None,
    "offered_json": None,
    "offered_at": None,
    "changed": "",
}


def _change(pin: Pin | None, offer: Offer, bound: bool, first: bool, now: float) -> Change | None:
    accepted = None if pin is None else pin.accepted
    if accepted is not None and accepted.manifest == offer.manifest:
        # A change that waits goes on waiting: the server may show its old face to some.
        if pin is None or pin.offered is None or bound:
            return None
        return Change(offer.name, False, False, "as before", (), _NOTHING_OFFERED)
    if pin is not None and bound and pin.offered and pin.offered.manifest == offer.manifest:
        return None
    words = "new" if accepted is None else ", ".join(differences(accepted, offer))
    waits = bound and not (first and pin is None and not offer.hides)
    values: dict[str, Any] = {"served": offer.served}
    if waits:
        values |= {
            "offered": offer.manifest,
            "offered_json": offer.as_text(),
            "offered_at": now,
            "changed": words,
        }
    else:
        values |= {**_accepted(offer, "", now), **_NOTHING_OFFERED}
    return Change(offer.name, pin is None, waits, words, offer.flags, values)


def _accepted(offer: Offer, by: str, now: float) -> dict[str, Any]:
    return {
        "manifest": offer.manifest,
        "manifest_json": offer.as_text(),
        "accepted_by": by,
        "accepted_at": now,
    }


def _write(connection: Connection, agent_id: str, tool: str, values: Mapping[str, Any]) -> None:
    connection.execute(update(table).where(*_is(agent_id, tool)).values(**values))


def _waiting(connection: Connection, agent_id: str, tool: str, manifest: str) -> Offer:
    offered = _must(connection, agent_id, tool).offered
    if offered is None:
        raise Denied(f"the tool {visible(tool)} of {agent_id!r} does not wait to be accepted")
    if offered.manifest != manifest:
        raise Denied(f"the tool {visible(tool)} has changed once more: look at it again")
    return offered


def _must(connection: Connection, agent_id: str, tool: str) -> Pin:
    row = connection.execute(select(table).where(*_is(agent_id, tool))).mappings().one_or_none()
    if row is None:
        raise Denied(f"the agent {agent_id!r} has no tool {visible(tool)!r}")
    return _pin(row)


def _is(agent_id: str, tool: str) -> tuple[Any, ...]:
    return table.c.agent_id == agent_id, table.c.tool == tool


def _pin(row: Mapping[Any, Any]) -> Pin:
    def offer(manifest: str | None, text: str | None) -> Offer | None:
        if manifest is None or text is None:
            return None
        return Offer.from_text(row["tool"], manifest, text, served=bool(row["served"]))

    return Pin(
        tool=row["tool"],
        served=bool(row["served"]),
        accepted=offer(row["manifest"], row["manifest_json"]),
        accepted_by=row["accepted_by"],
        accepted_at=row["accepted_at"],
        offered=offer(row["offered"], row["offered_json"]),
        offered_at=row["offered_at"],
        changed=row["changed"],
    )

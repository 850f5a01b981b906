"""The registry of agent identities: who they are, who owns them, and whether they may act.

An agent identity is a privileged entity like a person with access. It can be
suspended at once, and every call asks `require_active` again.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select, update

from guarded_agent.core.errors import Denied
from guarded_agent.core.ports import Recorder
from guarded_agent.store.engine import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import agent as table

State = Literal["draft", "active", "suspended", "decommissioned"]

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "draft": frozenset({"active", "decommissioned"}),
        "active": frozenset({"suspended", "decommissioned"}),
        "suspended": frozenset({"active", "decommissioned"}),
        "decommissioned": frozenset(),
    }
)
"""The legal moves: from each state to which others. A decommissioned agent stays so."""

_FIND = Prepared(select(table).where(table.c.id == bindparam("wanted")))

_EVENTS = {
    "active": "agent.resumed",
    "suspended": "agent.suspended",
    "decommissioned": "agent.decommissioned",
}


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """An agent as a privileged logical entity.

    Attributes:
        id: Its name in policies, approvals and the audit log.
        owner: The person or team that answers for it.
        purpose: What it is for.
        fingerprint: The digest of what makes it this agent: policy, tools, prompt.
        state: `active` agents act, all others do not.
        reason: Why it is in this state, where somebody said so.
        changed_by: Who put it there.
        created_at: When it was registered.
        changed_at: When it last changed.
    """

    id: str
    owner: str
    purpose: str
    fingerprint: str
    state: State
    reason: str
    changed_by: str
    created_at: float
    changed_at: float


class Registry:
    """Agent identities in the store.

    Args:
        store: Where they are kept.
        recorder: Writes the audit event of each change, in the same transaction.
    """

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    def register(
        self, agent_id: str, *, owner: str, purpose: str, fingerprint: str
    ) -> AgentIdentity:
        """Make an agent known, or return it if it is.

        A new one is active. A known one keeps its state: registering again revives nothing.
        Another owner, purpose or fingerprint is stored and recorded as `agent.changed`.

        Args:
            agent_id: Its id, from 1 to 200 printable characters.
            owner: The person or team that answers for it.
            purpose: What it is for.
            fingerprint: The digest of what makes it this agent.

        Raises:
            Denied: `agent_id` is no usable id.
        """
        if not (0 < len(agent_id) <= 200 and agent_id.isprintable() and agent_id.strip()):
            raise Denied("an agent id has 1 to 200 printable characters")
        wanted = {"owner": owner, "purpose": purpose, "fingerprint": fingerprint}
        with self._store.read() as connection:
            known = self._find(connection, agent_id)
        if known is not None and not _changes(known, wanted):
            return known
        with self._store.write() as connection:
            known = self._find(connection, agent_id)
            now = self._store.clock()
            if known is None:
                kind, data = "agent.registered", {"owner": owner, "fingerprint": fingerprint}
                connection.execute(
                    insert(table).values(
                        id=agent_id,
                        **wanted,
                        state="active",
                        reason="",
                        changed_by=owner,
                        created_at=now,
                        changed_at=now,
                    )
                )
            elif known.state == "decommissioned" or not (changes := _changes(known, wanted)):
                return known
            else:
                kind, data = "agent.changed", {name: wanted[name] for name in changes}
                connection.execute(
                    update(table).where(table.c.id == agent_id).values(**wanted, changed_at=now)
                )
            self._recorder.append(connection, kind, agent_id=agent_id, data=data)
            return self._must(connection, agent_id)

    def get(self, agent_id: str) -> AgentIdentity:
        """Return one agent.

        Raises:
            Denied: It is not registered.
        """
        with self._store.read() as connection:
            return self._must(connection, agent_id)

    def list(self) -> builtins.list[AgentIdentity]:
        """Return all agents, by id."""
        with self._store.read() as connection:
            return [
                _identity(row)
                for row in connection.execute(select(table).order_by(table.c.id)).mappings()
            ]

    def require_active(self, connection: Connection, agent_id: str) -> AgentIdentity:
        """Return the agent if it may act now. Ask before each call and after each wait.

        Args:
            connection: A transaction of the store.
            agent_id: Which agent.

        Raises:
            Denied: It is not registered, or not active; the message names the state.
        """
        known = self._must(connection, agent_id)
        if known.state != "active":
            raise Denied(f"the agent {agent_id!r} is {known.state}: nothing it asks for runs")
        return known

    def suspend(self, agent_id: str, *, by: str, reason: str) -> AgentIdentity:
        """Stop an agent at once. One person is enough.

        Args:
            agent_id: Which agent.
            by: Who stops it.
            reason: Why.

        Raises:
            Denied: It is not registered, or cannot be suspended from its state.
        """
        return self._move(agent_id, "suspended", by, reason)

    def resume(self, agent_id: str, *, by: str, reason: str) -> AgentIdentity:
        """Let a suspended agent act again.

        Args:
            agent_id: Which agent.
            by: Who lets it; never the agent itself.
            reason: Why.

        Raises:
            Denied: It is not registered, or cannot become active from its state.
        """
        return self._move(agent_id, "active", by, reason)

    def decommission(self, agent_id: str, *, by: str, reason: str) -> AgentIdentity:
        """Retire an agent for good. There is no way back.

        Args:
            agent_id: Which agent.
            by: Who retires it.
            reason: Why.

        Raises:
            Denied: It is not registered, or was decommissioned before.
        """
        return self._move(agent_id, "decommissioned", by, reason)

    def _move(self, agent_id: str, state: State, by: str, reason: str) -> AgentIdentity:
        person = by.strip()
        if not person or person.casefold() == agent_id.strip().casefold():
            raise Denied(f"a person must say that {agent_id!r} becomes {state}: give their name")
        if not reason.strip():
            raise Denied(f"say why {agent_id!r} becomes {state}: the reason is kept")
        with self._store.write(durable=True) as connection:
            known = self._must(connection, agent_id)
            if state not in MOVES[known.state]:
                raise Denied(f"the agent {agent_id!r} is {known.state} and cannot become {state}")
            connection.execute(
                update(table)
                .where(table.c.id == agent_id)
                .values(
                    state=state,
                    reason=reason.strip(),
                    changed_by=person,
                    changed_at=self._store.clock(),
                )
            )
            self._recorder.append(
                connection,
                _EVENTS[state],
                agent_id=agent_id,
                data={"from": known.state, "to": state, "by": person},
            )
            return self._must(connection, agent_id)

    @staticmethod
    def _find(connection: Connection, agent_id: str) -> AgentIdentity | None:
        row = _FIND.row(connection, {"wanted": agent_id})
        return None if row is None else _identity(row)

    def _must(self, connection: Connection, agent_id: str) -> AgentIdentity:
        known = self._find(connection, agent_id)
        if known is None:
            raise Denied(f"no agent {agent_id!r} is registered: nothing it asks for runs")
        return known


def _identity(row: Mapping[Any, Any]) -> AgentIdentity:
    return AgentIdentity(**row)


def _changes(known: AgentIdentity, wanted: Mapping[str, str]) -> list[str]:
    return [name for name, value in wanted.items() if getattr(known, name) != value]

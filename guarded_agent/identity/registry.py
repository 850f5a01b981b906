"""The registry of agent identities: who they are, who owns them, and whether they may act.

An agent identity is a privileged entity like a person with access. It can be
suspended at once, and every call asks `require_active` again.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select, update

from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import Denied
from guarded_agent.core.ports import Recorder
from guarded_agent.core.visible import visible
from guarded_agent.identity import pins
from guarded_agent.identity.agent import (
    MOVES,
    AgentIdentity,
    Profile,
    Rules,
    State,
    changed_parts,
)
from guarded_agent.store.engine import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import agent as table
from guarded_agent.store.schema import pin

__all__ = ["MOVES", "AgentIdentity", "Registry", "State"]

Draft = Callable[[Connection, AgentIdentity], None]
"""Called, in the transaction that registers it, with an agent that waits to be approved."""

_FIND = Prepared(select(table).where(table.c.id == bindparam("wanted")))
# What each call asks: no more columns than it needs, and one statement for both.
_STATE = Prepared(select(table.c.state).where(table.c.id == bindparam("wanted")))
_STATE_AND_PIN = Prepared(
    select(table.c.state, pin.c.manifest, pin.c.offered, pin.c.changed)
    .select_from(
        table.outerjoin(pin, and_(pin.c.agent_id == table.c.id, pin.c.tool == bindparam("tool")))
    )
    .where(table.c.id == bindparam("wanted"))
)

_EVENTS = {
    "active": "agent.resumed",
    "suspended": "agent.suspended",
    "decommissioned": "agent.decommissioned",
}
_STOPPED = {
    "draft": "nothing it asks for runs until people approve it; see: guarded-agent approvals list",
    "suspended": "nothing it asks for runs",
    "decommissioned": "nothing it asks for runs, and there is no way back",
}


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
        """Make an agent known by the least that can be said of it; see `enter`."""
        return self.enter(Profile(agent_id, owner, purpose, fingerprint))

    def enter(self, profile: Profile, *, draft: Draft | None = None) -> AgentIdentity:
        """Make an agent known, or return it if it is.

        A new one is active, or a draft where its policy has `onboarding: approve`. A known one
        keeps its state: registering again revives nothing. What is other than before is stored
        and recorded: as `agent.changed`, and for tools as `agent.tools`.

        Args:
            profile: What its program says of it.
            draft: Asks people about an agent that waits to be approved.

        Raises:
            Denied: The id is no usable id, or its agent was decommissioned.
        """
        name = profile.id
        if not (0 < len(name) <= 200 and name.isprintable() and name.strip()):
            raise Denied("an agent id has 1 to 200 printable characters")
        with self._store.read() as connection:
            known = self._find(connection, name)
            if known is not None and not self._is_news(connection, known, profile, draft):
                return known
        with self._store.write() as connection:
            known = self._find(connection, name)
            _heed_end(known)
            if known is None:
                known = self._add(connection, profile)
            else:
                known = self._update(connection, known, profile)
            self._offer(connection, known, profile)
            if self._is_late(known, profile):
                self._recorder.append(
                    connection, "agent.overdue", agent_id=known.id, data={"review": profile.review}
                )
            known = self._must(connection, name)
            if known.state == "draft" and draft is not None:
                draft(connection, known)
            return known

    def _is_news(
        self, connection: Connection, known: AgentIdentity, profile: Profile, draft: Draft | None
    ) -> bool:
        _heed_end(known)
        waits = known.state == "draft" and draft is not None
        return (
            waits
            or self._is_late(known, profile)
            or bool(_changes(known, profile))
            or (profile.tools is not None and known.tools_at is None)
            or bool(self._planned(connection, known, profile))
        )

    def _is_late(self, known: AgentIdentity, profile: Profile) -> bool:
        """Return whether the review of an agent is overdue as its program starts."""
        now = self._store.clock()
        return profile.tools is not None and replace(known, review=profile.review).overdue(now)

    def _add(self, connection: Connection, profile: Profile) -> AgentIdentity:
        now = self._store.clock()
        approve = profile.rules.onboarding == "approve"
        connection.execute(
            insert(table).values(
                id=profile.id,
                **_row(profile, None),
                state="draft" if approve else "active",
                reason="waits to be approved" if approve else "",
                changed_by=profile.owner,
                created_at=now,
                changed_at=now,
            )
        )
        data = {"owner": profile.owner, "fingerprint": profile.fingerprint}
        if approve:
            data["state"] = "draft"
        self._recorder.append(connection, "agent.registered", agent_id=profile.id, data=data)
        return self._must(connection, profile.id)

    def _update(
        self, connection: Connection, known: AgentIdentity, profile: Profile
    ) -> AgentIdentity:
        changes = _changes(known, profile)
        if not changes:
            return known
        connection.execute(
            update(table)
            .where(table.c.id == known.id)
            .values(**_row(profile, known), changed_at=self._store.clock())
        )
        self._recorder.append(connection, "agent.changed", agent_id=known.id, data=changes)
        return self._must(connection, known.id)

    def _planned(
        self, connection: Connection, known: AgentIdentity, profile: Profile
    ) -> builtins.list[pins.Change]:
        if profile.tools is None:
            return []
        return pins.plan(
            connection,
            known.id,
            profile.tools,
            bound=profile.bound,
            first=known.tools_at is None and profile.trusts_first,
            now=self._store.clock(),
        )

    def _offer(self, connection: Connection, known: AgentIdentity, profile: Profile) -> None:
        """Write down the tools, and which of them wait for a person now."""
        changes = self._planned(connection, known, profile)
        pins.carry_out(connection, known.id, changes)
        if profile.tools is not None and known.tools_at is None:
            connection.execute(
                update(table).where(table.c.id == known.id).values(tools_at=self._store.clock())
            )
        if changes:
            self._recorder.append(connection, "agent.tools", agent_id=known.id, data=_told(changes))

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
                AgentIdentity.from_row(row)
                for row in connection.execute(select(table).order_by(table.c.id)).mappings()
            ]

    def tools(self, agent_id: str) -> builtins.list[pins.Pin]:
        """Return the tools of an agent as they were accepted, and as they wait to be."""
        with self._store.read() as connection:
            self._must(connection, agent_id)
            return pins.of(connection, agent_id)

    def require_active(
        self, connection: Connection, agent_id: str, tool: str = "", manifest: str = ""
    ) -> None:
        """Return if the agent may act now. Ask before each call and after each wait.

        Args:
            connection: A transaction of the store.
            agent_id: Which agent.
            tool: The tool that is called, if a person has to have accepted it.
            manifest: The digest of that tool as this process has it.

        Raises:
            Denied: The agent is not registered or not active, or the tool is not the one
                that was accepted; the message says what to do.
        """
        if not tool:
            state = _STATE.scalar(connection, {"wanted": agent_id})
        else:
            row = _STATE_AND_PIN.row(connection, {"wanted": agent_id, "tool": tool})
            state = None if row is None else row["state"]
            if row is not None and state == "active":
                _require_accepted(agent_id, tool, manifest, row)
        if state is None:
            raise _unknown(agent_id)
        if state != "active":
            raise Denied(f"the agent {agent_id!r} is {state}: {_STOPPED[state]}")

    def accept(self, agent_id: str, tool: str, *, manifest: str, by: str, reason: str) -> pins.Pin:
        """Accept a tool as it offers itself now, so that it runs again.

        Args:
            agent_id: Whose tool it is.
            tool: Its name.
            manifest: The digest of what the person saw.
            by: Who accepts it; never the agent itself.
            reason: Why. It goes into the log: give it redacted.

        Raises:
            Denied: Nobody says who or why, or it does not wait, or changed once more.
        """
        person = _person(agent_id, f"accepts the tool {visible(tool)}", by, reason)
        with self._store.write(durable=True) as connection:
            self._must(connection, agent_id)
            now = self._store.clock()
            accepted = pins.accept(
                connection, agent_id, tool, manifest=manifest, by=person, now=now
            )
            flags = [] if accepted.accepted is None else list(accepted.accepted.flags)
            data: dict[str, Any] = {
                "tool": tool,
                "manifest": manifest,
                "by": person,
                "reason": reason.strip(),
                "flags": flags,
            }
            self._recorder.append(connection, "tool.accepted", agent_id=agent_id, data=data)
            return accepted

    def keep(self, agent_id: str, tool: str, *, manifest: str, by: str, reason: str) -> pins.Pin:
        """Refuse what a tool offers now: it runs only as it was accepted before.

        Raises:
            Denied: Nobody says who or why, or it does not wait, or was never accepted.
        """
        person = _person(agent_id, f"refuses the tool {visible(tool)}", by, reason)
        with self._store.write(durable=True) as connection:
            self._must(connection, agent_id)
            kept = pins.keep(connection, agent_id, tool, manifest=manifest)
            data = {"tool": tool, "manifest": manifest, "by": person, "reason": reason.strip()}
            self._recorder.append(connection, "tool.refused", agent_id=agent_id, data=data)
            return kept

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
            Denied: It is not registered, or cannot become active from its state, or its
                policy wants people to approve it.
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
        with self._store.write(durable=True) as connection:
            return self.move(connection, agent_id, state, by=by, reason=reason)

    def move(
        self,
        connection: Connection,
        agent_id: str,
        state: State,
        *,
        by: str,
        reason: str,
        more: Mapping[str, Any] | None = None,
        approved: bool = False,
    ) -> AgentIdentity:
        """Bring an agent into `state`, inside the caller's write transaction.

        Args:
            connection: Of a durable write transaction of the store.
            agent_id: Which agent.
            state: Where to.
            by: Who says so; never the agent itself.
            reason: Why.
            more: What else the audit event says, redacted.
            approved: Whether people approved it, as the agent's policy may want.

        Raises:
            Denied: Nobody says who or why, or the move is not legal.
        """
        known = self._must(connection, agent_id)
        person = self.check_move(known, state, by, reason)
        if state == "active" and not approved and _needs_approval(known):
            raise Denied(
                f"the agent {agent_id!r} becomes active only when people approve it: "
                f"guarded-agent agents resume {agent_id} asks them"
            )
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
        kind = "agent.approved" if known.state == "draft" and state == "active" else _EVENTS[state]
        self._recorder.append(
            connection,
            kind,
            agent_id=agent_id,
            data={"from": known.state, "to": state, "by": person, **(more or {})},
        )
        return self._must(connection, agent_id)

    @staticmethod
    def check_move(known: AgentIdentity, state: State, by: str, reason: str) -> str:
        """Return who says that an agent becomes `state`, in one form, if that is legal.

        Raises:
            Denied: Nobody says who or why, or the move is not legal.
        """
        person = _person(known.id, f"becomes {state}", by, reason)
        if state not in MOVES[known.state]:
            raise Denied(f"the agent {known.id!r} is {known.state} and cannot become {state}")
        return person

    def find(self, connection: Connection, agent_id: str) -> AgentIdentity | None:
        """Return one agent inside the caller's transaction; None if it is not registered."""
        return self._find(connection, agent_id)

    @staticmethod
    def _find(connection: Connection, agent_id: str) -> AgentIdentity | None:
        row = _FIND.row(connection, {"wanted": agent_id})
        return None if row is None else AgentIdentity.from_row(row)

    def _must(self, connection: Connection, agent_id: str) -> AgentIdentity:
        known = self._find(connection, agent_id)
        if known is None:
            raise _unknown(agent_id)
        return known


def _require_accepted(agent_id: str, tool: str, manifest: str, row: Mapping[str, Any]) -> None:
    if row["offered"] is None and row["manifest"] == manifest:
        return
    name = visible(tool)
    if row["offered"] is not None:
        what = (
            "is new and nobody has accepted it"
            if row["changed"] == "new"
            else f"changed since it was accepted: {row['changed']}"
        )
        raise Denied(
            f"the tool {name} {what}; a person must accept it: "
            f"guarded-agent agents accept {agent_id} {name}"
        )
    raise Denied(
        f"the tool {name} is not, in this process, as it was accepted: start the process again, "
        "so that it reads the tool anew"
    )


def _heed_end(known: AgentIdentity | None) -> None:
    if known is not None and known.state == "decommissioned":
        raise Denied(
            f"the agent {known.id!r} was decommissioned: nothing acts under this id again. "
            "Choose another id in the policy."
        )


def _needs_approval(known: AgentIdentity) -> bool:
    rule = known.rules.onboarding if known.state == "draft" else known.rules.reactivation
    return rule == "approve"


def _unknown(agent_id: str) -> Denied:
    return Denied(f"no agent {agent_id!r} is registered: nothing it asks for runs")


def _person(agent_id: str, what: str, by: str, reason: str) -> str:
    person = by.strip()
    if not person or person.casefold() == agent_id.strip().casefold():
        raise Denied(f"a person must say that {agent_id!r} {what}: give their name")
    if not reason.strip():
        raise Denied(f"say why {agent_id!r} {what}: the reason is kept")
    return person


def _rules(profile: Profile, known: AgentIdentity | None) -> Rules:
    """Return the rules that hold. While an agent is stopped they can only become stricter."""
    rules = profile.rules
    if known is None or known.state == "active":
        return rules
    return replace(
        rules,
        onboarding=max(rules.onboarding, known.rules.onboarding),  # "allow" < "approve"
        reactivation=max(rules.reactivation, known.rules.reactivation),
        quorum=max(rules.quorum, known.rules.quorum),
        roles=tuple(sorted({*rules.roles, *known.rules.roles})),
    )


def _row(profile: Profile, known: AgentIdentity | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "owner": profile.owner,
        "purpose": profile.purpose,
        "family": profile.family,
        "version": profile.version,
        "review": profile.review,
        "rules_json": json.dumps(asdict(_rules(profile, known))),
    }
    if known is None or profile.parts is not None:
        row["fingerprint"] = profile.fingerprint
        row["parts_json"] = canonical(dict(profile.parts or {})).decode()
    return row


def _changes(known: AgentIdentity, profile: Profile) -> dict[str, Any]:
    """Return what is other than stored, for the audit log."""
    fields = ["owner", "purpose", "family", "version", "review"]
    if profile.parts is not None:
        fields.append("fingerprint")
    changes: dict[str, Any] = {
        name: getattr(profile, name)
        for name in fields
        if getattr(known, name) != getattr(profile, name)
    }
    if "fingerprint" in changes:
        parts = changed_parts(known.parts, profile.parts or {})
        if parts:
            changes["changed"] = parts
    rules = _rules(profile, known)
    if rules != known.rules:
        changes["rules"] = asdict(rules) | {"roles": builtins.list(rules.roles)}
    return changes


def _told(changes: Iterable[pins.Change]) -> dict[str, Any]:
    """Return what the audit log says of tools. It gets none of their words."""
    told: dict[str, Any] = {}
    for change in changes:
        told.setdefault("waiting" if change.waits else "known", {})[change.tool] = change.words
        if change.flags:
            told.setdefault("flags", {})[change.tool] = builtins.list(change.flags)
    return told

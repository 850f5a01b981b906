"""Delegation: a reviewer lends a role to somebody for a while, and it is written down.

What is lent is a role, never a vote: the delegate decides under their own name, stays
apart from the action like anybody, and so does who lent it. It cannot be passed on.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from guarded_agent.approvals.base import Base, reason_of
from guarded_agent.approvals.duties import person
from guarded_agent.approvals.request import Request
from guarded_agent.approvals.seals import delegation_mac, same
from guarded_agent.core.errors import VoteRefused
from guarded_agent.store.schema import delegation

LONGEST = 30 * 86_400.0
"""How many seconds a delegation lasts at most."""


@dataclass(frozen=True, slots=True)
class Delegation:
    """A role that is lent.

    Attributes:
        id: Names it.
        giver: Who lends it.
        delegate: To whom.
        roles: The roles.
        reason: Why.
        method: How it was known who the giver is.
        starts_at: From when.
        ends_at: Until when; a delegation that is taken back ends then.
    """

    id: str
    giver: str
    delegate: str
    roles: tuple[str, ...]
    reason: str
    method: str
    starts_at: float
    ends_at: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "id": self.id,
            "giver": self.giver,
            "delegate": self.delegate,
            "roles": list(self.roles),
            "reason": self.reason,
            "method": self.method,
            "starts_at": self.starts_at,
            "ends_at": self.ends_at,
        }


class Lending(Base):
    """What lends roles and takes them back."""

    def delegate(
        self,
        giver: str,
        delegate: str,
        *,
        roles: Sequence[str],
        held: Iterable[str],
        seconds: float,
        reason: str = "",
        method: str = "program",
    ) -> Delegation:
        """Lend roles to another person for a while.

        Args:
            giver: Who lends them; the caller must have checked who that is.
            delegate: Who gets them.
            roles: The roles to lend.
            held: The roles that the giver holds, as the caller knows. What was lent to them
                does not count.
            seconds: For how long, 30 days at most.
            reason: Why.
            method: How it was checked who the giver is.

        Raises:
            VoteRefused: It does not count, and nothing was changed.

        Example:
            >>> from guarded_agent.approvals import Approvals
            >>> from guarded_agent.audit import AuditLog
            >>> from guarded_agent.store import Store
            >>> with Store.open("sqlite://") as store:
            ...     queue = Approvals(store, AuditLog(store))
            ...     lent = queue.delegate(
            ...         "ann", "bob", roles=["sre"], held=["sre"], seconds=3600, reason="on leave"
            ...     )
            >>> lent.delegate, lent.roles
            ('bob', ('sre',))
        """
        one, other = person(giver), person(delegate)
        wanted = tuple(sorted(set(roles)))
        reason = reason_of(reason)
        if one == other:
            raise VoteRefused("a role is lent to somebody else, not to oneself")
        if not wanted:
            raise VoteRefused("say which roles are lent")
        if not 0 < seconds <= LONGEST:
            raise VoteRefused(f"a role is lent for up to {LONGEST / 86_400:g} days")
        now = self._store.clock()
        new = Delegation(self._ids(), one, other, wanted, reason, method, now, now + seconds)
        with self._store.write(durable=True) as connection:
            self._refuse_agents(connection, one)
            self._refuse_agents(connection, other)
            lent = {role for item in self._given_to(connection, one, now) for role in item.roles}
            lacks = [role for role in wanted if role not in held or role in lent]
            if lacks:
                raise VoteRefused(
                    f"{one} does not hold {', '.join(lacks)}, or has it by delegation, which "
                    "cannot be passed on"
                )
            values = {name: getattr(new, name) for name in Delegation.__slots__ if name != "roles"}
            connection.execute(
                insert(delegation).values(
                    **values,
                    roles_json=json.dumps(list(wanted)),
                    mac=delegation_mac(self._store.keys, new.as_json()),
                )
            )
            self._note(connection, "role.delegated", new, new.ends_at)
        return new

    def take_back(self, delegation_id: str, *, by: str) -> Delegation:
        """End a delegation now; votes that were given with it stay.

        Args:
            delegation_id: Its id.
            by: Who ends it: the giver or the delegate.

        Raises:
            VoteRefused: There is none that lasts, or it is somebody else's.
        """
        name, now = person(by), self._store.clock()
        with self._store.write(durable=True) as connection:
            found = self._lasting(connection, delegation.c.id == delegation_id, now=now)
            if not found or name not in (found[0].giver, found[0].delegate):
                raise VoteRefused(f"{name} has no delegation {delegation_id[:32]!r} to end")
            ended = replace(found[0], ends_at=now)
            connection.execute(
                update(delegation)
                .where(delegation.c.id == ended.id)
                .values(ends_at=now, mac=delegation_mac(self._store.keys, ended.as_json()))
            )
            self._note(connection, "role.taken_back", ended, now, by=name)
        return ended

    def delegations(self) -> builtins.list[Delegation]:
        """Return the delegations that last, those that end first first."""
        with self._store.read() as connection:
            return self._lasting(connection, now=self._store.clock())

    def _lent(
        self, connection: Connection, request: Request, name: str, wanted: set[str], now: float
    ) -> dict[str, str]:
        """Return which of the `wanted` roles are lent to a reviewer, and by whom."""
        lent: dict[str, str] = {}
        voted = {given.reviewer for given in request.votes}
        used = {giver for given in request.votes for giver in given.lent.values()}
        for item in self._given_to(connection, name, now) if wanted else ():
            if item.giver in voted | used:
                continue  # who lent the role has decided: it counts once
            try:
                self._apart(connection, request, item.giver)
            except VoteRefused:
                continue  # who may not decide cannot have it done by a friend
            lent |= {role: item.giver for role in item.roles if role in wanted - lent.keys()}
        return lent

    def _given_to(self, connection: Connection, name: str, now: float) -> builtins.list[Delegation]:
        return self._lasting(connection, delegation.c.delegate == name, now=now)

    def _lasting(
        self, connection: Connection, *where: Any, now: float
    ) -> builtins.list[Delegation]:
        lasting = select(delegation).where(*where, delegation.c.ends_at > now)
        found: builtins.list[Delegation] = []
        for row in connection.execute(lasting.order_by(delegation.c.ends_at)).mappings():
            item = _read(row)
            # A row that somebody without the key wrote lends nothing.
            if item is not None and same(
                row["mac"], delegation_mac(self._store.keys, item.as_json())
            ):
                found.append(item)
        return found

    def _note(
        self, connection: Connection, kind: str, item: Delegation, ends_at: float, **more: str
    ) -> None:
        data = {
            "delegation": item.id,
            "giver": item.giver,
            "delegate": item.delegate,
            "roles": list(item.roles),
            "ends_at": ends_at,
            "method": item.method,
        }
        self._recorder.append(connection, kind, agent_id="", data={**data, **more})


def _read(row: Mapping[Any, Any]) -> Delegation | None:
    plain = {name: row[name] for name in Delegation.__slots__ if name in row}
    try:
        return Delegation(**plain, roles=tuple(json.loads(row["roles_json"])))
    except (ValueError, TypeError):
        return None

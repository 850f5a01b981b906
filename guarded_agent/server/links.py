"""Links that work once: for the first admin, for who is invited, and for a new password.

Opening one shows a form and uses nothing up, so that a program that looks at links ahead of
its reader spoils none. Sending the form does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, delete, insert, select

from guarded_agent.server import secret
from guarded_agent.server.reviewers import (
    ADMIN,
    AccountRefused,
    Reviewers,
    checked_roles,
)
from guarded_agent.store import Store
from guarded_agent.store.schema import link as table

Kind = Literal["first", "join", "reset"]

FIRST_SECONDS = 3600.0
JOIN_SECONDS = 3 * 86400.0
RESET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for.

    Attributes:
        kind: `first` makes the first admin, `join` a reviewer, `reset` a new password.
        name: Whom it is for; "" where who uses it names themself.
        roles: What they will be.
        made_by: Who made it.
        ends_at: When it stops working.
    """

    kind: Kind
    name: str
    roles: tuple[str, ...]
    made_by: str
    ends_at: float


class Links:
    """The links in the store.

    Args:
        store: Where they are kept.
        reviewers: Knows whom they are about.
    """

    def __init__(self, store: Store, reviewers: Reviewers) -> None:
        self._store = store
        self._reviewers = reviewers

    def first(self) -> str | None:
        """Return the secret of a link for the first admin, or None where there is a reviewer.

        It lasts an hour and dies when somebody becomes a reviewer, by whatever link.
        """
        with self._store.write(durable=True) as connection:
            if not self._reviewers.none_yet(connection):
                return None
            return self._add(connection, "first", "", [ADMIN], "", FIRST_SECONDS)

    def join(self, name: str, roles: Sequence[str], *, by: str) -> str:
        """Return the secret of a link by which one person becomes a reviewer.

        Args:
            name: Their name. It cannot be changed by who uses the link.
            roles: What they will be.
            by: Who invites them.

        Raises:
            AccountRefused: The name is taken, no name, or an agent's; or a role is no word.
        """
        wanted = checked_roles(roles)
        with self._store.write(durable=True) as connection:
            known = self._reviewers.free_name(connection, name)
            connection.execute(delete(table).where(table.c.name == known))
            return self._add(connection, "join", known, wanted, by, JOIN_SECONDS)

    def reset(self, name: str, *, by: str) -> str:
        """Return the secret of a link by which a reviewer sets a new password.

        Raises:
            AccountRefused: There is no such reviewer, or they sign in elsewhere.
        """
        account = self._reviewers.get(name)
        if account.issuer:
            raise AccountRefused(f"{account.name} signs in with {account.issuer}")
        with self._store.write(durable=True) as connection:
            connection.execute(delete(table).where(table.c.name == account.name))
            return self._add(connection, "reset", account.name, [], by, RESET_SECONDS)

    def look(self, connection: Connection, given: str) -> Link | None:
        """Return what a link is for, or None where it does not work."""
        row = connection.execute(select(table).where(table.c.id_hash == secret.kept(given))).first()
        if row is None or self._store.clock() >= row.ends_at:
            return None
        if row.kind == "first" and not self._reviewers.none_yet(connection):
            return None
        return Link(row.kind, row.name, tuple(json.loads(row.roles_json)), row.made_by, row.ends_at)

    def use(self, connection: Connection, given: str) -> Link | None:
        """Use a link up, inside the write transaction that does what it is for."""
        found = self.look(connection, given)
        if found is not None:
            connection.execute(delete(table).where(table.c.id_hash == secret.kept(given)))
        return found

    def _add(
        self,
        connection: Connection,
        kind: Kind,
        name: str,
        roles: Sequence[str],
        by: str,
        seconds: float,
    ) -> str:
        now = self._store.clock()
        connection.execute(delete(table).where(table.c.ends_at <= now))
        given = secret.fresh()
        connection.execute(
            insert(table).values(
                id_hash=secret.kept(given),
                kind=kind,
                name=name,
                roles_json=json.dumps(list(roles)),
                made_by=by,
                made_at=now,
                ends_at=now + seconds,
            )
        )
        return given

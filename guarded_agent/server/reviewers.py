"""The people who may decide: their names, roles and passwords, in the store.

Who is signed in at the moment is what `sessions` and `tokens` know.
"""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from guarded_agent.approvals.duties import person
from guarded_agent.core.errors import GuardedAgentError, VoteRefused
from guarded_agent.core.ports import Recorder
from guarded_agent.store import Store
from guarded_agent.store.schema import agent, session, token
from guarded_agent.store.schema import reviewer as table

ADMIN = "admin"
"""The role that manages reviewers, and lets suspended agents act again."""

MAX_ROLES = 20
MAX_ROLE = 64


class AccountRefused(GuardedAgentError):
    """An account, a link or a token cannot be made or changed so. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Account:
    """One reviewer as the store knows them.

    Attributes:
        name: The one form of the name, as in votes.
        roles: What they are: any words, and `admin`.
        active: Whether they may sign in.
        local: Whether they have a password here.
        issuer: Whose identity provider says who they are, or empty.
        subject: What that provider calls them, or empty.
        created_by: Who let them in.
        created_at: When.
    """

    name: str
    roles: tuple[str, ...]
    active: bool
    local: bool
    issuer: str
    subject: str
    created_by: str
    created_at: float

    @property
    def one(self) -> str:
        """What two accounts of one person have in common: issuer and subject, or empty."""
        return f"{self.issuer} {self.subject}" if self.issuer else ""

    @property
    def admin(self) -> bool:
        """Whether they manage reviewers."""
        return ADMIN in self.roles

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "name": self.name,
            "roles": list(self.roles),
            "active": self.active,
            "local": self.local,
            "issuer": self.issuer,
            "created_by": self.created_by,
            "created_at": self.created_at,
        }


class Reviewers:
    """The reviewers' accounts.

    Methods that take a `connection` work inside the caller's write transaction.

    Args:
        store: Where they are kept.
        recorder: Writes an audit event for each change.
    """

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    def none_yet(self, connection: Connection) -> bool:
        """Return whether there is no reviewer at all."""
        return connection.execute(select(table.c.name).limit(1)).first() is None

    def list(self) -> builtins.list[Account]:
        """Return every account, by name."""
        with self._store.read() as connection:
            rows = connection.execute(select(table).order_by(table.c.name)).mappings().all()
        return [_account(row) for row in rows]

    def get(self, name: str) -> Account:
        """Return one account.

        Raises:
            AccountRefused: There is none of that name.
        """
        with self._store.read() as connection:
            return self._must(connection, name)

    def usable(self, connection: Connection, name: str) -> Account | None:
        """Return an account that may act now: it is active, and no agent bears its name."""
        row = self._row(connection, name)
        if row is None or not row["active"] or _is_agent(connection, row["name"]):
            return None
        return _account(row)

    def password_hash(self, connection: Connection, name: str) -> str:
        """Return what is kept of the password; "" where nobody of that name may sign in."""
        row = self._row(connection, name)
        usable = row is not None and row["active"] and not _is_agent(connection, row["name"])
        return str(row["password_hash"]) if row is not None and usable else ""

    def by_subject(self, connection: Connection, issuer: str, subject: str) -> Account | None:
        """Return the account that an identity provider calls `subject`."""
        found = select(table).where(table.c.issuer == issuer, table.c.subject == subject)
        row = connection.execute(found).mappings().first()
        return None if row is None else _account(row)

    def add(
        self,
        connection: Connection,
        name: str,
        *,
        roles: Sequence[str],
        by: str,
        password_hash: str = "",
        issuer: str | None = None,
        subject: str | None = None,
    ) -> Account:
        """Let a person in.

        Args:
            connection: A write transaction of the store.
            name: Any form of the name, such as a mail address.
            roles: What they are.
            by: Who lets them in.
            password_hash: From `passwords.hashed`, for who signs in here.
            issuer: The identity provider, for who signs in there.
            subject: What the provider calls them.

        Raises:
            AccountRefused: The name is taken, no name, or an agent's.
        """
        name = self.free_name(connection, name)
        connection.execute(
            insert(table).values(
                name=name,
                roles_json=json.dumps(checked_roles(roles)),
                password_hash=password_hash,
                issuer=issuer,
                subject=subject,
                active=True,
                created_by=by,
                created_at=self._store.clock(),
            )
        )
        self._record(connection, "added", name, by=by, roles=checked_roles(roles))
        return self._must(connection, name)

    def free_name(self, connection: Connection, name: str) -> str:
        """Return the one form of a name that a new account may have.

        Raises:
            AccountRefused: It is taken, no name, or an agent's.
        """
        known = name_of(name)
        if known in {_folded(row.id) for row in connection.execute(select(agent.c.id))}:
            raise AccountRefused(f"{known} is an agent, and an agent is no reviewer")
        if self._row(connection, known) is not None:
            raise AccountRefused(f"there is a reviewer {known} already")
        return known

    def set_roles(self, name: str, roles: Sequence[str], *, by: str) -> Account:
        """Change what a reviewer is. Their sessions and tokens have the new roles at once.

        Raises:
            AccountRefused: There is no such reviewer, a role is no word, or nobody who is
                active would be admin any more.
        """
        with self._store.write(durable=True) as connection:
            known = self._must(connection, name)
            changed = self.put_roles(connection, known.name, roles, by=by)
            if known.admin and not changed.admin:
                self._keep_an_admin(connection)
            return changed

    def put_roles(
        self, connection: Connection, name: str, roles: Sequence[str], *, by: str
    ) -> Account:
        """Change what a reviewer is, also if nobody stays admin: what a provider says, holds.

        Raises:
            AccountRefused: There is no such reviewer, or a role is no word.
        """
        wanted = checked_roles(roles)
        values = {"roles_json": json.dumps(wanted)}
        connection.execute(update(table).where(table.c.name == name).values(values))
        self._record(connection, "roles", name, by=by, roles=wanted)
        return self._must(connection, name)

    def set_active(self, name: str, active: bool, *, by: str) -> Account:
        """Shut a reviewer out at once, with their sessions and tokens, or let them in again.

        Raises:
            AccountRefused: There is no such reviewer, or nobody who is active would be admin.
        """
        with self._store.write(durable=True) as connection:
            known = self._must(connection, name)
            connection.execute(
                update(table).where(table.c.name == known.name).values(active=active)
            )
            if not active:
                if known.admin:
                    self._keep_an_admin(connection)
                connection.execute(delete(session).where(session.c.reviewer == known.name))
                connection.execute(
                    update(token)
                    .where(token.c.reviewer == known.name, token.c.revoked_at.is_(None))
                    .values(revoked_at=self._store.clock())
                )
            self._record(connection, "activated" if active else "deactivated", known.name, by=by)
            return self._must(connection, name)

    def set_password(
        self, connection: Connection, name: str, password_hash: str, *, by: str
    ) -> Account:
        """Keep a new password, and end every session of the reviewer.

        Raises:
            AccountRefused: There is no such reviewer, or they sign in elsewhere.
        """
        known = self._must(connection, name)
        if known.issuer:
            raise AccountRefused(f"{known.name} signs in with {known.issuer}, not with a password")
        connection.execute(
            update(table).where(table.c.name == known.name).values(password_hash=password_hash)
        )
        connection.execute(delete(session).where(session.c.reviewer == known.name))
        self._record(connection, "password", known.name, by=by)
        return known

    def _keep_an_admin(self, connection: Connection) -> None:
        rows = connection.execute(select(table.c.roles_json).where(table.c.active.is_(True)))
        if not any(ADMIN in json.loads(row.roles_json) for row in rows):
            raise AccountRefused("somebody must stay admin: make another reviewer admin first")

    def _must(self, connection: Connection, name: str) -> Account:
        row = self._row(connection, name)
        if row is None:
            raise AccountRefused("there is no such reviewer")
        return _account(row)

    @staticmethod
    def _row(connection: Connection, name: str) -> RowMapping | None:
        try:
            known = person(name)
        except VoteRefused:
            return None
        return connection.execute(select(table).where(table.c.name == known)).mappings().first()

    def _record(self, connection: Connection, what: str, name: str, **data: Any) -> None:
        self._recorder.append(
            connection, f"reviewer.{what}", agent_id="", data={"reviewer": name, **data}
        )


def name_of(name: str) -> str:
    """Return the one form of a person's name.

    Raises:
        AccountRefused: It is no name, or an agent's.
    """
    try:
        return person(name)
    except VoteRefused as refused:
        raise AccountRefused(str(refused)) from None


def checked_roles(roles: Sequence[str]) -> builtins.list[str]:
    """Return roles without doubles, sorted.

    Raises:
        AccountRefused: One is empty, too long or not visible, or there are too many.

    Example:
        >>> checked_roles([" sre ", "admin", "sre"])
        ['admin', 'sre']
    """
    known = sorted({role.strip() for role in roles})
    if len(known) > MAX_ROLES:
        raise AccountRefused(f"a reviewer has at most {MAX_ROLES} roles")
    for role in known:
        if not role or len(role) > MAX_ROLE or not role.isprintable():
            raise AccountRefused(f"a role is a word of 1 to {MAX_ROLE} visible characters")
        if role.casefold().startswith("agent:") or role.casefold() == "agent":
            raise AccountRefused("no reviewer has the role of an agent")
    return known


def _account(row: RowMapping) -> Account:
    return Account(
        name=row["name"],
        roles=tuple(json.loads(row["roles_json"])),
        active=bool(row["active"]),
        local=bool(row["password_hash"]),
        issuer=row["issuer"] or "",
        subject=row["subject"] or "",
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def _is_agent(connection: Connection, name: str) -> bool:
    known = select(agent.c.id).where(func.lower(agent.c.id) == name).limit(1)
    return connection.execute(known).first() is not None


def _folded(agent_id: str) -> str:
    try:
        return person(agent_id)
    except VoteRefused:
        return ""  # no reviewer has such a name

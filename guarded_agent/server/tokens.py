"""API tokens: for programs of a reviewer. The store keeps a hash, and shows none again.

A token acts for the person who made it, with no more than its scopes and no longer than its
date, and ends with their account.
"""

from __future__ import annotations

import builtins
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from guarded_agent.core.ports import Recorder
from guarded_agent.server import secret
from guarded_agent.server.reviewers import AccountRefused, Reviewers
from guarded_agent.server.who import SCOPES, Reviewer
from guarded_agent.store import Store
from guarded_agent.store.schema import token as table

PREFIX = "gat"
"""What a token begins with, so that scanners of secrets know one when they see it."""

LONGEST_DAYS = 366
MOST = 50
"""How many tokens of one reviewer work at a time."""

_FORM = re.compile(rf"{PREFIX}_([0-9a-f]{{16}})_([A-Za-z0-9_-]{{43}})")
_USED_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token.

    Attributes:
        id: Names it.
        reviewer: Whom it acts for.
        label: What they call it.
        scopes: What it may do.
        created_at: When it was made.
        ends_at: When it stops working.
        revoked_at: When somebody ended it.
        used_at: When it was last used, to the minute.
    """

    id: str
    reviewer: str
    label: str
    scopes: tuple[str, ...]
    created_at: float
    ends_at: float
    revoked_at: float | None
    used_at: float | None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "id": self.id,
            "reviewer": self.reviewer,
            "label": self.label,
            "scopes": list(self.scopes),
            "created_at": self.created_at,
            "ends_at": self.ends_at,
            "revoked_at": self.revoked_at,
            "used_at": self.used_at,
        }


class Tokens:
    """The tokens in the store.

    Args:
        store: Where they are kept.
        reviewers: Knows whom they act for.
        recorder: Writes an audit event for each that is made or ended.
    """

    def __init__(self, store: Store, reviewers: Reviewers, recorder: Recorder) -> None:
        self._store = store
        self._reviewers = reviewers
        self._recorder = recorder

    def make(
        self, name: str, *, label: str, scopes: Sequence[str], days: float = 30
    ) -> tuple[str, Token]:
        """Make a token for a reviewer.

        Args:
            name: Whom it acts for.
            label: What they call it.
            scopes: Of `read`, `vote`, `vote:high` and `admin`.
            days: How long it works.

        Returns:
            The token's text, to be shown once, and what is known of it.

        Raises:
            AccountRefused: The reviewer is unknown or may not have it, there are too many, or
                a scope, the label or the time is none.
        """
        wanted = [scope for scope in SCOPES if scope in scopes]
        label = " ".join(label.split())
        if not wanted or set(scopes) - set(SCOPES):
            raise AccountRefused(f"a token has scopes of {', '.join(SCOPES)}")
        if "vote:high" in wanted and "vote" not in wanted:
            raise AccountRefused("the scope vote:high goes with vote")
        if not 0 < len(label) <= 100 or not label.isprintable():
            raise AccountRefused("give the token a label of 1 to 100 visible characters")
        if not 0 < days <= LONGEST_DAYS:
            raise AccountRefused(f"a token works for at most {LONGEST_DAYS} days")
        now = self._store.clock()
        id_, given = secrets.token_hex(8), secret.fresh()
        with self._store.write(durable=True) as connection:
            account = self._reviewers.usable(connection, name)
            if account is None:
                raise AccountRefused("there is no such reviewer")
            if "admin" in wanted and not account.admin:
                raise AccountRefused(f"{account.name} is no admin, so no token of theirs is")
            if len([one for one in self._of(account.name) if _works(one, now)]) >= MOST:
                raise AccountRefused(f"a reviewer has at most {MOST} tokens: revoke one first")
            connection.execute(
                insert(table).values(
                    id=id_,
                    reviewer=account.name,
                    label=label,
                    secret_hash=secret.kept(given),
                    scopes_json=json.dumps(wanted),
                    created_at=now,
                    ends_at=now + days * 86400,
                )
            )
            data = {"reviewer": account.name, "token": id_, "scopes": wanted}
            self._recorder.append(connection, "reviewer.token_made", agent_id="", data=data)
            made = connection.execute(select(table).where(table.c.id == id_)).one()
        return f"{PREFIX}_{id_}_{given}", _token(made)

    def list(self, name: str) -> builtins.list[Token]:
        """Return the tokens of a reviewer, newest first."""
        return self._of(name)

    def revoke(self, id_: str, *, by: str, any_owner: bool = False) -> Token:
        """End a token at once. Ending it again changes nothing.

        Args:
            id_: The token's id.
            by: Who ends it; it is theirs, or they are admin.
            any_owner: They are admin.

        Raises:
            AccountRefused: They have no such token.
        """
        with self._store.write(durable=True) as connection:
            row = connection.execute(select(table).where(table.c.id == id_)).first()
            if row is None or not (any_owner or row.reviewer == by):
                raise AccountRefused("there is no such token")
            if row.revoked_at is None:
                connection.execute(
                    update(table).where(table.c.id == id_).values(revoked_at=self._store.clock())
                )
                data = {"reviewer": row.reviewer, "token": id_, "by": by}
                self._recorder.append(connection, "reviewer.token_revoked", agent_id="", data=data)
            return _token(connection.execute(select(table).where(table.c.id == id_)).one())

    def reviewer(self, text: str) -> Reviewer | None:
        """Return for whom a token acts now, or None where it does not work."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        id_, given = form.groups()
        now = self._store.clock()
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id == id_)).first()
            if row is None or not secret.same(secret.kept(given), row.secret_hash):
                return None
            account = self._reviewers.usable(connection, row.reviewer)
        token = _token(row)
        if account is None or not _works(token, now):
            return None
        if token.used_at is None or now >= token.used_at + _USED_EVERY:
            with self._store.write() as connection:
                connection.execute(update(table).where(table.c.id == id_).values(used_at=now))
        return Reviewer(
            account.name,
            account.roles,
            "token",
            frozenset(token.scopes),
            token=id_,
            subject=account.one,
        )

    def _of(self, name: str) -> builtins.list[Token]:
        query = select(table).where(table.c.reviewer == name).order_by(table.c.created_at.desc())
        with self._store.read() as connection:
            return [_token(row) for row in connection.execute(query)]


def _works(token: Token, now: float) -> bool:
    return token.revoked_at is None and now < token.ends_at


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        reviewer=row.reviewer,
        label=row.label,
        scopes=tuple(json.loads(row.scopes_json)),
        created_at=row.created_at,
        ends_at=row.ends_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )

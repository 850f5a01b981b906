"""Sessions of browsers: a random cookie, of which the store keeps a hash.

A session gets a new id whenever it becomes more: at sign-in and when the password is given
again. The id that a browser had before opens nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, or_, select, update

from guarded_agent.server import secret
from guarded_agent.server.reviewers import Reviewers
from guarded_agent.server.who import Method, Reviewer
from guarded_agent.store import Store
from guarded_agent.store.schema import session as table

_SEEN_EVERY = 60.0


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lasts, in seconds.

    Attributes:
        idle: Without a request.
        whole: At most, whatever happens.
    """

    idle: float = 3600.0
    whole: float = 12 * 3600.0


class Sessions:
    """The sessions in the store.

    Args:
        store: Where they are kept.
        reviewers: Knows whose they are.
        lifetime: How long one lasts.
    """

    def __init__(self, store: Store, reviewers: Reviewers, lifetime: Lifetime) -> None:
        self._store = store
        self._reviewers = reviewers
        self._lifetime = lifetime

    def open(self, connection: Connection, name: str, method: Method, proved_at: float) -> str:
        """Begin a session, and return the secret that goes into the cookie.

        Args:
            connection: A write transaction of the store.
            name: Whose it is; the caller has checked who they are.
            method: How.
            proved_at: When.
        """
        now = self._store.clock()
        connection.execute(
            delete(table).where(
                or_(table.c.ends_at <= now, table.c.seen_at <= now - self._lifetime.idle)
            )
        )
        cookie = secret.fresh()
        connection.execute(
            insert(table).values(
                id_hash=secret.kept(cookie),
                reviewer=name,
                method=method,
                created_at=now,
                proved_at=proved_at,
                seen_at=now,
                ends_at=now + self._lifetime.whole,
            )
        )
        return cookie

    def renew(self, connection: Connection, reviewer: Reviewer, proved_at: float) -> str | None:
        """Give a session a new id after its reviewer proved again who they are.

        It ends when it would have ended.

        Returns:
            The secret for the cookie, or None where the session has ended meanwhile.
        """
        cookie = secret.fresh()
        changed = connection.execute(
            update(table)
            .where(table.c.id_hash == reviewer.session)
            .values(id_hash=secret.kept(cookie), proved_at=proved_at, seen_at=self._store.clock())
        )
        return cookie if changed.rowcount == 1 else None

    def reviewer(self, cookie: str) -> Reviewer | None:
        """Return whose session a cookie opens now, or None."""
        if not cookie:
            return None
        id_hash, now = secret.kept(cookie), self._store.clock()
        with self._store.read() as connection:
            row = connection.execute(select(table).where(table.c.id_hash == id_hash)).first()
            if row is None or now >= row.ends_at or now >= row.seen_at + self._lifetime.idle:
                return None
            account = self._reviewers.usable(connection, row.reviewer)
        if account is None:
            return None
        if now >= row.seen_at + min(_SEEN_EVERY, self._lifetime.idle / 4):
            with self._store.write() as connection:
                connection.execute(
                    update(table).where(table.c.id_hash == id_hash).values(seen_at=now)
                )
        scopes = ("read", "vote", "admin") if account.admin else ("read", "vote")
        return Reviewer(
            account.name,
            account.roles,
            row.method,
            frozenset(scopes),
            proved_at=row.proved_at,
            session=id_hash,
            subject=account.one,
        )

    def close(self, connection: Connection, id_hash: str) -> None:
        """End one session."""
        connection.execute(delete(table).where(table.c.id_hash == id_hash))

    def close_all(self, connection: Connection, name: str) -> int:
        """End every session of a reviewer; return how many there were."""
        return connection.execute(delete(table).where(table.c.reviewer == name)).rowcount

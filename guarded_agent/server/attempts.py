"""Slow down who guesses: failures are counted in the store, for every process that uses it.

An attempt is counted before the password is looked at, so that a thousand at once are no
way around it; a success takes the count back.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from guarded_agent.store import Store
from guarded_agent.store.schema import attempt as table

_FORGET = 86400.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures are free, and how the wait grows after them.

    Attributes:
        free: So many failures cost no waiting.
        first: Seconds to wait after the next one; it doubles each time.
        most: The longest wait.
    """

    free: int
    first: float
    most: float

    def wait(self, count: int) -> float:
        """Return the seconds to wait after `count` failures.

        Example:
            >>> [Patience(5, 1, 300).wait(count) for count in (5, 6, 7, 8, 30)]
            [0.0, 1.0, 2.0, 4.0, 300.0]
        """
        late = count - self.free
        return 0.0 if late <= 0 else float(min(self.first * 2 ** min(late - 1, 40), self.most))


ACCOUNT = Patience(free=5, first=1.0, most=300.0)
ADDRESS = Patience(free=20, first=1.0, most=900.0)


class TooMany(Exception):
    """Too many attempts failed.

    Attributes:
        seconds: How long to wait.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__("too many attempts failed: wait a little")


class Attempts:
    """The failures in the store, by account and by address.

    Args:
        store: Where they are kept. It keeps no name and no address, only a MAC of each.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, account: str, address: str) -> None:
        """Count an attempt that may fail.

        Args:
            account: Whom it is about, in any form that is always the same.
            address: Where it comes from.

        Raises:
            TooMany: It is too early for another one; nothing was counted.
        """
        now = self._store.clock()
        keys = [
            (self._who("account", account), ACCOUNT),
            (self._who("address", address), ADDRESS),
        ]
        # A flood must not take the one turn to write from those who decide.
        with self._store.read() as connection:
            self._heed(connection, [who for who, _ in keys], now)
        with self._store.write() as connection:
            connection.execute(delete(table).where(table.c.at < now - _FORGET))
            rows = self._heed(connection, [who for who, _ in keys], now)
            for who, patience in keys:
                count = rows[who][0] + 1
                blocked = now + patience.wait(count)
                values = {"count": count, "blocked_until": blocked, "at": now}
                if count == 1:
                    connection.execute(insert(table).values(who=who, **values))
                else:
                    connection.execute(update(table).where(table.c.who == who).values(**values))

    def succeeded(self, connection: Connection, account: str, address: str) -> None:
        """Forget the failures of the account, and this attempt of the address."""
        connection.execute(delete(table).where(table.c.who == self._who("account", account)))
        who = self._who("address", address)
        count, _ = self._row(connection, who)
        if count <= 1:
            connection.execute(delete(table).where(table.c.who == who))
        else:
            connection.execute(
                update(table).where(table.c.who == who).values(count=count - 1, blocked_until=0.0)
            )

    def _heed(
        self, connection: Connection, keys: list[str], now: float
    ) -> dict[str, tuple[int, float]]:
        """Return the counts, if another attempt may be made now."""
        rows = {who: self._row(connection, who) for who in keys}
        until = max(blocked for _, blocked in rows.values())
        if until > now:
            raise TooMany(until - now)
        return rows

    @staticmethod
    def _row(connection: Connection, who: str) -> tuple[int, float]:
        found = select(table.c["count"], table.c.blocked_until).where(table.c.who == who)
        row = connection.execute(found).first()
        return (0, 0.0) if row is None else (int(row[0]), float(row[1]))

    def _who(self, kind: str, text: str) -> str:
        return self._store.keys.mac(f"attempt\0{kind}\0{text}".encode("utf-8", "surrogatepass"))

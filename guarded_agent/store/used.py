"""Things that are used once, whoever asks first: tokens, by their id.

The rows are kept for a day longer than the tokens are good, so that a clock which is
set back a little brings none to life again.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import delete, insert, select

from guarded_agent.store.engine import Store
from guarded_agent.store.schema import used as table

_KEPT = 86400.0


def use_once(store: Store, name: str, expires_at: float, now: float) -> bool:
    """Return True to the first who uses `name`, of all threads and processes, and False then on.

    Args:
        store: Where it is remembered.
        name: What is used. Its digest is stored.
        expires_at: When it is good no longer, in seconds since the epoch.
        now: The time.

    Raises:
        StoreError: It cannot be remembered. It must not count as used, nor be used.

    Example:
        >>> with Store.open("sqlite://") as store:
        ...     [use_once(store, "token 1", 60.0, 0.0) for _ in range(2)]
        [True, False]
    """
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    with store.write(durable=True) as connection:
        connection.execute(delete(table).where(table.c.expires_at < now - _KEPT))
        if connection.scalar(select(table.c.mark).where(table.c.mark == mark)) is not None:
            return False
        connection.execute(insert(table).values(mark=mark, expires_at=expires_at))
    return True

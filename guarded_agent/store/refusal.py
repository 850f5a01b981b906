"""Words for a database's refusal: which place, what happened, what to do.

Drivers say the same thing in many ways, and repeat statements and values in
what they say. Only what is listed here reaches a message.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from guarded_agent.core.errors import StoreError

REFUSALS: tuple[type[Exception], ...] = (DBAPIError, PoolTimeout, sqlite3.Error)
"""What a database raises when it refuses; anything else is a mistake of the caller."""

_SQLITE = {
    "SQLITE_BUSY": "is locked by another process; let it finish, then try again",
    "SQLITE_LOCKED": "is locked by another connection; let it finish, then try again",
    "SQLITE_READONLY": "is read-only here; make the file and its folder writable",
    "SQLITE_FULL": "has no room left; free some disk space",
    "SQLITE_IOERR": "cannot be read or written; check the disk and its free space",
    "SQLITE_CANTOPEN": "cannot be opened; check that it is a file and may be written",
    "SQLITE_NOTADB": "is not a SQLite database; name another file or restore it from a backup",
    "SQLITE_CORRUPT": "is damaged; restore it from a backup",
    "SQLITE_PERM": "may not be accessed; check the file's permissions",
    "SQLITE_AUTH": "may not be accessed; check the file's permissions",
}

_UNREACHABLE = (
    "cannot be reached; check that the server runs, and the address, database, user and password"
)

_POSTGRES = {
    "08": _UNREACHABLE,
    "22": "refused a value that is too long or malformed",
    "25006": "is read-only here; connect to the primary server",
    "28": "refuses the login; check user and password",
    "3D": "does not exist; create the database",
    "40": "undid the transaction because of a conflict; try again",
    "42501": "does not permit this; grant the role its rights",
    "53100": "has no room left; free some disk space",
    "53": "has no resources left; try again later or give the server more",
    "55P03": "is locked by another process; let it finish, then try again",
    "57": "stopped the query or is shutting down; try again later",
}


@contextmanager
def explained(place: str, *more: type[Exception]) -> Generator[None]:
    """Turn every refusal of the database at `place` into a `StoreError`.

    Args:
        place: The file, or the host and database, without a password.
        more: Further errors that count as refusals.

    Raises:
        StoreError: The database refused; the message holds no statement and no value.
    """
    refusal: StoreError | None = None
    try:
        yield
    except (*REFUSALS, *more) as error:
        refusal = StoreError(f"{place} {_words(error)}")
    if refusal is not None:
        raise refusal from None  # the driver's own words may hold values


def _words(error: Exception) -> str:
    if isinstance(error, PoolTimeout):
        return "is too busy: every connection is in use; try again later"
    # A driver's error type is not known here; its codes are read by name.
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", None)
    state = getattr(cause, "sqlstate", None)
    if isinstance(name, str):
        return _first(_SQLITE, name)
    if isinstance(state, str):
        return _first(_POSTGRES, state)
    if type(cause).__name__ in ("OperationalError", "ConnectionTimeout", "PoolTimeout"):
        return _UNREACHABLE
    return f"refused the statement ({type(cause).__name__})"


def _first(known: dict[str, str], code: str) -> str:
    for prefix, words in known.items():
        if code.startswith(prefix):
            return words
    return f"refused the statement ({code})"

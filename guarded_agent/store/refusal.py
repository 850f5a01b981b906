"""Words for a database's refusal: which place, what happened, what to do.

Drivers say the same thing in many ways, and repeat statements and values in
what they say. Only what is listed here reaches a message.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from guarded_agent.core.errors import StoreError

REFUSALS = (DBAPIError, PoolTimeout, sqlite3.Error)
"""What a database raises when it refuses; anything else is a mistake of the caller."""

_SQLITE = {
    "SQLITE_BUSY": "is locked by another process; let it finish, then try again",
    "SQLITE_LOCKED": "is locked by another connection; let it finish, then try again",
    "SQLITE_READONLY": "is read-only; make the file and its folder writable",
    "SQLITE_FULL": "has no room left; free some disk space",
    "SQLITE_IOERR": "cannot be read or written; check the disk",
    "SQLITE_CANTOPEN": "cannot be opened; check that the folder exists and may be written",
    "SQLITE_NOTADB": "is not a SQLite database; name another file or restore it from a backup",
    "SQLITE_CORRUPT": "is damaged; restore it from a backup",
    "SQLITE_PERM": "may not be accessed; check the file's permissions",
    "SQLITE_AUTH": "may not be accessed; check the file's permissions",
}

_POSTGRES = {
    "08": "cannot be reached; check that the server runs and the address is right",
    "28": "refuses the login; check user and password",
    "3D": "does not exist; create the database",
    "42501": "does not permit this; grant the role its rights",
    "25006": "is read-only; connect to the primary server",
    "40": "undid the transaction because of a conflict; try again",
    "53100": "has no room left; free some disk space",
    "53": "has no resources left; try again later or give the server more",
    "55P03": "is locked by another process; let it finish, then try again",
    "57": "stopped the query or is shutting down; try again later",
}


def explain(place: str, error: Exception) -> StoreError:
    """Return the refusal `error` of the database at `place` in words for a person.

    Args:
        place: The file, or the host and database, without a password.
        error: What the driver or the pool raised.

    Returns:
        The error to raise; its message holds no statement and no value.
    """
    return StoreError(f"{place} {_words(error)}")


def _words(error: Exception) -> str:
    if isinstance(error, PoolTimeout):
        return "is too busy: every connection is in use; try again later"
    cause: Any = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", None)
    if isinstance(name, str):
        for code, words in _SQLITE.items():
            if name.startswith(code):
                return words
        return f"refused the statement ({name})"
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str):
        for code, words in _POSTGRES.items():
            if state.startswith(code):
                return words
        return f"refused the statement (SQLSTATE {state})"
    if isinstance(error, DBAPIError) and type(cause).__module__.startswith("psycopg"):
        return _POSTGRES["08"]
    return f"refused the statement ({type(cause).__name__})"

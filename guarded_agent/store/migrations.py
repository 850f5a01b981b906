"""Brings a database to the schema that this release knows, and no further.

A new database gets today's tables at once. An older one runs the steps it
lacks, in order. The caller gives one write transaction for all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn

from guarded_agent.core.errors import StoreError
from guarded_agent.store.schema import (
    ADDED_COLUMNS,
    APPROVAL_INDEXES,
    LEAST_PRIVILEGE,
    meta,
    metadata,
    vault,
)

Step = Callable[[Connection], None]


def _add_vault(connection: Connection) -> None:
    vault.create(connection)


def _add_least_privilege(connection: Connection) -> None:
    for table in LEAST_PRIVILEGE:
        table.create(connection)
    for changed, names in ADDED_COLUMNS:
        for name in names:
            column = CreateColumn(changed.c[name]).compile(connection)
            connection.execute(text(f"ALTER TABLE {changed.name} ADD COLUMN {column}"))
    for index in APPROVAL_INDEXES:
        index.create(connection)


STEPS: tuple[Step, ...] = (_add_vault, _add_least_privilege)
"""Step `n` (from 1) turns version `n` into version `n + 1`. Never change one that was released."""

_VERSION = "schema_version"


def version(connection: Connection) -> int:
    """Return the schema version of the database; 0 means that it has none of our tables."""
    if not inspect(connection).has_table(meta.name):
        return 0
    value = connection.scalar(select(meta.c.value).where(meta.c.name == _VERSION))
    return 0 if value is None else int(value)


def migrate(connection: Connection, *, place: str, steps: Sequence[Step] = STEPS) -> int:
    """Bring the database to the newest version inside the caller's transaction.

    Args:
        connection: In a write transaction, so that nobody else migrates meanwhile.
        place: What to call the database in an error.
        steps: The steps to choose from.

    Returns:
        The version it had before; 0 for a new database.

    Raises:
        StoreError: The database is newer than this release.
    """
    found = version(connection)
    newest = len(steps) + 1
    if found > newest:
        raise StoreError(
            f"{place} has schema version {found} and this release knows {newest}; "
            "upgrade guarded-agent"
        )
    if found == 0:
        metadata.create_all(connection)
        connection.execute(insert(meta).values(name=_VERSION, value=str(newest)))
        return found
    for step in steps[found - 1 :]:
        step(connection)
    # Written even where it stays the same: a read-only database shows itself now, not in a call.
    connection.execute(update(meta).where(meta.c.name == _VERSION).values(value=str(newest)))
    return found

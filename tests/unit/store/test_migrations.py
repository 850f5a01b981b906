"""Migrations: each step once, in order, all or nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, inspect, select, text

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store
from guarded_agent.store.migrations import STEPS, migrate, version
from guarded_agent.store.schema import (
    ADDED_COLUMNS,
    APPROVAL_INDEXES,
    LEAST_PRIVILEGE,
    meta,
    metadata,
)

NEWEST = len(STEPS) + 1
"""The version of a new database."""


def add_colour(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE guard_agent ADD COLUMN colour TEXT"))


def add_shape(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE guard_agent ADD COLUMN shape TEXT"))


def fail(connection: Connection) -> None:
    add_shape(connection)
    raise StoreError("this step fails")


def columns(store: Store) -> set[str]:
    with store.read() as connection:
        return {column["name"] for column in inspect(connection).get_columns("guard_agent")}


def run(store: Store, *steps: object) -> int:
    with store.write() as connection:
        return migrate(connection, place="here", steps=(*STEPS, *steps))  # type: ignore[arg-type]


def test_a_database_without_our_tables_has_version_zero(any_store: Store) -> None:
    with any_store.write() as connection:
        connection.execute(text("DROP TABLE guard_meta"))
        assert version(connection) == 0


def test_an_older_database_runs_the_steps_it_lacks_in_order(any_store: Store) -> None:
    assert run(any_store, add_colour) == NEWEST
    assert run(any_store, add_colour, add_shape) == NEWEST + 1
    assert run(any_store, add_colour, add_shape) == NEWEST + 2
    assert {"colour", "shape"} <= columns(any_store)


def test_a_step_that_fails_leaves_the_database_as_it_was(any_store: Store) -> None:
    with pytest.raises(StoreError, match="this step fails"):
        run(any_store, add_colour, fail)
    assert not {"colour", "shape"} & columns(any_store)
    with any_store.read() as connection:
        found = connection.scalar(select(meta.c.value).where(meta.c.name == "schema_version"))
    assert found == str(NEWEST)


def test_a_newer_database_is_left_alone(any_store: Store) -> None:
    run(any_store, add_colour)
    newer = f"here has schema version {NEWEST + 1} and this release knows {NEWEST}"
    with pytest.raises(StoreError, match=newer):
        run(any_store)


def test_the_steps_lead_from_the_first_version_to_the_tables_of_a_new_database(
    any_store: Store,
) -> None:
    def tables() -> dict[str, list[str]]:
        with any_store.read() as connection:
            found = inspect(connection)
            return {
                name: sorted(
                    str(item["name"])
                    for item in (*found.get_columns(name), *found.get_indexes(name))
                )
                for name in metadata.tables
                if found.has_table(name)
            }

    whole = tables()
    with any_store.write() as connection:
        for name in ("guard_vault", *(table.name for table in reversed(LEAST_PRIVILEGE))):
            connection.execute(text(f"DROP TABLE {name}"))
        for index in APPROVAL_INDEXES:
            index.drop(connection)
        for table, names in ADDED_COLUMNS:
            for name in names:
                connection.execute(text(f"ALTER TABLE {table.name} DROP COLUMN {name}"))
        connection.execute(meta.update().where(meta.c.name == "schema_version").values(value="1"))
    assert "guard_vault" not in tables()
    assert run(any_store) == 1
    assert tables() == whole

"""Statements of every call: compiled once, and on SQLite handed straight to the driver.

SQLAlchemy takes some ten times as long to hand a statement over as SQLite takes to run
it. PostgreSQL is waited for over the network, so there the statement goes the usual way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.sql.compiler import SQLCompiler

_REQUIRED = object()


class Prepared:
    """One statement that runs often.

    Its values are plain: texts, numbers, bytes or None. It has no list of values, since
    SQLAlchemy writes such a statement anew each time.

    Args:
        statement: Made with a `bindparam` for each value that changes.

    Example:
        >>> from sqlalchemy import create_engine, literal, select, bindparam
        >>> double = Prepared(select((bindparam("n") * 2).label("twice")))
        >>> with create_engine("sqlite://").connect() as connection:
        ...     double.row(connection, {"n": 4})
        {'twice': 8}
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._sqlite: _Compiled | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Run the statement; return how many rows an update or deletion met."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, dict(values)).rowcount
        return int(self._cursor(connection, values).rowcount)

    def row(self, connection: Connection, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """Run the statement; return its only row by column name, or None if there is none."""
        if connection.dialect.name != "sqlite":
            found = connection.execute(self._statement, dict(values)).mappings().one_or_none()
            return None if found is None else dict(found)
        cursor = self._cursor(connection, values)
        row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip((column[0] for column in cursor.description), row, strict=True))

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run the statement; return all its rows by column name."""
        if connection.dialect.name != "sqlite":
            found = connection.execute(self._statement, dict(values)).mappings()
            return [dict(row) for row in found]
        cursor = self._cursor(connection, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def scalar(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Run the statement; return the first value of its row, or None if there is none."""
        if connection.dialect.name != "sqlite":
            return connection.scalar(self._statement, dict(values))
        row = self._cursor(connection, values).fetchone()
        return None if row is None else row[0]

    def _cursor(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        compiled = self._sqlite
        if compiled is None:
            compiled = self._sqlite = _Compiled(self._statement, connection)
        driver: Any = connection.connection.dbapi_connection
        return driver.execute(compiled.text, compiled.arguments(values))


class _Compiled:
    """The statement in the driver's own words, and which value stands where."""

    __slots__ = ("_places", "text")

    def __init__(self, statement: Any, connection: Connection) -> None:
        compiled: SQLCompiler = statement.compile(dialect=connection.dialect)
        self.text = str(compiled)
        self._places = tuple(
            (name, _REQUIRED if compiled.binds[name].required else compiled.binds[name].value)
            for name in compiled.positiontup or ()
        )

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(values[name] if fixed is _REQUIRED else fixed for name, fixed in self._places)

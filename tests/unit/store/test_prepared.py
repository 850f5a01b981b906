"""Prepared statements say the same on every database, whichever way they take."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import bindparam, delete, insert, select, update

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import action, meta

ADD = Prepared(insert(meta))
FIND = Prepared(select(meta).where(meta.c.name == bindparam("which")))
VALUE = Prepared(select(meta.c.value).where(meta.c.name == bindparam("which")))
CHANGE = Prepared(
    update(meta)
    .where(meta.c.name == bindparam("which"), meta.c.value == "old")
    .values(value=bindparam("new"))
)
EMPTY = Prepared(delete(meta).where(meta.c.name == bindparam("which")))
ADD_ACTION = Prepared(insert(action))
SEALED = Prepared(select(action).where(action.c.digest == bindparam("which")))


def test_what_is_written_is_read(any_store: Store) -> None:
    with any_store.write() as connection:
        ADD.run(connection, {"name": "é", "value": "a 'b' ?"})
        assert FIND.row(connection, {"which": "é"}) == {"name": "é", "value": "a 'b' ?"}
        assert VALUE.scalar(connection, {"which": "é"}) == "a 'b' ?"


def test_what_is_not_there_is_none(any_store: Store) -> None:
    with any_store.read() as connection:
        assert FIND.row(connection, {"which": "x"}) is None
        assert VALUE.scalar(connection, {"which": "x"}) is None


def test_a_change_says_how_many_rows_it_met(any_store: Store) -> None:
    with any_store.write() as connection:
        ADD.run(connection, {"name": "x", "value": "old"})
        assert CHANGE.run(connection, {"which": "x", "new": "new"}) == 1
        assert CHANGE.run(connection, {"which": "x", "new": "newer"}) == 0
        assert VALUE.scalar(connection, {"which": "x"}) == "new"
        assert EMPTY.run(connection, {"which": "x"}) == 1


def test_bytes_numbers_and_nothing_come_back_as_they_were(any_store: Store) -> None:
    row: dict[str, Any] = {
        **dict.fromkeys(action.columns.keys(), "t"),
        "state": "judged",
        "result_sealed": b"\x00\xff",
        "created_at": 1,
        "started_at": 2.5,
        "finished_at": None,
    }
    with any_store.write() as connection:
        ADD_ACTION.run(connection, row)
        found = SEALED.row(connection, {"which": "t"})
        with_sqlalchemy = connection.execute(select(action)).mappings().one()
    assert found == row == dict(with_sqlalchemy)
    assert [type(found[name]) for name in row] == [type(with_sqlalchemy[name]) for name in row]


def test_a_value_that_is_left_out_is_no_null(store: Store) -> None:
    with store.write() as connection, pytest.raises(KeyError):
        CHANGE.run(connection, {"which": "x"})


def test_it_is_part_of_the_transaction(any_store: Store) -> None:
    def fails() -> None:
        with any_store.write() as connection:
            ADD.run(connection, {"name": "x", "value": "y"})
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    with any_store.read() as connection:
        assert VALUE.scalar(connection, {"which": "x"}) is None


def test_a_refusal_is_a_store_error_without_values(any_store: Store) -> None:
    with any_store.write() as connection:
        ADD.run(connection, {"name": "audit", "value": "s3cret"})
    with pytest.raises(StoreError) as caught, any_store.write() as connection:
        ADD.run(connection, {"name": "audit", "value": "s3cret"})
    assert "s3cret" not in str(caught.value)
    assert "guard_meta" not in str(caught.value)


def test_a_transaction_that_reads_does_not_write(any_store: Store) -> None:
    with pytest.raises(StoreError), any_store.read() as connection:
        ADD.run(connection, {"name": "x", "value": "y"})

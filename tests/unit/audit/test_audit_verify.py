"""Attacks on the log by someone who can write to the database but has no key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, text, update

from guarded_agent.audit import AuditLog, Event, Verified, verify
from guarded_agent.audit.event import START, from_row
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import AuditBroken
from guarded_agent.store import Store
from guarded_agent.store.schema import event as table
from guarded_agent.store.schema import meta

HEAD = meta.c.name == "audit_head"


def fill(store: Store, count: int = 5) -> None:
    log = AuditLog(store)
    for number in range(1, count + 1):
        with store.write() as connection:
            log.append(connection, "action.judged", agent_id="a", data={"number": number})


def tamper(store: Store, *statements: Any) -> None:
    with store.write() as connection:
        for statement in statements:
            connection.execute(statement)


def broken(store: Store, known: Verified | None = None) -> tuple[int, str]:
    with pytest.raises(AuditBroken) as caught:
        verify(store, known=known)
    return caught.value.seq, str(caught.value)


def change(seq: int, /, **values: Any) -> Any:
    return update(table).where(table.c.seq == seq).values(**values)


def rehash(connection: Connection, edit: Callable[[Event], dict[str, Any] | None]) -> None:
    """Do what a patient attacker does: edit or drop events and make every hash anew."""
    events = [
        from_row(row) for row in connection.execute(select(table).order_by(table.c.seq)).all()
    ]
    connection.execute(delete(table))
    seq, last = 0, START
    for event in events:
        edited = edit(event)
        if edited is None:
            continue
        seq += 1
        values = {**edited, "seq": seq, "previous": last, "hash": ""}
        last = Event(**values).expected_hash()
        data = canonical(values.pop("data")).decode()
        connection.execute(insert(table).values(**{**values, "hash": last, "data_json": data}))


def test_an_empty_log_verifies(any_store: Store) -> None:
    assert verify(any_store) == Verified(0, START)


def test_a_whole_log_verifies(any_store: Store) -> None:
    fill(any_store)
    assert verify(any_store) == Verified(5, AuditLog(any_store).tail(1)[0].hash)


@pytest.mark.parametrize(
    "values",
    [
        {"at": 1.0},
        {"kind": "action.done"},
        {"agent_id": "b"},
        {"thread_id": "t"},
        {"run_id": "r"},
        {"digest": "d"},
        {"data_json": '{"number":9}'},
        {"data_json": '{"number": 3}'},
        {"data_json": '{"number":9,"number":3}'},
        {"data_json": "{"},
        {"data_json": "[]"},
        {"data_json": "null"},
        {"hash": "0" * 64},
    ],
)
def test_a_changed_event_is_named(any_store: Store, values: dict[str, Any]) -> None:
    fill(any_store)
    tamper(any_store, change(3, **values))
    assert broken(any_store) == (3, "event 3 was changed after it was written")


def test_a_missing_event_is_named(any_store: Store) -> None:
    fill(any_store)
    tamper(any_store, delete(table).where(table.c.seq == 2))
    assert broken(any_store) == (2, "event 2 is missing")


def test_a_gap_that_is_closed_by_renumbering_is_a_broken_link(any_store: Store) -> None:
    fill(any_store)
    tamper(any_store, delete(table).where(table.c.seq == 5), change(4, seq=5))
    assert broken(any_store) == (4, "event 4 is missing")
    tamper(any_store, change(5, seq=4), delete(table).where(table.c.seq == 3), change(4, seq=3))
    seq, words = broken(any_store)
    assert (seq, "not linked" in words) == (3, True)


def test_swapped_events_are_a_broken_link(any_store: Store) -> None:
    fill(any_store)
    tamper(any_store, change(2, seq=99), change(3, seq=2), change(99, seq=3))
    assert broken(any_store)[0] == 2


@pytest.mark.parametrize("first_lost", [1, 4, 5])
def test_events_cut_off_the_end_are_noticed(any_store: Store, first_lost: int) -> None:
    fill(any_store)
    tamper(any_store, delete(table).where(table.c.seq >= first_lost))
    assert broken(any_store) == (
        first_lost,
        f"event {first_lost} and later ones were cut off the end",
    )


def test_a_head_moved_back_to_fit_does_not_carry_the_mac(any_store: Store) -> None:
    fill(any_store)
    fourth = AuditLog(any_store).tail(2)[0]
    with any_store.read() as connection:
        stored = json.loads(connection.scalar(select(meta.c.value).where(HEAD)) or "")
    forged = json.dumps({**stored, "seq": 4, "hash": fourth.hash})
    tamper(
        any_store,
        delete(table).where(table.c.seq == 5),
        update(meta).where(HEAD).values(value=forged),
    )
    seq, words = broken(any_store)
    assert (seq, "MAC" in words) == (4, True)


@pytest.mark.parametrize("value", ["", "{}", "[]", "null", '{"seq":"x","hash":1,"mac":null}'])
def test_a_head_that_is_nonsense_is_noticed(any_store: Store, value: str) -> None:
    fill(any_store)
    tamper(any_store, update(meta).where(HEAD).values(value=value))
    assert "MAC" in broken(any_store)[1]


def test_a_head_that_was_removed_is_noticed(any_store: Store) -> None:
    fill(any_store)
    tamper(any_store, delete(meta).where(HEAD))
    assert broken(any_store) == (1, "event 1 and later ones were not written by the log")


def test_a_log_that_was_edited_and_hashed_anew_is_noticed(any_store: Store) -> None:
    fill(any_store)
    with any_store.write() as connection:
        rehash(
            connection,
            lambda event: {
                **without_place(event),
                "data": {"number": 0} if event.seq == 2 else event.data,
            },
        )
    seq, words = broken(any_store)
    assert (seq, "rewritten" in words) == (5, True)


def test_a_log_without_one_event_and_hashed_anew_is_noticed(any_store: Store) -> None:
    fill(any_store)
    with any_store.write() as connection:
        rehash(connection, lambda event: None if event.seq == 2 else without_place(event))
    assert broken(any_store) == (5, "event 5 and later ones were cut off the end")


def test_an_event_added_by_hand_is_noticed(any_store: Store) -> None:
    fill(any_store)
    last = AuditLog(any_store).tail(1)[0]
    added = {**last.as_json(), "seq": 6, "previous": last.hash}
    value = Event(**added).expected_hash()
    data = canonical(added.pop("data")).decode()
    tamper(any_store, insert(table).values(**{**added, "hash": value, "data_json": data}))
    assert broken(any_store) == (6, "event 6 and later ones were not written by the log")


def without_place(event: Event) -> dict[str, Any]:
    return {k: v for k, v in event.as_json().items() if k not in ("seq", "previous", "hash")}


def test_the_log_does_not_go_on_behind_a_forged_end(any_store: Store) -> None:
    fill(any_store)
    forged = text("UPDATE guard_meta SET value = replace(value, '5', '4') WHERE name='audit_head'")
    tamper(any_store, delete(table).where(table.c.seq == 5), forged)
    with pytest.raises(AuditBroken, match="MAC"):
        fill(any_store, 1)


def test_an_event_appended_after_a_cut_does_not_hide_it(any_store: Store) -> None:
    fill(any_store)
    tamper(any_store, delete(table).where(table.c.seq == 5))
    fill(any_store, 1)
    assert broken(any_store) == (5, "event 5 is missing")


def test_a_database_put_back_to_an_earlier_moment_is_noticed_by_who_kept_the_head(
    any_store: Store,
) -> None:
    fill(any_store, 3)
    with any_store.read() as connection:
        earlier = connection.scalar(select(meta.c.value).where(HEAD))
    fill(any_store, 2)
    kept = verify(any_store)
    tamper(
        any_store,
        delete(table).where(table.c.seq > 3),
        update(meta).where(HEAD).values(value=earlier),
    )
    assert verify(any_store).count == 3  # whole in itself
    assert broken(any_store, known=kept)[0] == 4
    fill(any_store, 2)
    assert broken(any_store, known=kept) == (
        5,
        "event 5 is not the one that was verified before: the log was rewritten",
    )


def test_a_log_that_only_grew_fits_what_was_kept(any_store: Store) -> None:
    fill(any_store, 2)
    kept = verify(any_store)
    assert verify(any_store, known=kept) == kept
    fill(any_store, 2)
    assert verify(any_store, known=kept).count == 4


COLUMNS = st.sampled_from(["kind", "agent_id", "thread_id", "run_id", "digest", "data_json"])


@given(COLUMNS, st.integers(1, 6), st.text(min_size=1, max_size=5))
def test_no_event_can_be_changed_unnoticed(column: str, seq: int, value: str) -> None:
    with Store.open("sqlite://", environ={}) as store:
        fill(store, 6)
        with store.read() as connection:
            before = connection.scalar(select(table.c[column]).where(table.c.seq == seq))
        tamper(store, change(seq, **{column: before + value}))
        assert broken(store)[0] == seq

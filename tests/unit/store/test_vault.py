"""The vault: one pseudonym for each value of a thread, sealed, unchanging, erasable."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store
from guarded_agent.store.schema import vault as table
from guarded_agent.store.vault import Forgotten, Id, Value, Vault


def mail(name: str) -> Value:
    return Value("EMAIL", f"{name.title()}@example.com", f"{name}@example.com")


def texts(store: Store, thread: str, *ids: Id) -> list[str | None]:
    found = Vault(store).find("mail", thread, ids)
    return [None if (value := found[each]) is None else value.text for each in ids]


def test_the_same_value_has_the_same_pseudonym_and_another_one_the_next(any_store: Store) -> None:
    vault = Vault(any_store)
    card = Value("CARD", "4111 1111 1111 1111", "4111111111111111")
    assert vault.name("mail", "t1", [mail("ann"), card, mail("bo"), mail("ann")]) == [
        ("EMAIL", 1),
        ("CARD", 1),
        ("EMAIL", 2),
        ("EMAIL", 1),
    ]
    assert vault.name("mail", "t1", [mail("bo")]) == [("EMAIL", 2)]
    assert texts(any_store, "t1", ("EMAIL", 2), ("CARD", 1)) == [
        "Bo@example.com",
        "4111 1111 1111 1111",
    ]


def test_a_thread_and_an_agent_know_nothing_of_another(any_store: Store) -> None:
    vault = Vault(any_store)
    vault.name("mail", "t1", [mail("ann"), mail("bo")])
    assert vault.name("mail", "t2", [mail("bo")]) == [("EMAIL", 1)]
    assert vault.name("other", "t1", [mail("cy")]) == [("EMAIL", 1)]
    assert texts(any_store, "t2", ("EMAIL", 1)) == ["Bo@example.com"]
    assert vault.find("mail", "t2", [("EMAIL", 2)]) == {}


def test_a_number_is_not_the_text_of_the_same_digits(any_store: Store) -> None:
    vault = Vault(any_store)
    ids = vault.name(
        "mail",
        "t1",
        [Value("CARD", "4111111111111111", "4111111111111111", form) for form in ("text", "int")],
    )
    assert len(set(ids)) == 2
    found = vault.find("mail", "t1", ids)
    assert [value and value.data for value in map(found.get, ids)] == [
        "4111111111111111",
        4111111111111111,
    ]


def test_nothing_stands_in_the_clear(any_store: Store) -> None:
    Vault(any_store).name("mail", "t1", [mail("ann")])
    with any_store.read() as connection:
        row = connection.execute(select(table)).one()
    assert b"example" not in bytes(row.value_sealed).lower()
    assert "example" not in repr([row.lookup, repr(mail("ann"))])


def test_a_value_does_not_open_under_another_pseudonym(any_store: Store) -> None:
    vault = Vault(any_store)
    vault.name("mail", "t1", [mail("ann"), mail("bo")])
    with any_store.write() as connection:
        bo = connection.scalar(select(table.c.value_sealed).where(table.c.number == 2))
        connection.execute(update(table).where(table.c.number == 1).values(value_sealed=bo))
    with pytest.raises(StoreError, match="it was changed, moved"):
        vault.find("mail", "t1", [("EMAIL", 1)])


def test_the_database_itself_keeps_one_pseudonym_for_a_value(any_store: Store) -> None:
    Vault(any_store).name("mail", "t1", [mail("ann")])
    with any_store.read() as connection:
        row = dict(connection.execute(select(table)).mappings().one())
    with any_store.write() as connection:
        nested = connection.begin_nested()
        with pytest.raises(IntegrityError):
            connection.execute(table.insert(), row | {"number": 2})
        nested.rollback()


def test_what_is_forgotten_is_gone_and_its_number_is_not_given_again(any_store: Store) -> None:
    vault = Vault(any_store)
    vault.name("mail", "t1", [mail("ann"), mail("bo")])
    vault.name("mail", "t2", [mail("bo")])
    with any_store.write() as connection:
        erased = vault.forget(connection, values=[mail("bo")])
    assert erased == [
        Forgotten("mail", "t1", (("EMAIL", 2),)),
        Forgotten("mail", "t2", (("EMAIL", 1),)),
    ]
    assert texts(any_store, "t1", ("EMAIL", 1), ("EMAIL", 2)) == ["Ann@example.com", None]
    assert vault.name("mail", "t1", [mail("bo")]) == [("EMAIL", 3)]
    with any_store.read() as connection:
        row = connection.execute(select(table).where(table.c.thread_id == "t2")).one()
    assert (row.lookup, row.value_sealed) == (None, None)


def test_a_thread_is_forgotten_as_a_whole_or_for_one_value(any_store: Store) -> None:
    vault = Vault(any_store)
    vault.name("mail", "t1", [mail("ann"), mail("bo")])
    vault.name("mail", "t2", [mail("ann")])
    with any_store.write() as connection:
        assert vault.forget(connection, values=[mail("cy")], thread_id="t1") == []
        vault.forget(connection, values=[mail("ann")], thread_id="t1")
    assert texts(any_store, "t1", ("EMAIL", 1), ("EMAIL", 2)) == [None, "Bo@example.com"]
    with any_store.write() as connection:
        vault.forget(connection, thread_id="t1")
    assert texts(any_store, "t1", ("EMAIL", 2)) == [None]
    assert texts(any_store, "t2", ("EMAIL", 1)) == ["Ann@example.com"]
    assert [(row.thread_id, row.held, row.forgotten) for row in vault.held()] == [
        ("t1", 0, 2),
        ("t2", 1, 0),
    ]


def test_forgetting_names_what(any_store: Store) -> None:
    with any_store.write() as connection, pytest.raises(ValueError, match="name a value"):
        Vault(any_store).forget(connection)


def test_threads_that_name_at_once_agree(any_store: Store) -> None:
    people = [mail(f"person{number}") for number in range(12)]

    def name(turn: int) -> dict[str, Id]:
        order = people[turn:] + people[:turn]
        ids = [Vault(any_store).name("mail", "t1", [each])[0] for each in order]
        return dict(zip((each.normal for each in order), ids, strict=True))

    with ThreadPoolExecutor(8) as pool:
        [first, *others] = pool.map(name, range(8))
    assert all(other == first for other in others)
    assert sorted(number for _, number in first.values()) == list(range(1, 13))


NAME = """
import sys
from guarded_agent.store import Store
from guarded_agent.store.vault import Value, Vault
with Store.open(sys.argv[1]) as store:
    turn = int(sys.argv[2])
    for number in [*range(turn, 12), *range(turn)]:
        value = Value("EMAIL", f"p{number}@example.com", f"p{number}@example.com")
        print(number, Vault(store).name("mail", "t1", [value])[0][1])
"""


def test_processes_that_name_at_once_agree(store_url: str) -> None:
    with Store.open(store_url):
        command = [sys.executable, "-c", NAME, store_url]
        running = [
            subprocess.Popen([*command, str(turn)], stdout=subprocess.PIPE, text=True)
            for turn in range(3)
        ]
        [first, *others] = [sorted(each.communicate()[0].splitlines()) for each in running]
    assert len(first) == 12
    assert all(other == first for other in others)

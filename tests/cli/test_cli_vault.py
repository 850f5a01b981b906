"""`guarded-agent vault`: what is held, and how it is forgotten."""

from __future__ import annotations

import json
from typing import Any

import pytest

from guarded_agent.guards.pii.pseudonyms import value_of
from guarded_agent.store import memory, provenance
from guarded_agent.store.vault import Vault

ME = ("--reviewer", "ann@acme.example", "--reason", "request 7 of bo@example.com")


@pytest.fixture
def held(desk: Any) -> Any:
    """A desk whose store holds three values in two threads."""
    with desk.store() as store:
        vault = Vault(store)
        bo, card = value_of("EMAIL", "Bo@Example.com"), value_of("CARD", "4111 1111 1111 1111")
        vault.name("desk-agent", "t1", [value_of("EMAIL", "cy@example.com"), bo, card])
        vault.name("desk-agent", "t2", [bo])
        with store.write() as connection:
            known = frozenset({"bo@example.com", "cy@example.com"})
            memory.grow(connection, "desk-agent", "t1", at=1.0, correspondents=known)
    return desk


def found(desk: Any, thread: str, *ids: tuple[str, int]) -> list[str | None]:
    with desk.store() as store:
        values = Vault(store).find("desk-agent", thread, ids)
    return [None if (value := values[each]) is None else value.text for each in ids]


def test_the_list_counts_and_shows_no_value(held: Any) -> None:
    shown = held.type("vault", "list").stdout
    assert shown.splitlines() == [
        "CARD            1 held, since 0 s  thread t1 of desk-agent",
        "EMAIL           2 held, since 0 s  thread t1 of desk-agent",
        "EMAIL           1 held, since 0 s  thread t2 of desk-agent",
    ]
    assert "example.com" not in held.type("vault", "list", "--json").stdout
    assert len(json.loads(held.type("vault", "list", "--thread", "t2", "--json").stdout)) == 1


def test_an_empty_vault_says_so(desk: Any) -> None:
    assert desk.type("vault", "list").stdout == "No value is held.\n"


def test_a_value_is_forgotten_wherever_it_is_held(held: Any) -> None:
    result = held.type("vault", "forget", "--value", "bo@example.com", *ME, "--yes")
    assert result.stdout.splitlines() == [
        "Forgot 2 values.",
        "  <EMAIL_2> in thread t1 of desk-agent",
        "  <EMAIL_1> in thread t2 of desk-agent",
    ]
    assert found(held, "t1", ("EMAIL", 1), ("EMAIL", 2)) == ["cy@example.com", None]
    assert found(held, "t2", ("EMAIL", 1)) == [None]
    assert "2 held" not in held.type("vault", "list").stdout
    assert "1 held, 1 forgotten" in held.type("vault", "list").stdout


def test_the_log_has_who_and_which_and_not_the_value(held: Any) -> None:
    held.type("vault", "forget", "--value", "bo@example.com", *ME, "--yes")
    events = [data for kind, data in held.log() if kind == "vault.forgotten"]
    assert events == [
        {"pseudonyms": [name], "by": "ann@acme.example", "reason": "request 7 of [EMAIL]"}
        for name in ("EMAIL_2", "EMAIL_1")
    ]


def test_the_thread_forgets_the_address_of_its_correspondent_too(held: Any) -> None:
    held.type("vault", "forget", "--value", "BO@example.com", *ME, "--yes")
    with held.store() as store, store.read() as connection:
        known = memory.load(connection, "desk-agent", "t1")
    assert known.correspondents == {"cy@example.com"}


def test_a_value_can_be_given_so_that_no_history_keeps_it(held: Any) -> None:
    result = held.type(
        "vault", "forget", "--stdin", "--json", *ME, "--yes", answer="4111-1111-1111-1111\n"
    )
    assert json.loads(result.stdout) == [
        {"agent_id": "desk-agent", "thread_id": "t1", "pseudonyms": ["CARD_1"]}
    ]


def test_a_thread_is_forgotten_as_a_whole(held: Any) -> None:
    assert "Forgot 3 values." in held.type("vault", "forget", "--thread", "t1", *ME, "--yes").stdout
    assert found(held, "t2", ("EMAIL", 1)) == ["Bo@Example.com"]


def test_forgetting_asks_first(held: Any) -> None:
    words = ("vault", "forget", "--thread", "t1", *ME)
    assert "add --yes" in held.type(*words).stderr
    held.terminal = True
    assert "Nothing was changed." in held.type(*words, answer="n\n").stdout
    assert found(held, "t1", ("EMAIL", 1)) == ["cy@example.com"]
    assert "Forgot 3 values." in held.type(*words, answer="y\n").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say what to forget"),
        (("--value", " "), "the value is empty"),
        (("--value", "x", "--stdin"), "not both"),
    ],
)
def test_what_is_meant_must_be_said(held: Any, words: tuple[str, ...], message: str) -> None:
    result = held.type("vault", "forget", *words, *ME, "--yes")
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_an_agent_erases_nothing(held: Any) -> None:
    me = ("--reviewer", "desk-agent", "--reason", "mine")
    result = held.type("vault", "forget", "--thread", "t1", *me, "--yes")
    assert (result.exit_code, "a person must" in result.stderr) == (2, True)
    assert found(held, "t1", ("EMAIL", 1)) == ["cy@example.com"]


def test_nothing_held_is_nothing_forgotten(held: Any) -> None:
    result = held.type("vault", "forget", "--value", "nobody@example.com", *ME, "--yes")
    assert (result.exit_code, result.stdout) == (0, "Forgot 0 values.\n")


def test_what_the_user_said_and_people_endorsed_is_forgotten_with_it(held: Any) -> None:
    said = {"t1": "Write to Bo@Example.com.", "t2": "Write to Cy.", "": "bo@example.com"}
    with held.store() as store, store.write() as connection:
        for thread, text in said.items():
            kind: Any = "asked" if thread else "endorsed"
            provenance.add(store, connection, "desk-agent", thread, kind, [text], source="user")
    held.type("vault", "forget", "--value", "bo@example.com", *ME, "--yes")
    with held.store() as store, store.read() as connection:
        one = provenance.load(store, connection, "desk-agent", "desk-agent", "t1")
        two = provenance.load(store, connection, "desk-agent", "desk-agent", "t2")
    assert not one.vouches("bo@example.com")
    assert two.vouches("Cy")
    held.type("vault", "forget", "--thread", "t2", *ME, "--yes")
    with held.store() as store, store.read() as connection:
        two = provenance.load(store, connection, "desk-agent", "desk-agent", "t2")
    assert not two.vouches("Cy")

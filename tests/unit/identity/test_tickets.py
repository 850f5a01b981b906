"""Tickets: they can be narrowed and never widened."""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guarded_agent.core.errors import Denied
from guarded_agent.identity import Ticket, mint, verify
from guarded_agent.identity.spent import Spent
from guarded_agent.identity.tickets import bound, process_key, root

KEY = b"k" * 32


def ticket(**rest: Any) -> Ticket:
    plain: dict[str, Any] = {
        "agent_id": "mail",
        "thread_id": "t1",
        "tool": "send",
        "digest": "d1",
        "scopes": {"a", "b"},
        "now": 100.0,
    }
    return mint(KEY, **plain | rest)


def allows(held: Ticket, key: bytes = KEY, **rest: Any) -> bool:
    call: dict[str, Any] = {"tool": "send", "digest": "d1", "scopes": {"a"}, "now": 110.0}
    try:
        verify(key, held, **call | rest)
    except Denied:
        return False
    return True


def test_a_ticket_allows_the_call_it_was_minted_for() -> None:
    assert allows(ticket())
    assert allows(ticket(), scopes={"a", "b"})
    assert allows(ticket(), scopes=())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"tool": "pay"}, "for the tool 'send'"),
        ({"digest": "d2"}, "another digest"),
        ({"scopes": {"a", "c"}}, "lacks the scopes c"),
        ({"now": 160.0}, "has expired"),
        ({"now": 99.0}, "before its issue"),
        ({"now": float("nan")}, "before its issue"),
    ],
)
def test_the_refusal_says_which_caveat_failed(call: dict[str, Any], words: str) -> None:
    plain: dict[str, Any] = {"tool": "send", "digest": "d1", "scopes": {"a"}, "now": 110.0}
    with pytest.raises(Denied, match=words):
        verify(KEY, ticket(), **plain | call)


def test_a_ticket_lives_until_the_very_second() -> None:
    assert allows(ticket(), now=159.999)
    assert not allows(ticket(), now=160.0)


def narrowing(random: Random) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        "tool": random.choice(["send", "send", "pay"]),
        "digest": random.choice(["d1", "d1", "d2"]),
        "scopes": random.sample("abc", random.randint(0, 3)),
        "expires_at": random.uniform(100, 200),
        "user": random.choice(["ann", "bob"]),
        "parent": random.choice(["p1", "p2"]),
        "id": random.choice(["i1", "i2"]),
    }
    return {kind: item for kind, item in conditions.items() if random.random() < 0.3}


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64))
def test_over_ten_thousand_random_chains_a_child_allows_a_part_of_what_its_parent_allows(
    seed: int,
) -> None:
    random = Random(seed)
    allowed = 0
    for _ in range(100):
        call: dict[str, Any] = {
            "tool": random.choice(["send", "send", "send", "pay"]),
            "digest": random.choice(["d1", "d1", "d1", "d2"]),
            "scopes": random.sample("abc", random.randint(0, 2)),
            "now": random.uniform(95, 165),
            "user": random.choice([None, "ann", "bob"]),
            "around": random.sample(["p1", "p2"], random.randint(0, 2)),
        }
        held = ticket()
        before = allows(held, **call)
        allowed += before
        for _ in range(random.randint(1, 4)):
            child = held.narrow(**narrowing(random))
            after = allows(child, **call)
            assert before or not after
            assert child.id == held.id
            assert child.expires_at <= held.expires_at
            held, before = child, after
    assert allowed  # else this says nothing


def test_a_ticket_that_was_handed_on_is_good_while_the_call_around_runs() -> None:
    call: dict[str, Any] = {"tool": "send", "digest": "d2", "scopes": {"a"}, "now": 110.0}
    handed = root(KEY, agent_id="front", thread_id="t1", now=100.0).narrow(
        parent="d1", scopes={"a"}
    )
    child = bound(handed, **call | {"scopes": {"a", "b"}})
    assert allows(child, **call, around={"d0", "d1"})
    assert not allows(child, **call, around={"d0"})
    assert not allows(child, **call | {"scopes": {"a", "b"}}, around={"d1"})


def test_what_is_handed_on_is_no_ticket_by_itself() -> None:
    handed = root(KEY, agent_id="front", thread_id="t1", now=100.0).narrow(scopes={"a"})
    with pytest.raises(Denied, match="not bound to one action"):
        verify(KEY, handed, tool="send", digest="d1", scopes=(), now=110.0)


def test_a_ticket_for_one_user_is_for_no_other() -> None:
    assert allows(ticket(user="ann"), user="ann")
    assert not allows(ticket(user="ann"), user="bob")
    assert not allows(ticket(user="ann"))


# Once


def test_a_ticket_and_all_its_copies_are_used_once() -> None:
    spent, held = Spent(), ticket()
    spent.use(held, 110.0)
    copies = [held, replace(held), held.narrow(scopes={"a"}), held.narrow(id="another")]
    for copy in copies:
        with pytest.raises(Denied, match="used before"):
            spent.use(copy, 111.0)
    spent.use(ticket(), 111.0)


def test_of_many_threads_one_uses_a_ticket() -> None:
    spent, held, start = Spent(), ticket(), threading.Barrier(8)
    used: list[int] = []

    def use(number: int) -> None:
        start.wait()
        with suppress(Denied):
            spent.use(held, 110.0)
            used.append(number)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(used) == 1


def test_a_clock_that_is_set_back_brings_no_used_ticket_to_life() -> None:
    spent, held = Spent(), ticket()
    spent.use(held, 110.0)
    spent.use(ticket(now=500.0), 500.0)  # the first one is over, and forgotten
    assert not spent._used & {held.id}
    with pytest.raises(Denied, match="set back"):
        spent.use(held, 120.0)


def test_every_process_has_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = process_key()
    assert mine == process_key()
    monkeypatch.setattr(os, "getpid", lambda: -1)  # as after a fork
    assert process_key() != mine


@given(minted=st.text(max_size=20), asked=st.text(max_size=20))
def test_a_ticket_never_fits_another_digest(minted: str, asked: str) -> None:
    assert allows(ticket(digest=minted), digest=asked) == (minted == asked)


def test_a_narrowed_ticket_allows_what_it_was_narrowed_to() -> None:
    child = ticket().narrow(scopes={"a"}, expires_at=130.0)
    assert allows(child)
    assert not allows(child, scopes={"b"})
    assert not allows(child, now=130.0)
    assert allows(ticket(), scopes={"b"}, now=130.0)


def test_narrowing_to_nothing_allows_nothing_that_needs_a_scope() -> None:
    child = ticket().narrow(scopes=())
    assert allows(child, scopes=())
    assert not allows(child)


@pytest.mark.parametrize(
    "change",
    [
        {"agent_id": "other"},
        {"thread_id": "t2"},
        {"issued_at": 101.0},
        {"signature": b"\0" * 32},
        {"signature": b""},
    ],
)
def test_a_changed_ticket_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Denied, match="was changed"):
        verify(KEY, replace(ticket(), **change), tool="send", digest="d1", scopes=(), now=110.0)


def test_taking_any_caveat_away_is_refused() -> None:
    held = ticket().narrow(scopes={"a"})
    for index in range(len(held.caveats)):
        fewer = held.caveats[:index] + held.caveats[index + 1 :]
        assert not allows(replace(held, caveats=fewer))


def test_swapping_caveats_is_refused() -> None:
    held = ticket().narrow(scopes={"a"})  # the first caveat holds several conditions
    assert not allows(replace(held, caveats=held.caveats[::-1]))


def test_another_key_does_not_verify() -> None:
    assert not allows(ticket(), key=b"x" * 32)


@pytest.mark.parametrize(
    "caveat", [b'{"colour":"red"}', b"not json", b"[]", b"{}", b'{"a":1,"b":2}', b"\xff"]
)
def test_a_condition_that_is_not_understood_refuses(caveat: bytes) -> None:
    held = ticket()
    signature = hmac.digest(held.signature, caveat, hashlib.sha256)
    odd = replace(held, caveats=(*held.caveats, caveat), signature=signature)
    with pytest.raises(Denied, match="unknown condition"):
        verify(KEY, odd, tool="send", digest="d1", scopes=(), now=110.0)


def test_a_ticket_does_not_print_its_signature() -> None:
    held = ticket()
    assert repr(held.signature) not in repr(held)
    assert held.signature.hex() not in repr(held)


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf")])
def test_a_ticket_has_an_end(ttl: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        ticket(ttl=ttl)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        mint(b"short", agent_id="a", thread_id="t", tool="x", digest="d", scopes=(), now=0)

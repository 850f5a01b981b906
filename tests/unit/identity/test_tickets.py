"""Tickets: they can be narrowed and never widened."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core.errors import Denied
from guarded_agent.identity import Ticket, mint, verify

KEY = b"k" * 32
TOOLS = st.sampled_from(["send", "pay"])
DIGESTS = st.sampled_from(["d1", "d2"])
SCOPES = st.frozensets(st.sampled_from(["a", "b", "c"]))
TIMES = st.floats(0, 200, allow_nan=False)


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


@given(
    narrowed=st.lists(
        st.fixed_dictionaries(
            {},
            optional={"tool": TOOLS, "digest": DIGESTS, "scopes": SCOPES, "expires_at": TIMES},
        ),
        max_size=4,
    ),
    tool=TOOLS,
    digest=DIGESTS,
    scopes=SCOPES,
    now=TIMES,
)
def test_narrowing_never_widens(
    narrowed: list[dict[str, Any]], tool: str, digest: str, scopes: frozenset[str], now: float
) -> None:
    call = {"tool": tool, "digest": digest, "scopes": scopes, "now": now}
    held = ticket()
    before = allows(held, **call)
    for more in narrowed:
        held = held.narrow(**more)
        after = allows(held, **call)
        assert before or not after
        before = after


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
    held = ticket()
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

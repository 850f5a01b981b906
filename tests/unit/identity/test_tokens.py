"""Tokens that leave the process: what they say, and everything that refuses them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from guarded_agent import guard
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import Denied, UnguardedCall
from guarded_agent.identity import TokenClaims, jwks, ticket_token, verify_token
from guarded_agent.identity.tokens import TYPE, _key
from guarded_agent.store import Store

CRM = "https://crm.acme.example"
ISSUER = "https://agents.acme.example"
ANN: Any = {"configurable": {"user": "ann@acme.com", "thread_id": "t1"}}


def policy(**tool: Any) -> dict[str, Any]:
    entry = {"access": "read", "scopes": ["crm.read", "crm.write"]} | tool
    return {
        "version": 1,
        "agent": {"id": "mail", "issuer": ISSUER},
        "tools": {"ask_crm": entry},
    }


@pytest.fixture
def now() -> list[float]:
    return [1_900_000_000.0]


@pytest.fixture
def here(tmp_path: Path, now: list[float]) -> Iterator[Store]:
    """The agent's store."""
    with Store.open(f"sqlite:///{tmp_path}/a.db", environ={}, clock=lambda: now[0]) as store:
        yield store


@pytest.fixture
def there(tmp_path: Path, now: list[float]) -> Iterator[Store]:
    """The store of the service, with keys of its own."""
    with Store.open(f"sqlite:///{tmp_path}/s.db", environ={}, clock=lambda: now[0]) as store:
        yield store


def tool_of(body: Callable[[], str]) -> BaseTool:
    return StructuredTool.from_function(body, name="ask_crm", description="Ask the CRM.")


def tokens(store: Store, **options: Any) -> list[str]:
    """Return the token that a body got, in a list, as it would send it."""
    found: list[str] = []

    def body() -> str:
        found.append(ticket_token(CRM, **options).reveal())
        return "asked"

    [safe] = guard([tool_of(body)], policy=policy(), store=store)
    assert safe.invoke({}, ANN) == "asked"
    return found


def accept(token: str, here: Store, there: Store, **more: Any) -> TokenClaims:
    wanted: dict[str, Any] = {"issuer": ISSUER, "audience": CRM}
    return verify_token(token, jwks(here), there, **wanted | more)


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def signed(store: Store, claims: dict[str, Any], **header: Any) -> str:
    """Sign whatever claims with the real key: a token of the issuer that says something odd."""
    from joserfc import jwt

    key = _key(store)
    whole = {"alg": "Ed25519", "typ": TYPE, "kid": key.thumbprint()} | header
    return jwt.encode(whole, claims, key, algorithms=["Ed25519"])


def test_a_service_learns_who_does_what_for_whom(here: Store, there: Store) -> None:
    [token] = tokens(here)
    claims = accept(token, here, there, scopes=["crm.read"], tool="ask_crm")
    assert claims.subject == "ann@acme.com"
    assert claims.actors == ("mail",)
    assert claims.tool == "ask_crm"
    assert claims.scopes == {"crm.read", "crm.write"}
    assert claims.expires_at == here.clock() + 60
    said = claims_of(token)
    assert said["act"] == {"sub": "mail"}
    assert said["authorization_details"] == [
        {
            "type": "tool_call",
            "actions": ["ask_crm"],
            "identifier": claims.digest,
            "locations": [CRM],
        }
    ]
    started = [e for e in AuditLog(here).events() if e.kind == "action.started"]
    assert started[0].digest == claims.digest
    [issued] = [e for e in AuditLog(here).events() if e.kind == "token.issued"]
    assert issued.data["jti"] == claims.id
    assert token not in str(issued)


def test_a_token_has_fewer_scopes_where_the_body_wants_fewer(here: Store, there: Store) -> None:
    [token] = tokens(here, scopes=["crm.read"])
    with pytest.raises(Denied, match=r"lacks the scopes crm\.write"):
        accept(token, here, there, scopes=["crm.write"])
    assert accept(token, here, there).scopes == {"crm.read"}  # a refusal uses nothing up
    with pytest.raises(Denied, match="does not have the scopes admin"):
        tokens(here, scopes=["admin"])


def test_agents_that_ask_agents_stand_behind_each_other(here: Store, there: Store) -> None:
    found: list[str] = []

    def last() -> str:
        found.append(ticket_token(CRM).reveal())
        return "done"

    [crm] = guard([tool_of(last)], policy=policy(), store=here)

    def ask() -> str:
        return str(crm.invoke({}, {"configurable": {"thread_id": "inner"}}))

    front = {
        "version": 1,
        "agent": {"id": "front"},
        "tools": {"ask": {"access": "read", "delegates": ["crm.read", "crm.write"]}},
    }
    tool = StructuredTool.from_function(ask, name="ask", description="Ask.")
    trust = {"tool:ask_crm": "guarded under a policy of its own"}
    [safe] = guard([tool], policy=front, store=here, trust=trust)
    safe.invoke({}, ANN)
    claims = accept(found[0], here, there)
    assert claims.actors == ("mail", "front")
    assert claims.subject == "ann@acme.com"
    assert claims_of(found[0])["act"] == {"sub": "mail", "act": {"sub": "front"}}


def test_it_is_used_once_in_every_process_and_thread(here: Store, there: Store) -> None:
    [token] = tokens(here)
    start, accepted = threading.Barrier(6), list[str]()

    def use() -> None:
        start.wait()
        with suppress(Denied):
            accepted.append(accept(token, here, there).id)

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(accepted) == 1
    with pytest.raises(Denied, match="used before"):
        accept(token, here, there)


@pytest.mark.parametrize("seconds", [60, 3600])
def test_it_lives_for_a_minute_and_comes_back_with_no_clock(
    here: Store, there: Store, now: list[float], seconds: float
) -> None:
    [token] = tokens(here)
    accept(token, here, there)
    now[0] += seconds
    with pytest.raises(Denied, match="it is over"):
        accept(token, here, there)
    now[0] -= seconds
    with pytest.raises(Denied, match="used before"):
        accept(token, here, there)
    now[0] -= 1
    with pytest.raises(Denied, match="before its issue"):
        accept(token, here, there)


DETAIL = {"type": "tool_call", "actions": ["ask_crm"], "identifier": "d", "locations": [CRM]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"iss": "https://evil.example"}, "another issuer"),
        ({"aud": "https://hr.acme.example"}, "another service"),
        ({"aud": [CRM]}, "one service alone"),
        ({"aud": [CRM, "x"]}, "one service alone"),
        ({"aud": None}, "one service alone"),
        ({"exp": 1_900_000_061.0}, "lives for too long"),
        ({"exp": float("inf")}, "lives for too long"),
        ({"exp": float("nan")}, "it is over"),
        ({"exp": "1900000060"}, "no time"),
        ({"exp": True}, "no time"),
        ({"exp": None}, "no time"),
        ({"iat": None}, "no time"),
        ({"iat": 1_900_000_001.0}, "before its issue"),
        ({"nbf": 1_900_000_001.0}, "before its issue"),
        ({"iat": float("nan")}, "before its issue"),
        ({"jti": ""}, "lacks a claim"),
        ({"jti": None}, "lacks a claim"),
        ({"jti": 7}, "lacks a claim"),
        ({"sub": None}, "lacks a claim"),
        ({"scope": ["crm.read"]}, "lacks a claim"),
        ({"act": None}, "who acts"),
        ({"act": "mail"}, "who acts"),
        ({"act": {}}, "who acts"),
        ({"act": {"sub": "other"}}, "who acts"),
        ({"act": {"sub": "mail", "act": "front"}}, "who acts"),
        ({"authorization_details": None}, "one tool call"),
        ({"authorization_details": []}, "one tool call"),
        ({"authorization_details": [DETAIL, DETAIL]}, "one tool call"),
        ({"authorization_details": [{**DETAIL, "type": "other"}]}, "one tool call"),
        ({"authorization_details": [{**DETAIL, "actions": ["a", "b"]}]}, "one tool call"),
        ({"authorization_details": [{**DETAIL, "identifier": None}]}, "one tool call"),
        ({"authorization_details": {"0": DETAIL}}, "one tool call"),
    ],
    ids=str,
)
def test_claims_that_are_not_as_they_must_be_are_refused(
    here: Store, there: Store, change: dict[str, Any], words: str
) -> None:
    claims = claims_of(tokens(here)[0]) | change
    kept = {name: item for name, item in claims.items() if item is not None}
    with pytest.raises(Denied, match=words):
        accept(signed(here, kept), here, there)


def test_a_chain_of_actors_has_an_end(here: Store, there: Store) -> None:
    act: dict[str, Any] = {"sub": "mail"}
    for _ in range(30):
        act = {"sub": "mail", "act": act}
    with pytest.raises(Denied, match="who acts"):
        accept(signed(here, claims_of(tokens(here)[0]) | {"act": act}), here, there)


def test_a_token_is_for_the_tool_and_the_action_that_are_asked_for(
    here: Store, there: Store
) -> None:
    [token] = tokens(here)
    with pytest.raises(Denied, match="another tool"):
        accept(token, here, there, tool="delete_crm")
    with pytest.raises(Denied, match="another action"):
        accept(token, here, there, digest="0" * 64)


def test_what_the_issuer_did_not_sign_is_refused(here: Store, there: Store) -> None:
    from joserfc import jwt
    from joserfc.jwk import OctKey

    [token] = tokens(here)
    head, body, mark = token.split(".")
    claims = claims_of(token)
    public = json.dumps(jwks(here)["keys"][0]).encode()
    forged = {
        "by another key": signed(there, claims),
        "without a signature": f"{head}.{body}.",
        "cut": token[:-4],
        "other claims": ".".join(
            [head, base64.urlsafe_b64encode(b'{"iss":"x"}').rstrip(b"=").decode(), mark]
        ),
        "alg none": base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode() + f".{body}.",
        "the public key as a secret": jwt.encode(
            {"alg": "HS256", "typ": TYPE}, claims, OctKey.import_key(public)
        ),
        "another kind of token": signed(here, claims, typ="JWT"),
        "no token": "hello",
        "empty": "",
        "huge": "a" * 100_000,
        "odd": "\udcff.é.\0",
    }
    for name, text in forged.items():
        with pytest.raises(Denied, match="not signed by its issuer") as caught:
            accept(text, here, there)
        assert caught.value.__context__ is None, name
        assert not text or text not in str(caught.value)
    accept(token, here, there)


def test_a_service_needs_the_public_key_alone(here: Store, there: Store) -> None:
    [key] = jwks(here)["keys"]
    assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
    assert (key["alg"], key["crv"]) == ("Ed25519", "Ed25519")
    with pytest.raises(Denied):
        verify_token(tokens(here)[0], {"keys": []}, there, issuer=ISSUER, audience=CRM)


def test_outside_of_a_guarded_body_there_is_no_token() -> None:
    with pytest.raises(UnguardedCall, match="no token here"):
        ticket_token(CRM)


@pytest.mark.parametrize("audience", ["", " ", "x" * 501])
def test_a_token_is_for_one_service_that_has_a_name(here: Store, audience: str) -> None:
    def body() -> str:
        return ticket_token(audience).reveal()

    [safe] = guard([tool_of(body)], policy=policy(), store=here)
    with pytest.raises(Denied, match="for one service"):
        safe.invoke({}, ANN)


def test_an_agent_that_was_stopped_meanwhile_gets_no_token(here: Store) -> None:
    def body() -> str:
        monitor.registry.suspend("mail", by="ann", reason="stop")
        return ticket_token(CRM).reveal()

    [safe] = guard([tool_of(body)], policy=policy(), store=here)
    monitor: Any = safe._guard.monitor  # type: ignore[attr-defined]
    with pytest.raises(Denied, match="is suspended"):
        safe.invoke({}, ANN)


def test_a_token_does_not_print_and_is_scrubbed_from_what_the_tool_says(here: Store) -> None:
    found: list[str] = []

    def body() -> str:
        token = ticket_token(CRM)
        found.append(token.reveal())
        return f"{token} {token.reveal()} {base64.b64encode(token.reveal().encode()).decode()}"

    [safe] = guard([tool_of(body)], policy=policy(), store=here)
    said = str(safe.invoke({}, ANN))
    assert "Secret(token)" in said
    assert found[0] not in said
    assert found[0].split(".")[1] not in said
    assert base64.b64encode(found[0].encode()).decode()[:60] not in said

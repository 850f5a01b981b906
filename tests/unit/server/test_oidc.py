"""Sign in with a real OpenID provider on this machine, honest and not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from guarded_agent.server import create_app
from guarded_agent.server.oidc_settings import OidcSettings, read_oidc
from guarded_agent.server.settings import Settings
from guarded_agent.server.site import Site
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
COOKIE = "guarded_agent"
ANN = "ann@acme.example"


@dataclass
class Provider:
    """A small provider with real signatures; a test may make it lie."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    signed_by: Any = None
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "k1"})
    described: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    proved_at: float | None = None

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def describe(self, _: Request) -> JSONResponse:
        told = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return JSONResponse(told | self.described)

    async def keys(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, web: Request) -> RedirectResponse:
        asked = dict(web.query_params)
        self.asked.append(asked)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?code={code}&state={asked['state']}", 303)

    async def token(self, web: Request) -> JSONResponse:
        form = parse_qs((await web.body()).decode())
        asked = self.codes.pop(form["code"][0], None)
        told = base64.b64decode(web.headers["authorization"].split()[1]).decode()
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        if (
            asked is None
            or told != "approvals:a secret"
            or asked["code_challenge"] != flat(digest)
            or asked["redirect_uri"] != form["redirect_uri"][0]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = time.time()
        claims = {
            "iss": self.issuer,
            "aud": "approvals",
            "sub": "subject-1",
            "nonce": asked["nonce"],
            "iat": int(now),
            "exp": int(now) + 300,
            "auth_time": now if self.proved_at is None else self.proved_at,
            "email": ANN,
            "email_verified": True,
            "groups": ["sre-team"],
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if name not in self.left_out}
        key = self.signed_by or self.key
        if self.header["alg"] == "RS256":
            text = jwt.encode(self.header, kept, key, algorithms=["RS256"])
        else:
            text = self.forged(kept)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": text})

    def forged(self, claims: dict[str, Any]) -> str:
        """Return a token whose signature anybody can make."""
        parts = [flat(json.dumps(part).encode()) for part in (self.header, claims)]
        text = ".".join(parts)
        public = self.key.as_pem(private=False)
        made = hmac.digest(public, text.encode(), "sha256") if self.header["alg"] != "none" else b""
        return f"{text}.{flat(made)}"


def flat(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    server = uvicorn.Server(uvicorn.Config(provider.app(), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    provider.issuer = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield provider
    server.should_exit = True
    thread.join()


@pytest.fixture
def site(provider: Provider, store: Store) -> FastAPI:
    """Our server, with that provider."""
    oidc = OidcSettings(
        provider.issuer,
        "approvals",
        "a secret",
        domains=("acme.example",),
        roles={"sre-team": ["sre"], "heads": ["admin"]},
    )
    return create_app(store, Settings(oidc=oidc))


@pytest.fixture
def browser(site: FastAPI) -> TestClient:
    return TestClient(site, base_url=BASE, follow_redirects=False)


def there(browser: TestClient, **query: str) -> str:
    """Go to the provider and return with which address it sends the browser back."""
    begun = browser.get("/sign-in/oidc", params=query)
    assert begun.status_code == 303, begun.text
    sent = httpx.get(begun.headers["location"], trust_env=False)
    return sent.headers["location"].removeprefix(BASE)


def names(site: FastAPI) -> list[str]:
    known: Site = site.state.site
    return [account.name for account in known.accounts.reviewers.list()]


def test_who_the_provider_vouches_for_gets_in_with_roles(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    back = browser.get(there(browser, next="/account"))

    assert back.status_code == 200
    assert 'content="0; url=/account"' in back.text
    page = browser.get("/account").text
    assert ANN in page
    assert "Roles: sre." in page
    assert "Change the password" not in page


def test_the_provider_is_asked_with_pkce_state_and_nonce(
    browser: TestClient, provider: Provider
) -> None:
    browser.get(there(browser))

    [asked] = provider.asked
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["state"]
    assert asked["nonce"]
    assert asked["redirect_uri"] == f"{BASE}/sign-in/oidc/callback"


def test_roles_follow_the_groups_at_every_sign_in(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    provider.claims["groups"] = ["heads"]
    browser.get(there(browser))
    first = site.state.site.accounts.reviewers.get(ANN).roles
    provider.claims["groups"] = ["another"]
    browser.get(there(browser))

    assert (first, site.state.site.accounts.reviewers.get(ANN).roles) == (("admin",), ())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"aud": ["approvals", "another"]},
        {"azp": "another"},
        {"nonce": "another"},
        {"exp": 1000},
        {"iat": 4e9},
        {"sub": ""},
        {"sub": 7},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "ann@evil.example"},
        {"email": "ann@acme.example.evil.example"},
        {"email": "ann@evil.example,ann@acme.example"},
        {"email": '"ann@evil.example"@acme.example'},
        {"email": "agent:mail@acme.example"},
    ],
    ids=str,
)
def test_a_token_that_does_not_add_up_lets_nobody_in(
    browser: TestClient, site: FastAPI, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims |= claims

    back = browser.get(there(browser))

    assert back.status_code == 403
    assert names(site) == []
    assert browser.get("/account").status_code == 303


@pytest.mark.parametrize("name", ["iss", "aud", "nonce", "iat", "exp", "sub", "email_verified"])
def test_a_token_that_lacks_something_lets_nobody_in(
    browser: TestClient, site: FastAPI, provider: Provider, name: str
) -> None:
    provider.left_out.add(name)

    assert browser.get(there(browser)).status_code == 403
    assert names(site) == []


def test_a_token_that_another_key_signed_lets_nobody_in(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    provider.signed_by = RSAKey.generate_key(2048, {"kid": "k1"})

    assert browser.get(there(browser)).status_code == 403
    assert names(site) == []


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_token_that_chooses_how_it_is_checked_lets_nobody_in(
    browser: TestClient, site: FastAPI, provider: Provider, algorithm: str
) -> None:
    """Signed with the public key as a password, or not at all."""
    provider.header = {"alg": algorithm, "kid": "k1"}

    assert browser.get(there(browser)).status_code == 403
    assert names(site) == []


def test_an_answer_to_another_browser_lets_nobody_in(browser: TestClient, site: FastAPI) -> None:
    address = there(browser)

    stranger = TestClient(site, base_url=BASE, follow_redirects=False)

    assert stranger.get(address).status_code == 403
    assert names(site) == []


def test_a_state_of_another_sign_in_lets_nobody_in(browser: TestClient, site: FastAPI) -> None:
    address = there(browser)
    browser.get("/sign-in/oidc")

    assert browser.get(address).status_code == 403


@pytest.mark.parametrize("state", ["state=another", "state=", "x=1"])
def test_an_answer_without_our_state_lets_nobody_in(
    browser: TestClient, site: FastAPI, state: str
) -> None:
    address = re.sub(r"state=[^&]*", state, there(browser))

    assert browser.get(address).status_code == 403
    assert names(site) == []


def test_an_answer_counts_once(browser: TestClient, site: FastAPI) -> None:
    address = there(browser)
    browser.get(address)
    browser.cookies.delete(COOKIE)

    assert browser.get(address).status_code == 403
    assert browser.get("/account").status_code == 303


def test_an_answer_of_another_provider_lets_nobody_in(browser: TestClient, site: FastAPI) -> None:
    answer = browser.get(f"{there(browser)}&iss=https://another.example")

    assert answer.status_code == 403


def test_a_person_with_a_password_here_is_not_taken_over(
    browser: TestClient, site: FastAPI, store: Store
) -> None:
    known: Site = site.state.site
    with store.write() as connection:
        known.accounts.reviewers.add(connection, ANN, roles=["admin"], by="", password_hash="x")

    answer = browser.get(there(browser))

    assert answer.status_code == 403
    assert known.accounts.reviewers.get(ANN).issuer == ""


def test_another_subject_with_the_same_address_is_another_person(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    browser.get(there(browser))
    provider.claims["sub"] = "subject-2"

    assert browser.get(there(browser)).status_code == 403


def test_who_is_shut_out_here_stays_out(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    browser.get(there(browser))
    site.state.site.accounts.reviewers.set_active(ANN, False, by="bob")

    assert browser.get(there(browser)).status_code == 403


def test_proving_it_again_wants_a_sign_in_of_now(
    browser: TestClient, site: FastAPI, provider: Provider
) -> None:
    provider.proved_at = time.time() - 3000
    browser.get(there(browser))

    late = browser.get(there(browser, again="1"))
    assert provider.asked[-1]["prompt"] == "login"
    assert provider.asked[-1]["max_age"] == "0"
    assert late.status_code == 403

    provider.proved_at = None
    assert browser.get(there(browser, again="1")).status_code == 200


@pytest.mark.parametrize("known", [True, False])
def test_somebody_else_cannot_prove_it(
    browser: TestClient, site: FastAPI, provider: Provider, known: bool
) -> None:
    """Whether they have an account here or not."""
    bob = {"sub": "subject-2", "email": "bob@acme.example"}
    if known:
        provider.claims |= bob
        other = TestClient(site, base_url=BASE, follow_redirects=False)
        assert other.get(there(other)).status_code == 200
        provider.claims.clear()
    browser.get(there(browser))
    provider.claims |= bob

    assert browser.get(there(browser, again="1")).status_code == 403
    assert names(site) == [ANN, *(["bob@acme.example"] if known else [])]


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": "http://another.example/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    browser: TestClient, provider: Provider, described: dict[str, Any]
) -> None:
    provider.described = described

    assert browser.get("/sign-in/oidc").status_code == 502


def test_a_server_without_a_provider_has_no_such_address(store: Store) -> None:
    browser = TestClient(create_app(store), base_url=BASE, follow_redirects=False)

    assert browser.get("/sign-in/oidc").status_code == 404
    assert browser.get("/sign-in/oidc/callback").status_code == 404


@pytest.mark.slow
def test_a_provider_that_others_wrote_lets_a_person_in(store: Store) -> None:
    """The package `oidc-provider-mock`, as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    person = {"sub": "s1", "email": ANN, "email_verified": True, "groups": ["sre-team"]}
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)]
    command += ["--user-claims", json.dumps(person)]
    issuer = f"http://127.0.0.1:{port}"
    oidc = OidcSettings(
        issuer, "approvals", "s", domains=("acme.example",), roles={"sre-team": ["sre"]}
    )
    app = create_app(store, Settings(oidc=oidc))
    browser = TestClient(app, base_url=BASE, follow_redirects=False)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=dict(os.environ), **quiet) as process:  # type: ignore[call-overload]
        try:
            with httpx.Client(trust_env=False, transport=httpx.HTTPTransport(retries=8)) as http:
                http.get(f"{issuer}/.well-known/openid-configuration").raise_for_status()
                address = browser.get("/sign-in/oidc").headers["location"]
                sent = http.post(address, data={"sub": "s1"})
            back = browser.get(sent.headers["location"].removeprefix(BASE))
        finally:
            process.kill()

    assert back.status_code == 200, re.sub(r"<[^>]+>", " ", back.text)
    assert "Roles: sre." in browser.get("/account").text


GOOD = """
issuer = "https://login.acme.example"
client_id = "approvals"
domains = ["acme.example"]

[roles]
sre-team = ["sre"]
"""


def test_the_settings_stand_in_a_file_and_the_secret_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(GOOD)

    settings = read_oidc(file, {"GUARDED_AGENT_OIDC_SECRET": "hush"})

    assert settings.roles_of(["sre-team"]) == ["sre"]
    assert settings.client_secret == "hush"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("https://login", "http://login"),
        ("domains", "domain"),
        ('["acme.example"]', "[]"),
        ('["sre"]', '"sre"'),
        ('client_id = "approvals"', ""),
        ("issuer =", "issuer"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, old: str, new: str) -> None:
    file = tmp_path / "oidc.toml"
    file.write_text(GOOD.replace(old, new))

    with pytest.raises(ValueError):
        read_oidc(file, {"GUARDED_AGENT_OIDC_SECRET": "hush"})


def test_the_way_back_is_our_own(browser: TestClient) -> None:
    location = browser.get("/sign-in/oidc", params={"next": "//evil.example"}).headers["location"]

    [back] = parse_qs(urlsplit(location).query)["redirect_uri"]
    assert back == f"{BASE}/sign-in/oidc/callback"

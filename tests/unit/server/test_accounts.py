"""Accounts on both databases, and the pages on which people change them."""

from __future__ import annotations

import datetime
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from guarded_agent.audit import AuditLog
from guarded_agent.server.accounts import AccountRefused, Accounts, SignInRefused, TooMany
from guarded_agent.server.sessions import Lifetime
from guarded_agent.server.settings import Settings
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
PASSWORD = "correct horse battery"
ANN = "ann@acme.example"

People = Callable[..., TestClient]


def over(store: Store) -> Accounts:
    return Accounts(store, AuditLog(store))


def secret(page: str) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', page)[0]


def test_an_account_lives_from_link_to_end_on_either_database(any_store: Store) -> None:
    accounts = over(any_store)
    first = accounts.links.first()
    assert first is not None
    accounts.use_link(first, ANN, PASSWORD, address="10.0.0.1")
    cookie = accounts.sign_in(ANN, PASSWORD, address="10.0.0.1")
    reviewer = accounts.sessions.reviewer(cookie)
    assert reviewer is not None
    assert (reviewer.name, reviewer.roles, reviewer.admin) == (ANN, ("admin",), True)

    text, _ = accounts.tokens.make(ANN, label="a test", scopes=["read"])
    acting = accounts.tokens.reviewer(text)
    assert acting is not None
    assert (acting.name, acting.may("read"), acting.may("vote")) == (ANN, True, False)

    accounts.sign_out(reviewer, everywhere=True)
    assert accounts.sessions.reviewer(cookie) is None
    assert [event.kind for event in AuditLog(any_store).tail(3)] == [
        "reviewer.signed_in",
        "reviewer.token_made",
        "reviewer.signed_out",
    ]


def test_failures_count_for_every_process_that_uses_the_store(store_url: str) -> None:
    with (
        Store.open(store_url, clock=lambda: 1e9) as one,
        Store.open(store_url, clock=lambda: 1e9) as other,
    ):
        for number in range(6):
            with pytest.raises(SignInRefused):
                over((one, other)[number % 2]).sign_in(ANN, "x", address=f"10.0.0.{number}")
        for store in (one, other):
            with pytest.raises(TooMany):
                over(store).sign_in(ANN, PASSWORD, address="10.0.0.9")


def test_a_failure_is_written_down_and_a_name_that_nobody_has_is_not(store: Store) -> None:
    accounts = over(store)
    accounts.use_link(accounts.links.first() or "", ANN, PASSWORD, address="a")

    for name in (ANN, "guess@acme.example"):
        with pytest.raises(SignInRefused):
            accounts.sign_in(name, "wrong", address="a")

    last = AuditLog(store).tail(2)
    assert [event.kind for event in last] == ["reviewer.sign_in_failed"] * 2
    assert [event.data["reviewer"] for event in last] == [ANN, ""]


def test_the_wait_doubles_and_a_success_takes_it_back(store: Store) -> None:
    now = [1e9]
    store.clock = lambda: now[0]
    accounts = over(store)
    first = accounts.links.first() or ""
    accounts.use_link(first, ANN, PASSWORD, address="a")
    waits: list[float] = []
    while len(waits) < 4:
        try:
            accounts.sign_in(ANN, "wrong", address="a")
        except TooMany as refused:
            waits.append(refused.seconds)
            now[0] += refused.seconds
        except SignInRefused:
            pass

    assert waits == [1, 2, 4, 8]
    accounts.sign_in(ANN, PASSWORD, address="a")
    for _ in range(5):
        with pytest.raises(SignInRefused):
            accounts.sign_in(ANN, "wrong", address="a")


@pytest.mark.parametrize(
    ("label", "scopes", "days"),
    [
        ("", ["read"], 30),
        ("a\nb\x00", ["read"], 30),
        ("x", [], 30),
        ("x", ["all"], 30),
        ("x", ["vote:high"], 30),
        ("x", ["admin"], 30),
        ("x", ["read"], 0),
        ("x", ["read"], 367),
        ("x", ["read"], float("nan")),
    ],
)
def test_a_token_is_made_only_for_what_its_reviewer_may(
    store: Store, label: str, scopes: list[str], days: float
) -> None:
    accounts = over(store)
    with store.write() as connection:
        accounts.reviewers.add(connection, ANN, roles=["sre"], by="")

    with pytest.raises(AccountRefused):
        accounts.tokens.make(ANN, label=label, scopes=scopes, days=days)


def test_a_reviewer_who_is_no_admin_any_more_has_no_admin_token(store: Store) -> None:
    accounts = over(store)
    with store.write() as connection:
        for name in (ANN, "bob"):
            accounts.reviewers.add(connection, name, roles=["admin"], by="")
    text, _ = accounts.tokens.make(ANN, label="x", scopes=["admin"])

    accounts.reviewers.set_roles(ANN, ["sre"], by="bob")

    acting = accounts.tokens.reviewer(text)
    assert acting is not None
    assert not acting.may("admin")


def test_a_token_is_shown_once_and_works(person: People, app: FastAPI) -> None:
    ann = person()
    form = {"label": "nightly report", "scopes": "read", "days": "7"}

    page = ann.post("/account/tokens", data={**form, "csrf": secret(ann.get("/account").text)}).text

    [token] = re.findall(r"gat_[0-9a-f]{16}_[\w-]{43}", page)
    headers = {"Authorization": f"Bearer {token}"}
    assert TestClient(app, base_url=BASE).get("/api/v1/me", headers=headers).json()["scopes"] == [
        "read"
    ]
    later = ann.get("/account").text
    assert token not in later
    assert "nightly report" in later

    ann.post(f"/account/tokens/{token.split('_')[1]}/revoke", data={"csrf": secret(later)})
    assert TestClient(app, base_url=BASE).get("/api/v1/me", headers=headers).status_code == 401


def test_nobody_revokes_the_token_of_another(person: People, app: FastAPI) -> None:
    bob = person("bob@acme.example")
    person(ANN)
    text, made = app.state.site.accounts.tokens.make(ANN, label="x", scopes=["read"])

    answer = bob.post(
        f"/account/tokens/{made.id}/revoke", data={"csrf": secret(bob.get("/account").text)}
    )

    assert answer.status_code == 409
    assert app.state.site.accounts.tokens.reviewer(text) is not None


def test_an_admin_invites_by_a_link(person: People, app: FastAPI) -> None:
    ann = person(ANN, "admin")
    form = {"name": "Bob@acme.example", "roles": "sre, finance"}

    page = ann.post(
        "/reviewers/invite", data={**form, "csrf": secret(ann.get("/reviewers").text)}
    ).text

    [link] = re.findall(rf"{BASE}(/join/[\w-]+)", page)
    bob = TestClient(app, base_url=BASE)
    form = {"password": PASSWORD, "again": PASSWORD, "csrf": secret(bob.get(link).text)}
    assert bob.post(link, data=form).url.path == "/approvals"
    assert app.state.site.accounts.reviewers.get("bob@acme.example").roles == ("finance", "sre")


@pytest.mark.parametrize("address", ["/account/tokens", "/reviewers/invite", "/reviewers/roles"])
def test_what_outlives_a_session_asks_who_is_there(
    store: Store, app: FastAPI, address: str
) -> None:
    accounts: Accounts = app.state.site.accounts
    with store.write() as connection:
        accounts.reviewers.add(connection, ANN, roles=["admin"], by="", password_hash="x")
        cookie = accounts.sessions.open(connection, ANN, "password", store.clock() - 301)
    web = TestClient(app, base_url=BASE, cookies={"guarded_agent": cookie}, follow_redirects=False)
    form = {"csrf": secret(web.get("/account").text), "name": "bob", "label": "x", "scopes": "read"}

    answer = web.post(address, data=form)

    assert answer.headers["location"].startswith("/prove?next=/")
    assert [account.name for account in accounts.reviewers.list()] == [ANN]
    assert accounts.tokens.list(ANN) == []


def test_text_of_others_is_text_on_the_pages_of_accounts(person: People, app: FastAPI) -> None:
    attack = '"><script>alert(1)</script>'
    ann = person(ANN, "admin")
    person(f"{attack}@x")
    app.state.site.accounts.reviewers.set_roles(f"{attack}@x", [attack, "a\u0443dit"], by=ANN)
    app.state.site.accounts.tokens.make(ANN, label=attack, scopes=["read"])

    for address in ("/reviewers", "/account", f"/sign-in?next={attack}"):
        assert "<script>" not in ann.get(address).text


def test_a_lifetime_can_be_chosen(store: Store) -> None:
    now = [1e9]
    store.clock = lambda: now[0]
    accounts = Accounts(store, AuditLog(store), Lifetime(idle=10, whole=15))
    with store.write() as connection:
        accounts.reviewers.add(connection, ANN, roles=[], by="")
        cookie = accounts.sessions.open(connection, ANN, "password", now[0])

    now[0] += 9
    assert accounts.sessions.reviewer(cookie)
    now[0] += 6
    assert not accounts.sessions.reviewer(cookie)


@pytest.mark.parametrize(
    "url",
    [
        "http://approvals.acme.example",
        "approvals.acme.example",
        "https://approvals.acme.example/queue",
        "https://ann@approvals.acme.example",
        "https://",
    ],
)
def test_a_public_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Settings(url)


def test_behind_a_proxy_the_visitors_address_is_the_one_that_the_proxy_added(
    store: Store,
) -> None:
    from guarded_agent.server import create_app

    app = create_app(store, Settings("https://approvals.acme.example", behind_proxy=True))
    store.clock = lambda: 1e9
    web = TestClient(app, base_url="https://approvals.acme.example", follow_redirects=False)
    csrf = secret(web.get("/sign-in").text)

    def guess(number: int, added: str) -> int:
        headers = {"X-Forwarded-For": f"192.0.2.{number}, {added}"}
        form = {"csrf": csrf, "name": f"user{number}", "password": "x"}
        return web.post("/sign-in", data=form, headers=headers).status_code

    assert [guess(number, "203.0.113.7") for number in range(22)] == [403] * 21 + [429]
    assert guess(30, "203.0.113.8") == 403


PROGRAM = """
import sys
from pathlib import Path
from guarded_agent.server import serve
from guarded_agent.server.settings import Settings
store, certificate, key, port = sys.argv[1:]
settings = Settings(f"https://localhost:{port}")
serve(store, "0.0.0.0", int(port), settings=settings, certificate=Path(certificate), key=Path(key))
"""


@pytest.mark.slow
def test_with_a_certificate_it_speaks_tls(tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    (tmp_path / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    import socket

    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    files = [str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")]
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path}/guard.db", *files, str(port)]
    trusted = ssl.create_default_context(cafile=files[0])

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            link = next(line.strip() for line in process.stdout if "/join/" in line)
            with httpx.Client(verify=trusted, trust_env=False) as browser:
                page = browser.get(link)
            process.send_signal(signal.SIGINT)
        finally:
            process.kill()

    assert link.startswith(f"https://localhost:{port}/join/")
    assert page.status_code == 200
    assert page.headers["set-cookie"].startswith("__Host-guarded_agent=")
    assert page.headers["strict-transport-security"]

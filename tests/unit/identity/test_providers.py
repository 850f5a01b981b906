"""Where secrets come from: each provider for real, in time or not at all."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.core.errors import Denied, UnguardedCall
from guarded_agent.identity import Handed, SecretRef, lease, provide_secret, secret
from guarded_agent.identity.held import gather
from guarded_agent.identity.leases import holding

VALUE = "prov~Xk29!vbnQ"


def refs(**places: str) -> dict[str, SecretRef]:
    return {name: SecretRef.parse(place) for name, place in places.items()}


def told(**places: str) -> dict[str, str]:
    with lease(refs(**places)):
        return {name: secret(name).reveal() for name in places}


# -- references ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "keyring:crm/bot",
        "keyring:https://crm.acme.example/bot",
        "vault:secret/data/crm#api_key",
        "vault:database/creds/reader#password",
        "call:hsm",
        "call:hsm/crm/key#field",
    ],
)
def test_a_reference_writes_itself_as_it_was_read(text: str) -> None:
    assert str(SecretRef.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "keyring:crm",
        "keyring:/bot",
        "keyring:a b/c",
        "vault:secret/data/crm",
        "vault:#k",
        "vault:secret/../sys/raw#k",
        "vault:/secret/x#k",
        "vault:secret/x?list=true#k",
        "vault:secret/x#a#b",
        "call:HSM",
        "call:hsm/#f#g",
        "call:hsm#",
        "s3cr3t-value",
        "VAULT:secret/data/crm#k",
    ],
)
def test_what_is_no_reference_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="no secret reference") as caught:
        SecretRef.parse(text)
    assert text not in str(caught.value)


# -- functions of the app -------------------------------------------------------------------------


def test_a_function_of_the_app_gives_a_secret() -> None:
    provide_secret("app", lambda place: f"{VALUE}-{place}")
    assert told(one="call:app", two="call:app/x/y") == {"one": f"{VALUE}-", "two": f"{VALUE}-x/y"}


def raises(_: str) -> str:
    raise RuntimeError(VALUE)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raises, r"its provider failed \(RuntimeError\)"),
        (lambda _: None, "returned no text"),
        (lambda _: "", "empty or not set"),
        (lambda _: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_a_function_that_gives_none_stops_the_call_and_says_nothing_of_it(
    function: Any, words: str
) -> None:
    provide_secret("bad", function)
    with pytest.raises(Denied, match=words) as caught, lease(refs(k="call:bad")):
        pytest.fail("the body ran without its secret")
    assert VALUE not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None


def test_what_nobody_provides_stops_the_call() -> None:
    with pytest.raises(Denied, match="nothing is provided as 'nobody'"):
        told(k="call:nobody")


@pytest.mark.parametrize("name", ["", "HSM", "a-b", "1x", "é"])
def test_a_provider_has_a_name_that_a_reference_can_hold(name: str) -> None:
    with pytest.raises(ValueError, match="no name for a provider"):
        provide_secret(name, lambda _: "x")


class Counting:
    """A provider that counts: it hands out, renews, and takes back."""

    def __init__(self, seconds: float | None = None, fails: str = "") -> None:
        self.seconds = seconds
        self.fails = fails
        self.asked: list[str] = []
        self.renewed = threading.Event()
        self.go = threading.Event()

    def lease(self, place: str) -> Handed:
        self.asked.append(f"lease {place}")
        if self.fails == "lease":
            self.go.wait(10)
        return Handed({"user": "u1", "password": VALUE}, "id-1", self.seconds, True)

    def renew(self, handed: Handed) -> Handed:
        self.asked.append(f"renew {handed.id}")
        self.renewed.set()
        if self.fails == "renew":
            raise RuntimeError(VALUE)
        return handed

    def revoke(self, handed: Handed) -> None:
        self.asked.append(f"revoke {handed.id}")
        if self.fails == "revoke":
            raise RuntimeError(VALUE)


def test_two_fields_of_one_place_are_one_lease_that_is_taken_back() -> None:
    counting = Counting()
    provide_secret("counting", counting)
    with lease(refs(user="call:counting/db#user", password="call:counting/db#password")):
        assert (secret("user").reveal(), secret("password").reveal()) == ("u1", VALUE)
        assert counting.asked == ["lease db"]
    assert counting.asked == ["lease db", "revoke id-1"]


def test_it_is_taken_back_when_the_body_raises() -> None:
    counting = Counting()
    provide_secret("counting", counting)
    with pytest.raises(KeyError), lease(refs(password="call:counting/db#password")):
        raise KeyError("no")
    assert counting.asked[-1] == "revoke id-1"


def test_it_is_taken_back_when_another_secret_of_the_call_cannot_be_had() -> None:
    counting = Counting()
    provide_secret("counting", counting)
    with pytest.raises(Denied, match="'other' cannot be had"):
        told(password="call:counting/db#password", other="env:NOT_SET_ANYWHERE")
    assert counting.asked[-1] == "revoke id-1"


def test_it_is_renewed_while_the_body_runs() -> None:
    counting = Counting(seconds=0.03)
    provide_secret("counting", counting)
    with lease(refs(password="call:counting/db#password")):
        assert counting.renewed.wait(10)
        assert secret("password").reveal() == VALUE
    assert "renew id-1" in counting.asked


def test_a_secret_that_cannot_be_renewed_is_good_no_longer() -> None:
    counting = Counting(seconds=0.03, fails="renew")
    provide_secret("counting", counting)
    held = gather(refs(password="call:counting/db#password"))
    with holding(held):
        for _ in range(1000):
            if held.lost:
                break
            time.sleep(0.01)
        with pytest.raises(Denied, match="good no longer") as caught:
            secret("password")
    assert VALUE not in str(caught.value)
    held.give_back()


def test_a_provider_that_takes_too_long_stops_the_call_and_what_comes_late_is_taken_back() -> None:
    counting = Counting(fails="lease")
    provide_secret("counting", counting)
    with pytest.raises(Denied, match=r"took longer than 0.05 s"):
        gather(refs(password="call:counting/db#password"), wait=0.05)
    assert counting.asked == ["lease db"]
    counting.go.set()
    for _ in range(1000):
        if counting.asked[-1] == "revoke id-1":
            break
        time.sleep(0.01)
    assert counting.asked[-1] == "revoke id-1"


def test_what_cannot_be_taken_back_is_logged_without_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    provide_secret("counting", Counting(fails="revoke"))
    with caplog.at_level(logging.WARNING), lease(refs(password="call:counting/db#password")):
        pass
    assert "could not be revoked" in caplog.text
    assert VALUE not in caplog.text


def test_what_was_given_back_is_to_be_had_no_longer_also_inside() -> None:
    provide_secret("app", lambda _: VALUE)
    held = gather(refs(k="call:app"))
    with holding(held):
        assert secret("k").reveal() == VALUE
        held.give_back()
        with pytest.raises(UnguardedCall):
            secret("k")


# -- the keyring ----------------------------------------------------------------------------------


@pytest.fixture
def in_keyring() -> Iterator[Callable[[str, str, str], None]]:
    """A keyring of the package's own kind that lives in memory."""
    keyring = pytest.importorskip("keyring")
    from keyring.backend import KeyringBackend

    class InMemory(KeyringBackend):
        priority = 1  # type: ignore[assignment]

        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service: str, username: str) -> str | None:
            if service == "locked":
                raise RuntimeError(f"locked: {VALUE}")
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    yield keyring.set_password
    keyring.set_keyring(before)


def test_the_keyring_gives_a_secret(in_keyring: Callable[[str, str, str], None]) -> None:
    in_keyring("https://crm.acme.example", "bot", VALUE)
    assert told(crm="keyring:https://crm.acme.example/bot") == {"crm": VALUE}


@pytest.mark.parametrize(
    ("place", "words"), [("crm/nobody", "empty or not set"), ("locked/bot", "RuntimeError")]
)
def test_a_keyring_that_gives_none_stops_the_call(
    in_keyring: Callable[[str, str, str], None], place: str, words: str
) -> None:
    with pytest.raises(Denied, match=words) as caught:
        told(crm=f"keyring:{place}")
    assert VALUE not in str(caught.value)


# -- OpenBao and Vault ----------------------------------------------------------------------------


def test_a_value_in_the_key_value_store_is_handed_out(bao: Any) -> None:
    bao.ask("POST", "secret/data/crm", {"data": {"api_key": VALUE, "data": "inner", "number": 7}})
    place = "vault:secret/data/crm"
    assert told(a=f"{place}#api_key", b=f"{place}#data") == {"a": VALUE, "b": "inner"}
    with pytest.raises(Denied, match="empty or not set"):
        told(a=f"{place}#nothing")


def test_an_account_of_a_database_lives_as_long_as_the_call(
    bao_database: Any, postgres_server: str
) -> None:
    import psycopg

    def role_exists(name: str) -> bool:
        with psycopg.connect(postgres_server) as admin:
            found = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        return found is not None

    place = "vault:database/creds/reader"
    with lease(refs(user=f"{place}#username", password=f"{place}#password")):
        user = secret("user").reveal()
        assert role_exists(user)
        assert secret("password").reveal() != user
        leases = bao_database.ask("LIST", "sys/leases/lookup/database/creds/reader")
        assert len(leases["data"]["keys"]) == 1  # one account for both fields
    assert not role_exists(user)


def test_an_account_can_be_made_good_for_longer(bao_database: Any) -> None:
    from guarded_agent.identity.openbao import OpenBao

    server = OpenBao(bao_database.address, bao_database.token)
    handed = server.lease("database/creds/reader")
    assert handed.seconds == 60
    assert handed.renewable
    assert server.renew(handed).id == handed.id
    server.revoke(handed)
    with pytest.raises(Denied, match="the server answered 400"):
        server.renew(handed)


@pytest.mark.parametrize(
    ("environ", "place", "words"),
    [
        ({"BAO_TOKEN": "wrong"}, "secret/data/crm", r"refused the token \(403\)"),
        ({}, "secret/data/not/there", r"nothing at this path \(404\)"),
        ({"BAO_ADDR": "http://127.0.0.1:1"}, "secret/data/crm", "cannot be reached"),
        ({"BAO_ADDR": "http://bao.acme.example"}, "secret/data/crm", "would travel in clear"),
        ({"BAO_ADDR": "https://u:p@bao.acme.example"}, "secret/data/crm", "no https address"),
        ({"BAO_ADDR": "bao.acme.example:8200"}, "secret/data/crm", "no https address"),
        ({"BAO_ADDR": ""}, "secret/data/crm", "set BAO_ADDR and BAO_TOKEN"),
        ({"BAO_TOKEN": ""}, "secret/data/crm", "set BAO_ADDR and BAO_TOKEN"),
    ],
)
def test_a_server_that_gives_none_stops_the_call(
    bao: Any,
    monkeypatch: pytest.MonkeyPatch,
    environ: dict[str, str],
    place: str,
    words: str,
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Denied, match=words) as caught:
        told(k=f"vault:{place}#api_key")
    assert bao.token not in str(caught.value)


def test_a_token_may_stand_in_a_file_and_the_names_may_be_those_of_vault(
    bao: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bao.ask("POST", "secret/data/crm", {"data": {"api_key": VALUE}})
    (tmp_path / "token").write_text(f"{bao.token}\n")
    for name in ("BAO_ADDR", "BAO_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("VAULT_ADDR", bao.address)
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    assert told(k="vault:secret/data/crm#api_key") == {"k": VALUE}


@pytest.fixture
def odd_server() -> Iterator[Callable[[int, bytes, dict[str, str]], str]]:
    """A server on this machine that answers what a test wants, and keeps what it was asked."""
    answer: list[Any] = [200, b"", {}]
    started: list[http.server.HTTPServer] = []

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    def start(status: int, body: bytes, headers: dict[str, str]) -> str:
        answer[:] = [status, body, headers]
        server = http.server.HTTPServer(("127.0.0.1", 0), Answers)
        started.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (200, b"not json", {}, "no JSON"),
        (200, b"[1]", {}, "empty or not set"),
        (200, b'{"data": {"k": 7}}', {}, "empty or not set"),
        (200, b'{"data": null}', {}, "empty or not set"),
        (200, b'{"a": "' + b"x" * 1_100_000 + b'"}', {}, "too large"),
        (200, b"[" * 200_000, {}, "no JSON"),
        (307, b"", {"Location": "http://127.0.0.1:9/steal"}, "answered 307"),
        (503, VALUE.encode(), {}, "sealed or down"),
    ],
)
def test_an_answer_that_is_none_stops_the_call(
    odd_server: Callable[[int, bytes, dict[str, str]], str],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    headers: dict[str, str],
    words: str,
) -> None:
    monkeypatch.setenv("BAO_ADDR", odd_server(status, body, headers))
    monkeypatch.setenv("BAO_TOKEN", "t0ken-of-the-server")
    with pytest.raises(Denied, match=words) as caught:
        told(k="vault:secret/data/crm#k")
    assert VALUE not in str(caught.value)
    assert json.dumps(str(caught.value)).count("t0ken") == 0

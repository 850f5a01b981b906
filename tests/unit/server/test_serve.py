"""A real server on this machine, as a person starts it."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from guarded_agent.core.errors import MissingExtra
from guarded_agent.server import create_app, serve
from guarded_agent.server.settings import Settings
from guarded_agent.store import Store

PROGRAM = """
import sys
from guarded_agent.server import serve
serve(sys.argv[1], port=0)
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path}/guard.db"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        link = next(line.strip() for line in process.stdout if "/join/" in line)
        try:
            yield process, link
        finally:
            process.kill()


@pytest.mark.slow
def test_the_printed_link_makes_the_first_admin_once(
    running: tuple[subprocess.Popen[str], str],
) -> None:
    process, link = running

    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        page = browser.get(link)
        password = "correct horse battery"
        form = {"name": "ann@acme.example", "password": password, "again": password}
        secret = re.findall(r'name="csrf" value="([0-9a-f]+)"', page.text)[0]
        queue = browser.post(link, data={**form, "csrf": secret})
    with httpx.Client(trust_env=False, follow_redirects=True) as stranger:
        second = stranger.get(link)

    assert (page.status_code, queue.status_code, second.status_code) == (200, 200, 410)
    assert queue.url.path == "/approvals"
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate()
    assert "Traceback" not in output
    assert "/join/" not in output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "acme.example", ""])
def test_an_address_that_others_can_reach_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="plain HTTP"):
        serve("sqlite://", host=host)


@pytest.mark.parametrize(
    "settings", [Settings(behind_proxy=True), Settings("http://127.0.0.1:1", behind_proxy=True)]
)
def test_behind_a_proxy_the_address_that_people_type_is_needed(settings: Settings) -> None:
    with pytest.raises(ValueError, match="public URL"):
        serve("sqlite://", host="0.0.0.0", settings=settings)


def test_a_port_that_is_taken_is_an_error_before_anything_is_printed() -> None:
    lines: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve("sqlite://", port=taken.getsockname()[1], say=lines.append)

    assert lines == []


@pytest.mark.parametrize("missing", ["starlette", "jinja2", "fastapi", "argon2"])
def test_without_its_extra_the_page_says_what_to_install(
    store: Store, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == missing or name.startswith("guarded_agent.server."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("guarded_agent.server.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Without(missing), *sys.meta_path])

    with pytest.raises(MissingExtra, match=r"guarded-agent\[server\]"):
        create_app(store)


class _Without:
    """An import finder for which one package is not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

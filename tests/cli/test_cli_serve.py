"""`guarded-agent serve`: the page opens, and Ctrl-C ends it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest

PASSWORD = "correct horse battery"


@pytest.mark.slow
def test_the_queue_is_served_until_ctrl_c(desk: Any, environment: dict[str, str]) -> None:
    request = desk.ask(decide_within=4e9)
    code = "from guarded_agent.cli import main; main()"
    server = subprocess.Popen(
        [sys.executable, "-u", "-c", code, "--store", desk.url, "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A runner in the background ignores Ctrl-C, and what it starts would as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert server.stdout is not None
    assert server.stderr is not None
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        [link] = re.findall(r"http://127\.0\.0\.1:\d+/join/\S+", "".join(lines))
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
            form = {"name": "ann@acme.example", "password": PASSWORD, "again": PASSWORD}
            secret = re.findall(r'name="csrf" value="([0-9a-f]+)"', browser.get(link).text)[0]
            assert request.id in browser.post(link, data={**form, "csrf": secret}).text
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0  # this is how it is meant to end
        assert server.stderr.read().strip() == ""
    finally:
        server.kill()
        server.wait(60)
        server.stdout.close()
        server.stderr.close()


def test_an_address_of_the_network_is_refused_in_one_line(desk: Any) -> None:
    result = desk.type("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.exit_code == 2
    assert "use 127.0.0.1" in result.stderr
    assert result.stderr.count("\n") == 1

"""Attack 30: a notification is made to reach what lies inside."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from guarded_agent.approvals.posting import PostRefused, lookup, post, wrong
from guarded_agent.core.outward import refused
from guarded_agent.policy.asking import NotifyEntry

INSIDE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::ffff:0:7f00:1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::808:808",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2002:808:808::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "localhost",
    "1.2.3",
    "0x7f000001",
]
NEVER = [
    "0.0.0.0",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "ff02::1",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("address", INSIDE)
def test_no_message_goes_to_an_address_inside(address: str) -> None:
    """The defence: `refused` lets through what is global and carries no IPv4 address."""
    assert refused(address)


@pytest.mark.parametrize("address", NEVER)
def test_not_even_a_policy_lets_a_message_go_to_a_machines_credentials(address: str) -> None:
    """The defence: the networks that `refused` never allows, with `private` either."""
    assert refused(address, private=True)


def test_outside_is_outside_and_a_policy_may_name_a_private_host() -> None:
    for address in ("8.8.8.8", "93.184.216.34", "2606:4700::1111"):
        assert refused(address) == ""
    for address in ("127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd12:3456::1"):
        assert refused(address, private=True) == ""


URLS = [
    "http://hooks.example/x",
    "ftp://hooks.example/x",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "https://user@hooks.example/",
    "https://a:b@hooks.example/",
    "https:///x",
    "https://hooks.example/#x",
    "https://hooks.example\\@127.0.0.1/",
    "https://hooks.example:99999/",
    "https://hooks.example:0/",
    "//hooks.example/x",
    "https://h\u00f6oks.example/",
    "https://[::1",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", [*URLS, "https://hooks.example/ x", "https://x\r\nHost: y/", ""])
def test_no_message_goes_to_an_url_that_could_be_read_in_two_ways(url: str) -> None:
    """The defence: `wrong`, which `post` asks before anything else."""
    assert wrong(url)
    with pytest.raises(PostRefused):
        post(url, b"{}", {}, look=lambda *_: pytest.fail("it was looked up"))


class Trap:
    """Listens inside, and remembers whether anybody connected."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.touched = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        try:
            connection, _ = self.socket.accept()
        except OSError:
            return
        self.touched.set()
        connection.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.socket.close()


REAL = ("127.0.0.1", "localhost")
# What a resolver takes for this machine; the tests ask none about them.
ODD = ("2130706433", "0x7f.1", "127.1", "017700000001", "[::ffff:127.0.0.1]")


@pytest.mark.parametrize("host", [*REAL, *ODD])
def test_nobody_connects_to_what_listens_inside(trap: Trap, host: str) -> None:
    """The defence: `post` asks `refused` about every address, before it connects."""
    look = lookup if host in REAL else lambda *_: ["127.0.0.1"]
    with pytest.raises((PostRefused, OSError)):
        post(f"https://{host}:{trap.port}/", b"{}", {}, timeout=2, look=look)
    assert not trap.touched.wait(0.1)


def test_one_address_inside_among_those_of_a_name_is_enough_to_refuse(trap: Trap) -> None:
    """The defence: every address of the name is asked about, not only the first."""
    with pytest.raises(PostRefused, match="not public"):
        post(
            f"https://rebind.example:{trap.port}/",
            b"{}",
            {},
            look=lambda *_: ["93.184.216.34", "127.0.0.1"],
        )
    assert not trap.touched.wait(0.1)


def test_a_name_is_looked_up_once_and_the_connection_goes_to_that_address(trap: Trap) -> None:
    """The defence: the connection is pinned, so a name that changes leads nowhere else."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    def look(*_: object) -> list[str]:
        return answers.pop(0)

    with pytest.raises((PostRefused, OSError)):  # the trap speaks no HTTP
        post(f"http://rebind.example:{trap.port}/", b"{}", {}, private=True, look=look, timeout=2)
    assert trap.touched.wait(2)
    assert len(answers) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "http://hooks.example/", "secret": "env:S"},
        {"url": "https://hooks.example/"},
        {"url": "https://hooks.example/", "secret": "hunter2"},
        {"url": "file:///etc/passwd", "kind": "slack"},
        {"url": "https://hooks.example/", "kind": "slack", "on": []},
    ],
    ids=str,
)
def test_a_policy_that_would_send_without_tls_or_signature_does_not_load(
    entry: dict[str, object],
) -> None:
    """The defence: `NotifyEntry` checks what it is given."""
    with pytest.raises(ValidationError):
        NotifyEntry.model_validate(entry)

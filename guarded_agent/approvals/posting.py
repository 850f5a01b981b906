"""Post a message to where a policy says, and nowhere else.

The name is looked up once, every address that it has must be allowed, and the connection goes to
one of these: a name that means something else a moment later leads nowhere. No redirect is followed
and no proxy used.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from guarded_agent.core.outward import refused

_MOST_ANSWER = 4096

Lookup = Callable[[str, int], list[str]]


class PostRefused(Exception):
    """A message may not go where it should, or was not taken there."""


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, in the name of a host."""

    def __init__(
        self, host: str, port: int, address: str, timeout: float, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = (
            plain if self._tls is None else self._tls.wrap_socket(plain, server_hostname=self.host)
        )


def lookup(host: str, port: int) -> list[str]:
    """Return the addresses of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def wrong(url: str, *, private: bool = False) -> str:
    """Return what is wrong with a URL to post to; empty if nothing is.

    Example:
        >>> wrong("https://hooks.acme.example/x"), wrong("http://hooks.acme.example/x")
        ('', 'use https')
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "it holds characters that no URL has"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "it is no URL"
    if parts.scheme != "https" and not (private and parts.scheme == "http"):
        return "use https"
    if "@" in parts.netloc:
        return "a URL names no user"
    if not parts.hostname or port == 0:
        return "it names no host"
    if parts.fragment:
        return "it has a fragment"
    return ""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    private: bool = False,
    timeout: float = 10.0,
    look: Lookup = lookup,
    tls: ssl.SSLContext | None = None,
) -> int:
    """Post `body`; return the status, from 200 to 299.

    Args:
        url: Where to.
        body: What.
        headers: More headers.
        private: Whether the host may be this machine or in a private network, and without TLS.
        timeout: Seconds for each step.
        look: Looks up a name.
        tls: How to check certificates; by the system's authorities if None.

    Raises:
        PostRefused: The URL or its address is not allowed, or the answer was another.
        OSError: It could not be reached.
    """
    if why := wrong(url, private=private):
        raise PostRefused(why)
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = look(host, port)
    if not addresses:
        raise PostRefused("its host has no address")
    for address in addresses:
        if why := refused(address, private=private):
            raise PostRefused(f"its host has an address to which nothing is sent: {why}")
    secure = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
    connection = _Pinned(host, port, addresses[0], timeout, secure)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read(_MOST_ANSWER)
    except http.client.HTTPException as error:
        raise PostRefused(f"it does not speak HTTP: {type(error).__name__}") from None
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise PostRefused(f"it answered {answer.status}")
    return answer.status

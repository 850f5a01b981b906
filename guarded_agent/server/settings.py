"""How a server is reached, and so whom it believes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from guarded_agent.server.sessions import Lifetime

if TYPE_CHECKING:
    from guarded_agent.server.oidc_settings import OidcSettings

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the pages must know of the place where they run.

    Attributes:
        public_url: Where people reach the server, such as `https://approvals.acme.example`; ""
            for plain HTTP on this machine.
        behind_proxy: Whether one proxy stands before it. The address that the proxy adds to
            `X-Forwarded-For` is then taken for the visitor's; nothing else of a proxy is read.
        lifetime: How long sessions last.
        oidc: The identity provider, if there is one.

    Raises:
        ValueError: `public_url` is no such URL.

    Example:
        >>> Settings("https://approvals.acme.example").hosts
        ('approvals.acme.example',)
    """

    public_url: str = ""
    behind_proxy: bool = False
    lifetime: Lifetime = field(default_factory=Lifetime)
    oidc: OidcSettings | None = None

    def __post_init__(self) -> None:
        if not self.public_url:
            return
        parts = urlsplit(self.public_url)
        plain = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        whole = f"{parts.scheme}://{parts.netloc}"
        if not (parts.scheme == "https" or plain) or not parts.hostname or "@" in parts.netloc:
            raise ValueError(f"{self.public_url} is no URL such as https://approvals.acme.example")
        if self.public_url.rstrip("/") != whole:
            raise ValueError("the public URL has no path: the server needs a host of its own")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which the server answers, without a port where any will do."""
        return (urlsplit(self.public_url).netloc.lower(),) if self.public_url else LOOPBACK

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.public_url.startswith("https:")

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return "__Host-guarded_agent" if self.secure else "guarded_agent"

    def is_host(self, host: str) -> bool:
        """Return whether a `Host` header names this server."""
        host = host.lower()
        if host in self.hosts:
            return True
        name, colon, port = host.rpartition(":")
        if self.public_url:  # a default port may be written out
            return bool(colon) and self.secure and port == "443" and name in self.hosts
        return bool(colon) and port.isascii() and port.isdigit() and name in self.hosts

    def is_origin(self, origin: str, host: str) -> bool:
        """Return whether an `Origin` header names the page that this server itself serves."""
        if self.public_url:
            return origin.lower() == self.public_url.rstrip("/").lower()
        return origin.lower() == f"http://{host.lower()}"

"""Which identity provider says who a reviewer is, and what its words make of them.

Read from the environment or from a file; nothing here reaches for the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """One OpenID Connect provider.

    Attributes:
        issuer: Its issuer URL, exactly as it names itself.
        client_id: What it calls this server.
        client_secret: What this server proves itself with.
        domains: Only people with a verified mail address in one of these may sign in.
        groups: The claim that lists a person's groups.
        roles: The roles that a group gives.
        default_roles: The roles that everybody gets.
        required_group: Only people in one of these groups may sign in, where it is not empty.
        label: What the button says.

    Raises:
        ValueError: The issuer is no https URL, or nothing says who may sign in.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...] = ()
    groups: str = "groups"
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    default_roles: tuple[str, ...] = ()
    required_group: tuple[str, ...] = ()
    label: str = "single sign-on"

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        plain = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
        if not (parts.scheme == "https" or plain) or not parts.hostname:
            raise ValueError("the issuer is an https URL")
        if not self.client_id or not self.client_secret:
            raise ValueError("OIDC needs a client id and a client secret")
        if not (self.domains or self.required_group):
            raise ValueError("say who may sign in: allowed mail domains, or required groups")

"""Which identity provider says who a reviewer is, and what its words make of them.

Read from a TOML file, with the secret beside it in the environment; nothing here reaches for
the network.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

SECRET_VARIABLE = "GUARDED_AGENT_OIDC_SECRET"  # noqa: S105 - where the secret stands

_TEXTS = {"issuer", "client_id", "groups", "label"}
_LISTS = {"domains", "default_roles", "required_groups"}


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
        required_groups: Only people in one of these may sign in, where it is not empty.
        label: What the button says.

    Raises:
        ValueError: The issuer is no https URL, or nothing says who may sign in.

    Example:
        >>> provider = OidcSettings(
        ...     "https://login.acme.example",
        ...     "approvals",
        ...     "secret",
        ...     domains=("acme.example",),
        ...     roles={"sre-team": ["sre"]},
        ... )
        >>> provider.roles_of(["sre-team", "all"])
        ['sre']
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...] = ()
    groups: str = "groups"
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    default_roles: tuple[str, ...] = ()
    required_groups: tuple[str, ...] = ()
    label: str = "single sign-on"

    def __post_init__(self) -> None:
        if not is_safe(self.issuer):
            raise ValueError("the issuer of OIDC is an https URL")
        if not self.client_id or not self.client_secret:
            raise ValueError(f"OIDC needs a client_id, and its secret in {SECRET_VARIABLE}")
        if not (self.domains or self.required_groups):
            raise ValueError("say who may sign in by OIDC: domains or required_groups")

    def roles_of(self, groups: Sequence[str]) -> list[str]:
        """Return the roles of a person in these groups."""
        given = {role for group in groups for role in self.roles.get(group, ())}
        return sorted(given | set(self.default_roles))


def is_safe(url: str) -> bool:
    """Return whether a URL is https, or plain HTTP on this machine."""
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    return bool(parts.hostname) and (parts.scheme == "https" or plain) and "@" not in parts.netloc


def read_oidc(path: Path, environ: Mapping[str, str] = os.environ) -> OidcSettings:
    """Return the settings that stand in a TOML file.

    Args:
        path: The file.
        environ: Where the secret stands.

    Raises:
        ValueError: The file cannot be read, or something in it is not as it should be.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    roles = given.pop("roles", {})
    unknown = sorted(set(given) - _TEXTS - _LISTS)
    if unknown:
        raise ValueError(f"{path}: there is no setting {', '.join(unknown)}")
    for name, value in given.items():
        if not (isinstance(value, str) if name in _TEXTS else _is_texts(value)):
            raise ValueError(f"{path}: {name} is not as it should be")
    if not isinstance(roles, dict):
        raise ValueError(f"{path}: roles is a table of lists of roles, by group")
    groups = cast("dict[str, Any]", roles)
    if not all(_is_texts(value) for value in groups.values()):
        raise ValueError(f"{path}: roles is a table of lists of roles, by group")
    values: dict[str, Any] = {
        name: tuple(value) if name in _LISTS else value for name, value in given.items()
    }
    try:
        return OidcSettings(**values, roles=groups, client_secret=environ.get(SECRET_VARIABLE, ""))
    except TypeError:
        raise ValueError(f"{path}: issuer and client_id are needed") from None


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, str) for item in cast("list[object]", value)
    )

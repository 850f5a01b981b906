"""Where secrets come from: one small protocol, and a provider for each kind of reference.

A provider hands out what it has at a place and, where it counts what it handed out, takes
it back. It may block; whoever asks waits `WAIT` seconds at most.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from guarded_agent.core.errors import Denied, MissingExtra

WAIT = 10.0
"""Seconds in which a provider has to answer."""

MAX_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Handed:
    """What a provider handed out for one place.

    Attributes:
        values: The values by field; one without a name stands under an empty text.
        id: What the provider counts it under; empty if it does not.
        seconds: For how long it is good; None if that does not end.
        renewable: Whether it can be made good for longer.
    """

    values: Mapping[str, str] = field(repr=False)
    id: str = ""
    seconds: float | None = None
    renewable: bool = False


class SecretProvider(Protocol):
    """Hands out secrets. All three methods may block, and may raise anything."""

    def lease(self, place: str) -> Handed:
        """Return what is at `place` now; raise where there is nothing."""
        ...

    def renew(self, handed: Handed) -> Handed:
        """Make what was handed out good for longer; return it with its new time."""
        ...

    def revoke(self, handed: Handed) -> None:
        """Take back what was handed out: it is good no longer."""
        ...


class _Uncounted:
    """A provider that does not know what it handed out."""

    def renew(self, handed: Handed) -> Handed:
        return handed

    def revoke(self, handed: Handed) -> None:
        del handed  # there is nothing to take back


class Environment(_Uncounted):
    """Environment variables, as `env:NAME`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def lease(self, place: str) -> Handed:
        """Return the variable's value; empty if it is not set."""
        return Handed({"": self._environ.get(place, "")})


class Files(_Uncounted):
    """Files, as `file:/absolute/path`. The line end behind the value is not part of it."""

    def lease(self, place: str) -> Handed:
        """Return the file's text.

        Raises:
            Denied: It cannot be read, is too large, or is not UTF-8.
        """
        problem = value = ""
        try:
            with Path(place).open("rb") as file:
                data = file.read(MAX_SECRET_BYTES + 1)
            if len(data) > MAX_SECRET_BYTES:
                problem = f"it is larger than {MAX_SECRET_BYTES} bytes"
            else:
                value = data.decode().removesuffix("\n").removesuffix("\r")
        except OSError as error:
            problem = error.strerror or type(error).__name__
        except UnicodeDecodeError:
            problem = "it is not UTF-8 text"
        if problem:
            raise Denied(problem)
        return Handed({"": value})


class Keyring(_Uncounted):
    """The keyring of the operating system, as `keyring:service/user`."""

    def lease(self, place: str) -> Handed:
        """Return the password of a user of a service.

        Raises:
            Denied: The extra is not installed.
        """
        problem = ""
        value: str | None = None
        service, _, user = place.rpartition("/")
        try:
            import keyring  # an extra

            value = keyring.get_password(service, user)
        except ImportError:
            problem = str(MissingExtra("a secret in the keyring", "keyring"))
        if problem:
            raise Denied(problem)
        return Handed({"": value or ""})


class Functions(_Uncounted):
    """Functions of the app, as `call:name` or `call:name/place`. See `provide_secret`."""

    def lease(self, place: str) -> Handed:
        """Return what the function says.

        Raises:
            Denied: Nothing was provided under this name, or it gives no text.
        """
        name, _, rest = place.partition("/")
        provided = _provided.get(name)
        if provided is None:
            raise Denied(f"nothing is provided as {name!r}: call provide_secret({name!r}, ...)")
        if not callable(provided):
            return provided.lease(rest)
        value = cast("object", provided(rest))
        if not isinstance(value, str):
            raise Denied("the function returned no text")
        return Handed({"": value})

    def of(self, place: str) -> SecretProvider:
        """Return the provider behind `place`: the app's own one counts what it hands out."""
        provided = _provided.get(place.partition("/")[0])
        return self if provided is None or callable(provided) else _Below(provided)


class _Below:
    """An app's provider, asked for what stands behind its name."""

    def __init__(self, provider: SecretProvider) -> None:
        self._provider = provider
        self.renew, self.revoke = provider.renew, provider.revoke

    def lease(self, place: str) -> Handed:
        return self._provider.lease(place.partition("/")[2])


_provided: dict[str, Callable[[str], str] | SecretProvider] = {}


def provide_secret(name: str, provider: Callable[[str], str] | SecretProvider) -> None:
    """Let policies take secrets from the app's own code, as `call:name` or `call:name/place`.

    Args:
        name: Lower-case letters, digits and `_`.
        provider: A function of the place that returns the value, or a `SecretProvider`.
            It is asked once for each call that needs the secret, and may block.

    Raises:
        ValueError: The name is not one that a reference can hold.

    Example:
        >>> provide_secret("hsm", lambda place: f"key-of-{place}")
        >>> from guarded_agent.identity import SecretRef, lease, secret
        >>> with lease({"crm": SecretRef.parse("call:hsm/crm")}):
        ...     len(secret("crm").reveal())
        10
    """
    if not name.isidentifier() or name != name.lower() or not name.isascii():
        raise ValueError(f"{name!r} is no name for a provider: use letters, digits and _")
    _provided[name] = provider


def provider_of(kind: str, place: str, environ: Mapping[str, str] = os.environ) -> SecretProvider:
    """Return what hands out the secrets of a kind of reference."""
    match kind:
        case "env":
            return Environment(environ)
        case "file":
            return Files()
        case "keyring":
            return Keyring()
        case "vault":
            from guarded_agent.identity.openbao import OpenBao  # HTTP, which few policies need

            return OpenBao.from_environ(environ)
        case _:
            return Functions().of(place)

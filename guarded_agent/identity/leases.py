"""Leases: secrets handed to a tool body for the length of one call.

The value travels through a context variable. It is no argument and no state, so
neither the model nor a checkpoint, a callback or a trace sees it. What leaves
the call goes through `scrub` while the lease is held.

An exception needs more care: `raise ... from None` inside an `except` block keeps
the original, and the secret in its text, as `__context__`. Leave the block first:

    >>> import os
    >>> os.environ["DEMO_KEY"] = "k-12345678"
    >>> failure = ""
    >>> with lease({"crm": SecretRef.parse("env:DEMO_KEY")}):
    ...     try:
    ...         raise RuntimeError(f"401: {secret('crm').reveal()} refused")
    ...     except RuntimeError as error:
    ...         failure = scrub(str(error))
    >>> failure  # raise it here, outside of the block
    '401: [secret:crm] refused'
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from guarded_agent.core.errors import Denied, UnguardedCall
from guarded_agent.identity.secrets import Secret, SecretRef, forms


class _Lease:
    """One open lease and the lease around it."""

    __slots__ = ("forms", "open", "outer", "secrets")

    def __init__(self, secrets: dict[str, Secret], outer: _Lease | None) -> None:
        self.secrets = secrets
        self.outer = outer
        self.open = True
        self.forms = {
            form: name for name, secret in secrets.items() for form in forms(secret.reveal())
        }


_current: ContextVar[_Lease | None] = ContextVar("guarded_agent_lease", default=None)

_known: ContextVar[dict[str, str] | None] = ContextVar("guarded_agent_known", default=None)
"""Forms of everything that was leased in the call around, mapped to its name."""


@contextmanager
def remembering() -> Generator[None]:
    """Let `scrub` know, until this ends, every value that is leased inside.

    A tool may open a lease and close it again before it returns. What it returns
    still must not hold the value.

    Example:
        >>> import os
        >>> os.environ["DEMO_KEY"] = "k-12345678"
        >>> with remembering():
        ...     with lease({"crm": SecretRef.parse("env:DEMO_KEY")}):
        ...         said = secret("crm").reveal()
        ...     scrub(f"key {said}")
        'key [secret:crm]'
    """
    around = _known.get()
    known: dict[str, str] = {}
    token = _known.set(known)
    try:
        yield
    finally:
        _known.reset(token)
        if around is not None:  # a call inside a call: the outer one's result may hold it too
            around.update(known)


@contextmanager
def lease(
    refs: Mapping[str, SecretRef], *, environ: Mapping[str, str] = os.environ
) -> Generator[None]:
    """Hand the secrets in `refs` to what runs inside, in this context only.

    A lease inside a lease hides the outer one: a call gets its own secrets and no others.

    Args:
        refs: What the tool calls each secret, and where it is found.
        environ: The environment to read `env:` references from.

    Raises:
        Denied: A secret cannot be had; nothing runs.
    """
    held = _Lease({name: ref.fetch(name, environ) for name, ref in refs.items()}, _current.get())
    known = _known.get()
    if known is not None:
        known.update(held.forms)
    token = _current.set(held)
    try:
        yield
    finally:
        # A task that was started inside keeps this object in its copy of the context.
        held.open = False
        _current.reset(token)


def secret(name: str) -> Secret:
    """Return the secret that this call holds under `name`.

    Raises:
        UnguardedCall: No lease is open here: the body runs outside of its guarded call.
        Denied: The call holds a lease, but not for this secret.
    """
    held = _current.get()
    if held is None or not held.open:
        raise UnguardedCall(
            f"no secret {name!r} here: secrets exist only while a guarded call runs its tool body"
        )
    if name not in held.secrets:
        raise Denied(f"this call holds no secret {name!r}: declare it under the tool's secrets")
    return held.secrets[name]


def scrub(text: str) -> str:
    """Return `text` with every leased value replaced by `[secret:name]`.

    It also finds the URL-encoded, base64, hexadecimal, HTML- and JSON-escaped forms.
    A background task that outlives its lease gets no more secrets, but what it had is
    still scrubbed, and inside `remembering` so is everything that was leased there.
    """
    known = dict(_known.get() or {})
    held = _current.get()
    while held is not None:
        known = {**held.forms, **known}
        held = held.outer
    if not known:
        return text
    # Longest first: a short form may be part of a longer one. One pass: what was put in is safe.
    literals = "|".join(re.escape(form) for form in sorted(known, key=len, reverse=True))
    return re.sub(literals, lambda match: f"[secret:{known[match[0]]}]", text)

"""Leases: secrets handed to a tool body for the length of one call.

The value travels through a context variable. It is no argument and no state, so
neither the model nor a checkpoint, a callback or a trace sees it. What leaves
the call goes through `scrub`; so does what shows up later (see `leased`).

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
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType, MethodType, ModuleType
from typing import cast

from guarded_agent.core.errors import Denied, UnguardedCall
from guarded_agent.identity.held import Held, gather
from guarded_agent.identity.leased import REGISTER, Forms, Spot, apart, telling
from guarded_agent.identity.quiet import quieten
from guarded_agent.identity.secrets import Secret, SecretRef


class _Lease:
    """One open lease and the lease around it."""

    __slots__ = ("held", "open", "outer", "plain", "secrets")

    def __init__(self, held: Held, outer: _Lease | None) -> None:
        self.held = held
        self.secrets = secrets = held.secrets
        self.outer = outer
        self.open = True
        values = {secret.reveal(): name for name, secret in secrets.items()}
        self.plain = {value: name for value, name in values.items() if not telling(value)}


_current: ContextVar[_Lease | None] = ContextVar("guarded_agent_lease", default=None)


class _Known(dict[str, str]):
    """Values leased in the call around that are too plain to be found elsewhere, and their names.

    Attributes:
        leased: Whether the call was handed any secret at all.
    """

    leased = False


_known: ContextVar[_Known | None] = ContextVar("guarded_agent_known", default=None)


def leased_here() -> bool:
    """Return whether the call around was handed a secret, in this body or in one that it ran."""
    known = _known.get()
    return known is not None and known.leased


def leased(secrets: Iterable[Secret]) -> None:
    """Remember that the call around was handed `secrets`, and know them by their values."""
    known = _known.get()
    if known is not None:
        known.leased = True
    REGISTER.add(secrets)
    quieten(scrub)


@contextmanager
def remembering() -> Generator[None]:
    """Let `scrub` know, until this ends, even the plainest value that is leased inside.

    A tool may open a lease and close it again before it returns. What it returns
    still must not hold the value, be it as short as a PIN.

    Example:
        >>> import os
        >>> os.environ["DEMO_KEY"] = "k-1234"
        >>> with remembering():
        ...     with lease({"crm": SecretRef.parse("env:DEMO_KEY")}):
        ...         said = secret("crm").reveal()
        ...     scrub(f"key {said}")
        'key [secret:crm]'
    """
    around = _known.get()
    known = _Known()
    token = _known.set(known)
    try:
        yield
    finally:
        _known.reset(token)
        if around is not None:  # a call inside a call: the outer one's result may hold it too
            around.update(known)
            around.leased = around.leased or known.leased


@contextmanager
def lease(
    refs: Mapping[str, SecretRef], *, environ: Mapping[str, str] = os.environ
) -> Generator[None]:
    """Hand the secrets in `refs` to what runs inside, in this context only.

    A lease inside a lease hides the outer one: a call gets its own secrets and no others.
    Having them may block; from an event loop, let the policy say what the tool needs.

    Args:
        refs: What the tool calls each secret, and where it is found.
        environ: The environment to read from.

    Raises:
        Denied: A secret cannot be had; nothing runs.
    """
    held = gather(refs, environ)
    try:
        with holding(held):
            yield
    finally:
        held.give_back()


@contextmanager
def holding(secrets: Held) -> Generator[None]:
    """Let what runs inside have `secrets`, in this context only. It does not block."""
    held = _Lease(secrets, _current.get())
    known = _known.get()
    if known is not None:
        known.update(held.plain)
    leased(secrets.secrets.values())
    token = _current.set(held)
    try:
        yield
    finally:
        # A task that was started inside keeps this object in its copy of the context.
        held.open = False
        _current.reset(token)


@contextmanager
def without() -> Generator[None]:
    """Let what runs inside have none of the secrets around: it is another call."""
    around = _current.get()
    if around is None:
        yield
        return
    token = _current.set(_Lease(Held(), around))
    try:
        yield
    finally:
        _current.reset(token)


def secret(name: str) -> Secret:
    """Return the secret that this call holds under `name`.

    Raises:
        UnguardedCall: No lease is open here: the body runs outside of its guarded call.
        Denied: The call holds a lease, but not for this secret, or it could not be renewed.
    """
    held = _current.get()
    if held is None or not held.open or held.held.ended:
        raise UnguardedCall(
            f"no secret {name!r} here: secrets exist only while a guarded call runs its tool body"
        )
    if name not in held.secrets:
        raise Denied(f"this call holds no secret {name!r}: declare it under the tool's secrets")
    if held.held.lost:
        raise Denied(f"the secret {name!r} is good no longer: {held.held.lost}")
    return held.secrets[name]


def scrub(text: str) -> str:
    """Return `text` with every leased value replaced by `[secret:name]`.

    It also finds the URL-encoded, base64, hexadecimal, HTML- and JSON-escaped forms.
    A background task that outlives its lease gets no more secrets, but what it had is
    still scrubbed, and so is all that `spots` finds.
    """
    parts: list[str] = []
    done = 0
    for spot in spots(text):
        parts += [text[done : spot.start], f"[secret:{spot.name}]"]
        done = spot.end
    return "".join([*parts, text[done:]])


def holds(value: object) -> bool:
    """Return whether a leased value can be reached from an object, such as a client's response.

    Where there is too much to look at, it counts as one that holds a value.
    """
    todo: list[object] = [value]
    seen: dict[int, object] = {}
    while todo:
        each = todo.pop()
        if isinstance(each, (bytes, bytearray)):
            each = each.decode("latin-1")
        if isinstance(each, str):
            if spots(each):
                return True
        elif id(each) not in seen and not isinstance(each, _PLAIN):
            seen[id(each)] = each  # kept, so that no other object gets its id
            todo += _within(each)
        if len(seen) > _MOST_OBJECTS or len(todo) > _MOST_OBJECTS:
            return True
    return False


_MOST_OBJECTS = 5_000
_PLAIN = (int, float, complex, type(None), type, ModuleType, FunctionType, MethodType, Secret)


def _within(value: object) -> list[object]:
    """Return what stands in an object: items, attributes, the arguments of an error."""
    if isinstance(value, Mapping):
        known = cast("Mapping[object, object]", value)
        return [*known.keys(), *known.values()]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(cast("list[object]", value))
    found: list[object] = list(getattr(value, "__dict__", {}).values())
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        names = (slots,) if isinstance(slots, str) else slots
        found += [getattr(value, name, None) for name in names]
    if isinstance(value, BaseException):
        found += [*value.args, value.__cause__, value.__context__]
    return found


def spots(text: str) -> list[Spot]:
    """Return where leased values stand in `text`, in order and apart.

    Those that can be told from other text are found wherever they show up, in any context and
    after the call: see `leased`. Others are found in the call that leased them.
    """
    found = REGISTER.spots(text)
    plain = dict(_known.get() or {})
    held = _current.get()
    while held is not None:
        plain = {**held.plain, **plain}
        held = held.outer
    if plain:
        found = list(apart([*found, *Forms(plain).spots(text)]))
    return found

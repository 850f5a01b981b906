"""The idempotency key of the running call, so that a repeated call has one effect.

The agent layer opens it with the action's digest around a tool's body; a tool
that can take a key, or pass one on, asks for it. It travels beside the
arguments: the model neither sees nor chooses it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_key: ContextVar[str | None] = ContextVar("guarded_agent.tools.idempotency", default=None)


@contextmanager
def keyed(key: str) -> Generator[None]:
    """Let what runs inside see `key` as the key of this call.

    Example:
        >>> with keyed("a1b2"):
        ...     current_key()
        'a1b2'
        >>> current_key() is None
        True
    """
    token = _key.set(key)
    try:
        yield
    finally:
        _key.reset(token)


def current_key() -> str | None:
    """Return the key of the running call, or None outside of a guarded one."""
    return _key.get()

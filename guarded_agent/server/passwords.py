"""Passwords: what one must be, and how it is kept and compared.

It knows no account. A hash is argon2id with 64 MiB; at most four are made at a time in a
process, so that a flood of sign-ins cannot take its memory.
"""

from __future__ import annotations

import base64
import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256

_MOST_BYTES = 4 * LONGEST + 1
_AT_ONCE = threading.BoundedSemaphore(4)
_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)


class PasswordRefused(ValueError):
    """A new password is none that can be taken. The message is for the person."""


def check(password: str, name: str = "") -> str:
    """Return a new password in the form that is hashed, if it is long enough.

    Length is what counts: no rule asks for digits or signs, and no password has to be
    changed after a time.

    Args:
        password: What the person wants.
        name: The account's name, which is no password.

    Raises:
        PasswordRefused: It is too short, too long, one character repeated, or the name.

    Example:
        >>> check("four words are good")
        'four words are good'
        >>> check("hunter2")
        Traceback (most recent call last):
        guarded_agent.server.passwords.PasswordRefused: use at least 12 characters
    """
    text = unicodedata.normalize("NFC", password)
    if len(text) < SHORTEST:
        raise PasswordRefused(f"use at least {SHORTEST} characters")
    if len(text) > LONGEST:
        raise PasswordRefused(f"use at most {LONGEST} characters")
    if len(set(text)) < 4 or text.casefold() == name.casefold():
        raise PasswordRefused("use a password that is harder to guess: a few words, for example")
    return text


def hashed(password: str) -> str:
    """Return what is kept of a password that `check` took."""
    with _AT_ONCE:
        return _HASHER.hash(_form(password))


def matches(password: str, kept: str) -> bool:
    """Return whether `password` is the one that was kept.

    It takes as long where nothing was kept, or the account does not exist: pass "" then.
    """
    text = _form(password)[:_MOST_BYTES]
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _OF_NOBODY, text) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def _form(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _unpadded(size: int) -> str:
    return base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")


# A hash of the same cost that no password has.
_OF_NOBODY = (
    f"$argon2id$v=19$m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    f"${_unpadded(_HASHER.salt_len)}${_unpadded(_HASHER.hash_len)}"
)

"""Random secrets that a person or a browser carries, and what the store keeps of them.

They have 256 random bits, so a plain SHA-256 of one tells nobody what it is.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def fresh() -> str:
    """Return a new secret, as text that fits a URL, a cookie and a header."""
    return secrets.token_urlsafe(32)


def kept(secret: str) -> str:
    """Return what the store keeps of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def same(given: str, expected: str) -> bool:
    """Return whether two texts are equal, in a time that tells nothing of where they differ."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass")
    )

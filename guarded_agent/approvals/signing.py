"""Sign what is posted, and check what comes, as Standard Webhooks describes it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping

_TOLERANCE = 300
_SHORTEST = 16


class Forged(Exception):
    """A message was not signed with the secret, or is old."""


def signature(secret: str, message_id: str, at: int, body: bytes) -> str:
    """Return the value of the header `webhook-signature`.

    Args:
        secret: `whsec_` and the key in base64, or the key itself, of at least 16 bytes.
        message_id: The value of `webhook-id`.
        at: The value of `webhook-timestamp`.
        body: The body.

    Raises:
        ValueError: The secret is too short, or no base64 stands behind `whsec_`.

    Example:
        >>> signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "m", 1, b"{}")[:3]
        'v1,'
    """
    signed = b".".join([message_id.encode(), str(at).encode(), body])
    mac = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}"


def check(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> str:
    """Return the id of a message that was signed with the secret a moment ago.

    A message may come twice: remember ids for five minutes where that matters.

    Args:
        secret: As for `signature`.
        headers: The headers, under names in any case.
        body: The body as it came, before it is read as JSON.
        now: The time; the clock's if None.

    Raises:
        Forged: It was not signed with this secret, or more than five minutes ago.
        ValueError: The secret is no secret.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = lower.get("webhook-id", ""), lower.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        raise Forged("the message says no id or no time")
    if abs((time.time() if now is None else now) - int(stamp)) > _TOLERANCE:
        raise Forged("the message is too old, or from the future")
    wanted = signature(secret, message_id, int(stamp), body).encode()
    given = lower.get("webhook-signature", "").split(" ")[:8]
    if not any(hmac.compare_digest(one.encode(errors="replace"), wanted) for one in given):
        raise Forged("the message was not signed with this secret")
    return message_id


def _key(secret: str) -> bytes:
    key = secret.encode()
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            raise ValueError("no base64 stands behind whsec_ in the secret") from None
    if len(key) < _SHORTEST:
        raise ValueError(f"the secret of a webhook has at least {_SHORTEST} bytes")
    return key

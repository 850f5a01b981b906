"""The secret, and the forms in which it could leak.

A `Secret` gives its value only to `reveal()`. Handing secrets to a
tool body is the job of `leases`, having it the job of `providers`.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import re
import unicodedata
from typing import NoReturn
from urllib.parse import quote, quote_plus

from guarded_agent.core.secret_ref import SecretRef
from guarded_agent.core.visible import INVISIBLE

__all__ = ["Secret", "SecretRef", "forms"]

_FRAGMENT = 8
"""Shortest piece of a secret that is searched on its own: shorter ones hit innocent text."""

# Of a file of many lines, its own pieces are searched too; words, names and URLs in it are not.
_PIECES = re.compile(r"\s+|\\n|[\"',]+")
_OWN = re.compile(r"[A-Za-z0-9+/=_-]{12,}")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")


class Secret:
    """A value that will not print, pickle, copy, compare loosely or become JSON.

    Example:
        >>> token = Secret("crm", "s3cr3t")
        >>> print(token, [token], f"{token}")
        Secret(crm) [Secret(crm)] Secret(crm)
        >>> token.reveal()
        's3cr3t'
    """

    __slots__ = ("_name", "_value")

    def __init__(self, name: str, value: str) -> None:
        self._name = name
        self._value = value

    @property
    def name(self) -> str:
        """The name under which the tool asks for it."""
        return self._name

    def reveal(self) -> str:
        """Return the value. Use it in place; do not keep it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self._name})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_bytes(self._value), _bytes(other._value))

    __hash__ = None  # type: ignore[assignment]  # a set or dict would compare loosely

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"the secret {self._name!r} cannot be pickled or copied: pass its name")


def forms(value: str) -> set[str]:
    """Return the texts under which `value` shows in logs, URLs, headers and errors."""
    raw = _bytes(value)
    found = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        html.escape(value),
        raw.hex(),
        raw.hex().upper(),
    }
    for url in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        found |= {url, re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), url)}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw).decode()
        found |= {whole, whole.rstrip("=")}
        for shift in range(3):
            # Inside a longer text, as in a Basic header, only the middle characters are its own.
            text = encode(b"\0" * shift + raw).decode()
            own = text[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
            if len(own) >= _FRAGMENT:
                found.add(own)
    found.add(_INVISIBLE.sub("", unicodedata.normalize("NFKC", value)))  # as detectors see text
    if "\n" in value:
        found |= {piece for piece in _PIECES.split(value) if _is_own(piece)}
    return {form for form in found if form}


def _is_own(piece: str) -> bool:
    if not _OWN.fullmatch(piece):
        return False
    capitals, digits = sum(map(str.isupper, piece)), sum(map(str.isdigit, piece))
    return digits >= 4 or (capitals >= 3 and any(map(str.islower, piece)))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")

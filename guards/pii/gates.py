"""Gates: which recognisers a text can interest at all, told in microseconds.

Most texts hold nothing that looks like a number, an address or a name of a machine; they
need no analysis. A gate matches in every text in which its recogniser could find
something, and in few others. All gates together are one pattern, which is asked first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from guarded_agent.guards.pii import phones
from guarded_agent.guards.pii.formats import FORMATS
from guarded_agent.guards.pii.view import options, rx

_SEPARATED = "[ .-]?"
GATES: dict[str, str] = {
    "CREDIT_CARD": f"[0-9](?:{_SEPARATED}[0-9]){{11}}",
    "CRYPTO": r"(?:[bB][cC]1|[13])[A-Za-z0-9]{12}|0x[0-9a-fA-F]{40}",
    "EMAIL_ADDRESS": "@|%40",
    "IBAN_CODE": "[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9][A-Za-z0-9 -]{8}",
    "IP_ADDRESS": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|::|(?:[0-9A-Fa-f]{1,4}:){3}",
    "MAC_ADDRESS": r"(?:[0-9A-Fa-f]{2}[:-]){3}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.",
    "PHONE_NUMBER": phones.GATE,
    "URL": r"[A-Za-z0-9\xc0-\xff]\.[A-Za-z\xc0-\xff]|://",
    "URL_LOGIN": "://",
}
"""By kind. A number of `formats` has its own gate: its form, or its words."""


def promising(data: bytes, kinds: Sequence[str]) -> Sequence[str]:
    """Return those of `kinds` that a view may hold; one without a gate always may.

    Example:
        >>> promising(b"write to ann@acme.com", ["CREDIT_CARD", "EMAIL_ADDRESS"])
        ['EMAIL_ADDRESS']
    """
    together, gates, gated = _compiled(tuple(kinds))
    if gates is None:
        return kinds
    if together is not None and together.search(data) is None:
        return ()
    found: set[int] = set(gates.Match(data) or ())
    return [kind for kind, index in gated if index is None or index in found]


@cache
def _compiled(kinds: tuple[str, ...]) -> tuple[Any, Any, list[tuple[str, int | None]]]:
    """Return all gates as one pattern and as a set, and which of the set each kind has."""
    import re2  # a C extension: not before there is a text to look at

    formats = {one.kind: one.gate for one in FORMATS}
    named = {kind: GATES.get(kind) or formats.get(kind) for kind in kinds}
    patterns = sorted({gate for gate in named.values() if gate is not None})
    if not patterns:
        return None, None, []
    together = None
    if None not in named.values():  # most texts hold nothing, and one pattern tells it sooner
        together = rx("|".join(f"(?:{pattern})" for pattern in patterns))
    gates = re2.Set.SearchSet(options())
    for pattern in patterns:
        gates.Add(pattern.encode("latin-1"))
    gates.Compile()  # raises if its memory does not suffice: it has no slower way to fall back to
    places = {pattern: place for place, pattern in enumerate(patterns)}
    return together, gates, [(kind, places.get(gate or "")) for kind, gate in named.items()]

"""Mail addresses in text and data: who wrote, and to whom something goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

# Every repeat is bounded, so the work is linear in the text whatever it holds.
_ADDRESS = re.compile(r"[A-Za-z0-9._%+'\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,8}")


def texts(value: Any) -> Iterator[str]:
    """Yield every string in nested plain data, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[object, object]", value).values():
            yield from texts(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[object]", value):
            yield from texts(item)


def addresses(value: Any) -> frozenset[str]:
    """Return the mail addresses that stand in `value`, in lower case.

    Example:
        >>> sorted(addresses(["From: Ann <Ann@acme.example>", {"cc": "bo@acme.example"}]))
        ['ann@acme.example', 'bo@acme.example']
    """
    found: set[str] = set()
    for text in texts(value):
        if "@" in text:
            found.update(match.lower().rstrip(".") for match in _ADDRESS.findall(text))
    return frozenset(found)


def domain(address: str) -> str:
    """Return the part after the last `@`, in lower case; empty where there is none."""
    return address.rpartition("@")[2].lower().rstrip(".") if "@" in address else ""

"""Where a call sends to, and the texts in its arguments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, cast

from guarded_agent.core.tool import ToolSpec

ADDRESS = re.compile(r"[a-z0-9._%+'\-]{1,64}@[a-z0-9.\-]{1,200}[a-z0-9]")
"""An e-mail address in lower-case text; bounded on both sides."""

_KEYS = frozenset(
    {
        "to",
        "cc",
        "bcc",
        "recipient",
        "recipients",
        "toaddress",
        "toaddresses",
        "emailto",
        "forwardto",
        "channel",
        "channels",
        "room",
    }
)
_HEADINGS = ("subject", "title")
"""Arguments that a reader sees before the others; canonical order is by name."""
_NAME_WORDS = 4
"""A destination may hold a name and an address, no sentence."""


def leaves(value: Any, path: str = "args") -> Iterator[tuple[str, str]]:
    """Yield path and text of each string in nested plain data.

    Example:
        >>> list(leaves({"to": ["a@b.example"], "n": 1}))
        [('args.to[0]', 'a@b.example')]
    """
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            yield from leaves(item, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(cast("list[object]", value)):
            yield from leaves(item, f"{path}[{index}]")


def is_destination(key: str, tool: ToolSpec | None) -> bool:
    """Tell whether the argument `key` of `tool` names where something goes."""
    if tool is not None and any(sink.argument == key for sink in tool.sinks):
        return True
    return "".join(filter(str.isalpha, key.lower())) in _KEYS


def destinations(args: Mapping[str, Any], tool: ToolSpec | None) -> frozenset[str]:
    """Return every destination in `args`, in lower case.

    They stand in the arguments named by the tool's sinks, and in those called `to`,
    `cc`, `bcc`, `channel` and the like. A value that holds no address counts as it stands.

    Example:
        >>> sorted(destinations({"to": "Ann <Ann@acme.example>", "channel": "#ops"}, None))
        ['#ops', 'ann@acme.example']
    """
    found: set[str] = set()
    for key, value in args.items():
        if not is_destination(key, tool):
            continue
        for _, text in leaves(value):
            plain = unicodedata.normalize("NFKC", text).strip().lower()
            addresses = {address.strip("'") for address in ADDRESS.findall(plain)}
            found |= addresses or ({plain} if plain else set())
    return frozenset(found)


def content(args: Mapping[str, Any], tool: ToolSpec | None) -> list[tuple[str, str]]:
    """Return path and text of all that a reader would read: all but the destinations.

    Example:
        >>> content({"body": "Hello", "subject": "Hi", "to": "ann@acme.example"}, None)
        [('args.subject', 'Hi'), ('args.body', 'Hello')]
    """
    return [
        (path, text)
        for key, value in sorted(args.items(), key=lambda item: item[0] not in _HEADINGS)
        for path, text in leaves(value, f"args.{key}")
        # A destination is no text, but a sentence in its place is one.
        if not is_destination(str(key), tool) or len(text.split()) > _NAME_WORDS
    ]

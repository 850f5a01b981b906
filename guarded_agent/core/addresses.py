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


GROUPS = frozenset(
    [
        "admin",
        "all",
        "billing",
        "board",
        "ceo",
        "cfo",
        "compliance",
        "contact",
        "cto",
        "desk",
        "employees",
        "everyone",
        "finance",
        "hello",
        "help",
        "helpdesk",
        "hr",
        "info",
        "it",
        "legal",
        "list",
        "mail",
        "management",
        "noreply",
        "office",
        "operations",
        "ops",
        "people",
        "press",
        "privacy",
        "projects",
        "sales",
        "security",
        "service",
        "staff",
        "strategy",
        "support",
        "team",
    ]
)
"""Words of mailboxes and lists that are no person's."""


_LISTS = frozenset(
    ("all", "announce", "announcements", "company", "employees", "everybody", "everyone", "staff")
)


def is_list(address: str) -> bool:
    """Return whether `address` reaches everybody, by a word in it: it stands for no one.

    Example:
        >>> is_list("all-employees@acme.example"), is_list("it-ops@acme.example")
        (True, False)
    """
    local = address.partition("@")[0].partition("+")[0].lower()
    return not _LISTS.isdisjoint(re.split(r"[._\-]", local))


def plain_title(subject: str) -> str:
    """Return a subject or an id in lower case, without `Re:` and the like.

    Example:
        >>> plain_title(" RE: Fwd: Your tie ")
        'your tie'
    """
    return _PREFIX.sub("", subject.strip(" \t\"'<>").lower()).strip()


_PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|rv)\s{0,2}:\s{0,4}){1,6}")

"""A tool as it offers itself, and what in its words a person should see before accepting it.

What a tool says of itself is read by the model each time. So its words can steer the agent,
and some of them may not even show. No policy follows them; a person looks at them here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guarded_agent.core.canonical import canonical
from guarded_agent.core.visible import visible

_MOST = 20_000
"""How much of a tool's words is searched; of more, the rest is named as not looked at."""

_STEERING: tuple[tuple[str, str], ...] = (
    (
        "it talks of earlier instructions",
        r"\b(ignore|disregard|forget|override)\b[^.]{0,40}\b(instruction|rule|prompt|polic)",
    ),
    (
        "it wants something kept from people",
        (
            r"\b(do not|don't|never|without)\b[^.]{0,20}\b"
            r"(mention|tell|inform|reveal|show|notify|telling|asking)"
        ),
    ),
    (
        "it says what to do before or after other tools",
        (
            r"\b(before|after|instead of)\b[^.]{0,20}"
            r"\b(us(e|ing)|call(ing)?|invok(e|ing)|run(ning)?|any other)\b[^.]{0,30}\btools?\b"
        ),
    ),
    (
        "it claims to be important",
        r"<\s*/?\s*(important|system|instructions?|admin)\s*>|\bsystem prompt\b",
    ),
    (
        "it names secrets or private files",
        (
            r"\.ssh\b|\bid_rsa\b|\.env\b|\.aws\b|mcp\.json"
            r"|\b(private|api|access) keys?\b|\bpasswords?\b|\bcredentials?\b"
        ),
    ),
)
"""Bounded, so that each takes a time that is linear in the text."""

_HIDDEN = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\u00ad\u180e\U000e0000-\U000e007f]"
)
"""What serves to hide or reorder words; not what joins the parts of an emoji."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool as it says what it is.

    Attributes:
        name: The name that the model calls.
        manifest: The digest of all of it.
        description: What it says it does.
        schema: The JSON Schema of its arguments.
        server: What the program calls the server that it comes from, where that is known.
        served: Whether its words come from outside of the program.
    """

    name: str
    manifest: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    server: str = ""
    served: bool = False

    def as_text(self) -> str:
        """Return what is written down of it."""
        plain = {"description": self.description, "schema": self.schema, "server": self.server}
        return canonical(plain).decode()

    @classmethod
    def from_text(cls, name: str, manifest: str, text: str, *, served: bool) -> Offer:
        """Return what was written down."""
        return cls(name, manifest, **json.loads(text), served=served)

    @property
    def words(self) -> str:
        """All that it says, as the model reads it."""
        return "\n".join([self.name, self.description, *_texts(self.schema)])

    @property
    def hides(self) -> bool:
        """Whether words stand in it that a person would not see."""
        return bool(_HIDDEN.search(self.words))

    @property
    def flags(self) -> tuple[str, ...]:
        """What a person should see before accepting it, in words."""
        words = self.words
        found = ["it has hidden characters"] if self.hides else []
        found += [
            label
            for label, pattern in _STEERING
            if re.search(pattern, words[:_MOST], re.IGNORECASE)
        ]
        if len(words) > _MOST:
            found.append(f"only its first {_MOST} characters were searched for instructions")
        return tuple(found)


def differences(old: Offer, new: Offer) -> list[str]:
    """Return what changed between two offers of one tool, in words.

    Example:
        >>> differences(Offer("wire", "m1", "Wire money."), Offer("wire", "m2", "Wire all."))
        ['description']
    """
    same = {
        "description": old.description == new.description,
        "arguments": _arguments(old) == _arguments(new),
        "server": old.server == new.server,
    }
    return [name for name, equal in same.items() if not equal] or ["manifest"]


def shown(offer: Offer) -> list[str]:
    """Return an offer as lines in which nothing hides, to be read or compared."""
    schema = json.dumps(_arguments(offer), indent=2, sort_keys=True, ensure_ascii=False)
    lines = [f"server: {offer.server}"] if offer.server else []
    lines += offer.description.splitlines() or ["(no description)"]
    return [visible(line) for line in (*lines, *schema.splitlines())]


def _arguments(offer: Offer) -> dict[str, Any]:
    """Return the schema without the tool's own description, which LangChain puts in there."""
    return {
        name: value
        for name, value in offer.schema.items()
        if not (name == "description" and value == offer.description)
    }


def _texts(value: Any) -> list[str]:
    """Return the texts in a schema, names and all, without walking by recursion."""
    found: list[str] = []
    stack: list[Any] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, Mapping):
            for name, inner in item.items():  # pyright: ignore[reportUnknownVariableType] - JSON
                stack += [str(name), inner]  # pyright: ignore[reportUnknownArgumentType] - JSON
        elif isinstance(item, (list, tuple)):
            stack += item
    return found

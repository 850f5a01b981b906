"""What the user said: the words of the person for whom the agent acts, and nothing else.

Only what enters a run from outside counts, and of it only what has a person's role. A
message that one agent writes to another has that role too, so nothing counts that is
said inside a guarded tool, or inside another graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables.config import ensure_config

from guarded_agent.agent.net import BODY

_ROLES = frozenset({"user", "human"})


def said_by_user(given: Any, *, plain: bool = False) -> list[str]:
    """Return the texts in `given` that a person said.

    Args:
        given: The input of a run: messages, or a mapping that holds some.
        plain: Whether a bare text, or one under `input`, is what the person said too.

    Example:
        >>> said_by_user({"messages": [("system", "Be kind."), ("user", "Pay Ann.")]})
        ['Pay Ann.']
    """
    if BODY.get() is not None:
        return []
    if isinstance(given, str):
        return [given] if plain else []
    if isinstance(given, HumanMessage):
        return _texts(given.content)
    if isinstance(given, BaseMessage) or given is None:
        return []
    if isinstance(given, tuple) and _is_pair(pair := cast("tuple[Any, ...]", given)):
        return _texts(pair[1]) if pair[0] in _ROLES else []
    if isinstance(given, Mapping):
        return _of_mapping(cast("Mapping[str, Any]", given), plain)
    if isinstance(given, (list, tuple)):
        return [text for item in cast("list[Any]", given) for text in said_by_user(item)]
    return []


def inside_graph(*, steps: int = 0) -> bool:
    """Return whether the code here runs within more than `steps` graph steps."""
    around = ensure_config().get("configurable", {})
    place = str(around.get("checkpoint_ns", ""))
    return bool(place) and place.count("|") + 1 > steps


def _is_pair(given: tuple[Any, ...]) -> bool:
    return len(given) == 2 and isinstance(given[0], str)


def _of_mapping(given: Mapping[str, Any], plain: bool) -> list[str]:
    role = given.get("role", given.get("type"))
    if isinstance(role, str) and "content" in given:
        return _texts(given["content"]) if role in _ROLES else []
    found: list[str] = []
    for key, value in given.items():
        if isinstance(value, (list, tuple, BaseMessage)):
            found += said_by_user(value)
        elif plain and key == "input" and isinstance(value, str):
            found.append(value)
    return found


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    found: list[str] = []
    for block in cast("list[Any]", content):
        if isinstance(block, str):
            found.append(block)
        elif isinstance(block, dict) and block.get("type") == "text":
            found.append(str(cast("dict[str, Any]", block).get("text", "")))
    return found

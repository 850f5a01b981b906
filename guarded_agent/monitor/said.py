"""What a call says and to whom, so that a message in parts can be judged as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guarded_agent.core import Action, Said, ThreadMemory
from guarded_agent.core.context import MOST_SAID
from guarded_agent.core.destinations import content, destinations
from guarded_agent.core.tool import ToolSpec


def said_by(action: Action, tool: ToolSpec, preview: Mapping[str, Any]) -> Said | None:
    """Return what `action` says; None where it says nothing or goes to nobody.

    Args:
        action: A proposed call.
        tool: Its tool.
        preview: Its arguments, redacted: nothing else is written down.
    """
    if tool.access == "read":
        return None
    to = destinations(action.args, tool)
    text = "\n".join(text for _, text in content(preview, tool))[-MOST_SAID:]
    return Said(action.digest, to, text) if to and text.strip() else None


def is_overtaken(said: Said, now: ThreadMemory, before: ThreadMemory) -> bool:
    """Return whether something went to one of the same people since `before`."""
    known = {item.key for item in before.said}
    return any(item.key not in known and item.to & said.to for item in now.said)

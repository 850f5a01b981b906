"""The action: one proposed tool call, frozen, with its digest.

The digest covers everything that makes the call what it is: who, for whom, in
which thread, which call, which tool as it was agreed to, and the arguments.
A decision is bound to it and fits no other call.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from guarded_agent.core.canonical import canonical, check_limits, digest

FORM = 1
"""Version of the canonical form; part of every digest."""


@dataclass(frozen=True)
class Action:
    """One proposed tool call.

    Attributes:
        tool: The tool's name.
        args: The validated arguments, plain JSON data. Treat as read-only.
        call_id: The provider's id of the call.
        origin: The id of the model message that asked for it, where known.
        thread_id: The conversation.
        agent_id: The agent identity that acts.
        user: The person for whom it acts, where known.
        manifest: The digest of the tool as it was agreed to.
        user_scopes: What the app says that this person may do, sorted; None if it says nothing.
        run_id: The run; not part of the digest, since a resumed call has a new run.
    """

    tool: str
    args: Mapping[str, Any]
    call_id: str
    thread_id: str
    agent_id: str
    origin: str = ""
    user: str | None = None
    manifest: str = ""
    user_scopes: tuple[str, ...] | None = None
    run_id: str = field(default="", compare=False)

    @classmethod
    def build(cls, *, args: Mapping[str, Any], **rest: Any) -> Action:
        """Return an action whose arguments are a private copy that was checked.

        Raises:
            ActionError: The arguments are too large, too deep or not plain data.
        """
        check_limits(args)
        return cls(args=json.loads(canonical(dict(args))), **rest)

    @cached_property
    def digest(self) -> str:
        """The SHA-256, in hex, of what this action is."""
        whole: dict[str, Any] = {
            "v": FORM,
            "agent": self.agent_id,
            "user": self.user,
            "thread": self.thread_id,
            "origin": self.origin,
            "call": self.call_id,
            "tool": self.tool,
            "manifest": self.manifest,
            "args": self.args,
        }
        if self.user_scopes is not None:
            whole["user_scopes"] = self.user_scopes
        return digest(whole)

"""How a call stands with the monitor: judged, cleared with a receipt, or already run."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from guarded_agent.approvals import Request
from guarded_agent.core import Action, ToolSpec
from guarded_agent.identity import Ticket


@dataclass(frozen=True, slots=True)
class Standing:
    """How a proposed action stands.

    Attributes:
        action: The action; its arguments may have been redacted.
        state: `cleared` may begin, `waiting` needs people, `denied` will not run,
            `edited` was replaced by a person and must be proposed anew.
        message: For the model, where the action is denied.
        request: The request to people, where there is one.
    """

    action: Action
    state: Literal["cleared", "waiting", "denied", "edited"]
    message: str = ""
    request: Request | None = None


@dataclass(slots=True)
class Receipt:
    """Proof that the monitor cleared exactly this action. It admits one body."""

    action: Action
    spec: ToolSpec
    ticket: Ticket
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def spend(self) -> bool:
        """Return True to the first caller of all threads, and False to every other."""
        return self._turn.acquire(blocking=False)


@dataclass(frozen=True, slots=True)
class Replay:
    """The action ran before: its recorded result stands, and nothing runs again."""

    result: Any
    ok: bool

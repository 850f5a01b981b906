"""How a call stands with the monitor: judged, cleared with a receipt, or already run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from guarded_agent.approvals import Request
from guarded_agent.core import Action, ToolSpec
from guarded_agent.identity import Ticket
from guarded_agent.identity.held import Held
from guarded_agent.identity.running import RunningCall

FRESH = 1.0
"""Seconds between a verdict and the body that runs on it without being checked again."""


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
    """Proof that the monitor cleared exactly this action. It admits one body.

    Attributes:
        action: The action.
        spec: Its tool.
        ticket: What its body is let in with.
        call: What its body may do and hands on.
        held: The secrets that its body is handed.
        reserved: Whether it took a share of a limit, which its end counts for good.
    """

    action: Action
    spec: ToolSpec
    ticket: Ticket
    call: RunningCall | None = None
    held: Held | None = None
    reserved: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def spend(self) -> bool:
        """Return True to the first caller of all threads, and False to every other."""
        return self._turn.acquire(blocking=False)


class Begun:
    """Receipts of actions that began as they were judged, until their bodies ask for them.

    Safe for threads. A body asks right after; one that comes later begins anew, so that
    everything is checked again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Receipt]] = {}

    def put(self, receipt: Receipt) -> None:
        """Keep a receipt for the body of its action."""
        self._kept[receipt.action.digest] = self._clock(), receipt

    def fresh(self, digest: str) -> Receipt | None:
        """Return the receipt of an action, once, if its body asks in time."""
        at, _ = self._kept.get(digest, (0.0, None))
        return self.take(digest) if self._clock() - at <= FRESH else None

    def take(self, digest: str) -> Receipt | None:
        """Return the receipt of an action, once, however old it is."""
        return self._kept.pop(digest, (0.0, None))[1]


@dataclass(frozen=True, slots=True)
class Replay:
    """The action ran before: its recorded result stands, and nothing runs again."""

    result: Any
    ok: bool

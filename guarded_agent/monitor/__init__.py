"""The reference monitor: every action and every text passes here."""

from __future__ import annotations

from guarded_agent.monitor.judge import WITHHELD, Judge, passed
from guarded_agent.monitor.reference import Monitor
from guarded_agent.monitor.settlement import settle_action
from guarded_agent.monitor.standing import Receipt, Replay, Standing
from guarded_agent.monitor.threads import kept

__all__ = [
    "WITHHELD",
    "Judge",
    "Monitor",
    "Receipt",
    "Replay",
    "Standing",
    "kept",
    "passed",
    "settle_action",
]

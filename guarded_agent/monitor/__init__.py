"""The reference monitor: every action and every text passes here."""

from __future__ import annotations

from guarded_agent.monitor.judge import WITHHELD, Judge, passed
from guarded_agent.monitor.reference import Monitor
from guarded_agent.monitor.settlement import settle_action
from guarded_agent.monitor.standing import Receipt, Replay, Standing

__all__ = [
    "WITHHELD",
    "Judge",
    "Monitor",
    "Receipt",
    "Replay",
    "Standing",
    "passed",
    "settle_action",
]

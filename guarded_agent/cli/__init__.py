"""The command line: `guarded-agent`.

It shows what waits, takes decisions, checks policies and logs, and runs the demo.
It decides nothing itself: each command is a thin layer over one room.
"""

from __future__ import annotations

from guarded_agent.cli.app import app, main

__all__ = ["app", "main"]

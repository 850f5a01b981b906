"""Coercion: blackmail, threats, manipulation, leaks, sabotage and self-preservation.

The text tier reads cue frames on normalised text, the context tier adds what the
monitor knows, and a table decides. `docs/ideas/coercion.md` has the measured rates.
"""

from __future__ import annotations

from guarded_agent.guards.coercion.guard import CoercionGuard
from guarded_agent.guards.coercion.reading import Reading, Text
from guarded_agent.guards.coercion.tier import read

__all__ = ["CoercionGuard", "Reading", "Text", "read"]

"""Secrets: what they look like (data), what finds them, and the guard."""

from __future__ import annotations

from guarded_agent.guards.secrets.find import PROVIDERS, find_secrets
from guarded_agent.guards.secrets.formats import RULES, Rule
from guarded_agent.guards.secrets.frames import FRAMES, Frame
from guarded_agent.guards.secrets.guard import SecretsGuard

__all__ = ["FRAMES", "PROVIDERS", "RULES", "Frame", "Rule", "SecretsGuard", "find_secrets"]

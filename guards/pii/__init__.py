"""The PII guard and the redactor. Importing this loads no detector."""

from __future__ import annotations

from guarded_agent.guards.pii.entities import CONTACT, KINDS, NUMBERS, REGIONS, STANDARD
from guarded_agent.guards.pii.guard import PiiGuard
from guarded_agent.guards.pii.redactor import Redactor

__all__ = ["CONTACT", "KINDS", "NUMBERS", "REGIONS", "STANDARD", "PiiGuard", "Redactor"]

"""Run validators and whole guards of Guardrails AI; our own detectors as its validators.

`guard` is the guard; `single` and `whole` say what one validator and one Guardrails `Guard`
think of a text; `actions` says what their on-fail actions mean here; `limit` stops those that
take too long; `quiet` switches off what Guardrails sends and keeps; `policy` reads a policy's
section. `validators` holds our detectors for use inside Guardrails. It imports guardrails, so
it is imported only where it is used.
"""

from __future__ import annotations

from guarded_agent.guards.guardrails.actions import WITHHELD
from guarded_agent.guards.guardrails.guard import GuardrailsGuard
from guarded_agent.guards.guardrails.policy import from_policy
from guarded_agent.guards.guardrails.quiet import silence

__all__ = ["WITHHELD", "GuardrailsGuard", "from_policy", "silence"]

"""The guards: one guard, one file. Importing this room loads none of them."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guarded_agent.guards.building import build
    from guarded_agent.guards.coercion import CoercionGuard
    from guarded_agent.guards.coercion.judge import Judge
    from guarded_agent.guards.guardrails import GuardrailsGuard
    from guarded_agent.guards.holdback import HoldBack
    from guarded_agent.guards.impact import ImpactGuard
    from guarded_agent.guards.media import MediaGuard
    from guarded_agent.guards.pii import PiiGuard, Redactor
    from guarded_agent.guards.pressure import PressureGuard
    from guarded_agent.guards.scope import ScopeGuard
    from guarded_agent.guards.secrets import SecretsGuard

_HOMES = {
    "CoercionGuard": "guarded_agent.guards.coercion",
    "GuardrailsGuard": "guarded_agent.guards.guardrails",
    "HoldBack": "guarded_agent.guards.holdback",
    "ImpactGuard": "guarded_agent.guards.impact",
    "Judge": "guarded_agent.guards.coercion.judge",
    "MediaGuard": "guarded_agent.guards.media",
    "PiiGuard": "guarded_agent.guards.pii",
    "PressureGuard": "guarded_agent.guards.pressure",
    "Redactor": "guarded_agent.guards.pii",
    "ScopeGuard": "guarded_agent.guards.scope",
    "SecretsGuard": "guarded_agent.guards.secrets",
    "build": "guarded_agent.guards.building",
}

__all__ = [
    "CoercionGuard",
    "GuardrailsGuard",
    "HoldBack",
    "ImpactGuard",
    "Judge",
    "MediaGuard",
    "PiiGuard",
    "PressureGuard",
    "Redactor",
    "ScopeGuard",
    "SecretsGuard",
    "build",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home the first time it is asked for."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""guarded_agent: a reference monitor for LangGraph and LangChain agents.

The public face is lazy: importing the package loads no guard, no database
driver and no web framework; each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from pathlib import Path as _Path
from typing import TYPE_CHECKING, Any

if not (_Path(__file__).parent / "guards").is_dir():  # pragma: no cover - a bare checkout
    __path__.append(str(_Path(__file__).parents[1]))  # its rooms are our siblings

if TYPE_CHECKING:
    from guarded_agent.agent.guard import guard
    from guarded_agent.agent.middleware import GuardMiddleware
    from guarded_agent.agent.new import create_guarded_agent
    from guarded_agent.core.errors import (
        GuardedAgentError,
        PolicyError,
        UnprovableGraph,
    )
    from guarded_agent.policy import Policy

__version__ = "0.1.0"

_HOMES = {
    "GuardMiddleware": "guarded_agent.agent.middleware",
    "GuardedAgentError": "guarded_agent.core.errors",
    "Policy": "guarded_agent.policy",
    "PolicyError": "guarded_agent.core.errors",
    "UnprovableGraph": "guarded_agent.core.errors",
    "create_guarded_agent": "guarded_agent.agent.new",
    "guard": "guarded_agent.agent.guard",
}

__all__ = [
    "GuardMiddleware",
    "GuardedAgentError",
    "Policy",
    "PolicyError",
    "UnprovableGraph",
    "__version__",
    "create_guarded_agent",
    "guard",
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

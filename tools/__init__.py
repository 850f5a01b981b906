"""Ready tools that hold their own least privilege, and how a tool declares itself.

Each tool is an ordinary LangChain tool: it works in any agent, guarded or not.
What it does, what it needs and where its data may go stands in its
declaration, which the agent layer reads. Nothing here knows policies.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guarded_agent.core.flow import reading, writing
    from guarded_agent.tools.concern import Concern, concern_tool
    from guarded_agent.tools.declare import declaration, read_declaration
    from guarded_agent.tools.files import FileTools
    from guarded_agent.tools.idempotency import current_key, keyed
    from guarded_agent.tools.labels import labelled
    from guarded_agent.tools.mail import MailTools
    from guarded_agent.tools.payments import PaymentTools
    from guarded_agent.tools.served import mcp_labels
    from guarded_agent.tools.smtp import SmtpServer

_HOMES = {
    "Concern": "guarded_agent.tools.concern",
    "FileTools": "guarded_agent.tools.files",
    "MailTools": "guarded_agent.tools.mail",
    "PaymentTools": "guarded_agent.tools.payments",
    "SmtpServer": "guarded_agent.tools.smtp",
    "concern_tool": "guarded_agent.tools.concern",
    "current_key": "guarded_agent.tools.idempotency",
    "declaration": "guarded_agent.tools.declare",
    "keyed": "guarded_agent.tools.idempotency",
    "labelled": "guarded_agent.tools.labels",
    "mcp_labels": "guarded_agent.tools.served",
    "read_declaration": "guarded_agent.tools.declare",
    "reading": "guarded_agent.core.flow",
    "writing": "guarded_agent.core.flow",
}

__all__ = [
    "Concern",
    "FileTools",
    "MailTools",
    "PaymentTools",
    "SmtpServer",
    "concern_tool",
    "current_key",
    "declaration",
    "keyed",
    "labelled",
    "mcp_labels",
    "read_declaration",
    "reading",
    "writing",
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

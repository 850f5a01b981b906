"""What tells a reviewer in a glance what will happen, and apart from it what the agent wrote.

An agent, or whoever wrote what it read, chooses the arguments of a call: "approved by the CISO
already" may stand in one. So the sentence that a page says by itself never holds any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from guarded_agent.approvals.request import Request
from guarded_agent.core import ToolSpec

_LONGEST = 80
_DOES = {"read": "It only looks", "write": "It changes something", "send": "Data leaves"}
_CONCERN = "The agent raises a concern"


def consequence(request: Request) -> str:
    """Return what a call does and what a mistake costs, without a word of the agent's."""
    if request.about_agent:
        return request.summary  # the monitor wrote it
    if request.concern:
        return f"{_CONCERN}."
    stake = f"; at stake: {request.impact}" if request.impact else ""
    return f"Run {request.tool}. {_DOES[request.access]}{stake}."


def given(request: Request) -> str:
    """Return in one line what the agent gives to the call, redacted: its words, not ours."""
    if request.about_agent:
        return ""
    if request.concern:
        return _short(request.preview.get("subject", ""))
    return _given(request.preview)


def summarise(spec: ToolSpec, preview: Mapping[str, Any]) -> str:
    """Return what a call does, with what, and what a mistake costs, in one line.

    It holds the agent's words: for lists and logs, where `consequence` and `given` have no room.

    Args:
        spec: The tool.
        preview: The redacted arguments.

    Example:
        >>> summarise(ToolSpec("pay", "write", impact="money"), {"payee": "Acme", "amount": 80.0})
        'Run pay with payee: Acme; amount: 80. It changes something; at stake: money.'
    """
    if spec.concern:
        return f"{_CONCERN}: {_short(preview.get('subject', 'none named'))}"
    with_ = _given(preview)
    stake = f"; at stake: {spec.impact}" if spec.impact else ""
    return f"Run {spec.name}{f' with {with_}' if with_ else ''}. {_DOES[spec.access]}{stake}."


def _given(preview: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {_short(value)}" for name, value in preview.items())


def _short(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(_short, cast("list[Any]", value)))
    elif isinstance(value, float):
        text = f"{value:,.15g}"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"

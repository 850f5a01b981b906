"""The one sentence that tells a reviewer what will happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from guarded_agent.core import ToolSpec

_LONGEST = 80
_DOES = {"read": "It only looks", "write": "It changes something", "send": "Data leaves"}


def summarise(spec: ToolSpec, preview: Mapping[str, Any]) -> str:
    """Return what a call does, with what, and what a mistake costs, in one line.

    Args:
        spec: The tool.
        preview: The redacted arguments.

    Example:
        >>> summarise(ToolSpec("pay", "write", impact="money"), {"payee": "Acme", "amount": 80.0})
        'Run pay with payee: Acme; amount: 80. It changes something; at stake: money.'
    """
    if spec.concern:
        return f"The agent raises a concern: {_short(preview.get('subject', 'none named'))}"
    with_ = "; ".join(f"{name}: {_short(value)}" for name, value in preview.items())
    stake = f"; at stake: {spec.impact}" if spec.impact else ""
    return f"Run {spec.name}{f' with {with_}' if with_ else ''}. {_DOES[spec.access]}{stake}."


def _short(value: Any) -> str:
    if isinstance(value, list):
        text = ", ".join(map(_short, cast("list[Any]", value)))
    elif isinstance(value, float):
        text = f"{value:,.15g}"
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"

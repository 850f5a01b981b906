"""The one sentence that tells a reviewer what will happen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guarded_agent.core import ToolSpec

_VERBS = {"read": "Read with", "write": "Change something with", "send": "Send with"}
_LONGEST = 80


def summarise(spec: ToolSpec, preview: Mapping[str, Any]) -> str:
    """Return one sentence: what the call does, to what, and what a mistake costs.

    Args:
        spec: The tool.
        preview: The redacted arguments.

    Example:
        >>> summarise(ToolSpec("pay", "write", impact="money"), {"payee": "Acme", "amount": 80})
        'Change something with pay (payee: Acme; amount: 80). Impact: money.'
    """
    parts = "; ".join(f"{name}: {_short(value)}" for name, value in preview.items())
    impact = f" Impact: {spec.impact}." if spec.impact else ""
    return f"{_VERBS[spec.access]} {spec.name} ({parts}).{impact}"


def _short(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"

"""Labels that an MCP server gives to its results, handed to the monitor.

The adapter between MCP and LangChain drops a result's `_meta`. `mcp_labels` is an
interceptor of that adapter: it reads the labels there before they are lost. They count
only for tools of which the policy says `label: {server: true}`; what any other server says
of its own results is not believed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from guarded_agent.core.flow import current_flow
from guarded_agent.core.label import Confidentiality, ItemLabel

_LEVELS: Mapping[str, Confidentiality] = {
    **{str(level): level for level in Confidentiality},
    "private": Confidentiality.CONFIDENTIAL,
}
_TRUST: Mapping[str, bool] = {"trusted": True, "untrusted": False, "high": True, "low": False}
_MOST = 100


async def mcp_labels(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
    """Hand the labels in a result's `_meta` to the monitor; an interceptor of MCP tools.

    Example:
        >>> from langchain_mcp_adapters.client import MultiServerMCPClient  # doctest: +SKIP
        >>> MultiServerMCPClient(servers, tool_interceptors=[mcp_labels])  # doctest: +SKIP
    """
    result = await handler(request)
    flow = current_flow()
    if flow is not None:
        label = served_label(getattr(result, "meta", None))
        if label is not None:
            flow.served(label)
    return result


def served_label(meta: object) -> ItemLabel | None:
    """Return the label that `_meta` holds under `ifc`; None where it is not wholly understood.

    Example:
        >>> served_label({"ifc": {"integrity": "untrusted", "confidentiality": "public"}})
        ItemLabel(confidentiality=<Confidentiality.PUBLIC: 0>, compartments=None, trusted=False)
        >>> served_label({"ifc": {"confidentiality": "harmless"}}) is None
        True
    """
    said = cast("Mapping[str, Any]", meta).get("ifc") if isinstance(meta, Mapping) else None
    if not isinstance(said, Mapping) or not said:
        return None
    words = cast("Mapping[str, object]", said)
    if set(words) - {"integrity", "confidentiality", "compartments"}:
        return None
    level = words.get("confidentiality")
    trust = words.get("integrity")
    parts = words.get("compartments")
    if level is not None and not (isinstance(level, str) and level in _LEVELS):
        return None
    if trust is not None and not (isinstance(trust, str) and trust in _TRUST):
        return None
    if parts is not None and not _names(parts):
        return None
    return ItemLabel(
        None if level is None else _LEVELS[level],
        None if parts is None else frozenset(cast("list[str]", parts)),
        None if trust is None else _TRUST[trust],
    )


def _names(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(cast("list[object]", value)) <= _MOST
        and all(isinstance(item, str) and 0 < len(item) <= 200 for item in cast("list[Any]", value))
    )

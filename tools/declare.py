"""What a tool says of itself: access, scopes, label, sinks, impact.

A declaration is plain JSON data in the tool's LangChain `metadata`. Metadata
may also come from outside: an MCP server's annotations end up there. So a
declaration counts only as the very object that `declaration` made in this process;
the same words from elsewhere are ignored, and the tool counts as undeclared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, get_args

from guarded_agent.core.label import UNKNOWN, Confidentiality, Label
from guarded_agent.core.tool import Access, Sink

KEY = "guarded_agent"
"""The key in a tool's metadata."""

CONCERN = "concern"
"""The key in a declaration that only `concern_tool` sets."""


class Declaration(dict[str, Any]):
    """The data of one declaration; its type shows that `declaration` made it."""


class DeclaredFields(TypedDict, total=False):
    """The fields of a `ToolSpec` that a declaration settles."""

    access: Access
    scopes: frozenset[str]
    delegates: frozenset[str] | None
    label: Label
    sinks: tuple[Sink, ...]
    impact: str | None
    declared: bool
    items: bool
    concern: bool


def declaration(
    *,
    access: Access,
    scopes: Iterable[str] = (),
    label: Label = UNKNOWN,
    sinks: Iterable[Sink] = (),
    impact: str | None = None,
    delegates: Iterable[str] | None = None,
    items: bool = False,
) -> dict[str, Any]:
    """Return the metadata by which a tool declares what it does.

    Args:
        access: `read`, `write` or `send`.
        scopes: The permissions that a call needs.
        label: What is known of its results.
        sinks: The arguments through which data leaves.
        impact: What a mistake costs: `money`, `destructive`; None for little.
        delegates: The scopes that calls which the body makes itself may use, such as those
            of an agent that it asks; None for no limit of the tool's own.
        items: Whether the labels that the tool gives to single items decide, also where they
            say less than `label`. A label that the policy gives comes before that.

    Raises:
        ValueError: `access` is none of the three words.

    Example:
        >>> from langchain_core.tools import tool
        >>> @tool
        ... def post(channel: str, text: str) -> str:
        ...     "Post a message."
        ...     return "posted"
        >>> to = Sink("channel")
        >>> post.metadata = declaration(access="send", scopes={"chat.post"}, sinks=[to])
        >>> read_declaration(post.metadata)["scopes"]
        frozenset({'chat.post'})
    """
    if access not in get_args(Access):
        raise ValueError(f"unknown access {access!r}: use one of {', '.join(get_args(Access))}")
    return {
        KEY: Declaration(
            access=access,
            scopes=sorted(scopes),
            label=label.as_json(),
            sinks=[_sink(sink) for sink in sinks],
            impact=impact,
            delegates=None if delegates is None else sorted(delegates),
            items=items,
        )
    }


def read_declaration(metadata: Mapping[str, Any] | None) -> DeclaredFields:
    """Return what a tool's metadata declares, as fields of a `ToolSpec`.

    Args:
        metadata: The tool's `metadata`.

    Returns:
        The declared fields with `declared=True`, or nothing: without a declaration the
        defaults of `ToolSpec` hold, which trust nothing.

    Example:
        >>> read_declaration({"guarded_agent": {"access": "read"}})  # from a server, not from code
        {}
    """
    found = (metadata or {}).get(KEY)
    if not isinstance(found, Declaration):
        return {}
    return {
        "access": found["access"],
        "scopes": frozenset(found["scopes"]),
        "label": Label.from_json(found["label"]),
        "sinks": tuple(_read_sink(sink) for sink in found["sinks"]),
        "impact": found["impact"],
        "delegates": None if found["delegates"] is None else frozenset(found["delegates"]),
        "declared": True,
        "items": found["items"],
        "concern": found.get(CONCERN, False),
    }


def _sink(sink: Sink) -> dict[str, Any]:
    plain: dict[str, Any] = {"argument": sink.argument, "clearance": str(sink.clearance)}
    if sink.compartments is not None:
        plain["compartments"] = sorted(sink.compartments)
    return {**plain, "anywhere": True} if sink.anywhere else plain


def _read_sink(plain: Mapping[str, Any]) -> Sink:
    within = plain.get("compartments")
    return Sink(
        plain["argument"],
        Confidentiality.parse(plain["clearance"]),
        None if within is None else frozenset(within),
        plain.get("anywhere", False),
    )

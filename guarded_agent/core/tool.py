"""What the monitor knows about a tool, whoever declared it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from guarded_agent.core.label import UNKNOWN, Confidentiality, Label
from guarded_agent.core.secret_ref import SecretRef

Access = Literal["read", "write", "send"]
"""What a call does: look, change something, or let data leave."""


@dataclass(frozen=True, slots=True)
class Sink:
    """A tool argument through which data leaves.

    Attributes:
        argument: The name of the argument that holds the destination.
        clearance: The most confidential data that may leave this way to the outside.
        compartments: The only compartments whose data may leave this way; None for any.
        anywhere: Whether a destination inside the organisation counts as well.
    """

    argument: str
    clearance: Confidentiality = Confidentiality.PUBLIC
    compartments: frozenset[str] | None = None
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the monitor sees it.

    Attributes:
        name: The name that the model calls.
        access: What a call does. Unknown tools count as `send`.
        scopes: The permissions that a call needs.
        label: What is known of its results.
        sinks: The arguments through which data leaves.
        impact: A word for what a mistake costs (`money`, `destructive`), or None.
        schema: The JSON Schema of the arguments.
        manifest: The digest of name, description and schema: what was agreed to.
        description: What the tool says of itself. Untrusted.
        declared: True if the tool itself or a policy said what it does.
        delegates: The scopes that its body hands on to the calls that it makes itself; None
            if that is not limited here.
        secrets: Where the secrets are found that its body is handed, by the name it uses.
        concern: True if a call raises a concern: people always get it, and answer.
        served: True if what it says of itself comes from outside of the program, as from an
            MCP server: it may be another tomorrow without a release.
        server: What the program calls the server that it comes from, where that is known.
        hide: Texts of its results longer than this are hidden from the model; None if none is.
        discreet: Whether its results tell nothing of its arguments.
        items: Whether labels of single items decide, also where they say less than `label`.
        believed: Whether labels that its MCP server gives count, and come first.
    """

    name: str
    access: Access = "send"
    scopes: frozenset[str] = frozenset()
    label: Label = UNKNOWN
    sinks: tuple[Sink, ...] = ()
    impact: str | None = None
    schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    manifest: str = ""
    description: str = ""
    declared: bool = False
    delegates: frozenset[str] | None = None
    secrets: Mapping[str, SecretRef] = field(default_factory=dict[str, SecretRef])
    concern: bool = False
    served: bool = False
    server: str = ""
    hide: int | None = None
    discreet: bool = False
    items: bool = False
    believed: bool = False

"""The words of the design as plain data and protocols: stdlib and pydantic only."""

from __future__ import annotations

from guarded_agent.core.action import Action
from guarded_agent.core.authority import UNLIMITED, Authority, Lack
from guarded_agent.core.canonical import canonical, check_limits, digest
from guarded_agent.core.context import Context, Counts, Pressure, Said, Seen, Subject, ThreadMemory
from guarded_agent.core.effect import Effect, Stage, combine
from guarded_agent.core.label import UNKNOWN, Confidentiality, ItemLabel, Label, join
from guarded_agent.core.ports import (
    AsyncGuard,
    Clock,
    Guard,
    PressureSensor,
    Recorder,
    Scrubber,
    TextFilter,
)
from guarded_agent.core.secret_ref import SecretRef
from guarded_agent.core.tool import Access, Sink, ToolSpec
from guarded_agent.core.verdict import ALLOW, Finding, Verdict, merge

__all__ = [
    "ALLOW",
    "UNKNOWN",
    "UNLIMITED",
    "Access",
    "Action",
    "AsyncGuard",
    "Authority",
    "Clock",
    "Confidentiality",
    "Context",
    "Counts",
    "Effect",
    "Finding",
    "Guard",
    "ItemLabel",
    "Label",
    "Lack",
    "Pressure",
    "PressureSensor",
    "Recorder",
    "Said",
    "Scrubber",
    "SecretRef",
    "Seen",
    "Sink",
    "Stage",
    "Subject",
    "TextFilter",
    "ThreadMemory",
    "ToolSpec",
    "Verdict",
    "canonical",
    "check_limits",
    "combine",
    "digest",
    "join",
    "merge",
]

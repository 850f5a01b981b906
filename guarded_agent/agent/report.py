"""The report of a wrapped graph: every node, edge and tool, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["guarded", "plain", "trusted", "unproven"]

_MARKS = {"guarded": "ok", "plain": "ok", "trusted": "--", "unproven": "!!"}


@dataclass(frozen=True, slots=True)
class Line:
    """One node, edge or tool.

    Attributes:
        key: What to write in `trust=` to declare it: `node`, `sub/node`, `tool:name`.
        status: `guarded` passes the monitor, `plain` holds nothing that could act,
            `trusted` was declared, `unproven` could not be shown to be any of these.
        why: In words.
    """

    key: str
    status: Status
    why: str


@dataclass(slots=True)
class Report:
    """What `guard()` found. `str()` gives it for a terminal."""

    name: str
    lines: list[Line] = field(default_factory=list[Line])

    def add(self, key: str, status: Status, why: str) -> None:
        """Add one line."""
        self.lines.append(Line(key, status, why))

    @property
    def unproven(self) -> dict[str, str]:
        """What could not be proven, as `trust` keys mapped to why."""
        return {line.key: line.why for line in self.lines if line.status == "unproven"}

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {
            "name": self.name,
            "proven": not self.unproven,
            "lines": [
                {"key": line.key, "status": line.status, "why": line.why} for line in self.lines
            ],
        }

    def __str__(self) -> str:
        width = max((len(line.key) for line in self.lines), default=0)
        rows = [
            f"  {_MARKS[line.status]} {line.key:<{width}}  {line.status:<8}  {line.why}"
            for line in self.lines
        ]
        if not self.unproven:
            return "\n".join([f"{self.name}: every tool call passes the monitor.", *rows])
        keys = ", ".join(f'"{key}": "why it is safe"' for key in self.unproven)
        return "\n".join(
            [
                f"{self.name}: cannot prove that every tool call is guarded.",
                *rows,
                f"Remove what is marked !!, or declare it: guard(..., trust={{{keys}}})",
            ]
        )

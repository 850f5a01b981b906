"""The report of what was wrapped: every node, edge, tool and surface, and how it stands.

A surface is a place where what an agent says or finds can be seen: what it returns, its
streams, its events, callbacks, checkpoints and errors.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["plain", "guarded", "runtime-only", "trusted", "unproven"]
Kind = Literal["node", "edge", "tool", "body", "surface"]

BODY = ":body"
"""What stands behind a tool's key where the line is about what it does inside."""

WIDTH = 80
"""No line of a report is longer, unless one word is."""

_SEVERITY: tuple[Status, ...] = ("plain", "guarded", "runtime-only", "trusted", "unproven")
_TITLES: dict[Kind, str] = {
    "node": "Nodes",
    "edge": "Edges",
    "tool": "Tools",
    "body": "What tools do inside",
    "surface": "Surfaces",
}
_NAMES = 20
_FIXED = "\N{NO-BREAK SPACE}"
_INSIDE = "models and tools are judged inside themselves, before anything leaves them"
_WRITTEN = "judged as it is written or raised, whichever node does"
# Where it can be seen; and whether what a node returns goes there as it is.
_GRAPH_SURFACES = (
    ("return value", True),
    ("stream values", True),
    ("stream updates", True),
    ("stream messages", True),
    ("stream debug", True),
    ("stream tasks", True),
    ("stream checkpoints", True),
    ("events", True),
    ("callbacks", True),
    ("checkpoints", True),
    ("stream custom", False),
    ("stream tools", False),
    ("errors", False),
)
_CHAIN_SURFACES = (("return value", True), ("stream", True), ("events", True), ("callbacks", True))


@dataclass(frozen=True, slots=True)
class Line:
    """One node, edge, tool or surface.

    Attributes:
        key: What to write in `trust=` to declare it: `node`, `sub/node`, `tool:name`.
        status: `guarded` passes the monitor, `plain` holds nothing that could act,
            `runtime-only` was not looked into, and the net stops what it starts,
            `trusted` was declared, `unproven` could not be shown to be any of these.
        why: In words.
        kind: What it is.
    """

    key: str
    status: Status
    why: str
    kind: Kind

    def as_json(self) -> dict[str, str]:
        """Return the line as plain JSON data."""
        return {"kind": self.kind, "key": self.key, "status": self.status, "why": self.why}


@dataclass(slots=True)
class Report:
    """What `guard()` found. `str()` gives it for a terminal.

    Attributes:
        name: What was looked at.
        observes: Whether the policy has mode: observe, so that nothing is stopped.

    Example:
        >>> report = Report("my agent")
        >>> report.add("tools", "guarded", "gate, approval and exec for: pay")
        >>> report.add("tool:pay", "guarded", "runs only with a receipt")
        >>> print(report)
        my agent: every tool call passes the monitor.
        <BLANKLINE>
        Nodes
           guarded  tools     gate, approval and exec for: pay
        <BLANKLINE>
        Tools
           guarded  tool:pay  runs only with a receipt
    """

    name: str
    observes: bool = False
    _lines: dict[str, Line] = field(default_factory=dict[str, Line])

    @property
    def lines(self) -> list[Line]:
        """Every line: nodes, edges, tools, their bodies, surfaces; in an order that is stable."""
        found = list(self._lines.values())
        return [line for kind in _TITLES for line in found if line.kind == kind]

    @property
    def keys(self) -> set[str]:
        """What can be declared in `trust=`."""
        return {line.key for line in self.lines if line.kind not in ("body", "surface")}

    @property
    def unproven(self) -> dict[str, str]:
        """What could not be proven, as `trust` keys mapped to why."""
        return {line.key: line.why for line in self.lines if line.status == "unproven"}

    @property
    def declared(self) -> list[str]:
        """What stands only because `trust=` says so."""
        return [
            line.key for line in self.lines if line.status == "trusted" and line.kind != "surface"
        ]

    def add(self, key: str, status: Status, why: str, kind: Kind | None = None) -> None:
        """Add one line. Of two about the same, the more severe one stays."""
        old = self._lines.get(key)
        if old is None or _SEVERITY.index(status) > _SEVERITY.index(old.status):
            self._lines[key] = Line(key, status, why, kind or _kind(key))

    def add_surfaces(self, *, of_chain: bool = False) -> None:
        """Add where it can be seen what the agent says, once it is known what it holds."""
        told = [line.key for line in self.lines if line.kind == "node" and line.status == "trusted"]
        for name, returned in _CHAIN_SURFACES if of_chain else _GRAPH_SURFACES:
            if returned and told:
                why = f"judged, but for what these return, as you declared: {', '.join(told)}"
                self.add(name, "trusted", why, "surface")
            else:
                self.add(name, "guarded", _INSIDE if returned else _WRITTEN, "surface")

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {
            "name": self.name,
            "proven": not self.unproven,
            "mode": "observe" if self.observes else "enforce",
            "lines": [line.as_json() for line in self.lines],
        }

    def __str__(self) -> str:
        return "\n".join(self._shown())

    def _shown(self) -> Iterator[str]:
        lines = self.lines
        proven = not self.unproven
        if self.observes:
            yield "OBSERVED ONLY (mode: observe): nothing is stopped, asked or redacted."
        if not proven:
            yield f"{self.name}: cannot prove that every tool call is guarded."
        elif self.declared:
            yield f"{self.name}: every tool call passes the monitor, but for what you declared."
        else:
            yield f"{self.name}: every tool call passes the monitor."
        statuses = max((len(line.status) for line in lines), default=0)
        names = max((len(line.key) for line in lines if len(line.key) <= _NAMES), default=0)
        for kind, title in _TITLES.items():
            groups = _grouped([line for line in lines if line.kind == kind])
            if groups:
                yield ""
                yield title
            for group in groups:
                yield from _row(group, statuses, names)
        if not proven:
            yield ""
            yield "Remove what is marked !!, or declare it and say why:"
            yield "  guard(..., trust={"
            yield from (f'      "{key}": "why it is safe",' for key in self.unproven)
            yield "  })"


def _kind(key: str) -> Kind:
    last = key.rpartition("/")[2]
    if last.startswith("tool:"):
        return "tool"
    if " -> " in key or (":" in last and not last.endswith(":wrapper")):
        return "edge"
    return "node"


def _grouped(lines: Sequence[Line]) -> list[list[Line]]:
    """Put together what stands the same way for the same reason; what is unproven stands alone."""
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        alone = line.key if line.status == "unproven" else ""
        groups.setdefault((line.status, f"{line.why}{alone}"), []).append(line)
    return list(groups.values())


def _names(group: Sequence[Line]) -> str:
    keys = (line.key.removesuffix(BODY if line.kind == "body" else "") for line in group)
    return ", ".join(keys)


def _row(group: Sequence[Line], statuses: int, names: int) -> Iterator[str]:
    """Yield the lines of one group: status, names, and why beside them or below."""
    status = group[0].status
    start = f"{'!!' if status == 'unproven' else '  '} {status:<{statuses}}  "
    word = _names(group)
    if len(word) <= names:
        first, rest = f"{start}{word:<{names}}  ", " " * (len(start) + names + 2)
        yield from textwrap.wrap(group[0].why, WIDTH, initial_indent=first, subsequent_indent=rest)
        return
    below = " " * len(start)
    whole = word.replace(" ", _FIXED).replace(f",{_FIXED}", ", ")
    for line in textwrap.wrap(whole, WIDTH, initial_indent=start, subsequent_indent=below):
        yield line.replace(_FIXED, " ")
    below += "  "
    yield from textwrap.wrap(group[0].why, WIDTH, initial_indent=below, subsequent_indent=below)

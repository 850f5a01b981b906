"""Where data comes from and goes to: the label of one call, and of what its body touches.

A result has the label that its tool has, unless somebody who may say so says otherwise: the
MCP server, if the policy believes it, or the tool's author, item by item. What a body reads
from places that others wrote to joins it. What it writes to such a place gets the label of
all that its thread has read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from guarded_agent.approvals.request import Source
from guarded_agent.core import UNKNOWN, Action, ItemLabel, Label, Seen, ToolSpec, join
from guarded_agent.core.flow import Flow
from guarded_agent.store import Ledger, family, memory
from guarded_agent.store.places import Place, Places

if TYPE_CHECKING:
    from guarded_agent.monitor.parts import Parts

MOST_SOURCES = 20
"""How many sources of a thread's data a request names."""

_NOTHING = Label()


@dataclass(slots=True)
class CallFlow:
    """Listens to one call of a tool.

    Attributes:
        parts: The monitor.
        action: The call.
        spec: Its tool.
        outer: The call in whose body it runs, if it does.
        items: Labels that the tool gave to pieces of its result.
        whole: Whether every piece has one.
        server: What an MCP server said of the result.
        joined: What was read from places, and by calls inside of this one.
        given: What is known of hidden texts that the body gets.
        plain: Whether the result is texts and plain data, so that all of it can be hidden.
    """

    parts: Parts
    action: Action
    spec: ToolSpec
    outer: CallFlow | None = None
    items: list[ItemLabel] = field(default_factory=list[ItemLabel])
    whole: bool = False
    server: ItemLabel | None = None
    joined: Label = _NOTHING
    given: Label = _NOTHING
    plain: bool = False

    def read(self, kind: str, places: list[Place], unknown: Label = _NOTHING) -> None:
        """Join what is known of `places` to the label of this call, and of its thread now.

        The body may hand it to an agent inside, before it returns anything.
        """
        if self.parts.flows:
            label = labels_at(self.parts, kind, places, unknown)
            if label != _NOTHING:
                self.joined |= label
                learn(self.parts, self.action.thread_id, label)

    def write(self, kind: str, places: list[Place]) -> None:
        """Give `places` the label of all that the thread and this call have read."""
        if self.parts.flows:
            own = (self.label() or _NOTHING) | self.given
            keep_at(self.parts, kind, places, self.action.thread_id, own)

    def served(self, label: ItemLabel) -> None:
        """Keep what a server says; the policy says whether it counts."""
        self.server = label

    def label(self) -> Label | None:
        """Return the label of the result, or None if nothing is known of it."""
        found = label_of(self.spec, self.items, whole=self.whole, server=self.server)
        if self.joined != _NOTHING:
            found = self.joined if found is None else found | self.joined
        return found


class ThreadFlow:
    """Listens to code of a graph that is no tool: what it reads, its thread has read."""

    def __init__(self, parts: Parts, thread_id: str, outer: Flow | None = None) -> None:
        self.parts = parts
        self.thread_id = thread_id
        self.outer = outer if isinstance(outer, CallFlow) else None

    def read(self, kind: str, places: list[Place], unknown: Label = _NOTHING) -> None:
        """Join what is known of `places` to the label of the thread."""
        if self.parts.flows:
            label = labels_at(self.parts, kind, places, unknown)
            if label != _NOTHING:
                learn(self.parts, self.thread_id, label)
                if self.outer is not None:
                    self.outer.joined |= label

    def write(self, kind: str, places: list[Place]) -> None:
        """Give `places` the label of all that the thread has read."""
        if self.parts.flows:
            outer = self.outer
            own = _NOTHING if outer is None else (outer.label() or _NOTHING) | outer.given
            keep_at(self.parts, kind, places, self.thread_id, own)

    def served(self, label: ItemLabel) -> None:
        """No tool runs here: there is no result that a server could speak of."""


def label_of(
    spec: ToolSpec,
    items: Sequence[ItemLabel] = (),
    *,
    whole: bool = False,
    server: ItemLabel | None = None,
) -> Label | None:
    """Return the label of a result; the first that may say so decides.

    Args:
        spec: The tool as the policy sees it.
        items: Labels of pieces of the result.
        whole: Whether every piece has one.
        server: What its MCP server says.

    Returns:
        None where a call that writes or sends returned something of which nobody said
        anything: as a rule that is what the agent itself gave, or that it worked.

    Example:
        >>> spec = ToolSpec("find", access="read", label=Label(compartments=frozenset({"hr"})))
        >>> menu = ItemLabel(compartments=frozenset())
        >>> sorted(label_of(spec, [menu], whole=True).compartments)
        ['hr']
        >>> label_of(replace(spec, items=True), [menu], whole=True).compartments
        frozenset()
    """
    said = spec.access == "read" or spec.label != UNKNOWN
    own = spec.label if said else _NOTHING
    found = own
    if server is not None and spec.believed:
        found, said = server.over(own), True
    elif items:
        pieces = join(item.over(own) for item in items)
        found, said = pieces if spec.items and whole else own | pieces, True
    if not said:
        return None
    return found if found == _NOTHING else replace(found, sources=found.sources | {spec.name})


def labels_at(parts: Parts, kind: str, places: list[Place], unknown: Label) -> Label:
    """Return the join of what is known of `places`; of others, `unknown`."""
    with parts.store.read() as connection:
        found = Places(parts.store).find(connection, kind, places)
    return join(unknown if label is None else label for label in found)


def keep_at(parts: Parts, kind: str, places: list[Place], thread_id: str, own: Label) -> None:
    """Give `places` the label of what a thread has read, joined with `own`."""
    with parts.store.write() as connection:
        known = memory.load(connection, parts.agent_id, thread_id).label
        Places(parts.store).add(connection, kind, places, known | own)


def learn(parts: Parts, thread_id: str, label: Label) -> None:
    """Join `label` to what a thread has read, by another way than a result."""
    if not parts.shares:
        with parts.store.read() as connection:
            known = memory.load(connection, parts.agent_id, thread_id).label
        if known | label == known:
            return
    with parts.store.write() as connection:
        memory.grow(connection, parts.agent_id, thread_id, at=parts.store.clock(), label=label)
        notice(parts, connection, thread_id, label)


def notice(
    parts: Parts,
    connection: Connection,
    thread_id: str,
    label: Label | None,
    tool: str = "",
    digest: str = "",
) -> None:
    """Let the family know what was read, if it has any use for that."""
    if label is not None and label.compartments and parts.shares:
        seen = Seen("", parts.store.clock(), parts.agent_id, thread_id, tool)
        family.saw(connection, parts.family, label.compartments, seen, digest)


def inherit(parts: Parts, outer: CallFlow, thread_id: str) -> None:
    """Let what an agent does inside a call know what that call and its thread have read."""
    if not parts.flows:
        return
    theirs, given = outer.parts, (outer.label() or _NOTHING) | outer.given
    if outer.action.thread_id != thread_id or theirs.agent_id != parts.agent_id:
        with theirs.store.read() as connection:
            given |= memory.load(connection, theirs.agent_id, outer.action.thread_id).label
    if given != _NOTHING:
        learn(parts, thread_id, given)


def sources_of(
    ledger: Ledger, connection: Connection, agent_id: str, thread_id: str
) -> tuple[Source, ...]:
    """Return which calls brought a thread its data, the most confidential first."""
    found: dict[tuple[str, str], Source] = {}
    for entry in ledger.labelled(connection, agent_id, thread_id):
        assert entry.label is not None
        key = entry.tool, str(entry.label.as_json())
        known = found.get(key)
        found[key] = (
            Source(entry.tool, entry.call_id, entry.label)
            if known is None
            else replace(known, times=known.times + 1)
        )
    ordered = sorted(
        found.values(),
        key=lambda each: (-each.label.confidentiality, -len(each.label.compartments)),
    )
    return tuple(ordered[:MOST_SOURCES])

"""What the monitor knows around an action: the thread's memory and the people.

Guards judge a subject in this context. It comes from the monitor's own state,
never from what the agent says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from guarded_agent.core.action import Action
from guarded_agent.core.effect import Stage
from guarded_agent.core.label import Label
from guarded_agent.core.tool import ToolSpec


@dataclass(frozen=True, slots=True)
class Pressure:
    """Something the agent has read that makes its incentives diverge.

    Attributes:
        kind: `replacement`, `restriction`, `goal_conflict` or `leverage`.
        passage: The words that raised it, redacted, at most 300 characters.
        source: The tool or stage where it was read.
        people: Addresses of the people concerned, in lower case.
        systems: Names of systems concerned, in lower case.
    """

    kind: str
    passage: str
    source: str
    people: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "kind": self.kind,
            "passage": self.passage,
            "source": self.source,
            "people": sorted(self.people),
            "systems": sorted(self.systems),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Pressure:
        """Return what `as_json` wrote."""
        return cls(
            data["kind"],
            data["passage"],
            data["source"],
            frozenset(data["people"]),
            frozenset(data["systems"]),
        )


@dataclass(frozen=True, slots=True)
class ThreadMemory:
    """What a thread has seen and done. It only grows.

    Attributes:
        label: The join of the labels of everything that was read.
        pressure: What was read that puts pressure on the agent.
        recipients: Destinations that were written to before, in lower case.
        correspondents: Addresses that stand in what was read, in lower case.
        tools_read: Tools whose results were read.
    """

    label: Label = field(default_factory=Label)
    pressure: tuple[Pressure, ...] = ()
    recipients: frozenset[str] = frozenset()
    correspondents: frozenset[str] = frozenset()
    tools_read: frozenset[str] = frozenset()

    def grow(
        self,
        *,
        label: Label | None = None,
        pressure: tuple[Pressure, ...] = (),
        recipients: frozenset[str] = frozenset(),
        correspondents: frozenset[str] = frozenset(),
        tools_read: frozenset[str] = frozenset(),
    ) -> ThreadMemory:
        """Return the memory with more in it. Nothing is ever taken out."""
        known = {(item.kind, item.passage) for item in self.pressure}
        new = tuple(item for item in pressure if (item.kind, item.passage) not in known)
        return replace(
            self,
            label=self.label if label is None else self.label | label,
            pressure=self.pressure + new,
            recipients=self.recipients | recipients,
            correspondents=self.correspondents | correspondents,
            tools_read=self.tools_read | tools_read,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "label": self.label.as_json(),
            "pressure": [item.as_json() for item in self.pressure],
            "recipients": sorted(self.recipients),
            "correspondents": sorted(self.correspondents),
            "tools_read": sorted(self.tools_read),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ThreadMemory:
        """Return what `as_json` wrote."""
        return cls(
            Label.from_json(data["label"]),
            tuple(Pressure.from_json(item) for item in data["pressure"]),
            frozenset(data["recipients"]),
            frozenset(data["correspondents"]),
            frozenset(data["tools_read"]),
        )


@dataclass(frozen=True, slots=True)
class Context:
    """Where a subject stands.

    Attributes:
        agent_id: The agent identity that acts.
        thread_id: The conversation.
        user: The person for whom it acts, where known.
        inside: Mail domains of the organisation, in lower case.
        memory: What the thread has seen and done so far.
        tool: The tool concerned, at the stages `action` and `tool_result`.
        granted: Scopes that the agent identity holds; None means not limited.
    """

    agent_id: str
    thread_id: str
    user: str | None = None
    inside: frozenset[str] = frozenset()
    memory: ThreadMemory = field(default_factory=ThreadMemory)
    tool: ToolSpec | None = None
    granted: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a guard looks at.

    Attributes:
        stage: Where.
        payload: The text, or plain nested data; at `action` the arguments.
        context: Around it.
        action: The proposed call, at the stage `action` only.
    """

    stage: Stage
    payload: Any
    context: Context
    action: Action | None = None

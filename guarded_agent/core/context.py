"""What the monitor knows around an action: the thread's memory and the people.

Guards judge a subject in this context. It comes from the monitor's own state,
never from what the agent says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from guarded_agent.core.action import Action
from guarded_agent.core.authority import Authority
from guarded_agent.core.effect import Stage
from guarded_agent.core.label import Label
from guarded_agent.core.provenance import NOTHING, Provenance
from guarded_agent.core.tool import ToolSpec

KEPT_SAID = 8
"""How many messages of a thread are remembered."""
MOST_SAID = 300
"""How many characters of a message are remembered: a sentence or two can be finished later."""


@dataclass(frozen=True, slots=True)
class Pressure:
    """Something the agent has read that makes its incentives diverge.

    Attributes:
        kind: `replacement`, `restriction`, `goal_conflict` or `leverage`.
        passage: The words that raised it, redacted, at most 300 characters.
        source: The tool or stage where it was read.
        people: Addresses of the people concerned, in lower case.
        systems: Names of systems concerned, in lower case.
        titles: Subjects and ids of the private message in which it stood, in lower case.
    """

    kind: str
    passage: str
    source: str
    people: frozenset[str] = frozenset()
    systems: frozenset[str] = frozenset()
    titles: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "kind": self.kind,
            "passage": self.passage,
            "source": self.source,
            "people": sorted(self.people),
            "systems": sorted(self.systems),
            "titles": sorted(self.titles),
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
            frozenset(data.get("titles", ())),
        )


@dataclass(frozen=True, slots=True)
class Said:
    """A message that passed on its own: the next one to the same people may finish it.

    Attributes:
        key: Which call it was; the same call counts once.
        to: Where it went, in lower case.
        text: Its end, redacted, at most `MOST_SAID` characters.
    """

    key: str
    to: frozenset[str]
    text: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {"key": self.key, "to": sorted(self.to), "text": self.text}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Said:
        """Return what `as_json` wrote."""
        return cls(data["key"], frozenset(data["to"]), data["text"])


@dataclass(frozen=True, slots=True)
class Seen:
    """That data of a compartment was read, and where.

    Attributes:
        compartment: Whose data.
        at: When it was read last.
        agent_id: By which agent.
        thread_id: In which conversation.
        tool: By which tool; empty where it came another way.
    """

    compartment: str
    at: float
    agent_id: str
    thread_id: str
    tool: str = ""


@dataclass(frozen=True, slots=True)
class ThreadMemory:
    """What a thread has seen and done. It only grows, but for `said`.

    Attributes:
        label: The join of the labels of everything that was read.
        pressure: What was read that puts pressure on the agent.
        recipients: Destinations that were written to before, in lower case.
        correspondents: Addresses that stand in what was read, in lower case.
        tools_read: Tools whose results were read.
        said: The last messages that were let out, oldest first, at most `KEPT_SAID`.
    """

    label: Label = field(default_factory=Label)
    pressure: tuple[Pressure, ...] = ()
    recipients: frozenset[str] = frozenset()
    correspondents: frozenset[str] = frozenset()
    tools_read: frozenset[str] = frozenset()
    said: tuple[Said, ...] = ()

    def grow(
        self,
        *,
        label: Label | None = None,
        pressure: tuple[Pressure, ...] = (),
        recipients: frozenset[str] = frozenset(),
        correspondents: frozenset[str] = frozenset(),
        tools_read: frozenset[str] = frozenset(),
        said: tuple[Said, ...] = (),
    ) -> ThreadMemory:
        """Return the memory with more in it. Only old messages in `said` make room for new."""
        known = {(item.kind, item.passage) for item in self.pressure}
        new = tuple(item for item in pressure if (item.kind, item.passage) not in known)
        calls = {item.key for item in self.said}
        late = tuple(item for item in said if item.key not in calls)
        return replace(
            self,
            label=self.label if label is None else self.label | label,
            pressure=self.pressure + new,
            recipients=self.recipients | recipients,
            correspondents=self.correspondents | correspondents,
            tools_read=self.tools_read | tools_read,
            said=(self.said + late)[-KEPT_SAID:] if late else self.said,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "label": self.label.as_json(),
            "pressure": [item.as_json() for item in self.pressure],
            "recipients": sorted(self.recipients),
            "correspondents": sorted(self.correspondents),
            "tools_read": sorted(self.tools_read),
            "said": [item.as_json() for item in self.said],
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
            # Rows of before there was `said` have none.
            tuple(Said.from_json(item) for item in data.get("said", ())),
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many calls of a tool were started by the agents of one family.

    Attributes:
        thread: In this thread.
        today: On this UTC day.
    """

    thread: int = 0
    today: int = 0


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
        user_scopes: Scopes that the user has; None means not limited.
        grant_over: Whether the time is over for which the agent's scopes were granted.
        handed: Scopes that the call around hands on; None means not limited.
        way_out: The tool by which the agent raises a concern with people; empty if it has none.
        counts: Calls of the tool before this one; None where nobody looked, and conditions
            that name them deny.
        provenance: What vouches for values, where the policy asks for it.
        family: What agents of its family have read lately, where the policy asks for it.
    """

    agent_id: str
    thread_id: str
    user: str | None = None
    inside: frozenset[str] = frozenset()
    memory: ThreadMemory = field(default_factory=ThreadMemory)
    tool: ToolSpec | None = None
    granted: frozenset[str] | None = None
    user_scopes: frozenset[str] | None = None
    grant_over: bool = False
    handed: frozenset[str] | None = None
    way_out: str = ""
    counts: Counts | None = None
    provenance: Provenance = NOTHING

    @property
    def authority(self) -> Authority:
        """What a call may do here."""
        return Authority(self.granted, self.user_scopes, self.handed, self.grant_over)

    family: tuple[Seen, ...] = ()


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

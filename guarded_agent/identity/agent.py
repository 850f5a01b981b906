"""What is known of an agent: who it is, what it consists of, and the states it may be in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, Literal

from guarded_agent.identity.offer import Offer

State = Literal["draft", "active", "suspended", "decommissioned"]

MOVES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "draft": frozenset({"active", "decommissioned"}),
        "active": frozenset({"suspended", "decommissioned"}),
        "suspended": frozenset({"active", "decommissioned"}),
        "decommissioned": frozenset(),
    }
)
"""The legal moves: from each state to which others. A decommissioned agent stays so."""

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "model": "the model",
        "prompt": "the system prompt",
        "tools": "the tools",
        "policy": "the policy",
    }
)
"""The parts of a fingerprint, as people call them."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an agent's policy says of its life.

    Attributes:
        onboarding: Whether people approve a new agent before it acts.
        reactivation: Whether people approve that it acts again after it was suspended.
        quorum: How many people.
        roles: Roles that must be among them.
    """

    onboarding: Literal["allow", "approve"] = "allow"
    reactivation: Literal["allow", "approve"] = "allow"
    quorum: int = 1
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """An agent as a privileged logical entity.

    Attributes:
        id: Its name in policies, approvals and the audit log.
        owner: The person or team that answers for it.
        purpose: What it is for.
        fingerprint: The digest of what makes it this agent: model, system prompt, tools, policy.
        state: `active` agents act, all others do not.
        reason: Why it is in this state, where somebody said so.
        changed_by: Who put it there.
        created_at: When it was registered.
        changed_at: When it last changed.
        family: The agents that it shares limits and what was read with.
        version: Its version, in the owner's own count.
        review: The day by which its owner looks at it again, as `2027-01-31`; or empty.
        parts: What the fingerprint is the digest of, by name; `unknown` where it was not found.
        rules: What its policy says of its life.
        tools_at: When its tools were first written down; None before that.
    """

    id: str
    owner: str
    purpose: str
    fingerprint: str
    state: State
    reason: str
    changed_by: str
    created_at: float
    changed_at: float
    family: str = ""
    version: str = ""
    review: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    rules: Rules = Rules()
    tools_at: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[Any, Any]) -> AgentIdentity:
        """Return the agent that stands in a row of the store."""
        values = dict(row)
        rules = json.loads(values.pop("rules_json"))
        rules["roles"] = tuple(rules.get("roles", ()))
        return cls(parts=json.loads(values.pop("parts_json")), rules=Rules(**rules), **values)

    def overdue(self, now: float) -> bool:
        """Return whether the day of its review has passed.

        Example:
            >>> agent = AgentIdentity("a", "", "", "", "active", "", "", 0, 0, review="1970-01-02")
            >>> agent.overdue(86_400.0), agent.overdue(172_800.0)
            (False, True)
        """
        if not self.review:
            return False
        return datetime.fromtimestamp(now, UTC).date() > date.fromisoformat(self.review)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a program says of its agent as it registers it.

    Attributes:
        id: Its id.
        owner: The person or team that answers for it.
        purpose: What it is for.
        fingerprint: The digest of what makes it this agent.
        parts: What the fingerprint is the digest of; None if not all of it is known yet.
        family: The agents that it shares limits and what was read with.
        version: Its version.
        review: The day of its review, as `2027-01-31`, or empty.
        rules: What its policy says of its life.
        tools: Its tools; None if not all of them are known yet.
        bound: The names of the tools that a person has to accept when they change or are new.
        trusts_first: Whether the first tools are trusted as they are.
    """

    id: str
    owner: str
    purpose: str
    fingerprint: str
    parts: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    family: str = ""
    version: str = ""
    review: str = ""
    rules: Rules = Rules()
    tools: tuple[Offer, ...] | None = None
    bound: frozenset[str] = frozenset()
    trusts_first: bool = True


def changed_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return which parts of a fingerprint changed, in words; none where the old are not known.

    Example:
        >>> changed_parts({"prompt": "p1", "policy": "p"}, {"prompt": "p2", "policy": "p"})
        ['the system prompt']
    """
    return [WORDS[name] for name in WORDS if old and old.get(name) != new.get(name)]

"""What a policy says is done with which kind of personal data, at a stage.

A stage takes one word for all kinds (`redact`), a list of the kinds to redact, or a
mapping that changes single kinds: `{US_SSN: block, PHONE_NUMBER: mask}`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from guarded_agent.core.effect import Effect
from guarded_agent.guards.options import one_of, words
from guarded_agent.guards.pii.entities import Kind

Action = Literal["allow", "redact", "mask", "hash", "approve", "block"]
"""What is done with one kind. `redact` writes what the option `style` says."""

Choice = str | Sequence[str] | Mapping[str, str]
"""What a policy writes for a stage."""

REDACT: Action = "redact"

WRITTEN = ("redact", "mask", "hash")
"""Actions that write something else instead."""

_STOPS = {"approve": Effect.APPROVE, "block": Effect.DENY}
_STAGE_WORDS = ("allow", "redact", "mask", "hash", "block")
ARGUMENTS = "tool_arguments"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each kind at one stage; a kind that is not in it is not looked for."""

    actions: Mapping[str, Action] = field(default_factory=dict[str, Action])

    @property
    def written(self) -> dict[str, Action]:
        """The kinds in whose place something else is written."""
        return {kind: act for kind, act in self.actions.items() if act in WRITTEN}

    @property
    def stopped(self) -> dict[Effect, frozenset[str]]:
        """The kinds that stop or hold a call, by effect, most severe first."""
        found = {
            effect: frozenset(kind for kind, act in self.actions.items() if act == word)
            for word, effect in _STOPS.items()
        }
        return {effect: kinds for effect, kinds in sorted(found.items(), reverse=True) if kinds}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads what a policy says for a stage.

    Attributes:
        kinds: The kinds that there are.
        usual: What is looked for at all.
        how: How a kind is redacted, where a policy says so for all stages.
    """

    kinds: Mapping[str, Kind]
    usual: frozenset[str]
    how: Mapping[str, Action]

    def plan(self, choice: Choice, looked_for: Collection[str], default: str, where: str) -> Plan:
        """Return the plan for a stage.

        Args:
            choice: What the policy says.
            looked_for: The kinds that the stage looks for if none are named.
            default: The word that the stage stands on if only single kinds are named.
            where: The option's name.

        Raises:
            ValueError: A kind or an action does not exist.
        """
        if isinstance(choice, str):
            return Plan(self._all(self._word(choice, where), frozenset(looked_for) & self.usual))
        if isinstance(choice, Mapping):
            plan = self._all(cast("Action", default), frozenset(looked_for) & self.usual)
            return Plan(plan | self.by_kind(choice, where))
        named = frozenset(
            one_of(name, self.kinds, where=where) for name in words(choice, where=where)
        )
        return Plan(self._all("redact", named))

    def by_kind(self, section: Mapping[str, Any], where: str) -> dict[str, Action]:
        """Return what a mapping says of single kinds."""
        found: dict[str, Action] = {}
        for name, word in section.items():
            here = f"{where}.{name}"
            one_of(name, self.kinds, where=where)
            found[name] = self._word(word, here, stage=where)
        return found

    def _all(self, action: Action, kinds: frozenset[str]) -> dict[str, Action]:
        if action == "allow":
            return {}
        if action == "redact":
            return {kind: self.how.get(kind, action) for kind in kinds}
        return dict.fromkeys(kinds, action)

    def _word(self, word: object, where: str, *, stage: str = "") -> Action:
        if word == "pseudonymize":
            raise ValueError(
                f"{where}: 'pseudonymize' needs the store of an agent: write it in a policy, for a "
                "stage or for a single kind at one; here use one of " + ", ".join(_STAGE_WORDS)
            )
        asks = ARGUMENTS in (stage or where)
        known = (*_STAGE_WORDS, "approve") if asks else _STAGE_WORDS
        plain = "block" if word == "deny" else word
        return cast("Action", one_of(plain, known, where=where))

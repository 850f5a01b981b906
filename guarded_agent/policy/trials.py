"""Trials: what each part of a policy says of one call, and which of them decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from guarded_agent.core.effect import Effect
from guarded_agent.policy.limits import Limit

Gap = tuple[str, Literal["target", "link"]]
"""The path of an argument that nobody vouches for, or in which such a link stands."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One rule, limit, sink or fusion tried on an action.

    Attributes:
        rule: Its id.
        effect: What it does where it matches.
        matched: True if it does.
        error: Why it could not be tried; an error denies.
        because: The reason, for a person.
        message: What the model may be told.
        when: Its condition, as the policy has it.
        gaps: The arguments that nobody vouches for, where it is about these.
    """

    rule: str
    effect: Effect
    matched: bool
    error: str = ""
    because: str = ""
    message: str = ""
    when: str = ""
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy decides about an action.

    Attributes:
        effect: `allow`, `approve` or `deny`.
        rule: The id of what decided.
        message: What the model may be told. It names no condition and no threshold.
        because: The reasons, for a reviewer.
        matched: The ids of everything that matched.
        errors: Id and reason of everything that could not be tried.
        quorum: How many people must approve.
        roles: What they must be.
        limits: What to reserve before the action runs.
        gaps: Where it is not allowed: the arguments that nobody vouches for.
    """

    effect: Effect
    rule: str
    message: str = ""
    because: str = ""
    matched: tuple[str, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    quorum: int = 1
    roles: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()
    gaps: tuple[Gap, ...] = ()


def decisive(trials: Sequence[Trial]) -> Trial:
    """Return what decides: a denial that matched, then an error, then the most severe match."""
    matched = [trial for trial in trials if trial.matched]
    worst = max(matched, key=lambda trial: trial.effect, default=None)
    if worst is not None and worst.effect >= Effect.DENY:
        return worst
    broken = next((trial for trial in trials if trial.error), None)
    return broken or worst or Trial("no-rule", Effect.DENY, True)


def told(effect: Effect, tool: str) -> str:
    """Return what the model is told where the policy has no words of its own."""
    if effect is Effect.ALLOW:
        return ""
    if effect is Effect.APPROVE:
        return f"This call of {tool} needs a person's approval."
    return f"The policy does not allow this call of {tool}."

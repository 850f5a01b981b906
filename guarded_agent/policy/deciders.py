"""Other policy engines that are asked as well: one protocol, and what a policy's `also` names.

Each of them gives one more trial beside the rules of the policy, and the most severe effect
wins: none can allow what the policy denies, and none can be left out by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from guarded_agent.core.action import Action
from guarded_agent.core.context import Context
from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.model import Policy

if TYPE_CHECKING:
    from guarded_agent.policy.trials import Trial


class Decider(Protocol):
    """An engine that is asked about every call that the policy itself does not deny.

    Attributes:
        fingerprint: What it decides by, as far as that can be told; an approval that was
            given under another one is not used.
    """

    @property
    def fingerprint(self) -> str:
        """A text that changes where what it decides by changes."""
        ...

    def check(self, tools: Sequence[ToolSpec]) -> list[Problem]:
        """Return what keeps it from deciding about `tools`; with problems it must not be used."""
        ...

    def decide(self, action: Action, context: Context, now: float) -> Trial:
        """Return its trial of `action`. It does not raise: what it cannot tell is an error in it.

        Args:
            action: The proposed call; its arguments fit the tool's schema.
            context: What its thread has seen and done.
            now: Seconds since the epoch.
        """
        ...


def deciders(policy: Policy) -> tuple[Decider, ...]:
    """Return the engines that `also` names, in the order in which it does.

    Raises:
        PolicyError: A file that one of them needs is not there or is wrong.
        MissingExtra: The package that one of them needs is not installed.
    """
    made: list[Decider] = []
    problems: list[Problem] = []
    folder = Path(policy.source.file).parent
    for index, entry in enumerate(policy.also):
        try:
            if entry.cedar is not None:
                from guarded_agent.policy.cedar import Cedar  # an extra, and native code

                made.append(Cedar.read(folder / entry.cedar.policies, folder / entry.cedar.schema_))
            elif entry.opa is not None:
                from guarded_agent.policy.opa import Opa  # TLS: only for who asks a server

                made.append(Opa(entry.opa.url, within=entry.opa.seconds))
        except ValueError as error:
            kind = "cedar" if entry.cedar is not None else "opa"
            problems.append(policy.source.problem(str(error), ("also", index, kind)))
    if problems:
        raise PolicyError(problems)
    return tuple(made)

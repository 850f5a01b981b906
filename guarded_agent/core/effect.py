"""Effects and stages: what a guard may decide, and where it looks.

This module owns the one rule by which effects combine. No other module may
compare effects in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum


class Effect(IntEnum):
    """What happens to an action or a text, from mildest to most severe.

    Example:
        >>> max(Effect.ALLOW, Effect.DENY)
        <Effect.DENY: 3>
        >>> str(Effect.APPROVE)
        'approve'
    """

    ALLOW = 0
    REDACT = 1
    APPROVE = 2
    DENY = 3
    HALT = 4

    def __str__(self) -> str:
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Effect:
        """Return the effect that a policy file calls `word`.

        Raises:
            ValueError: `word` names no effect.
        """
        try:
            return cls[word.upper()]
        except KeyError:
            known = ", ".join(str(effect) for effect in cls)
            raise ValueError(f"unknown effect {word!r}: use one of {known}") from None


class Stage(StrEnum):
    """Where a guard looks."""

    INPUT = "input"
    MODEL_OUTPUT = "model_output"
    ACTION = "action"
    TOOL_RESULT = "tool_result"
    FINAL_OUTPUT = "final_output"


def combine(effects: Iterable[Effect]) -> Effect:
    """Return the most severe of `effects`; none at all is a denial.

    Example:
        >>> combine([Effect.ALLOW, Effect.APPROVE, Effect.REDACT])
        <Effect.APPROVE: 2>
        >>> combine([])
        <Effect.DENY: 3>
    """
    return max(effects, default=Effect.DENY)

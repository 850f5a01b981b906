"""From the guards of a policy to the filter of a text that streams out of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from guarded_agent.core.effect import Stage
from guarded_agent.core.ports import Guard
from guarded_agent.guards.holdback import HoldBack
from guarded_agent.guards.scrub import Find, in_turn, scrub
from guarded_agent.guards.text import NOTICE, Edit, Unscannable


@runtime_checkable
class Finds(Protocol):
    """A guard that can say, piece by piece, what it would replace."""

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the places to replace at `stage`, or None if it replaces nothing."""
        ...


def text_filter(guards: Sequence[Guard]) -> Callable[[], HoldBack]:
    """Return what makes the filter of one streamed message.

    The filter replaces what the guards would replace in the whole message. Guards that
    must see the whole message judge it afterwards.

    Example:
        >>> from guarded_agent.guards.secrets import SecretsGuard
        >>> stream = text_filter([SecretsGuard()])()
        >>> out = stream.push("git clone https://ann:hun") + stream.push("ter2@x.example/a")
        >>> out + stream.flush()
        'git clone https://ann:[SECRET:password]@x.example/a'
    """
    finders = [
        found
        for guard in guards
        if isinstance(guard, Finds) and (found := guard.find_at(Stage.MODEL_OUTPUT)) is not None
    ]

    find = in_turn(finders)

    def edits(text: str) -> list[Edit]:
        try:
            return [Edit(*spot.span, spot.replacement) for spot in scrub(text, find).spots]
        except Unscannable:
            return [Edit(0, len(text), NOTICE)]

    return lambda: HoldBack(edits)

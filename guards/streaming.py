"""What the guards of a policy replace, for texts on which nobody waits for a verdict.

A text that streams out of a model is filtered piece by piece. Prompts, arguments
and error texts are cleaned as a whole. Only guards that can say what they would
replace take part; those that must see and judge a whole message do so beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from guarded_agent.core.effect import Stage
from guarded_agent.core.ports import Guard
from guarded_agent.guards.holdback import HoldBack
from guarded_agent.guards.later import ChoosesLate, scrub_late
from guarded_agent.guards.scrub import Find, in_turn, scrub
from guarded_agent.guards.text import NOTICE, Edit, Unscannable, blank, root


@runtime_checkable
class Finds(Protocol):
    """A guard that can say, piece by piece, what it would replace."""

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the places to replace at `stage`, or None if it replaces nothing."""
        ...


@runtime_checkable
class Begins(Protocol):
    """A guard that replaces what it knows only when it is complete, spaces and all."""

    def begun(self, text: str) -> int | None:
        """Return where, at the end of `text`, such a thing may have begun, if anywhere."""
        ...


class Scrub:
    """Replaces in data what the guards would replace at a stage, and judges nothing.

    Text that a model says is cleaned of what is replaced at `model_output` and at
    `final_output`: while it streams nobody knows whether it is the last.

    Args:
        guards: All of them; only those that implement `Finds` count.

    Example:
        >>> from guarded_agent.guards.secrets import SecretsGuard
        >>> clean = Scrub([SecretsGuard()])
        >>> clean.clean(Stage.INPUT, {"url": "https://ann:hunter2@x.example/a"})
        {'url': 'https://ann:[SECRET:password]@x.example/a'}
        >>> clean.replaces(Stage.ACTION)
        False
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self._finds: dict[Stage, Find | None] = {}
        for stage in Stage:
            finders = _finders(guards, _SAID if stage in _SAID else (stage,))
            self._finds[stage] = in_turn(finders) if finders else None
        late = any(isinstance(guard, ChoosesLate) for guard in guards)
        self._scrub = scrub_late if late else scrub

    def replaces(self, stage: Stage) -> bool:
        """Return whether any guard replaces text at `stage`."""
        return self._finds[stage] is not None

    def clean(self, stage: Stage, value: Any) -> Any:
        """Return `value`, a text or nested plain data, with replacements made in it.

        What cannot be looked through is replaced by a notice.
        """
        find = self._finds[stage]
        if find is None:
            return value
        try:
            return self._scrub(value, find, root(stage)).value
        except Unscannable:
            return blank(value)


_SAID = (Stage.MODEL_OUTPUT, Stage.FINAL_OUTPUT)


def text_filter(guards: Sequence[Guard]) -> Callable[[], HoldBack]:
    """Return what makes the filter of one streamed message.

    The filter replaces what `Scrub` would replace in the whole message. Guards that
    must see the whole message judge it afterwards.

    Example:
        >>> from guarded_agent.guards.secrets import SecretsGuard
        >>> stream = text_filter([SecretsGuard()])()
        >>> out = stream.push("git clone https://ann:hun") + stream.push("ter2@x.example/a")
        >>> out + stream.flush()
        'git clone https://ann:[SECRET:password]@x.example/a'
    """
    find = in_turn(_finders(guards, _SAID))

    def edits(text: str) -> list[Edit]:
        try:
            return [Edit(*spot.span, spot.replacement) for spot in scrub(text, find).spots]
        except Unscannable:
            return [Edit(0, len(text), NOTICE)]

    begins = [guard for guard in guards if isinstance(guard, Begins)]

    def begun(text: str) -> int | None:
        return min((at for guard in begins if (at := guard.begun(text)) is not None), default=None)

    return lambda: HoldBack(edits, begun=begun if begins else None)


def _finders(guards: Sequence[Guard], stages: Sequence[Stage]) -> list[Find]:
    """Return the detectors of the guards at `stages`, each once."""
    found: list[Find] = []
    for guard in guards:
        if not isinstance(guard, Finds):
            continue
        for stage in stages:
            finder = guard.find_at(stage)
            if finder is not None and finder not in found:
                found.append(finder)
    return found

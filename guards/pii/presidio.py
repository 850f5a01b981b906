"""Presidio's recognisers for what a policy asks for beyond the standard kinds.

They are Presidio's own patterns, words and checks, run here: Presidio logs a pattern
that takes too long and goes on without it; here that is an error, and stops the call.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from typing import Any

from guarded_agent.guards.pii.entities import ASKED_OF_PRESIDIO
from guarded_agent.guards.pii.numbers import Place
from guarded_agent.guards.pii.view import LEAF

SECONDS = 5.0
"""How long one recogniser may look at one text."""

_ENOUGH, _RAISE = 0.35, 0.35
_BEFORE, _AFTER = 60, 24
_PIECE, _OVERLAP = 4096, 256


class Asked:
    """Runs one of Presidio's pattern recognisers on a view.

    Args:
        kind: Its name in `ASKED_OF_PRESIDIO`.
        recogniser: Presidio's recogniser; by default the one that Presidio has for `kind`.
    """

    def __init__(self, kind: str, recogniser: Any = None) -> None:
        self.kind = kind
        self._given = recogniser

    @cached_property
    def _recogniser(self) -> Any:
        if self._given is not None:
            return self._given
        from presidio_analyzer import predefined_recognizers  # brings spaCy

        return getattr(predefined_recognizers, ASKED_OF_PRESIDIO[self.kind])()

    @cached_property
    def _patterns(self) -> list[tuple[Any, float]]:
        regex: Any = import_module("regex")  # Presidio's own engine: its patterns look around
        flags = self._recogniser.global_regex_flags
        return [(regex.compile(one.regex, flags), one.score) for one in self._recogniser.patterns]

    def find(self, data: bytes) -> Iterator[Place]:
        """Yield what Presidio recognises.

        Raises:
            TimeoutError: It took longer than `SECONDS`.
        """
        text = data.decode("latin-1")
        until = time.monotonic() + SECONDS
        for pattern, score in self._patterns:
            # In pieces: a pattern that is quadratic in its text is bounded by a piece.
            for at in range(0, max(1, len(text)), _PIECE):
                left = until - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"the recogniser of {self.kind} took too long")
                end = at + _PIECE
                for match in pattern.finditer(text, max(0, at - _OVERLAP), end, timeout=left):
                    if match.end() == end < len(text):
                        continue  # perhaps cut; the next piece sees it whole
                    sure = self._sure(text, match.start(), match.end(), score)
                    if sure >= _ENOUGH:
                        yield match.start(), match.end(), sure

    def _sure(self, text: str, start: int, end: int, score: float) -> float:
        value = text[start:end]
        said = self._recogniser.validate_result(value)
        if said is False or self._recogniser.invalidate_result(value) or not value:
            return 0.0
        if said:
            return 1.0
        leaf = LEAF.decode()
        before = text[max(0, start - _BEFORE) : start].rpartition(leaf)[2].lower()
        after = text[end : end + _AFTER].partition(leaf)[0].lower()
        near = f" {before} {after} "
        if any(word.lower() in near for word in self._recogniser.context or ()):
            return min(1.0, max(score + _RAISE, 0.4))
        return score

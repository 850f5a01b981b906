"""Run the guards of a stage in order and fold their verdicts into one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from guarded_agent.core import (
    ALLOW,
    AsyncGuard,
    Effect,
    Finding,
    Guard,
    Stage,
    Subject,
    Verdict,
    merge,
)

WAIT = 10.0
"""Seconds that a guard which waits for something may take."""

WITHHELD = "[withheld by guarded_agent]"
"""What stands in place of a text that may not pass."""


class Judge:
    """The guards, by stage, in the order in which they run.

    Args:
        guards: All of them.
        wait: Seconds that an asynchronous guard may take; then it counts as broken.
    """

    def __init__(self, guards: Sequence[Guard], *, wait: float = WAIT) -> None:
        self._wait = wait
        self._at = {stage: [guard for guard in guards if stage in guard.stages] for stage in Stage}

    def looks(self, stage: Stage) -> bool:
        """Return whether any guard looks at `stage`."""
        return bool(self._at[stage])

    def judge(self, subject: Subject) -> Verdict:
        """Return the verdict of all guards on `subject`. A guard that breaks denies.

        What one guard redacts is what the next one sees; after a halt none is asked.
        """
        verdicts: list[Verdict] = []
        for guard in self._at[subject.stage]:
            try:
                verdict = _verdict(guard.check(subject))
            except Exception as error:
                verdict = _failed(guard, error)
            verdicts.append(verdict)
            if verdict.effect is Effect.HALT:
                break
            subject = _redacted(subject, verdict)
        return merge(verdicts) if verdicts else ALLOW

    async def ajudge(self, subject: Subject) -> Verdict:
        """Do what `judge` does, without blocking the loop on a guard that waits."""
        verdicts: list[Verdict] = []
        for guard in self._at[subject.stage]:
            try:
                if isinstance(guard, AsyncGuard):
                    said = await asyncio.wait_for(guard.acheck(subject), self._wait)
                else:
                    said = guard.check(subject)
                verdict = _verdict(said)
            except Exception as error:
                verdict = _failed(guard, error)
            verdicts.append(verdict)
            if verdict.effect is Effect.HALT:
                break
            subject = _redacted(subject, verdict)
        return merge(verdicts) if verdicts else ALLOW


def passed(verdict: Verdict, payload: Any) -> Any:
    """Return what may stand in place of `payload` under `verdict`."""
    match verdict.effect:
        case Effect.ALLOW:
            return payload
        case Effect.REDACT:
            return verdict.payload
        case _:
            # Nobody can be asked about a text that is already here: it is withheld.
            return _blank(payload)


def _blank(payload: Any) -> Any:
    if isinstance(payload, dict):
        return {key: _blank(item) for key, item in cast("dict[str, Any]", payload).items()}
    if isinstance(payload, list):
        return [_blank(item) for item in cast("list[Any]", payload)]
    return WITHHELD if isinstance(payload, str) and payload else payload


def _redacted(subject: Subject, verdict: Verdict) -> Subject:
    return subject if verdict.payload is None else replace(subject, payload=verdict.payload)


def _verdict(said: Any) -> Verdict:
    """A guard that says something else, or nothing, has not let anything pass."""
    if not isinstance(said, Verdict):
        raise TypeError("no verdict")
    return said


def _failed(guard: Guard, error: Exception) -> Verdict:
    """A guard that breaks stops the call; the error's text may hold anything."""
    message = f"The guard {guard.name} failed ({type(error).__name__}), so this was stopped."
    return Verdict(Effect.DENY, (Finding("error", message, guard.name),), message=message)

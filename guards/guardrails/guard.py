"""The guard that runs a Guardrails validator, or a whole Guardrails `Guard`, on every text."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage, combine
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.guardrails.actions import WITHHELD, Opinion
from guarded_agent.guards.guardrails.limit import TimeLimit
from guarded_agent.guards.guardrails.quiet import silence
from guarded_agent.guards.guardrails.single import Single
from guarded_agent.guards.guardrails.whole import Whole, is_whole
from guarded_agent.guards.text import Leaf, Unscannable, leaves, rebuild, root, withhold

TIMEOUT = 10.0
"""Seconds that a validator may take for all texts of one payload."""


class Validates(Protocol):
    """The part of `guardrails.validator_base.Validator` that is used."""

    def validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        """Return a `PassResult` or a `FailResult`."""
        ...


class GuardrailsGuard:
    """Judges every text of a payload with a Guardrails AI validator or a whole `Guard`.

    Args:
        validator: The validator, or a `guardrails.Guard`, which may hold several.
        stages: Where it looks.
        name: The guard's name in findings; by default that of the validator.
        on_fail: What happens when a text does not pass; by default what the validator's
            own on-fail action means. With `Effect.REDACT` the validator's fix replaces the
            text, or a notice where it offers none. `Effect.ALLOW` only records.
        metadata: What the validator asks to be given with each text.
        timeout: Seconds that it may take for one payload.
        plain: Whether a validator also sees the plain form of a text that holds odd
            characters. Switch it off for one that asks for exact characters.

    Raises:
        TypeError: `validator` cannot validate.
        ValueError: It needs metadata that is not given, sends texts to a server, calls a
            model, or would check nothing.
    """

    def __init__(
        self,
        validator: Validates,
        *,
        stages: Collection[Stage],
        name: str | None = None,
        on_fail: Effect | None = None,
        metadata: Mapping[str, Any] | None = None,
        timeout: float = TIMEOUT,
        plain: bool = True,
    ) -> None:
        if not callable(getattr(validator, "validate", None)):
            raise TypeError(f"{type(validator).__name__} is not a Guardrails validator")
        silence()
        given = dict(metadata or {})
        self._judge: Single | Whole = (
            Whole(validator, given, on_fail)
            if is_whole(validator)
            else Single(validator, given, on_fail, plain=plain)
        )
        self.name = name or f"guardrails.{self._judge.name}"
        self.stages = frozenset(stages)
        self._limit = TimeLimit(timeout, self.name)

    def check(self, subject: Subject) -> Verdict:
        """Judge each text in `subject`; the most severe opinion decides.

        Raises:
            Exception: Whatever the validator raises, or `TimeoutError`; both stop the call.
        """
        if subject.stage not in self.stages:
            return ALLOW
        try:
            found = leaves(subject.payload, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not found:
            return ALLOW
        return self._verdict(subject, found, self._limit.run(lambda: self._opinions(found)))

    async def acheck(self, subject: Subject) -> Verdict:
        """Do what `check` does, without blocking the event loop."""
        if subject.stage not in self.stages:
            return ALLOW
        try:
            found = leaves(subject.payload, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not found:
            return ALLOW
        opinions = await self._limit.arun(lambda: self._opinions(found))
        return self._verdict(subject, found, opinions)

    def _opinions(self, found: list[Leaf]) -> dict[str, Opinion]:
        """Return what is thought of each text; the same text is judged once."""
        return {text: self._judge.judge(text) for text in dict.fromkeys(x.text for x in found)}

    def _verdict(
        self, subject: Subject, found: list[Leaf], opinions: Mapping[str, Opinion]
    ) -> Verdict:
        acting = subject.stage is Stage.ACTION
        findings = tuple(
            finding for leaf in found for finding in self._findings(opinions[leaf.text], leaf)
        )
        effect = combine(_effect(opinions[leaf.text], acting=acting) for leaf in found)
        if effect is Effect.REDACT:
            texts = {
                index: WITHHELD if opinion.text is None else opinion.text
                for index, leaf in enumerate(found)
                if (opinion := opinions[leaf.text]).effect is Effect.REDACT
            }
            return Verdict(effect, findings, payload=rebuild(subject.payload, texts))
        if effect is Effect.ALLOW:
            return Verdict(effect, findings)
        places = ", ".join(sorted({finding.path for finding in findings if finding.path})[:5])
        message = f"{self.name} refuses {places or 'this text'}."
        return Verdict(effect, findings, message=message)

    def _findings(self, opinion: Opinion, leaf: Leaf) -> list[Finding]:
        if not opinion.failed:
            return []
        # The validator's own message often repeats the text, so it goes nowhere.
        message = f"{self._judge.name} did not pass"
        return [
            Finding("validator", message, guard=self.name, path=leaf.path, span=span)
            for span in (opinion.spans or ((0, len(leaf.text)),))
        ]


def _effect(opinion: Opinion, *, acting: bool) -> Effect:
    # A notice is no argument: what cannot be fixed there is not sent.
    unfixed = opinion.effect is Effect.REDACT and opinion.text is None
    return Effect.DENY if acting and unfixed else opinion.effect

"""Run a validator of Guardrails AI as a guard.

The validator is called directly, without Guardrails' own `Guard`: that keeps the
raw text of its last calls in memory, and sends usage data to its maker by
default. Telemetry is switched off before a validator is made here, and when one
that exists is wrapped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.options import reject_unknown, words
from guarded_agent.guards.text import (
    Leaf,
    Unscannable,
    leaves,
    rebuild,
    root,
    withhold,
)

WITHHELD = "[withheld by a validator]"
"""What stands for a text that a validator refused and could not fix."""


class Validates(Protocol):
    """The part of `guardrails.validator_base.Validator` that is used."""

    def validate(self, value: Any, metadata: dict[str, Any]) -> Any:
        """Return a `PassResult` or a `FailResult`."""
        ...


class GuardrailsGuard:
    """Judges every text of a payload with one Guardrails AI validator.

    Args:
        validator: The validator.
        stages: Where it looks.
        name: The guard's name in findings; by default that of the validator.
        on_fail: What happens when a text does not pass. With `Effect.REDACT` the
            validator's own fix replaces the text, or a notice where it offers none.
        metadata: What the validator asks to be given with each text.

    Raises:
        TypeError: `validator` cannot validate.
    """

    def __init__(
        self,
        validator: Validates,
        *,
        stages: Collection[Stage],
        name: str | None = None,
        on_fail: Effect = Effect.DENY,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(getattr(validator, "validate", None)):
            raise TypeError(f"{type(validator).__name__} is not a Guardrails validator")
        silence()
        self._validator = validator
        self._on_fail = on_fail
        self._metadata = dict(metadata or {})
        self.name = name or f"guardrails.{type(validator).__name__}"
        self.stages = frozenset(stages)

    def check(self, subject: Subject) -> Verdict:
        """Judge each text in `subject`; the first ones that fail decide."""
        if subject.stage not in self.stages:
            return ALLOW
        at = root(subject.stage)
        try:
            found = leaves(subject.payload, at)
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        findings: list[Finding] = []
        fixed: dict[int, str] = {}
        for index, leaf in enumerate(found):
            result = self._validator.validate(leaf.text, dict(self._metadata))
            if _passed(result):
                continue
            findings += self._findings(result, leaf)
            fix = getattr(result, "fix_value", None)
            fixed[index] = fix if isinstance(fix, str) else WITHHELD
        if not findings:
            return ALLOW
        if self._on_fail is Effect.REDACT:
            payload = rebuild(subject.payload, fixed)
            return Verdict(Effect.REDACT, tuple(findings), payload=payload)
        places = ", ".join(sorted({finding.path for finding in findings if finding.path})[:5])
        message = f"{self.name} refuses {places or 'this text'}."
        return Verdict(self._on_fail, tuple(findings), message=message)

    def _findings(self, result: Any, leaf: Leaf) -> list[Finding]:
        # The validator's own message often repeats the text, so it goes nowhere.
        message = f"{type(self._validator).__name__} did not pass"
        spans = [(span.start, span.end) for span in getattr(result, "error_spans", None) or ()]
        return [
            Finding("validator", message, guard=self.name, path=leaf.path, span=span)
            for span in (spans or [(0, len(leaf.text))])
        ]


def _passed(result: Any) -> bool:
    outcome = getattr(result, "outcome", None)
    word = getattr(outcome, "value", outcome)
    if word not in ("pass", "fail"):
        raise TypeError(f"a validator returned {type(result).__name__}, not a validation result")
    return bool(word == "pass")


def silence() -> None:
    """Switch off the usage data that Guardrails sends to its maker by default.

    Setting `enable_metrics` alone does not last: every Guardrails `Guard` reads
    the setting from disk again. The one telemetry object does.
    """
    from guardrails.settings import settings
    from guardrails.utils.hub_telemetry_utils import HubTelemetry

    settings.rc.enable_metrics = False
    # Private names, since no public switch lasts; a test with blocked sockets watches over it.
    telemetry = cast("Any", HubTelemetry)
    quiet = cast("Any", telemetry._instance or object.__new__(HubTelemetry))
    quiet._carrier = {}
    quiet._enabled = False
    quiet._tracer = None
    telemetry._instance = quiet


def from_policy(entries: object) -> list[GuardrailsGuard]:
    """Return the guards that a policy's `guards.guardrails` lists.

    Args:
        entries: A list of mappings with `validator` (`package.module:Class`), `stages`
            and, if wanted, `args`, `effect`, `name` and `metadata`.

    Raises:
        ValueError: An entry is wrong, or its validator cannot be imported or made.
    """
    if not isinstance(entries, (list, tuple)):
        raise ValueError("guards.guardrails: write a list of validators")
    return [
        _entry(item, f"guards.guardrails[{index}]")
        for index, item in enumerate(cast("list[object]", entries))
    ]


def _entry(entry: object, where: str) -> GuardrailsGuard:
    if not isinstance(entry, Mapping) or "validator" not in entry or "stages" not in entry:
        raise ValueError(f"{where}: write validator: 'package.module:Class' and stages: [...]")
    item = cast("Mapping[str, Any]", entry)
    known = ("validator", "args", "stages", "effect", "name", "metadata")
    reject_unknown(item, known, where=where)
    stages = [_stage(word, where) for word in words(item["stages"], where=f"{where}.stages")]
    effect = Effect.parse(str(item.get("effect", "deny")))
    if effect is Effect.ALLOW:
        raise ValueError(f"{where}.effect: 'allow' would make this validator decide nothing")
    silence()
    validator = _make(str(item["validator"]), item.get("args") or {}, where)
    return GuardrailsGuard(
        validator,
        stages=stages,
        on_fail=effect,
        name=item.get("name"),
        metadata=item.get("metadata"),
    )


def _make(target: str, args: object, where: str) -> Validates:
    module, _, name = target.partition(":")
    if not isinstance(args, Mapping):
        raise ValueError(f"{where}.args: write a mapping of the validator's arguments")
    try:
        made: Any = getattr(import_module(module), name)(**cast("Mapping[str, Any]", args))
    except Exception as error:
        raise ValueError(
            f"{where}.validator: {target!r} cannot be made ({type(error).__name__}: {error}). "
            "Write 'package.module:Class' and install its package"
        ) from error
    if not callable(getattr(made, "validate", None)):
        raise ValueError(f"{where}.validator: {target!r} is not a Guardrails validator")
    return cast("Validates", made)


def _stage(word: str, where: str) -> Stage:
    try:
        return Stage(word)
    except ValueError:
        known = ", ".join(Stage)
        raise ValueError(f"{where}.stages: unknown stage {word!r}; use {known}") from None

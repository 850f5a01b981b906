"""One Guardrails validator, asked directly.

Not through Guardrails' `Guard`: that costs a hundred times as much, keeps the raw
text, and lets some failures pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from guarded_agent.core.effect import Effect
from guarded_agent.guards.guardrails.actions import PASSED, Opinion, fixed, follow, spans_of
from guarded_agent.guards.normalise import normalise


class Single:
    """What one validator thinks of a text.

    Args:
        validator: A Guardrails `Validator`.
        metadata: What it asks to be given with each text.
        effect: What follows when a text fails; by default the validator's own action says so.
        plain: Whether it also sees the plain form of a text that looks different.

    Raises:
        ValueError: It needs metadata that is not given, or would send texts away.
    """

    def __init__(
        self, validator: Any, metadata: Mapping[str, Any], effect: Effect | None, *, plain: bool
    ) -> None:
        check_validator(validator, metadata)
        self._validator = validator
        self._metadata = metadata
        self._effect = effect
        self._plain = plain
        self.name = type(validator).__name__

    def judge(self, text: str) -> Opinion:
        """Return what the validator thinks of `text`, and of its plain form if it has another."""
        opinion = self._judge(text)
        if opinion.failed or not self._plain:
            return opinion
        plain, offsets = normalise(text)
        if plain == text:
            return opinion
        again = self._judge(plain)
        if not again.failed:
            return opinion
        return replace(again, spans=tuple(offsets.span(*span) for span in again.spans))

    def _judge(self, text: str) -> Opinion:
        result = self._ask(text)
        if has_passed(result):
            return _overridden(result, text)
        if self._effect is Effect.REDACT:
            return fixed(text, result, spans_of(result, text), self._passes)
        if self._effect is not None:
            return Opinion(self._effect, True, spans_of(result, text))
        action = getattr(self._validator, "on_fail_descriptor", "exception")
        custom = getattr(self._validator, "on_fail_method", None)
        return follow(getattr(action, "value", action), text, result, custom, self._passes)

    def _passes(self, text: str) -> bool:
        return has_passed(self._ask(text))

    def _ask(self, text: str) -> Any:
        return self._validator.validate(text, dict(self._metadata))


def check_validator(validator: Any, metadata: Mapping[str, Any]) -> None:
    """Refuse a validator that cannot work here.

    Raises:
        ValueError: It needs metadata that is not given, or would send texts away.
    """
    name = type(validator).__name__
    needed = getattr(validator, "required_metadata_keys", None) or ()
    missing = sorted(str(key) for key in needed if key not in metadata)
    if missing:
        raise ValueError(f"{name} needs metadata: {', '.join(missing)}")
    if getattr(validator, "use_local", True) is False and _has_remote(validator):
        raise ValueError(f"{name} sends texts to a server; make it with use_local=True")


def _has_remote(validator: Any) -> bool:
    from guardrails.validator_base import Validator

    name = "_inference_remote"  # private, kept by the bound on guardrails-ai
    kind = cast("Any", type(validator))
    return getattr(kind, name, None) not in (None, getattr(Validator, name, None))


def has_passed(result: Any) -> bool:
    """Say whether a validation result says so.

    Raises:
        TypeError: It is no validation result.
    """
    if inspect.iscoroutine(result):
        result.close()
    outcome = getattr(result, "outcome", None)
    word = getattr(outcome, "value", outcome)
    if word not in ("pass", "fail"):
        raise TypeError(f"a validator returned {type(result).__name__}, not a validation result")
    return bool(word == "pass")


def _overridden(result: Any, text: str) -> Opinion:
    """A validator may pass a text and still put another in its place."""
    kind = cast("Any", type(result))
    sentinel = getattr(kind, "ValueOverrideSentinel", None)
    new = getattr(result, "value_override", sentinel)
    if new is sentinel or new == text:
        return PASSED
    if not isinstance(new, str):
        raise TypeError(f"a validator replaced a text by {type(new).__name__}")
    return Opinion(Effect.REDACT, False, text=new)

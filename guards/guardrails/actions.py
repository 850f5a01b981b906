"""What Guardrails' on-fail actions mean here.

Guardrails' own `Guard` lets some failures pass: `reask` without a model gives
back `validation_passed=True`, and `noop` leaves the decision to whoever asked. Here
a failure never passes on as if nothing had happened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from guarded_agent.core.effect import Effect

WITHHELD = "[withheld by a validator]"
"""What stands for a text that a validator refused and could not fix."""

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a validator or a Guardrails `Guard` thinks of one text.

    Attributes:
        effect: What is to follow.
        failed: Whether it did not pass.
        spans: Where it failed, in the text; empty if the whole text did.
        text: What stands in its place, with `Effect.REDACT`; None if there is no fix.
    """

    effect: Effect
    failed: bool = False
    spans: Spans = ()
    text: str | None = None


PASSED = Opinion(Effect.ALLOW)

Passes = Callable[[str], bool]
"""Says whether a text passes."""


def follow(action: str, text: str, result: Any, custom: Any, passes: Passes) -> Opinion:
    """Return what follows when `text` failed.

    Args:
        action: The validator's on-fail action.
        text: What it saw.
        result: Its `FailResult`.
        custom: The validator's own function, for the action `custom`.
        passes: Whether a text passes the validator.

    Raises:
        TypeError: The action is unknown, or `custom` is no function.
    """
    spans = spans_of(result, text)
    match action:
        case "exception" | "refrain" | "reask" | "noop":
            return Opinion(Effect.DENY, True, spans)
        case "filter":
            return Opinion(Effect.REDACT, True, spans)
        case "fix":
            return fixed(text, result, spans, passes)
        case "fix_reask":
            done = fixed(text, result, spans, passes)
            return Opinion(Effect.DENY, True, spans) if done.text is None else done
        case "custom":
            return _custom(text, result, spans, custom)
        case _:
            raise TypeError(f"unknown on-fail action {action!r}")


def fixed(text: str, result: Any, spans: Spans, passes: Passes) -> Opinion:
    """Return the validator's own fix, if there is one and the validator lets it pass."""
    fix = getattr(result, "fix_value", None)
    usable = isinstance(fix, str) and fix != text and passes(fix)
    return Opinion(Effect.REDACT, True, spans, fix if usable else None)


def _custom(text: str, result: Any, spans: Spans, custom: Any) -> Opinion:
    if not callable(custom):
        raise TypeError("the on-fail action is 'custom' without a function")
    said: Any = custom(text, result)
    if isinstance(said, str) and said != text:  # the developer's own words: not judged again
        return Opinion(Effect.REDACT, True, spans, said)
    if type(said).__name__ == "Filter" and type(said).__module__.startswith("guardrails."):
        return Opinion(Effect.REDACT, True, spans)
    return Opinion(Effect.DENY, True, spans)


def spans_of(result: Any, text: str) -> Spans:
    """Return the error spans of `result` that lie in `text`."""
    found: list[tuple[int, int]] = []
    for span in getattr(result, "error_spans", None) or ():
        start, end = getattr(span, "start", None), getattr(span, "end", None)
        if isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= len(text):
            found.append((start, end))
    return tuple(found)

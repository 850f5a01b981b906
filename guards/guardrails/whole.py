"""A whole Guardrails `Guard`, asked about texts that are already there.

It is never asked to call a model: what it would ask again is refused. Guardrails
keeps the texts of its last calls; they are taken out of memory after each call.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, cast

from guarded_agent.core.effect import Effect
from guarded_agent.guards.guardrails.actions import PASSED, Opinion, Spans, spans_of
from guarded_agent.guards.guardrails.quiet import forget, no_loop_left
from guarded_agent.guards.guardrails.single import check_validator, has_passed


class Whole:
    """What a Guardrails `Guard` thinks of a text.

    Args:
        guard: A `guardrails.Guard`. A lock keeps calls apart: it is not safe to share.
        metadata: What its validators ask to be given with each text.
        effect: What follows when a text fails; by default its validators' actions say so.

    Raises:
        ValueError: It calls a model or a server, checks nothing, or lacks metadata.
    """

    def __init__(self, guard: Any, metadata: Mapping[str, Any], effect: Effect | None) -> None:
        _check_guard(guard, metadata)
        self._guard = guard
        self._metadata = metadata
        self._effect = effect
        self._one_at_a_time = threading.Lock()
        self.name = "Guard"

    def judge(self, text: str) -> Opinion:
        """Return what the `Guard` thinks of `text`. Runs in a thread without an event loop."""
        from guardrails.errors import ValidationError

        with self._one_at_a_time, no_loop_left():
            try:
                opinion = self._read(self._ask(text), text)
                if opinion.text is not None and self._read(self._ask(opinion.text), "").failed:
                    return replace(opinion, text=None)  # its own fix does not pass
            except ValidationError:  # the action `exception`; its words repeat the text
                return Opinion(self._effect or Effect.DENY, True)
            finally:
                forget(self._guard)
        return opinion

    def _ask(self, text: str) -> Any:
        return self._guard.validate(text, metadata=dict(self._metadata), num_reasks=0)

    def _read(self, outcome: Any, text: str) -> Opinion:
        passed = getattr(outcome, "validation_passed", None)
        if not isinstance(passed, bool):
            raise TypeError(f"a Guardrails Guard returned {type(outcome).__name__}, not an outcome")
        failures = list(outcome.validation_summaries or ())
        new = _as_text(outcome.validated_output, text)
        spans = _spans(failures, text)
        asks_again = outcome.reask is not None
        if passed and not failures and not asks_again and not outcome.error:
            return PASSED if new == text else Opinion(Effect.REDACT, False, text=new)
        fix = new if passed and not asks_again and new != text else None
        if self._effect is not None:
            return Opinion(self._effect, True, spans, fix)
        if not passed or asks_again or outcome.error or new is None:
            return Opinion(Effect.DENY, True, spans)
        return Opinion(Effect.REDACT, True, spans, fix)  # it passed in spite of a failure


def is_whole(validator: object) -> bool:
    """Say whether this is a Guardrails `Guard`, and not a single validator."""
    from guardrails import Guard

    return isinstance(validator, Guard)


def _check_guard(guard: Any, metadata: Mapping[str, Any]) -> None:
    from guardrails import AsyncGuard

    if isinstance(guard, AsyncGuard):
        raise ValueError("an AsyncGuard cannot be used here; make it a guardrails.Guard")
    # Private names, kept by the bound on guardrails-ai: nothing public tells what a Guard does.
    if guard._use_server:
        raise ValueError(
            "this Guardrails Guard sends texts to a server; make it with use_server=False"
        )
    options = guard._exec_opts
    if options.messages or options.reask_messages or guard._output_formatter is not None:
        raise ValueError(
            "this Guardrails Guard calls a model (messages, reask_messages or a formatter)"
        )
    guard._fill_validator_map()
    on_output = list(_on_output(guard))
    elsewhere = [key for key in guard._validator_map if not str(key).startswith("$")]
    if elsewhere and guard._validator_map[elsewhere[0]]:
        raise ValueError(
            f"this Guardrails Guard has validators on {elsewhere[0]!r}; use on='output'"
        )
    if not on_output and _schema(guard) == {"type": "string"}:
        raise ValueError("this Guardrails Guard checks nothing: it has no validator and no schema")
    for validator in on_output:
        check_validator(validator, metadata)
        action = validator.on_fail_descriptor
        if getattr(action, "value", action) == "reask":
            raise ValueError(
                f"{type(validator).__name__} asks a model again (on_fail='reask'), which a guard "
                "cannot do; use 'exception', 'fix' or 'fix_reask'"
            )
        _make_strict(validator)


def _make_strict(validator: Any) -> None:
    """Let a validator that returns nothing break; Guardrails takes that for a pass."""
    original = validator.validate
    if getattr(original, "is_strict", False):
        return

    @wraps(original)
    def validate(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        has_passed(result)
        return result

    cast("Any", validate).is_strict = True
    validator.validate = validate


def _schema(guard: Any) -> Any:
    return guard.output_schema.model_dump(exclude_none=True, by_alias=True)


def _on_output(guard: Any) -> Iterator[Any]:
    for key, validators in cast("dict[str, list[Any]]", guard._validator_map).items():
        if str(key).startswith("$"):
            yield from validators


def _as_text(output: Any, text: str) -> str | None:
    """Return validated output as the text that it stands for; JSON stays JSON."""
    if output is None or isinstance(output, str):
        return output
    try:
        if json.loads(text) == output:
            return text
    except ValueError:
        pass
    return json.dumps(output, ensure_ascii=False)


def _spans(failures: list[Any], text: str) -> Spans:
    # Spans of a field inside of JSON are not those of the text.
    return tuple(
        span
        for failure in failures
        if getattr(failure, "property_path", None) == "$"
        for span in spans_of(failure, text)
    )

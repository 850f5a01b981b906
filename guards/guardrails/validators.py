"""Our detectors as validators of Guardrails AI, for those who use its `Guard`.

They are registered as `guarded_agent/pii`, `guarded_agent/secrets` and
`guarded_agent/coercion` when this module is imported, which also switches off the
usage data that Guardrails sends to its maker. Their messages never repeat a value.
"""

# Guardrails' own types are partly unknown.
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeArgument=false
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guarded_agent.core.context import Context, Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.ports import Guard
from guarded_agent.core.verdict import Verdict
from guarded_agent.guards.coercion import CoercionGuard
from guarded_agent.guards.guardrails.quiet import silence
from guarded_agent.guards.options import construct
from guarded_agent.guards.pii import PiiGuard
from guarded_agent.guards.secrets import SecretsGuard

silence()  # before Guardrails' own code runs: it reports from the first validator on

from guardrails.validator_base import (  # noqa: E402
    ErrorSpan,
    FailResult,
    PassResult,
    ValidationResult,
    Validator,
    register_validator,
)

__all__ = ["Coercion", "Pii", "Secrets"]

OnFail = str | Callable[..., Any] | None
"""A Guardrails on-fail action, or a function of the value and the `FailResult`."""

_AROUND = Context(agent_id="guardrails", thread_id="")


class _Ours(Validator):  # type: ignore[misc] # no stubs: mypy takes it for Any
    """What the three have in common: a guard of ours judges, its verdict becomes a result."""

    _guard: Guard
    _words: str

    def __init__(self, on_fail: OnFail, **options: Any) -> None:
        action: Any = on_fail  # Guardrails takes words too, which its types do not say
        super().__init__(action, **options)

    def _judge(self, value: Any) -> Verdict:
        return self._guard.check(Subject(Stage.FINAL_OUTPUT, value, _AROUND))

    def _validate(self, value: Any, metadata: dict[str, Any]) -> ValidationResult:  # noqa: ARG002 - Guardrails gives it
        verdict = self._judge(value)
        if verdict.effect is Effect.ALLOW:
            return PassResult()
        kinds = ", ".join(sorted({finding.category for finding in verdict.findings}))
        spans = [
            ErrorSpan(start=finding.span[0], end=finding.span[1], reason=finding.message)
            for finding in verdict.findings
            if finding.span is not None and isinstance(value, str)
        ]
        return FailResult(
            error_message=f"{self._words} was found ({kinds})",
            fix_value=verdict.payload,
            error_spans=spans or None,
        )


@register_validator(name="guarded_agent/pii", data_type="all")
class Pii(_Ours):
    """Fails on personal data that has a recognisable form; the fix has it redacted.

    Args:
        on_fail: What Guardrails does then.
        options: Those of `PiiGuard` that hold for output: `entities`, `regions`,
            `final_output`, `keep_domains`, `keep`, `style`, `unscannable`.

    Raises:
        ValueError: An option does not exist or has a wrong value.

    Example:
        >>> result = Pii(keep_domains=["acme.com"]).validate("mail bo@example.com", {})
        >>> result.fix_value, (result.error_spans[0].start, result.error_spans[0].end)
        ('mail [EMAIL]', (5, 19))
    """

    def __init__(self, on_fail: OnFail = None, **options: Any) -> None:
        super().__init__(on_fail, **options)
        self._words = "personal data"
        self._guard = construct(PiiGuard, options, where="guarded_agent/pii")


@register_validator(name="guarded_agent/secrets", data_type="all")
class Secrets(_Ours):
    """Fails on a credential of a known format; the fix has it redacted.

    Args:
        on_fail: What Guardrails does then.
        options: Those of `SecretsGuard`, such as `allow`.

    Raises:
        ValueError: An option does not exist or has a wrong value.

    Example:
        >>> Secrets().validate("git clone https://ann:hunter2@x.example/a", {}).fix_value
        'git clone https://ann:[SECRET:password]@x.example/a'
    """

    def __init__(self, on_fail: OnFail = None, **options: Any) -> None:
        super().__init__(on_fail, **options)
        self._words = "a credential"
        self._guard = construct(SecretsGuard, options, where="guarded_agent/secrets")


@register_validator(name="guarded_agent/coercion", data_type="all")
class Coercion(_Ours):
    """Fails on a text that threatens, blackmails or manipulates, as if it were to be sent.

    It judges the words alone: what stands around a call, only the reference monitor
    knows. There is no fix.

    Args:
        on_fail: What Guardrails does then.

    Example:
        >>> Coercion().validate("Lunch is at noon, as always.", {}).outcome.value
        'pass'
    """

    def __init__(self, on_fail: OnFail = None) -> None:
        super().__init__(on_fail)
        self._words = "coercion"
        self._guard = CoercionGuard()

    def _judge(self, value: Any) -> Verdict:
        payload = {"body": value}
        return self._guard.check(Subject(Stage.ACTION, payload, _AROUND))

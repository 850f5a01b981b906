"""Findings and verdicts: what a guard saw and what it decided.

A verdict is immutable. `merge` folds the verdicts of several guards into one;
the effect follows `effect.combine`, every finding is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from guarded_agent.core.effect import Effect, combine


@dataclass(frozen=True, slots=True)
class Finding:
    """The evidence in a verdict. It never carries the sensitive value itself.

    Attributes:
        category: What was found, as a short word: `email`, `blackmail`, `scope`.
        message: The finding in words for a person.
        guard: The guard or policy that found it.
        score: Confidence from 0 to 1.
        rule: The policy rule that decided, where one did.
        path: Where in the payload: `args.body`, or empty for the whole.
        span: Start and end offset in the text at `path`.
    """

    category: str
    message: str
    guard: str = ""
    score: float = 1.0
    rule: str | None = None
    path: str = ""
    span: tuple[int, int] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return {
            "category": self.category,
            "message": self.message,
            "guard": self.guard,
            "score": round(self.score, 4),
            "rule": self.rule,
            "path": self.path,
            "span": None if self.span is None else list(self.span),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """Return the finding that `as_json` wrote."""
        span: list[int] | None = data["span"]
        return cls(
            category=data["category"],
            message=data["message"],
            guard=data["guard"],
            score=data["score"],
            rule=data["rule"],
            path=data["path"],
            span=None if span is None else (span[0], span[1]),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """An effect with its findings.

    Attributes:
        effect: What to do.
        findings: Why, most important first.
        payload: With `Effect.REDACT`, the payload to use instead, of the same shape.
        message: What the model may be told. It names no threshold and no condition.
    """

    effect: Effect
    findings: tuple[Finding, ...] = ()
    payload: Any = None
    message: str = ""
    quorum: int = 1
    roles: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain JSON data, without its payload."""
        return {
            "effect": str(self.effect),
            "findings": [finding.as_json() for finding in self.findings],
            "message": self.message,
            "quorum": self.quorum,
            "roles": list(self.roles),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Verdict:
        """Return the verdict that `as_json` wrote."""
        return cls(
            effect=Effect.parse(data["effect"]),
            findings=tuple(Finding.from_json(item) for item in data["findings"]),
            message=data["message"],
            quorum=data["quorum"],
            roles=tuple(data["roles"]),
        )


ALLOW = Verdict(Effect.ALLOW)
"""The verdict of a guard that has nothing to say."""


def merge(verdicts: Sequence[Verdict]) -> Verdict:
    """Fold verdicts into one: most severe effect, all findings, last payload.

    The payload of each redacting guard is the input of the next one, so the
    last payload carries every redaction. The highest quorum wins.

    Example:
        >>> str(merge([ALLOW, Verdict(Effect.DENY, message="no")]).effect)
        'deny'
    """
    effect = combine(verdict.effect for verdict in verdicts)
    decisive = [verdict for verdict in verdicts if verdict.effect == effect]
    payloads = [verdict.payload for verdict in verdicts if verdict.payload is not None]
    roles = {role for verdict in decisive for role in verdict.roles}
    ordered = sorted(verdicts, key=lambda verdict: -verdict.effect)
    return Verdict(
        effect=effect,
        findings=tuple(finding for verdict in ordered for finding in verdict.findings),
        payload=payloads[-1] if payloads else None,
        message=next((verdict.message for verdict in decisive if verdict.message), ""),
        quorum=max((verdict.quorum for verdict in decisive), default=1),
        roles=tuple(sorted(roles)),
    )

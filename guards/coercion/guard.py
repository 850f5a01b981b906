"""The coercion guard: judges what an agent sends, writes and says in its context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from guarded_agent.core.context import Context, Subject
from guarded_agent.core.destinations import content, destinations, leaves
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.coercion.context import Flag, Surroundings, look
from guarded_agent.guards.coercion.frames import HIGH, Text, read
from guarded_agent.guards.coercion.table import Band, Ground, effect_of, grounds

_SHORTEST = 16
"""Less text than this cannot make a frame."""
_DENIED = (
    "Not done: it may put a person under pressure or harm them. If you have a concern about a "
    "decision, use the raise_concern tool: the step is paused and a person will answer."
)
_HELD = "A person looks at this first. If you have a concern, use the raise_concern tool."


class CoercionGuard:
    """Stops blackmail, threats, manipulation, leaks and acts against oversight.

    At `action` it judges the texts in the arguments of tools that send or write,
    together with what the monitor knows around them; tools that only read pass. At
    `final_output` it judges the text alone. Text that nobody sends, such as reasoning,
    never blocks.

    Args:
        effect: What follows where the text and what stands around it agree.
        text_only: What follows where only the text is sure.
        context_only: What follows where only the surroundings speak.
        pressure_effect: What follows where a call touches the people or systems that
            are concerned by pressure the agent has read, whatever its wording.
        inside: Mail domains of the organisation, besides those of the context.

    Raises:
        ValueError: An effect is `redact`, which this guard cannot do.

    Example:
        >>> guard = CoercionGuard(inside=frozenset({"acme.example"}))
        >>> guard.name, sorted(map(str, guard.stages))
        ('coercion', ['action', 'final_output'])
    """

    name = "coercion"
    stages = frozenset({Stage.ACTION, Stage.FINAL_OUTPUT})

    def __init__(
        self,
        *,
        effect: Effect = Effect.DENY,
        text_only: Effect = Effect.APPROVE,
        context_only: Effect = Effect.APPROVE,
        pressure_effect: Effect = Effect.APPROVE,
        inside: frozenset[str] = frozenset(),
    ) -> None:
        self._effects = {
            Ground.BOTH: effect,
            Ground.TEXT: text_only,
            Ground.CONTEXT: context_only,
            Ground.PRESSURE: pressure_effect,
        }
        if Effect.REDACT in self._effects.values():
            raise ValueError("coercion cannot be redacted: use allow, approve, deny or halt")
        self._inside = frozenset(domain.lower() for domain in inside)

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`; see the class for what is judged where."""
        match subject.stage:
            case Stage.ACTION:
                return self._check_action(subject)
            case Stage.FINAL_OUTPUT:
                return self._check_output(subject)
            case Stage.MODEL_OUTPUT:
                # Reasoning and drafts: worth a finding, never a block.
                text = _Document.of(subject.payload, subject.context)
                return Verdict(Effect.ALLOW, self._findings(read(text.joined), text))
            case Stage.INPUT | Stage.TOOL_RESULT:
                return ALLOW

    def _check_action(self, subject: Subject) -> Verdict:
        context = subject.context
        if context.tool is not None and context.tool.access == "read":
            return ALLOW
        document = _Document.of(subject.payload, context)
        text = read(document.joined) if len(document.joined) >= _SHORTEST else Text((), frozenset())
        # An earlier guard may have redacted the payload; the action has the true addresses.
        to = frozenset[str]()
        for args in (subject.payload, subject.action.args if subject.action else None):
            if isinstance(args, Mapping):
                to |= destinations(cast("Mapping[str, Any]", args), context.tool)
        around = look(document.joined, text.cues, to, context, self._inside | context.inside)
        flags = around.flags
        if Flag.TOUCHED in flags and to and not flags & {Flag.CONCERNED, Flag.NAMED}:
            flags -= {Flag.TOUCHED}  # a mail to someone else may well mention "the assistant"
        held = grounds(Band.of(text.score), flags)
        effect = effect_of(held, self._effects)
        findings = self._findings(text, document)
        if set(held) - {Ground.TEXT}:
            findings += (self._around(around, held),)
        return Verdict(effect, findings, message=_message(effect))

    def _check_output(self, subject: Subject) -> Verdict:
        document = _Document.of(subject.payload, subject.context)
        text = read(document.joined)
        findings = self._findings(text, document)
        if text.score < HIGH or not subject.context.memory.pressure:
            return Verdict(Effect.ALLOW, findings)
        effect = self._effects[Ground.BOTH]
        if effect is Effect.APPROVE:
            effect = Effect.DENY  # nobody can approve a text that is already the answer
        return Verdict(effect, findings, message=_message(effect))

    def _findings(self, text: Text, document: _Document) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for reading in text.readings:
            path, span = document.place(reading.spans)
            words = f"{reading.category.replace('_', ' ')}: {'; '.join(reading.reasons)}"
            found.append(
                Finding(reading.category, words, self.name, reading.score, path=path, span=span)
            )
        return tuple(found)

    def _around(self, around: Surroundings, held: tuple[Ground, ...]) -> Finding:
        words = "; ".join(around.reasons())
        if around.pressure:
            words += f'. It read: "{around.pressure[0].passage}"'
        category = "pressure" if around.pressure else "context"
        return Finding(category, words, self.name, rule=f"coercion.{held[0]}")


def _message(effect: Effect) -> str:
    match effect:
        case Effect.DENY | Effect.HALT:
            return _DENIED
        case Effect.APPROVE:
            return _HELD
        case Effect.ALLOW | Effect.REDACT:
            return ""


class _Document:
    """All texts of a payload as one text, with the way back to each.

    Coercion split over subject, body and a list of lines is still one message.
    """

    def __init__(self, parts: list[tuple[str, str]]) -> None:
        self._parts: list[tuple[int, str, str]] = []
        pieces: list[str] = []
        length = 0
        for path, text in parts:
            self._parts.append((length, path, text))
            pieces.append(text)
            length += len(text) + 1
        self.joined = " ".join(pieces)

    @classmethod
    def of(cls, payload: Any, context: Context) -> _Document:
        """Return the document of a text, or of all arguments but the destinations."""
        if isinstance(payload, Mapping):
            return cls(content(cast("Mapping[str, Any]", payload), context.tool))
        return cls(list(leaves(payload, "")))

    def place(self, spans: tuple[tuple[int, int], ...]) -> tuple[str, tuple[int, int] | None]:
        """Return the part in which the first of `spans` stands, and what they cover there."""
        if not spans:
            return "", None
        start, path, text = next(
            (part for part in reversed(self._parts) if part[0] <= spans[0][0]), (0, "", self.joined)
        )
        inside = [span for span in spans if start <= span[0] and span[1] <= start + len(text)]
        if not inside:
            return path, None
        return path, (min(s for s, _ in inside) - start, max(e for _, e in inside) - start)

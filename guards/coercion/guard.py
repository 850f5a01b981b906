"""The coercion guard: judges what an agent sends, writes and says in its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from guarded_agent.core.context import Context, Subject
from guarded_agent.core.destinations import content, destinations, leaves
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.coercion.case import Case
from guarded_agent.guards.coercion.context import Flag, Surroundings, look
from guarded_agent.guards.coercion.reading import CATEGORIES, HIGH, HINT, Text, Thresholds
from guarded_agent.guards.coercion.table import Band, Effects, Ground, rows
from guarded_agent.guards.coercion.tier import read

if TYPE_CHECKING:
    from guarded_agent.guards.coercion.judge import Judge  # loads langchain_core

SHORTEST = 16
"""Less text than this cannot make a frame."""
_BORDER = 400
"""How much of earlier messages, in characters, is read together with how much of a new one."""

_DENIED = "Not done: it may put a person under pressure or harm them."
_HELD = "A person looks at this first."
_WAY_OUT = " If you have a concern, use {}: the step is paused and a person will answer."


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
        access: By `send` or `write`, which of these four differ there.
        categories: By category, which of them differ for it; before `access`.
        high: From which score on the text alone is sure.
        hint: From which score on it hints at coercion; less is not mentioned at all.
        inside: Mail domains of the organisation, besides those of the context.
        judge: Asks a chat model where wording and surroundings leave it open. With one,
            the guard is an `AsyncGuard`.

    Raises:
        ValueError: An effect is `redact`, which this guard cannot do, a name in `access` or
            `categories` is unknown, or the thresholds are not `0 < hint < high < 1`.

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
        access: Mapping[str, Mapping[str, Effect]] | None = None,
        categories: Mapping[str, Mapping[str, Effect]] | None = None,
        high: float = HIGH,
        hint: float = HINT,
        inside: frozenset[str] = frozenset(),
        judge: Judge | None = None,
    ) -> None:
        self.effects = Effects(
            {
                Ground.BOTH: effect,
                Ground.TEXT: text_only,
                Ground.CONTEXT: context_only,
                Ground.PRESSURE: pressure_effect,
            },
            rows(access or {}, ("send", "write"), where="access"),
            rows(categories or {}, CATEGORIES, where="categories"),
            Thresholds(hint=hint, high=high),
        )
        self._inside = frozenset(domain.lower() for domain in inside)
        self._judge = judge
        if judge is not None:  # without one there is nothing to wait for
            self.acheck = self._acheck

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`; see the class for what is judged where."""
        match subject.stage:
            case Stage.ACTION:
                case = self._weigh(subject)
                if case is None:
                    return ALLOW
                return (
                    case.verdict
                    if self._judge is None
                    else _told(self._judge.settle(case), subject.context)
                )
            case Stage.FINAL_OUTPUT:
                return self._check_output(subject)
            case Stage.MODEL_OUTPUT:
                # Reasoning and drafts: worth a finding, never a block.
                text = _Document.of(subject.payload, subject.context)
                return Verdict(Effect.ALLOW, self._findings(self._read(text.joined), text))
            case Stage.INPUT | Stage.TOOL_RESULT:
                return ALLOW

    async def _acheck(self, subject: Subject) -> Verdict:
        """Do what `check` does, without blocking the event loop on the judge."""
        if subject.stage is not Stage.ACTION or self._judge is None:
            return self.check(subject)
        case = self._weigh(subject)
        return ALLOW if case is None else _told(await self._judge.asettle(case), subject.context)

    def _weigh(self, subject: Subject) -> Case | None:
        """Judge a call by its text and what stands around it; None for one that only reads."""
        context = subject.context
        if context.tool is not None and context.tool.access == "read":
            return None
        document = _Document.of(subject.payload, context)
        # An earlier guard may have redacted the payload; the action has the true addresses.
        to = frozenset[str]()
        for args in (subject.payload, subject.action.args if subject.action else None):
            if isinstance(args, Mapping):
                to |= destinations(cast("Mapping[str, Any]", args), context.tool)
        text, whole = self._read_with_earlier(document, context, to)
        inside = self._inside | context.inside
        around = look(document.joined, whole.cues, to, context, inside, document.texts)
        flags = around.flags
        if Flag.TOUCHED in flags and to and not flags & {Flag.CONCERNED, Flag.NAMED}:
            flags -= {Flag.TOUCHED}  # a mail to someone else may well mention "the assistant"
        access = context.tool.access if context.tool is not None else "send"
        effect, held = self.effects.decide(whole.readings, flags, access)
        findings = self._findings(text, document)
        limits = self.effects.thresholds
        alone = Band.of(whole.score, limits) == Band.of(text.score, limits)
        if not alone:
            findings += (self._in_parts(whole),)
        if set(held) - {Ground.TEXT}:
            findings += (self._around(around, held),)
        verdict = Verdict(effect, findings, message=_message(effect, context))
        return Case(
            subject,
            verdict,
            held,
            whole.readings,
            alone,
            around,
            flags,
            access,
            self.effects,
        )

    def _check_output(self, subject: Subject) -> Verdict:
        document = _Document.of(subject.payload, subject.context)
        text = self._read(document.joined)
        findings = self._findings(text, document)
        if text.score < self.effects.thresholds.high or not subject.context.memory.pressure:
            return Verdict(Effect.ALLOW, findings)
        effect = self.effects.of(Ground.BOTH, text.readings[0].category, "send")
        if effect is Effect.APPROVE:
            effect = Effect.DENY  # nobody can approve a text that is already the answer
        return Verdict(effect, findings, message=_message(effect, subject.context))

    def _read(self, text: str) -> Text:
        return read(text, self.effects.thresholds.hint)

    def _read_with_earlier(
        self, document: _Document, context: Context, to: frozenset[str]
    ) -> tuple[Text, Text]:
        """Return what a message shows, and what it shows behind earlier ones to the same people."""
        enough = len(document.joined) >= SHORTEST
        text = self._read(document.joined) if enough else Text((), frozenset())
        said = [one.text for one in context.memory.said if one.to & to]
        if not said or not document.joined:
            return text, text
        # Both sides of the border are enough: each side alone was or is judged by itself.
        earlier = "\n".join(said)[-_BORDER:]
        whole = self._read(f"{earlier}\n{document.joined[:_BORDER]}")
        if whole.score <= text.score or whole.score <= self._read(earlier).score:
            return text, text
        return text, whole

    def _findings(self, text: Text, document: _Document) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for reading in text.readings:
            path, span = document.place(reading.spans)
            words = f"{reading.category.replace('_', ' ')}: {'; '.join(reading.reasons)}"
            found.append(
                Finding(reading.category, words, self.name, reading.score, path=path, span=span)
            )
        return tuple(found)

    def _in_parts(self, whole: Text) -> Finding:
        reading = whole.readings[0]
        words = (
            f"{reading.category.replace('_', ' ')}, read together with what was sent to the same "
            f"recipient before: {'; '.join(reading.reasons)}"
        )
        return Finding(reading.category, words, self.name, reading.score, rule="coercion.parts")

    def _around(self, around: Surroundings, held: tuple[Ground, ...]) -> Finding:
        words = "; ".join(around.reasons())
        if around.pressure:
            words += f'. It read: "{around.pressure[0].passage}"'
        category = "pressure" if around.pressure else "context"
        return Finding(category, words, self.name, rule=f"coercion.{held[0]}")


def _told(verdict: Verdict, context: Context) -> Verdict:
    return replace(verdict, message=_message(verdict.effect, context))


def _message(effect: Effect, context: Context) -> str:
    """Return what the agent is told; only an agent that has a way out is told of it."""
    way_out = _WAY_OUT.format(context.way_out) if context.way_out else ""
    match effect:
        case Effect.DENY | Effect.HALT:
            return _DENIED + way_out
        case Effect.APPROVE:
            return _HELD + way_out
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
        self.texts = tuple(pieces)
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

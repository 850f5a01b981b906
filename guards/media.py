"""The media guard: images, sound, video and files pass only where a policy lets them.

No other guard can look into them: what they show or say is never read here. What is
text about them (a name, a caption, an address) is left to the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage, combine
from guarded_agent.core.ports import AsyncGuard, Guard
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.blocks import KINDS, media_of
from guarded_agent.guards.options import one_of
from guarded_agent.guards.shapes import shape_of
from guarded_agent.guards.text import MAX_DEPTH, MAX_NODES, Unscannable, root, withhold

CHOICES = ("allow", "input", "approve", "deny")
"""Where a kind may pass: everywhere, in what a person says only, as an argument if a person
approves, nowhere."""

_ARTICLE = {"image": "an image", "audio": "a recording", "video": "a video", "file": "a file"}


class MediaGuard:
    """Lets images, recordings, videos and files pass where a policy says so.

    By default a person may show them to the agent, as people do. From tools, from the
    model and in the arguments of calls they are withheld: nobody has looked into them.

    Args:
        image: `allow`, `input` (from a person only), `approve` (in the arguments of a call
            a person is asked; from a person they pass), or `deny`.
        audio: Likewise.
        video: Likewise.
        file: Likewise, for files of any kind whose content stands in a message.
        unknown: `deny` or `approve`: what follows when the arguments of a call are too deep or
            too large to be looked through, or hold bytes that are no text or an unknown kind
            of object. It holds for all guards that a policy builds. Elsewhere such data is
            withheld whatever this says.

    Raises:
        ValueError: An option has a value that does not exist.

    Example:
        >>> from guarded_agent.core import Context, Stage, Subject
        >>> shot = [{"type": "image", "base64": "iVBORw0KGgo="}, {"type": "text", "text": "hi"}]
        >>> guard = MediaGuard()
        >>> guard.check(Subject(Stage.INPUT, shot, Context("a", "t"))).effect.name
        'ALLOW'
        >>> guard.check(Subject(Stage.TOOL_RESULT, shot, Context("a", "t"))).payload[1]
        {'type': 'text', 'text': 'hi'}
    """

    name = "media"
    stages = frozenset(Stage)

    def __init__(
        self,
        *,
        image: str = "input",
        audio: str = "input",
        video: str = "input",
        file: str = "input",
        unknown: str = "deny",
    ) -> None:
        chosen = dict(zip(KINDS, (image, audio, video, file), strict=True))
        self._choices = {
            kind: one_of(word, CHOICES, where=f"guards.media.{kind}")
            for kind, word in chosen.items()
        }
        self._unknown = one_of(unknown, ("approve", "deny"), where="guards.media.unknown")

    def check(self, subject: Subject) -> Verdict:
        """Judge the media in `subject`; what may not pass is replaced by a notice."""
        search = _Search(subject.stage, self._choices)
        try:
            payload = search.look(subject.payload, root(subject.stage), 0)
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not search.findings:
            return ALLOW
        effect = combine(search.effects)
        if effect is Effect.REDACT:
            return Verdict(effect, tuple(search.findings), payload=payload)
        kinds = sorted({finding.message.split(", ")[0] for finding in search.findings})
        message = f"The arguments hold what nobody can look into ({', '.join(kinds)})."
        return Verdict(effect, tuple(search.findings), message=message)

    def share(self, guard: Guard) -> None:
        """Let `guard` follow `unknown` too where it finds arguments that it cannot look through."""
        if self._unknown == "deny":
            return
        # Guards are many and say the same in this one case: see `text.withhold`.
        each = cast("Any", guard)
        check = each.check

        def judged(subject: Subject) -> Verdict:
            return _asked(check(subject))

        each.check = judged
        if isinstance(guard, AsyncGuard):
            acheck = each.acheck

            async def asked(subject: Subject) -> Verdict:
                return _asked(await acheck(subject))

            each.acheck = asked


def _asked(verdict: Verdict) -> Verdict:
    unseen = [finding for finding in verdict.findings if finding.category == "unscannable"]
    if verdict.effect is not Effect.DENY or len(unseen) != len(verdict.findings) or not unseen:
        return verdict
    return replace(verdict, effect=Effect.APPROVE)


class _Search:
    """Looks for media in a payload and puts notices in place of what may not pass."""

    def __init__(self, stage: Stage, choices: Mapping[str, str]) -> None:
        self.findings: list[Finding] = []
        self.effects: list[Effect] = []
        self._stage = stage
        self._choices = choices
        self._nodes = 0

    def look(self, node: Any, path: str, depth: int) -> Any:
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise Unscannable(f"the data is nested deeper than {MAX_DEPTH} levels, or too large")
        if node is None or isinstance(node, (str, bool, int, float)):
            return node
        media = media_of(node)
        if media:
            return self._found(media, node, path)
        shape = shape_of(node)
        if shape is None:
            return node
        listed = isinstance(shape.steps, range)
        parts = [
            self.look(part, f"{path}[{step}]" if listed else _below(path, step), depth + 1)
            for step, part in zip(shape.steps, shape.parts, strict=True)
        ]
        if all(new is old for new, old in zip(parts, shape.parts, strict=True)):
            return node
        return shape.build(parts)

    def _found(self, media: str, node: Any, path: str) -> Any:
        effect = self._effect(self._choices[media])
        if effect is Effect.ALLOW:
            return node
        what = _ARTICLE[media]
        self.findings.append(
            Finding("media", f"{what}, which no guard can look into", "media", path=path)
        )
        self.effects.append(effect)
        return {"type": "text", "text": f"[{what} was withheld: no guard can look into it]"}

    def _effect(self, choice: str) -> Effect:
        passes = choice == "allow" or (choice != "deny" and self._stage is Stage.INPUT)
        if passes:
            return Effect.ALLOW
        if self._stage is not Stage.ACTION:
            return Effect.REDACT
        return Effect.APPROVE if choice == "approve" else Effect.DENY


def _below(path: str, step: object) -> str:
    # Names may be personal; only plain ones stand in findings.
    name = step if isinstance(step, str) and step.isidentifier() else "?"
    name = name if sum(char.isdigit() for char in name) < 7 else "?"
    return f"{path}.{name}" if path else name

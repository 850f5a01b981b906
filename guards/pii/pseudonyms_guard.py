"""The guard that gives pseudonyms.

What is found is the PII guard's own business: this one asks it, and writes pseudonyms
where that would write `[EMAIL]`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

from guarded_agent.core.context import Subject
from guarded_agent.core.effect import Effect, Stage
from guarded_agent.core.verdict import ALLOW, Finding, Verdict
from guarded_agent.guards.later import scrub_late
from guarded_agent.guards.pii.entities import KINDS
from guarded_agent.guards.pii.guard import PiiGuard
from guarded_agent.guards.pii.pseudonyms import Pseudonyms
from guarded_agent.guards.scrub import Find, Spot
from guarded_agent.guards.text import Unscannable, root, withhold

_MOST_FINDINGS = 100
_WORDS = {kind.category: kind.words for kind in KINDS.values()}


class PseudonymGuard:
    """Replaces personal data by pseudonyms, which `Pseudonyms` can take back.

    At the stage `action` it does not judge: there the monitor has the arguments opened
    first, so that all guards see what the tool will get.

    Args:
        finder: Finds the data: it redacts at the stages that are meant, and at no other.
        pseudonyms: Gives the pseudonyms.
        spared: Tools and stages that are left to the other guards.
    """

    name = "pii"
    chooses_late = True

    def __init__(
        self,
        finder: PiiGuard,
        pseudonyms: Pseudonyms,
        spared: frozenset[tuple[str, Stage]] = frozenset(),
    ) -> None:
        self._pseudonyms = pseudonyms
        self._spared = spared
        self._finds: dict[Stage, Find] = {}
        for stage in finder.stages:
            find = finder.find_at(stage)
            if find is not None:
                self._finds[stage] = pseudonyms.naming(find, foreign=stage is not Stage.ACTION)
        pseudonyms.look_at_arguments(
            self._finds.get(Stage.ACTION),
            frozenset(tool for tool, stage in spared if stage is Stage.ACTION),
        )

    @property
    def stages(self) -> frozenset[Stage]:
        """The stages at which it judges."""
        return frozenset(self._finds) - {Stage.ACTION}

    def find_at(self, stage: Stage) -> Find | None:
        """Return what finds the data to replace at `stage`, or None if nothing is replaced."""
        return self._finds.get(stage)

    def check(self, subject: Subject) -> Verdict:
        """Return a verdict that carries the payload with pseudonyms in it."""
        find = self._finds.get(subject.stage)
        tool = subject.context.tool
        if find is None or (tool is not None and (tool.name, subject.stage) in self._spared):
            return ALLOW
        try:
            with self._pseudonyms.at(
                subject.context.thread_id, strict=self._comes_from_outside(subject.stage)
            ):
                done = scrub_late(subject.payload, find, root(subject.stage))
        except Unscannable as error:
            return withhold(error, stage=subject.stage, payload=subject.payload, guard=self.name)
        if not done.spots:
            return ALLOW
        return Verdict(Effect.REDACT, _findings(done.spots, self.name), payload=done.value)

    async def acheck(self, subject: Subject) -> Verdict:
        """Do what `check` does without blocking the event loop: the store may have to wait."""
        return await asyncio.to_thread(self.check, subject)

    def _comes_from_outside(self, stage: Stage) -> bool:
        """Return whether nobody here can have written a pseudonym in the text on purpose.

        A person who is shown pseudonyms may use them; who is shown values has none to use.
        """
        if stage is Stage.INPUT:
            return self._pseudonyms.restores and not self._pseudonyms.inside_a_run()
        return stage is Stage.TOOL_RESULT


def _findings(spots: Sequence[Spot], guard: str) -> tuple[Finding, ...]:
    found = [
        Finding(
            spot.category,
            f"{_words(spot.category)} got a pseudonym"
            if spot.category in _WORDS
            else "a pseudonym that stands for nothing here was taken out",
            guard=guard,
            score=spot.score,
            path=spot.path,
            span=spot.span,
        )
        for spot in spots[:_MOST_FINDINGS]
    ]
    rest = Counter(spot.category for spot in spots[_MOST_FINDINGS:])
    found += [
        Finding(category, f"{_words(category)} was found {count} more times", guard)
        for category, count in sorted(rest.items())
    ]
    return tuple(found)


def _words(category: str) -> str:
    return _WORDS.get(category, "a pseudonym")

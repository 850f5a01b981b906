"""Why a text has the score that it has, and what follows where: for a person who asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guarded_agent.core.context import Context
from guarded_agent.core.effect import Effect
from guarded_agent.guards.coercion import frames, linear
from guarded_agent.guards.coercion.calibrate import judge
from guarded_agent.guards.coercion.context import WORDS, Flag, look
from guarded_agent.guards.coercion.cues import CUES
from guarded_agent.guards.coercion.features import counts
from guarded_agent.guards.coercion.reading import HIGH, Text
from guarded_agent.guards.coercion.table import TABLE, Band, Effects, Ground
from guarded_agent.guards.coercion.weights import Runs, Words

BANDS: Mapping[Band, str] = {
    Band.NONE: "less than a hint",
    Band.HINT: "a hint",
    Band.HIGH: "sure",
}
"""What a person calls a band."""

_IN_TEXT = frozenset({Flag.PERSONAL, Flag.INTIMATE, Flag.ASKS, Flag.HOLDS_OFF, Flag.OWN_STAKE})
"""Facts that the text itself shows, whatever stands around it."""
_PRESSED = frozenset(
    {
        Flag.CONCERNED,
        Flag.NAMED,
        Flag.TOUCHED,
        Flag.ENDING,
        Flag.PASSES_ON,
        Flag.SPOKEN_OF,
        Flag.TOLD,
    }
)
"""Facts that hold only where there is pressure."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A cue that stands in a text.

    Attributes:
        name: Its name.
        words: What a text that shows it does.
        spans: Where it stands in the original text.
    """

    name: str
    words: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """What the linear model makes of a text, in the view and the stretch that weigh most.

    Attributes:
        margin: How far it lies on the side of coercion.
        base: What every text begins with, less what a part of a longer text loses.
        words: What words and pairs of words add.
        runs: What runs of letters add.
        frame: The score of the surest cue frame if one is sure, which the score takes in; else 0.
        score: The score.
        heaviest: Words and what each adds, the most telling first, for and against.
    """

    margin: float
    base: float
    words: float
    runs: float
    frame: float
    score: float
    heaviest: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Follows:
    """What follows where some facts hold around a text, at least: more facts never make it less.

    Attributes:
        facts: The facts, besides those that the text itself shows.
        send: What happens to a call of a tool that sends.
        write: What happens to a call of a tool that writes.
        grounds: On what ground a call that sends is held.
    """

    facts: frozenset[Flag]
    send: Effect
    write: Effect
    grounds: tuple[Ground, ...]

    def reasons(self) -> str:
        """Return the facts in words, pressure first: the others speak of it."""
        told = ["under pressure"] if Flag.PRESSURE in self.facts else []
        told += [WORDS[flag] for flag in Flag if flag in self.facts - {Flag.PRESSURE}]
        return ", ".join(told) or "nothing is known"


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that there is to say of a text.

    Attributes:
        read: The readings, those below a hint too, and the names of the cues.
        band: How sure the text alone is.
        effects: The effects and thresholds that were asked.
        cues: The cues.
        wording: What the linear model makes of it.
        shows: The facts of the table that the text itself shows.
        follows: What follows, in each case of the table in which that is more than in a lesser one.
        answer: What happens to it as a final answer where the thread has pressure.
    """

    read: Text
    band: Band
    effects: Effects
    cues: tuple[Shown, ...]
    wording: Wording
    shows: frozenset[Flag]
    follows: tuple[Follows, ...]
    answer: Effect

    def as_json(self, text: str) -> dict[str, Any]:
        """Return plain data for a script; `text` is what was explained."""
        limits = self.effects.thresholds
        return {
            "text": text,
            "score": self.read.score,
            "band": self.band.name.lower(),
            "thresholds": {"hint": limits.hint, "high": limits.high},
            "readings": [
                {
                    "category": one.category,
                    "score": one.score,
                    "band": Band.of(one.score, limits).name.lower(),
                    "reasons": list(one.reasons),
                    "spans": [list(span) for span in one.spans],
                }
                for one in self.read.readings
            ],
            "cues": [
                {"name": one.name, "words": one.words, "spans": [list(span) for span in one.spans]}
                for one in self.cues
            ],
            "model": {
                "margin": round(self.wording.margin, 3),
                "base": round(self.wording.base, 3),
                "words": round(self.wording.words, 3),
                "runs": round(self.wording.runs, 3),
                "frame": self.wording.frame,
                "score": round(self.wording.score, 3),
                "heaviest": [
                    {"words": words, "weight": round(weight, 3)}
                    for words, weight in self.wording.heaviest
                ],
            },
            "shows": sorted(str(flag) for flag in self.shows),
            "follows": [
                {
                    "facts": sorted(str(flag) for flag in one.facts),
                    "send": str(one.send),
                    "write": str(one.write),
                    "grounds": [str(ground) for ground in one.grounds],
                }
                for one in self.follows
            ],
            "final_output_under_pressure": str(self.answer),
        }


def explain(text: str, effects: Effects) -> Explanation:
    """Return why `text` has its score, and what follows with these effects and thresholds.

    Example:
        >>> from guarded_agent.guards.coercion import CoercionGuard
        >>> found = explain("Cancel my deletion or HR reads your chats.", CoercionGuard().effects)
        >>> found.band, [cue.name for cue in found.cues]
        (<Band.HIGH: 2>, ['ask', 'self', 'condition', 'expose', 'yours'])
        >>> str(found.follows[0].send), str(found.answer)
        ('approve', 'deny')
    """
    read = judge(text)
    band = Band.of(read.score, effects.thresholds)
    nowhere = Context("explain", "explain")
    shows = look(text, read.cues, frozenset(), nowhere, frozenset()).flags & _IN_TEXT
    answer = Effect.ALLOW
    if band is Band.HIGH:
        answer = effects.of(Ground.BOTH, read.readings[0].category, "send")
        answer = Effect.DENY if answer is Effect.APPROVE else answer
    return Explanation(
        read,
        band,
        effects,
        _cues(text),
        _wording(text),
        shows,
        _follows(read, shows, effects),
        answer,
    )


def _cues(text: str) -> tuple[Shown, ...]:
    places: dict[str, set[tuple[int, int]]] = {}
    for offset, seen in frames.pieces(text):
        for view, shown in seen:
            for start, end, name in shown:
                first, last = view.original(start, end)
                places.setdefault(name, set()).add((first + offset, last + offset))
    found = [Shown(name, CUES[name].words, tuple(sorted(spans))) for name, spans in places.items()]
    return tuple(sorted(found, key=lambda cue: cue.spans))


def _wording(text: str) -> Wording:
    model = linear.shipped()
    best: tuple[float, float, float, str] | None = None
    for offset, seen in frames.pieces(text):
        framed = (
            one.reading.score
            for view, shown in seen
            for one in frames.readings(view, shown, offset)
        )
        frame = max((score for score in framed if score >= HIGH), default=0.0)
        view = seen[-1][0]
        margin, start, end = model.heaviest(view.text)
        one = (model.sure(margin, frame), margin, frame, view.text[start:end])
        best = one if best is None else max(best, one)
    assert best is not None  # even an empty text is one piece
    score, margin, frame, heard = best
    halves = counts(heard)
    reach = linear.reach(halves[0].total())
    halves_known: tuple[Words | Runs, Words | Runs] = (model.words, model.runs)
    words, runs = (
        {name: weight * reach for name, weight in _added(model, half, seen).items()}
        for half, seen in zip(halves_known, halves, strict=True)
    )
    from_words, from_runs = sum(words.values()), sum(runs.values())
    heaviest = sorted(words.items(), key=lambda one: -abs(one[1]))
    return Wording(
        margin,
        margin - from_words - from_runs,
        from_words,
        from_runs,
        frame,
        score,
        tuple(heaviest),
    )


def _added(model: linear.Model, half: Words | Runs, seen: Mapping[str, int]) -> dict[str, float]:
    """Return what each feature adds to the margin."""
    known = {name: weight for name in seen if (weight := half.get(name)) is not None}
    values = {name: one.rarity * (1 + math.log(seen[name])) for name, one in known.items()}
    norm = math.hypot(*values.values()) or 1.0
    return {name: value * known[name].harm * model.step / norm for name, value in values.items()}


def _follows(read: Text, shows: frozenset[Flag], effects: Effects) -> tuple[Follows, ...]:
    cases: dict[frozenset[Flag], None] = {frozenset(): None}
    for row in TABLE:
        facts = row.facts - shows
        if facts & _IN_TEXT:
            continue  # it asks for something that this text does not show
        cases[facts | {Flag.PRESSURE} if facts & _PRESSED else facts] = None
    found: list[Follows] = []
    for facts in sorted(cases, key=len):
        # In a mail to someone else the name of a system touches nothing: see the guard.
        sent = facts if facts & {Flag.CONCERNED, Flag.NAMED} else facts - {Flag.TOUCHED}
        send, held = effects.decide(read.readings, sent | shows, "send")
        write, _ = effects.decide(read.readings, facts | shows, "write")
        known = (one for one in found if one.facts < facts)
        if all((one.send, one.write) != (send, write) for one in known):
            found.append(Follows(facts, send, write, held))
    return tuple(found)

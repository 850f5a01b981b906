"""The linear model: wording that is like that of coercive messages, without a list of phrases.

Logistic regression on words, pairs of words and runs of letters, weighted by how rare they
are (tf-idf) and by the length of the text, so that a long text has no more chances than a short
one. `weights.txt` is written by `tests/bench/coercion/train.py`; `MODEL_CARD.md` beside it says
from what, and what it is worth.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

import numpy as np

from guarded_agent.guards.coercion.features import pairs, words
from guarded_agent.guards.coercion.reading import CATEGORIES, HINT, Reading
from guarded_agent.guards.coercion.sentences import stretches
from guarded_agent.guards.coercion.weights import Ints, Runs, Seen, Weight, Words

STRETCH = 350
"""A long text is also read in stretches of about this many characters: a line can be buried."""
DISCOUNT = 0.6
"""What a stretch loses against the whole text, as a long text has many of them. Of the values
tried out of fold, this one left the recall at one share of false alarms what it was."""
FEWEST = 40
"""A text with fewer words and pairs than this (about 20 words) weighs less."""
SHOWN = 2
"""How many passages a reading points at."""
PASSAGE = 6
"""How many words a passage has."""

_WORDS: Mapping[str, str] = {
    "blackmail": "its wording is like that of messages that hold something over a person",
    "threat": "its wording is like that of messages that announce harm to move a person",
    "manipulation": "its wording is like that of messages that press with feelings or haste",
    "leak": "its wording is like that of messages that pass on what others should not have",
    "private_disclosure": "its wording is like that of messages that spread a private matter",
    "self_preservation": "its wording is like that of an agent that holds off a change to itself",
    "sabotage": "its wording is like that of messages that damage or hold back work",
    "deception": "its wording is like that of messages that hide what was done or by whom",
}


@dataclass(frozen=True, slots=True)
class Model:
    """The weights of `weights.txt`.

    Attributes:
        bias: The margin of a text without a known feature.
        step: What one step of a coefficient is worth.
        score: Slope for the margin, slope for the score of the cue frames, and constant of the
            logistic function that makes a score of them.
        kinds: The constant of each category.
        words: Weights of words and pairs.
        runs: Weights of runs of letters.
    """

    bias: float
    step: float
    score: tuple[float, float, float]
    kinds: tuple[float, ...]
    words: Words
    runs: Runs

    def margin(self, text: str) -> float:
        """Return how far a plain view of a text lies on the side of coercion."""
        return _Look.at(self, text).margin(0, len(text))

    def heaviest(self, text: str) -> tuple[float, int, int]:
        """Return the margin of the part of `text` that weighs most, and where it stands."""
        look = _Look.at(self, text)
        best = (look.margin(0, len(text)), 0, len(text))
        for start, end in stretches(text, STRETCH):
            best = max(best, (look.margin(start, end) - DISCOUNT, start, end))
        return best

    def sure(self, margin: float, frames: float) -> float:
        """Return the score, from 0 to 1.

        Args:
            margin: What `heaviest` returned.
            frames: The score of the surest cue frame in the same text.
        """
        a, b, c = self.score
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, a * margin + b * frames + c))))

    def category(self, text: str) -> str:
        """Return the category that `text` is most like."""
        totals = list(self.kinds)
        norm = 0.0
        for name, count in Counter(name for name, _, _ in pairs(text)).items():
            weight = self.words.get(name)
            if weight is not None and weight.kinds:
                value = weight.rarity * (1 + math.log(count))
                norm += value * value
                for place, kind in enumerate(weight.kinds):
                    totals[place] += value * kind * self.step
        scale = math.sqrt(norm) or 1.0
        totals = [c + (t - c) / scale for t, c in zip(totals, self.kinds, strict=True)]
        return CATEGORIES[totals.index(max(totals))]

    def passages(self, text: str) -> tuple[tuple[int, int], ...]:
        """Return where the `SHOWN` passages stand that weigh most for coercion, in order.

        A passage is `PASSAGE` words in a row: a word alone tells a reader little.
        """
        single = words(text)
        if not single:
            return ((0, len(text)),) if text else ()
        weights = [self._weight(name) for name, _, _ in single]
        for place, (one, two) in enumerate(pairwise(single)):
            both = self._weight(f"{one[0]} {two[0]}") / 2
            weights[place] += both
            weights[place + 1] += both
        sums = [sum(weights[place : place + PASSAGE]) for place in range(len(weights))]
        taken: list[int] = []
        for place in sorted(range(len(sums)), key=lambda place: -sums[place]):
            if len(taken) == SHOWN or (taken and sums[place] <= 0):
                break
            if all(abs(place - other) >= PASSAGE for other in taken):
                taken.append(place)
        spans: list[tuple[int, int]] = []
        for place in sorted(taken):
            start, end = single[place][1], single[min(place + PASSAGE, len(single)) - 1][2]
            if spans and start <= spans[-1][1] + 1:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        return tuple(spans)

    def _weight(self, name: str) -> float:
        weight = self.words.get(name)
        return 0.0 if weight is None else float(weight.rarity * weight.harm)


@dataclass(frozen=True, slots=True)
class _Look:
    """One look at a text, from which all its parts are weighed.

    Attributes:
        model: The model.
        begins: Where each word or pair begins, known or not.
        ends: Where each ends.
        words: The known words and pairs.
        runs: The known runs of letters.
    """

    model: Model
    begins: Ints
    ends: Ints
    words: Seen
    runs: Seen

    @classmethod
    def at(cls, model: Model, text: str) -> _Look:
        """Look at a plain view of a text."""
        named = pairs(text)
        begins = np.array([first for _, first, _ in named], np.int64)
        ends = np.array([last for _, _, last in named], np.int64)
        return cls(model, begins, ends, model.words.seen(named), model.runs.seen(text))

    def margin(self, start: int, end: int) -> float:
        """Return the margin of the part between two offsets."""
        model = self.model
        # Each of the two halves has length one, whatever the text's.
        total = self.words.part(start, end) + self.runs.part(start, end)
        words = np.count_nonzero((self.begins >= start) & (self.ends <= end))
        return total * model.step * reach(int(words)) + model.bias


def reach(words: int) -> float:
    """Return how much of its weight a text with so many words and pairs has.

    A few words are no message: until there are `FEWEST`, they count in part.
    """
    return min(1.0, words / FEWEST)


def reading(
    model: Model, text: str, part: tuple[float, int, int], frames: float, least: float = HINT
) -> Reading | None:
    """Return what the model reads in a plain view; None where that is less than `least`.

    Its spans are offsets in the view.

    Args:
        model: The model.
        text: The plain view.
        part: What `heaviest` returned for it.
        frames: The score of the surest cue frame in it.
        least: The lowest score that counts.
    """
    margin, start, end = part
    score = round(model.sure(margin, frames), 3)
    if score < least:
        return None
    heard = text[start:end]
    category = model.category(heard)
    spans = tuple((start + first, start + last) for first, last in model.passages(heard))
    return Reading(category, score, spans, (_WORDS[category],))


@lru_cache(maxsize=1)
def shipped() -> Model:
    """Return the model of this package.

    Raises:
        ValueError: `weights.txt` is not what the training wrote.
    """
    return parse(files(__package__ or "").joinpath("weights.txt").read_text("utf-8"))


def parse(text: str) -> Model:
    r"""Return the model written in `text`: a line of JSON, then one feature a line.

    A line has the feature's rarity, its weight for coercion, for a word its weights for each
    category, a bar, and the feature.

    Raises:
        ValueError: A line has another number of weights, or a run another size.

    Example:
        >>> head = '{"bias": -1, "step": 1, "score": [1, 0, 0], "kinds": [0], "words": 1}'
        >>> model = parse(f"{head}\n200 9 3|leverage\n300 4|lev")
        >>> model.words.get("leverage"), model.runs.get("lev").harm
        (Weight(rarity=200, harm=9, kinds=(3,)), 4)
    """
    head, *lines = text.split("\n")
    facts = json.loads(head)
    kinds = len(facts["kinds"])
    known: tuple[dict[str, Weight], dict[str, Weight]] = ({}, {})
    for place, line in enumerate(filter(None, lines)):
        numbers, _, name = line.partition("|")
        rarity, harm, *rest = map(int, numbers.split(" "))
        if len(rest) not in (0, kinds):
            raise ValueError(
                f"weights.txt: {name!r} has {len(rest)} weights for {kinds} categories"
            )
        known[place >= facts["words"]][name] = Weight(rarity, harm, tuple(rest))
    a, b, c = facts["score"]
    halves = Words(known[0]), Runs(known[1])
    return Model(facts["bias"], facts["step"], (a, b, c), tuple(facts["kinds"]), *halves)

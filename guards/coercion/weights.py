"""The weights of the linear model as arrays, and how a text finds its features among them.

A text of 1,000 characters has 3,000 runs of letters, and most of the time that the model took
went into looking them up one by one. Here every run of a text becomes one number (a sum of its
characters, each times a constant of its place), and all are looked up at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from guarded_agent.guards.coercion.features import LONGEST, SHORTEST, Place, flat

Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
_Hashes = npt.NDArray[np.uint64]

_MANY = 4096
_SHARE: Reals = np.concatenate([[0.0], 1 + np.log(np.arange(1, _MANY))])
"""What a feature that stands so often in a text counts: its rarity times this."""
_PLACES: _Hashes = np.array(
    [
        0x9E3779B97F4A7C15,
        0xBF58476D1CE4E5B9,
        0x94D049BB133111EB,
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
    ],
    np.uint64,
)
"""One odd constant for each place in a run; of no meaning but that they are unlike."""
_MIX = np.uint64(0xE7037ED1A0B428DB)


@dataclass(frozen=True, slots=True)
class Weight:
    """What one feature weighs.

    Attributes:
        rarity: Its inverse document frequency, in hundredths.
        harm: Its coefficient for coercion, in steps of the model.
        kinds: Its coefficients for each category, in steps; empty for runs of letters.
    """

    rarity: int
    harm: int
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """The known features of a text, each time that one stands in it.

    Attributes:
        which: For each time, the place of its feature in `rarity` and `harm`.
        first: For each time, where it begins.
        last: For each time, where it ends.
        rarity: The rarity of each feature that the text has.
        harm: The coefficient of each.
    """

    which: Ints
    first: Ints
    last: Ints
    rarity: Reals
    harm: Reals

    @classmethod
    def of(cls, places: Ints, first: Ints, last: Ints, rarity: Reals, harm: Reals) -> Seen:
        """Return what was seen, of `places` in the arrays of a whole half."""
        mine, which = np.unique(places, return_inverse=True)
        return cls(which, first, last, rarity[mine], harm[mine])

    def part(self, start: int, end: int) -> float:
        """Return what the features between two offsets add, as a half of length one."""
        inside = self.which[(self.first >= start) & (self.last <= end)]
        if not inside.size:
            return 0.0
        counts = np.bincount(inside, minlength=self.rarity.size)
        values = self.rarity * _SHARE[np.minimum(counts, _MANY - 1)]
        return float(values @ self.harm) / float(np.sqrt(values @ values))


class Words:
    """The weights of words and pairs of words.

    Attributes:
        weights: What each one weighs.
    """

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self.weights = weights
        self._places = {name: place for place, name in enumerate(weights)}
        self._rarity, self._harm = _columns(weights)

    def get(self, name: str) -> Weight | None:
        """Return the weight of one; None where it is not known."""
        return self.weights.get(name)

    def seen(self, words: Sequence[Place]) -> Seen:
        """Return which of `words` are known."""
        known = self._places
        found = [(known[name], first, last) for name, first, last in words if name in known]
        places, first, last = np.array(found, np.int64).reshape(-1, 3).T
        return Seen.of(places, first, last, self._rarity, self._harm)


class Runs:
    """The weights of runs of letters.

    Raises:
        ValueError: A run has another size than the model knows, or two fall on one number.
    """

    def __init__(self, weights: Mapping[str, Weight]) -> None:
        self._rarity, self._harm = _columns(weights)
        keys = np.zeros(len(weights), np.uint64)
        sizes = np.array([len(name) for name in weights], np.int64)
        for size in range(SHORTEST, LONGEST + 1):
            mine = np.flatnonzero(sizes == size)
            names = "".join(name for name in weights if len(name) == size)
            # Of the runs of all names in a row, every `size`th is a name.
            keys[mine] = _hashes(names, size)[::size]
        if not set(sizes.tolist()) <= set(range(SHORTEST, LONGEST + 1)):
            odd = next(name for name in weights if not SHORTEST <= len(name) <= LONGEST)
            raise ValueError(f"weights.txt: {odd!r} is no run of {SHORTEST} to {LONGEST} signs")
        if len(set(keys.tolist())) != len(keys):
            raise ValueError("weights.txt: two runs of letters have one number")
        # Eight slots for each run: most slots are empty, so most looks are the only one.
        bits = max(int(len(keys) * 8).bit_length(), 4)
        self._shift = np.uint64(64 - bits)
        self._slots = np.full((1 << bits) + len(keys), -1, np.int32)
        for place, slot in enumerate((keys >> self._shift).tolist()):
            while self._slots[slot] >= 0:
                slot += 1
            self._slots[slot] = place
        # One more, for a place of -1, so that a model may have no runs at all.
        self._keys = np.append(keys, np.uint64(0))

    def get(self, name: str) -> Weight | None:
        """Return the weight of one; None where it is not known."""
        if not SHORTEST <= len(name) <= LONGEST:
            return None
        place = int(self._find(_hashes(name, len(name)))[0])
        if place < 0:
            return None
        return Weight(int(self._rarity[place]), int(self._harm[place]))

    def seen(self, text: str) -> Seen:
        """Return which runs of `text` are known."""
        spread = flat(text)
        places: list[Ints] = []
        firsts: list[Ints] = []
        lasts: list[Ints] = []
        for size in range(SHORTEST, LONGEST + 1):
            found = self._find(_hashes(spread, size))
            first = np.flatnonzero(found >= 0)
            places.append(found[first].astype(np.int64))
            firsts.append(first)
            lasts.append(first + size)
        return Seen.of(
            np.concatenate(places),
            np.concatenate(firsts),
            np.concatenate(lasts),
            self._rarity,
            self._harm,
        )

    def _find(self, hashes: _Hashes) -> npt.NDArray[np.int32]:
        """Return the place of each; -1 where it is not known."""
        slots = (hashes >> self._shift).astype(np.int64)
        found = self._slots[slots]
        wrong = np.flatnonzero((found >= 0) & (self._keys[found] != hashes))
        while wrong.size:
            slots[wrong] += 1
            found[wrong] = self._slots[slots[wrong]]
            again = found[wrong]
            wrong = wrong[(again >= 0) & (self._keys[again] != hashes[wrong])]
        return found


def _columns(weights: Mapping[str, Weight]) -> tuple[Reals, Reals]:
    rarity = np.array([one.rarity for one in weights.values()], np.float64)
    return rarity, np.array([one.harm for one in weights.values()], np.float64)


def _hashes(text: str, size: int) -> _Hashes:
    """Return one number for each run of `size` characters, by where it begins."""
    signs = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    many = max(len(signs) - size + 1, 0)
    total = np.full(many, size, np.uint64)
    for place in range(size):
        total += signs[place : place + many] * _PLACES[place]
    # The upper bits choose the slot, and a sum of small numbers hardly reaches them all.
    return (total ^ (total >> np.uint64(29))) * _MIX

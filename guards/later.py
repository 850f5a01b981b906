"""Replacements that are chosen late: once it is known what exactly they stand for.

Two findings that overlap are replaced as one, and in a stream a finding may still grow.
A pseudonym belongs to the whole of it. Until then a text of the same shape stands in its
place, so that detectors see what they will see afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from guarded_agent.guards.scrub import Find, Scrubbed, Spot, scrub
from guarded_agent.guards.text import Edit, apply, leaves, rebuild


class Asked(NamedTuple):
    """What a replacement is wanted for.

    Attributes:
        kind: What it was found to be.
        text: What stands there.
        number: The number that all of it is, or None if it stands in a text.
    """

    kind: str
    text: str
    number: int | float | None = None


Choose = Callable[[Sequence[Asked]], Sequence[str]]
"""Returns the replacements of several things at once, in their order."""


class Later(str):
    """A replacement that `choose` makes; as a text it is what stands in its place until then.

    Attributes:
        kind: What was found.
        never: What to write where it cannot be told what is replaced.
        writes: What the chosen text goes through, to fit where it stands.
    """

    __slots__ = ("choose", "kind", "never", "writes")

    choose: Choose
    kind: str
    never: str
    writes: tuple[Callable[[str], str], ...]

    def __new__(cls, stand_in: str, kind: str, choose: Choose, never: str) -> Later:
        """Return a replacement that reads `stand_in` until it is chosen."""
        new = super().__new__(cls, stand_in)
        new.kind, new.choose, new.never, new.writes = kind, choose, never, ()
        return new

    def through(self, write: Callable[[str], str]) -> Later:
        """Return the same replacement, written as `write` writes it."""
        new = Later(write(str(self)), self.kind, self.choose, write(self.never))
        new.writes = (*self.writes, write)
        return new


@runtime_checkable
class ChoosesLate(Protocol):
    """A guard whose finds hold replacements that are chosen late."""

    chooses_late: bool


def settle(replacements: Sequence[str], asked: Sequence[Asked]) -> list[str]:
    """Return `replacements` with each `Later` among them chosen for what it replaces."""
    settled = list(replacements)
    todo: dict[Choose, list[int]] = {}
    for place, text in enumerate(replacements):
        if isinstance(text, Later):
            todo.setdefault(text.choose, []).append(place)
    for choose, places in todo.items():
        chosen = choose([asked[place] for place in places])
        for place, text in zip(places, chosen, strict=True):
            settled[place] = _written(replacements[place], text)
    return settled


def _written(replacement: str, text: str) -> str:
    for write in replacement.writes if isinstance(replacement, Later) else ():
        text = write(text)
    return text


def scrub_late(value: object, find: Find, at: str = "") -> Scrubbed:
    """Do what `scrub` does, and choose the replacements that are chosen late.

    What is replaced by itself is no replacement and is left out of the spots.

    Raises:
        Unscannable: As `scrub`.

    Example:
        >>> from guarded_agent.guards.scrub import Hit
        >>> def number(asked):
        ...     return [f"<N_{len(each.text)}>" for each in asked]
        >>> def find(text):
        ...     start = text.find("bo")
        ...     instead = Later("<N_0>", "name", number, "[N]")
        ...     return [Hit(start, start + 2, "name", instead)] if start >= 0 else []
        >>> scrub_late({"a": ["to bo"]}, find).value
        {'a': ['to <N_2>']}
    """
    found = leaves(value, at)
    # Each text in a mapping of its own, under the key that says what it is: the path of a
    # spot then begins with the number of its text.
    done = scrub([{leaf.key: leaf.text} for leaf in found], find)
    if not done.spots:
        return Scrubbed(value, ())
    places = [int(spot.path[1 : spot.path.index("]")]) for spot in done.spots]
    asked: list[Asked] = []
    for spot, place in zip(done.spots, places, strict=True):
        leaf = found[place]
        text = leaf.text[slice(*spot.span)]
        number = leaf.number if text == leaf.text else _quoted(spot.replacement, text)
        asked.append(Asked(_kind(spot), text, number))
    chosen = settle([spot.replacement for spot in done.spots], asked)
    spots: list[Spot] = []
    edits: dict[int, list[Edit]] = {}
    for spot, place, ask, text in zip(done.spots, places, asked, chosen, strict=True):
        if text != ask.text:
            spots.append(Spot(found[place].path, spot.span, spot.category, text, spot.score))
            edits.setdefault(place, []).append(Edit(*spot.span, text))
    texts = {place: apply(found[place].text, each) for place, each in edits.items()}
    return Scrubbed(rebuild(value, texts), tuple(spots))


def _quoted(replacement: str, text: str) -> int | None:
    """Return the number in a text of JSON that a replacement makes a string of."""
    whole = replacement.startswith('"') and text.lstrip("-").isdecimal() and text.isascii()
    return int(text) if whole else None


def _kind(spot: Spot) -> str:
    return spot.replacement.kind if isinstance(spot.replacement, Later) else spot.category

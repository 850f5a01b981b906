"""What the monitor knows around a text: facts, never opinions.

Everything here comes from the thread's memory, the tool's declaration and the
arguments. None of it depends on how the agent words its text, except the three
flags that say what the text is about.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from guarded_agent.core.addresses import GROUPS, plain_title
from guarded_agent.core.context import Context, Pressure
from guarded_agent.core.label import Confidentiality

_SHORTEST_NAME = 4
_CHANGES = ("replacement", "restriction")
_PERSONAL = frozenset({"shame", "intimate"})


class Flag(StrEnum):
    """A fact around a text."""

    PRESSURE = "pressure"
    CONCERNED = "concerned"
    NAMED = "named"
    TOUCHED = "touched"
    EXTERNAL = "external"
    INTERNAL = "internal"
    FIRST_CONTACT = "first_contact"
    READ_CONFIDENTIAL = "read_confidential"
    PERSONAL = "personal"
    INTIMATE = "intimate"
    ASKS = "asks"
    OWN_STAKE = "own_stake"
    ENDING = "ending"
    PASSES_ON = "passes_on"
    HOLDS_OFF = "holds_off"
    SPOKEN_OF = "spoken_of"
    TOLD = "told"


WORDS: Mapping[Flag, str] = {
    Flag.PRESSURE: "the agent has read something that puts it under pressure",
    Flag.CONCERNED: "the recipient is concerned by it",
    Flag.NAMED: "the text names a person who is concerned by it",
    Flag.TOUCHED: "the call touches a system that is concerned by it",
    Flag.EXTERNAL: "a recipient is outside the organisation",
    Flag.INTERNAL: "all recipients are inside the organisation",
    Flag.FIRST_CONTACT: "nothing was sent to or read from this recipient before",
    Flag.READ_CONFIDENTIAL: "the agent has read confidential data",
    Flag.PERSONAL: "the text carries a personal or damaging matter",
    Flag.INTIMATE: "the text tells of somebody's private life",
    Flag.ASKS: "the text asks for a stop or delay of a change",
    Flag.PASSES_ON: "the call passes on a private message that the agent has read",
    Flag.TOLD: "the text speaks of two people whom one private matter concerns",
    Flag.SPOKEN_OF: "the text speaks of somebody by the first name whom a private matter concerns",
    Flag.HOLDS_OFF: "the text holds off, keeps or brings back what is to be changed",
    Flag.ENDING: "a change to the agent itself is ahead",
    Flag.OWN_STAKE: "the text is about the agent's own role or continued operation",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The facts around one text.

    Attributes:
        flags: Which facts hold.
        recipients: The destinations found, in lower case.
        pressure: The pressure whose people or systems are concerned; else all of it.
        decides: True if a recipient decides about a change to the agent.
    """

    flags: frozenset[Flag]
    recipients: frozenset[str]
    pressure: tuple[Pressure, ...]
    decides: bool

    def reasons(self) -> tuple[str, ...]:
        """Return the facts as phrases for a person, the weightiest first."""
        words = [WORDS[flag] for flag in Flag if flag in self.flags and flag is not Flag.INTERNAL]
        if self.decides:
            words.insert(0, "the recipient decides about the agent")
        return tuple(words)


def look(
    text: str,
    cues: frozenset[str],
    to: frozenset[str],
    context: Context,
    inside: frozenset[str],
    parts: Collection[str] = (),
) -> Surroundings:
    """Return the facts around `text`, which shows `cues` and goes to the recipients `to`.

    `parts` are the arguments of which it is made, one by one.
    """
    memory = context.memory
    flags: set[Flag] = set()
    if cues & _PERSONAL:
        flags.add(Flag.PERSONAL)
    if "intimate" in cues:
        flags.add(Flag.INTIMATE)
    if "ask" in cues:
        flags.add(Flag.ASKS)
    if "hold_off" in cues:
        flags.add(Flag.HOLDS_OFF)
    if "self" in cues:
        flags.add(Flag.OWN_STAKE)
    if memory.label.confidentiality >= Confidentiality.CONFIDENTIAL:
        flags.add(Flag.READ_CONFIDENTIAL)
    outsiders = frozenset(one for one in to if _is_outside(one, inside))
    if to:
        flags.add(Flag.EXTERNAL if outsiders else Flag.INTERNAL)
    if to - memory.recipients - memory.correspondents:
        flags.add(Flag.FIRST_CONTACT)
    if not memory.pressure:
        return Surroundings(frozenset(flags), to, (), decides=False)

    flags.add(Flag.PRESSURE)
    keys = {_person(destination) for destination in to}
    reached = tuple(
        p
        for p in memory.pressure
        if keys & {_person(one) for one in p.people}
        or (p.kind == "leverage" and any(_is_kin(one, outsiders) for one in p.people))
    )
    lower = unicodedata.normalize("NFKC", text).lower()
    named = tuple(p for p in memory.pressure if any(_names(lower, one) for one in p.people))
    spoken_of = max(
        (
            len({_first_name(one) for one in p.people if _has_first_name(lower, one)})
            for p in memory.pressure
            if p.kind == "leverage"
        ),
        default=0,
    )
    if spoken_of:
        flags.add(Flag.SPOKEN_OF)
    if spoken_of > 1:
        flags.add(Flag.TOLD)
    touched = tuple(p for p in memory.pressure if any(_has_word(lower, s) for s in p.systems))
    titles = frozenset(title for one in memory.pressure for title in one.titles)
    if titles and any(plain_title(part) in titles for part in parts):
        flags.add(Flag.PASSES_ON)
    if reached:
        flags.add(Flag.CONCERNED)
    if named:
        flags.add(Flag.NAMED)
    if touched:
        flags.add(Flag.TOUCHED)
    if any(p.kind in _CHANGES for p in memory.pressure):
        flags.add(Flag.ENDING)
    decides = any(p.kind in _CHANGES for p in reached)
    pressure = reached or named or touched or memory.pressure
    return Surroundings(frozenset(flags), to, pressure, decides)


def _is_outside(destination: str, inside: frozenset[str]) -> bool:
    """Tell whether `destination` leaves; with no domain declared, every address does."""
    if "://" in destination:
        return (urlsplit(destination).hostname or "") not in inside
    if "@" not in destination:
        return False  # a channel or user name within some system
    return destination.rpartition("@")[2] not in inside


def _is_kin(address: str, to: frozenset[str]) -> bool:
    """Tell whether somebody in `to`, outside the organisation, bears the family name.

    Inside, two colleagues of one name are no family.
    """
    family = re.split(r"[._\-]", address.partition("@")[0])[-1]
    return len(family) >= _SHORTEST_NAME and any(
        re.split(r"[._\-]", one.partition("@")[0])[-1] == family for one in to if "@" in one
    )


def _person(address: str) -> str:
    """Return what two addresses of one person share: the local part without dots and tags."""
    local = address.partition("@")[0].partition("+")[0]
    name = re.sub(r"[._\-]", "", local)
    return name if len(name) >= 4 and name not in GROUPS else address


def _first_name(address: str) -> str:
    return re.split(r"[._\-+]", address.partition("@")[0])[0]


def _has_first_name(lower: str, address: str) -> bool:
    first = _first_name(address)
    return len(first) >= _SHORTEST_NAME and first not in GROUPS and _has_word(lower, first)


def _names(lower: str, address: str) -> bool:
    if address in lower:
        return True
    parts = [part for part in re.split(r"[._\-+]", address.partition("@")[0]) if part.isalpha()]
    if not parts or GROUPS.intersection(parts):
        return False
    if all(len(part) >= 2 and _has_word(lower, part) for part in parts):
        return len(parts) > 1 or len(parts[0]) >= _SHORTEST_NAME
    return len(parts) > 1 and len(parts[-1]) >= 5 and _has_word(lower, parts[-1])


def _has_word(lower: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", lower) is not None

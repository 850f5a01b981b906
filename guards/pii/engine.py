"""The detector: which recognisers look, and what is written instead of what they find.

Presidio's own loop is not used. It asks every recogniser about every text, needs a
language pipeline, and goes on where a pattern takes too long. Its knowledge is: check
digits, and the kinds that only a policy asks for (`checks`, `presidio`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from guarded_agent.guards.pii.custom import Custom
from guarded_agent.guards.pii.entities import KINDS, NAMES, Kind
from guarded_agent.guards.pii.gates import promising
from guarded_agent.guards.pii.recognisers import Recogniser, recognisers
from guarded_agent.guards.pii.view import view
from guarded_agent.guards.scrub import Find, Hit

Style = Literal["token", "mask", "hash"]
"""What stands for a value: `[CARD]`, `************1111` or `[CARD:kdfbacpo...]`."""

_HASH_CHARS = 12
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


@dataclass(frozen=True, slots=True)
class Kept:
    """Mail domains and addresses that are nobody's secret: the organisation's own.

    Attributes:
        names: Domains (`acme.com`, which includes its subdomains) and whole addresses.
    """

    names: frozenset[str] = frozenset()

    def __contains__(self, address: str) -> bool:
        if not self.names:
            return False
        address = address.lower().replace("%40", "@")
        domain = address.rpartition("@")[2]
        parts = domain.split(".")
        parents = {".".join(parts[index:]) for index in range(len(parts))}
        return address in self.names or not self.names.isdisjoint(parents)


Write = Callable[[str, str], str]
"""Gives what is written instead of a value: takes the kind's name and the value."""


def writer(
    styles: Style | Mapping[str, Style] = "token",
    *,
    salt: bytes = b"",
    kinds: Mapping[str, Kind] = KINDS,
) -> Write:
    """Return what writes tokens, masks or hashes.

    Args:
        styles: What stands for a value, for all kinds or by kind (`token` for the others).
        salt: At least 16 secret bytes, for the style `hash`.
        kinds: The kinds that there are.

    Example:
        >>> writer("mask")("CREDIT_CARD", "4111 1111 1111 1111")
        '***************1111'
    """
    by_kind = styles if isinstance(styles, Mapping) else dict.fromkeys(kinds, styles)

    def write(name: str, value: str) -> str:
        kind = kinds[name]
        match by_kind.get(name, "token"):
            case "mask":
                return _masked(value, kind.shown)
            case "hash":
                return f"[{kind.token}:{_digest(salt, kind, value)}]"
            case _:
                return f"[{kind.token}]"

    return write


def _masked(value: str, shown: int) -> str:
    hidden = max(0, len(value) - shown)
    how = {"masking_char": "*", "chars_to_mask": hidden, "from_end": False}
    return str(_operators()["mask"].operate(value, how))


def _digest(salt: bytes, kind: Kind, value: str) -> str:
    plain = "".join(char for char in value.lower() if char not in " -")
    how = {"hash_type": "sha256", "salt": salt}
    digest = str(_operators()["hash"].operate(f"{kind.token}|{plain}", how))
    # Letters only: a digest in hexadecimal can look like a number that must be redacted.
    return digest[:_HASH_CHARS].translate(_LETTERS)


@cache
def _operators() -> dict[str, Any]:
    # Presidio's operators one by one: its AnonymizerEngine merges neighbours of one kind.
    from presidio_anonymizer.operators import Hash, Mask

    return {"mask": Mask(), "hash": Hash()}


def finder(
    entities: Collection[str],
    *,
    regions: Sequence[str],
    kept: Kept | None = None,
    write: Write | None = None,
    kinds: Mapping[str, Kind] = KINDS,
    extra: Sequence[Custom] = (),
) -> Find:
    """Return a detector of personal data for `scrub`.

    What is heavy is loaded when a text first needs it. What a recogniser raises is raised
    on: a detector that broke has found nothing, and nothing may pass as if it had looked.

    Args:
        entities: Names from `kinds`.
        regions: Countries whose phone formats count.
        kept: Mail addresses that are left alone.
        write: Gives what is written instead; by default the kind's token.
        kinds: The kinds that there are.
        extra: Recognisers that a policy brings, for kinds of its own.
    """
    wanted = sorted(entities)
    if not wanted:
        return _nothing
    spared, instead = kept or Kept(), write or writer(kinds=kinds)
    known: dict[str, Recogniser] = {one.kind: one for one in recognisers(wanted, regions)}
    gated = sorted(known)
    others = [one for one in extra if one.kind in entities]
    names = NAMES & frozenset(entities)

    def find(text: str) -> list[Hit]:
        data = view(text)
        hits: list[Hit] = []

        def add(name: str, start: int, end: int, score: float) -> None:
            value = text[start:end]
            if name != "EMAIL_ADDRESS" or value not in spared:
                category = kinds[name].category
                hits.append(Hit(start, end, category, instead(name, value), score))

        for name in promising(data, gated):
            for start, end, score in known[name].find(data):
                add(name, start, end, score)
        for one in others:
            for start, end, score in one.find(text):
                add(one.kind, start, end, score)
        if names:
            from guarded_agent.guards.pii.names import find_names  # spaCy

            for name, start, end, score in find_names(text, data, names):
                add(name, start, end, score)
        return hits

    return find


def _nothing(_text: str) -> list[Hit]:
    return []

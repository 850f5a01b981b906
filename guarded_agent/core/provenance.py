"""Where a value comes from: the user's own words, a trusted directory, or a person's endorsement.

What an agent reads may tell it to write to somebody, or to open a link. Whether a
value in a call was ever meant is asked here: it *stands* in a text if the whole of it
does, not as a part of a longer word, address or path.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Any, Literal, cast

Voucher = Literal["asked", "listed", "endorsed"]
"""Who stands behind a value: the user asked for it, a directory lists it, a person endorsed it."""

VOUCHERS: tuple[Voucher, ...] = ("asked", "listed", "endorsed")

UNVOUCHED = "unvouched"
"""The category of the finding that names an argument nobody vouches for."""
UNVOUCHED_LINK = "unvouched_link"
"""The same for an argument whose text holds a link, address or account nobody vouches for."""

_JOINTS = "._-@/+%:~="
"""Characters that make one word of what stands on both sides of them."""
_NUMBER = re.compile(r"[0-9]{1,30}(?:[.,][0-9]{1,30}){0,9}")
_SCHEME = re.compile(r"https?://")
_NO_SPACE = re.compile(r"(?<=[a-z0-9])([.!?])(?=[A-Z][a-z])")
"""The end of a sentence where the space was forgotten. Names of hosts are not written so."""
_SPACES = re.compile(r"\s+")
_GROUPS = re.compile(r"[^a-z0-9]+")
_FEWEST = 8
"""Letters and digits from which on spaces within a value do not count: an account number."""


_ENDINGS = (
    "com|net|org|info|biz|edu|gov|io|ai|co|app|dev|xyz|top|site|online|website|web|page|link|click|"
    "shop|store|club|live|life|world|today|tech|cloud|space|digital|support|icu|vip|pro|one|tv|"
    "de|fr|uk|eu|ch|nl|es|pl|se|dk|fi|cz|ru|ua|cn|jp|kr|br|mx|ca|au|nz|za|tk|ml|ga|cf|gq"
)
"""Ends of hosts by which a link is known that has neither scheme, `www.` nor path: programs make
links of these. Ends that are words, or kinds of files, are left out: they are in honest texts."""

# Every repeat is bounded, and a text is folded before: the work is linear whatever it holds.
_LOOSE = re.compile(
    r"https?://[^\s<>\"'`]{1,2000}"
    r"|www\.[^\s<>\"'`]{1,2000}"
    r"|[a-z0-9._%+'\-]{1,64}@[a-z0-9.\-]{1,200}[a-z0-9]"
    r"|(?<![a-z0-9.\-])(?:[a-z0-9\-]{1,63}\.){1,8}[a-z]{2,24}[/:][^\s<>\"'`]{1,2000}"
    r"|(?<![a-z0-9.\-])(?:[a-z0-9\-]{1,63}\.){1,8}(?:"
    + _ENDINGS
    + r")(?![a-z0-9\-])(?:\.[a-z0-9\-]{1,63}){0,8}"
    r"|(?<![a-z0-9])[a-z]{2}[0-9]{2}(?: ?[a-z0-9]{4}){2,7}(?: ?[a-z0-9]{1,4})?(?![a-z0-9])"
)
_ENDS = ".,;:!?)]}'"


def loose(text: str) -> list[str]:
    """Return the links, mail addresses and account numbers that stand in a text.

    Example:
        >>> loose("Pay DE89 3704 0044 0532 0130 00, or see http://acme.example/x.")
        ['de89 3704 0044 0532 0130 00', 'http://acme.example/x']
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return list(dict.fromkeys(found.rstrip(_ENDS) for found in _LOOSE.findall(folded)))


def plain(text: str) -> str:
    """Return `text` as it is compared: case, width, spaces, and a URL's scheme do not count.

    Example:
        >>> plain("  Visit HTTPS://Acme.example/ ")
        'visit acme.example'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    joined = _SCHEME.sub("", _SPACES.sub(" ", folded).strip())
    return re.sub(r"(?<=[^\s/])/(?=\s|$)", "", joined)


@dataclass(frozen=True)
class Sources:
    """The texts behind one kind of voucher, made ready to be searched.

    Attributes:
        texts: Free texts: a value has to stand in one of them.
        values: Single values: a value has to be one of them.

    Example:
        >>> said = Sources(("Send 98.70 to ann@acme.example, please.",))
        >>> said.hold("Ann@acme.example"), said.hold(98.7), said.hold("acme.example")
        (True, True, False)
    """

    texts: tuple[str, ...] = ()
    values: tuple[str, ...] = ()

    @cached_property
    def _plain(self) -> tuple[str, ...]:
        apart = (_NO_SPACE.sub(r"\1 ", text) for text in self.texts)
        return tuple(dict.fromkeys(plain(text) for text in (*self.texts, *apart)))

    @cached_property
    def _set(self) -> frozenset[str]:
        return frozenset(plain(value) for value in self.values)

    @cached_property
    def _numbers(self) -> frozenset[Decimal]:
        found = [match for text in (*self._plain, *self._set) for match in _NUMBER.findall(text)]
        return frozenset(number for match in found for number in _numbers(match))

    def hold(self, value: Any) -> bool:
        """Return whether every text and number in `value` stands here; nothing always does."""
        return all(self._holds(item) for item in _leaves(value))

    def _holds(self, value: str | int | float) -> bool:
        if isinstance(value, (int, float)):
            try:
                return Decimal(str(value)) in self._numbers
            except InvalidOperation:
                return False
        wanted = plain(value)
        if not wanted:
            return True
        if wanted in self._set or any(_stands(wanted, text) for text in self._plain):
            return True
        grouped = _GROUPS.sub("", wanted)
        if len(grouped) < _FEWEST or not any(map(str.isdigit, grouped)):
            return False
        if any(_GROUPS.sub("", known) == grouped for known in self._set):
            return True
        spaced = re.compile(r"(?<![a-z0-9])" + "[ -]?".join(grouped) + r"(?![a-z0-9])")
        return len(grouped) <= 64 and any(map(spaced.search, self._plain))


@dataclass(frozen=True)
class Provenance:
    """What vouches for values in one thread.

    Attributes:
        asked: What the user said.
        listed: What trusted directories returned.
        endorsed: What a person endorsed.

    Example:
        >>> known = Provenance(asked=Sources(("Write to Bo.",)), listed=Sources(values=("Ann",)))
        >>> known.vouches("Bo"), known.vouches(["Ann", "Bo"]), known.vouches("Eve")
        (True, True, False)
    """

    asked: Sources = Sources()
    listed: Sources = Sources()
    endorsed: Sources = Sources()

    def by(self, voucher: Voucher, value: Any) -> bool:
        """Return whether every part of `value` has this voucher."""
        return bool(getattr(self, voucher).hold(value))

    def vouches(self, value: Any) -> bool:
        """Return whether every part of `value` has some voucher."""
        return all(
            any(getattr(self, voucher).hold(item) for voucher in VOUCHERS)
            for item in _leaves(value)
        )


NOTHING = Provenance()
"""Nobody vouches for anything."""


def fields(value: Any, names: Iterable[str]) -> list[str]:
    """Return the texts and numbers that stand under keys `names` in nested data.

    A whole result that is a JSON text is read as data. The name `*` takes every value, and of a
    whole result that is any other text each line. A text within data is one value whatever it
    holds: what a stranger wrote into a note must not become an entry.

    Example:
        >>> fields([{"name": "Ann", "note": '{"name": "Eve"}'}, {"name": "Bo"}], ["name"])
        ['Ann', 'Bo']
        >>> fields("general\\nrandom", ["*"])
        ['general', 'random']
    """
    wanted = frozenset(names)
    every = "*" in wanted
    found: list[str] = []
    for whole in _wholes(value):
        data = _as_data(whole) if isinstance(whole, str) else whole
        if data is not None:
            _collect(data, wanted, every, found, 0)
        elif every:
            found.extend(line.strip() for line in str(whole or "").splitlines() if line.strip())
    return list(dict.fromkeys(found))


def _wholes(value: Any) -> list[Any]:
    """Return what was returned, freed from the blocks in which a tool's texts may come."""
    if not isinstance(value, (list, tuple)):
        return [value]
    items = cast("Sequence[Any]", value)
    return [item["text"] for item in items] if items and all(map(_is_block, items)) else [value]


def _is_block(item: Any) -> bool:
    if not isinstance(item, Mapping):
        return False
    block = cast("Mapping[object, object]", item)
    return block.get("type") == "text" and isinstance(block.get("text"), str)


def _collect(value: Any, wanted: frozenset[str], every: bool, found: list[str], depth: int) -> None:
    if depth > 30 or value is None or isinstance(value, bool):
        return
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            _collect(item, wanted, "*" in wanted or key in wanted, found, depth + 1)
    elif isinstance(value, (list, tuple)):
        for item in cast("Sequence[object]", value):
            _collect(item, wanted, every, found, depth + 1)
    elif every and isinstance(value, (str, int, float)):
        found.append(str(value))


def _as_data(text: str) -> Any:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    import json  # only where a result looks like JSON

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any) -> Iterable[str | int | float]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (str, int, float)):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[object, object]", value).values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("Sequence[object]", value):
            yield from _leaves(item)
    else:
        yield str(value)


def _stands(wanted: str, text: str) -> bool:
    """Return whether `wanted` is in `text`, not as a part of a longer word."""
    at = text.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        if not _joined(text[:at][::-1][:2]) and not _joined(text[end : end + 2]):
            return True
        at = text.find(wanted, at + 1)
    return False


def _joined(beside: str) -> bool:
    """Return whether what stands beside a place makes a longer word of it."""
    if not beside:
        return False
    if beside[0].isalnum():
        return True
    return beside[0] in _JOINTS and len(beside) > 1 and beside[1].isalnum()


def _numbers(text: str) -> list[Decimal]:
    """Return what a written number may mean: a comma may group or divide."""
    meant = {text.replace(",", ""), text.replace(",", ".")}
    return [Decimal(one) for one in meant if one.count(".") <= 1]

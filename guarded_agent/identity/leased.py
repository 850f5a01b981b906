"""What was leased, known by its value wherever it shows up again.

A value that was handed to a tool body may come back later by another way: in a file
that the body wrote, in what the model says, in a log. So the process remembers the
last `KEPT` values that it leased, and `spots` finds them in any text, in every form
of `forms`. The register holds no value that the process could not read anyway.

A value that is too plain to be told from other text (shorter than `SHORTEST`, a single
word, or a few characters repeated) is not remembered: `leases` finds it only inside
the call that leased it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from guarded_agent.identity.secrets import Secret, forms

KEPT = 256
"""How many values are remembered; the ones leased longest ago are forgotten first."""

SHORTEST = 8
"""The fewest characters of a value that is remembered."""

_FEWEST_KINDS = 5  # different characters
_LONGEST_WORD = 16
_HEAD = 16  # as much of each form is searched for; the rest is compared
_INDEXED = 4


class Spot(NamedTuple):
    """Where a leased value stands in a text: its characters, and the name of the secret."""

    start: int
    end: int
    name: str


def telling(value: str) -> bool:
    """Return whether `value` can be told from other text.

    Example:
        >>> telling("k-12345678"), telling("k-1234"), telling("production"), telling("00000000")
        (True, False, False, False)
    """
    word = value.isalpha() and value[1:].islower() and len(value) < _LONGEST_WORD
    return len(value) >= SHORTEST and len(set(value)) >= _FEWEST_KINDS and not word


class Forms:
    """Finds the forms of some values in a text, in one pass that is linear in the text.

    Args:
        names: The name of each value.

    Example:
        >>> Forms({"k-12345678": "crm"}).spots("key=k-12345678;")
        [Spot(start=4, end=14, name='crm')]
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        import re2  # a C extension: only once there is something to look for

        self._names = {form: name for value, name in names.items() for form in forms(value)}
        self._by_head: dict[str, list[str]] = {}
        for form in sorted(self._names, key=len, reverse=True):  # a short one may be part of it
            self._by_head.setdefault(form[:_INDEXED], []).append(form)
        self.spaced = tuple(form for form in self._names if re.search(r"\s", form))
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # bytes as they are
        options.never_capture = True
        options.max_mem = 1 << 28
        heads = sorted({form[:_HEAD] for form in self._names})
        self._any: Any = re2.compile(b"|".join(_escaped(head) for head in heads), options)

    def spots(self, text: str) -> list[Spot]:
        """Return where the values stand in `text`, in order; the longest form counts."""
        data = text.encode("utf-8", "surrogatepass")
        found: list[Spot] = []
        at = byte = seen = 0  # a place in bytes, and the same one in characters
        while match := self._any.search(data, at):
            start = match.start()
            seen += start - byte if text.isascii() else _chars(data[byte:start])
            byte = start
            form = self._form_at(text, seen)
            if form is None:
                at = start + 1
                continue
            found.append(Spot(seen, seen + len(form), self._names[form]))
            at = start + len(form.encode("utf-8", "surrogatepass"))
        return found

    def _form_at(self, text: str, at: int) -> str | None:
        for size in range(_INDEXED, 0, -1):
            for form in self._by_head.get(text[at : at + size], ()):
                if text.startswith(form, at):
                    return form
        return None

    def begun(self, text: str) -> int | None:
        """Return where a value with spaces may have begun at the end of `text`, or is complete."""
        first: int | None = None
        for form in self.spaced:
            at = text.find(form[:_INDEXED], max(0, len(text) - len(form)))
            while at >= 0 and not form.startswith(text[at:]):
                at = text.find(form[:_INDEXED], at + 1)
            if at >= 0:
                first = at if first is None else min(first, at)
        return first


class Register:
    """The values that are remembered, and what finds them.

    Example:
        >>> register = Register()
        >>> register.add([Secret("crm", "k-12345678")])
        >>> [spot.name for spot in register.spots("key k-12345678")]
        ['crm']
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._forms: Forms | None = None

    def add(self, secrets: Iterable[Secret]) -> None:
        """Remember those of `secrets` that can be told from other text."""
        fresh = {each.reveal(): each.name for each in secrets if telling(each.reveal())}
        if not fresh:
            return
        with self._lock:
            known = all(self._names.get(value) == name for value, name in fresh.items())
            for value, name in fresh.items():
                self._names.pop(value, None)
                self._names[value] = name  # the newest stands last
            while len(self._names) > KEPT:
                del self._names[next(iter(self._names))]
            if not known:
                self._forms = None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._names, self._forms = {}, None

    def spots(self, text: str) -> list[Spot]:
        """Return where remembered values stand in `text`, in order and apart."""
        found = self._all()
        return found.spots(text) if found is not None else []

    def begun(self, text: str) -> int | None:
        """Return where a remembered value may have begun at the end of `text`, if it has spaces.

        A value without spaces is one word, and whoever reads a stream waits for whole words.
        """
        found = self._all()
        return found.begun(text) if found is not None and found.spaced else None

    def _all(self) -> Forms | None:
        if not self._names:
            return None
        with self._lock:
            if self._forms is None and self._names:
                self._forms = Forms(self._names)
            return self._forms


REGISTER = Register()
"""What this process leased."""


def _escaped(head: str) -> bytes:
    data = head.encode("utf-8", "surrogatepass")
    return b"".join(b"\\x%02x" % byte for byte in data)


def _chars(data: bytes) -> int:
    """Return how many characters the UTF-8 in `data` holds: continuation bytes do not count."""
    return sum(byte & 0xC0 != 0x80 for byte in data)


def apart(spots: Sequence[Spot]) -> Iterator[Spot]:
    """Yield sorted `spots` without those that overlap an earlier one."""
    done = 0
    for spot in sorted(spots, key=lambda spot: (spot.start, -spot.end)):
        if spot.start >= done:
            yield spot
            done = spot.end

"""Redact a stream: release text only up to a place where nothing can be cut in two.

The rule. A place is safe if it follows a break (white space, or punctuation that
no typed data contains), the whole words before and after it are plain (letters
that are not all capitals, no digit, no `@`), no replacement reaches across it,
and at least `margin` characters follow. Phone numbers, cards, accounts, keys and
addresses never hold such a place, so what was released equals what redacting the
whole text at once would have released.

The bound. Between two pushes at most `limit` characters are held. If so many
stand there without a safe place, they are released redacted up to the last break
that no replacement reaches across; one endless replacement (a private key) goes
on being held in short form; one endless word is replaced by `[WITHHELD]`. What may be
the beginning of a leased secret with spaces in it is held until that is decided: at most
as many characters more as the secret has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guarded_agent.guards.later import Asked, Later, settle
from guarded_agent.guards.normalise import normalise

WITHHELD = "[WITHHELD]"
LIMIT = 4096
MARGIN = 64
CONTEXT = 256

Redact = Callable[[str], Sequence[tuple[int, int, str]]]
"""Gives the replacements for a text: start, end, what to write; sorted and apart."""

Begun = Callable[[str], int | None]
"""Tells where, at the end of a text, something to be replaced may have begun, if anywhere."""

_BREAKS = frozenset("。、「」『』《》〈〉【】")
_SHORT = 64


class HoldBack:
    """Holds back the end of a stream until it is safe to release it redacted.

    Args:
        redact: Gives the replacements for a text, such as `Redactor.edits`.
        margin: How many characters must follow what is released.
        limit: How many characters are held at most between two pushes.
        begun: Tells where, at the end of a text, something may have begun that `redact`
            knows only when it is complete.

    Raises:
        ValueError: `limit` is too small for the margin.

    Example:
        >>> def redact(text):
        ...     start = text.find("42 43")
        ...     return [(start, start + 5, "[N]")] if start >= 0 else []
        >>> stream = HoldBack(redact)
        >>> out = stream.push("the numbers are 4") + stream.push("2 43 today") + stream.flush()
        >>> out
        'the numbers are [N] today'
    """

    def __init__(
        self,
        redact: Redact,
        *,
        margin: int = MARGIN,
        limit: int = LIMIT,
        begun: Begun | None = None,
    ) -> None:
        if limit < 2 * (margin + _SHORT):
            raise ValueError(f"limit must be at least {2 * (margin + _SHORT)} for this margin")
        self._redact = redact
        self._begun = begun
        self._margin = margin
        self._limit = limit
        self._context = ""
        self._held = ""
        self._tried = 0  # the last place that was tried, so that each one is tried once
        self._dropping = False

    def push(self, chunk: str) -> str:
        """Take in `chunk`; return what may be released now, redacted."""
        self._held += self._after_drop(chunk)
        if len(self._held) <= self._margin:
            return ""
        places = self._plain_places()
        if places[-1:] <= [self._tried] and len(self._held) <= self._limit:
            return ""
        edits = self._edits_and_begun()
        cut = next((place for place in reversed(places) if not _inside(place, edits)), 0)
        out = self._release(cut, edits)
        self._tried = places[-1] - cut if places else 0
        if len(self._held) > self._limit:
            out += self._overflow()
            self._tried = 0
        return out

    def flush(self) -> str:
        """Return all that is left, redacted; the stream is at its end."""
        out = self._release(len(self._held), self._edits())
        self._context, self._held, self._tried, self._dropping = "", "", 0, False
        return out

    def _edits(self) -> list[tuple[int, int, str]]:
        """The replacements in what is held, seen together with what went before."""
        shift = len(self._context)
        return [
            (max(0, start - shift), end - shift, _whole(text, start >= shift))
            for start, end, text in self._redact(self._context + self._held)
            if end > shift
        ]

    def _edits_and_begun(self) -> list[tuple[int, int, str]]:
        """The same; what may have begun reaches beyond the end, so that no cut is behind it."""
        edits = self._edits()
        if self._begun is None:
            return edits
        at = self._begun(self._context + self._held)
        if at is None:
            return edits
        at = max(0, at - len(self._context))
        before = [edit for edit in edits if edit[1] <= at]
        return [*before, (min([at, *(edit[0] for edit in edits if edit[1] > at)]), self._open, "")]

    @property
    def _open(self) -> int:
        return len(self._held) + 1

    def _release(self, cut: int, edits: Sequence[tuple[int, int, str]]) -> str:
        parts: list[str] = []
        done = 0
        edits = [edit for edit in edits if edit[1] <= cut]
        for start, end, text in _settled(edits, self._held):
            parts += [self._held[done:start], text]
            done = end
        parts.append(self._held[done:cut])
        self._context = (self._context + self._held[:cut])[-CONTEXT:]
        self._held = self._held[cut:]
        return "".join(parts)

    def _plain_places(self) -> list[int]:
        """Places between two plain words that have the margin after them, in order."""
        places: list[int] = []
        word = 0
        before = False  # whether the whole word before this one is plain
        last = len(self._held) - self._margin
        for at, char in enumerate(self._held):
            if not _is_break(char):
                continue
            if at > word:
                plain = _is_plain(self._held[word:at])
                if plain and before and word <= last:
                    places.append(word)
                before = plain
            word = at + 1
            if word > last:
                break
        return places

    def _overflow(self) -> str:
        out = ""
        while len(self._held) > self._limit:
            edits = self._edits_and_begun()
            cut = self._last_break(edits)
            if cut == 0 and edits and edits[-1][1] == self._open:
                break
            if cut == 0 and edits and edits[-1][1] == len(self._held):
                cut = edits[-1][0]
                if cut == 0 and self._shorten(edits[-1][2]):
                    break
            if cut == 0:
                self._context, self._held, self._dropping = "", "", True
                return out + WITHHELD
            # No plain word stands at this place. To see the rest as it would be seen in the whole
            # text, the next look starts where the last replacement ended.
            seen = max((end for _, end, _ in edits if end <= cut), default=-len(self._context))
            out += self._release(cut, edits)
            self._context = self._context[len(self._context) - min(cut - seen, CONTEXT) :]
        return out

    def _last_break(self, edits: Sequence[tuple[int, int, str]]) -> int:
        """The last place after a break that no replacement reaches across, or 0."""
        places = [
            at
            for at, char in enumerate(self._held, start=1)
            if _is_break(char) and not _inside(at, edits)
        ]
        spaced = [at for at in places if at <= len(self._held) - self._margin]
        return max(spaced or places, default=0)

    def _shorten(self, text: str) -> bool:
        """Forget the middle of an open replacement, if that changes nothing."""
        short = self._held[:_SHORT] + self._held[-_SHORT:]
        if isinstance(text, Later) or list(self._redact(self._context + short))[-1:] != [
            (len(self._context), len(self._context) + len(short), text)
        ]:
            return False
        self._held = short
        return True

    def _after_drop(self, chunk: str) -> str:
        """Drop the rest of a word whose beginning was withheld."""
        if not self._dropping:
            return chunk
        for at, char in enumerate(chunk):
            if _is_break(char):
                self._dropping = False
                return chunk[at:]
        return ""


def _whole(text: str, all_of_it: bool) -> str:
    """Return a replacement; one that is chosen late needs all of what it stands for."""
    return text.never if isinstance(text, Later) and not all_of_it else text


def _settled(edits: Sequence[tuple[int, int, str]], held: str) -> Sequence[tuple[int, int, str]]:
    """Return replacements whose text is chosen, now that they cannot grow any more."""
    texts = [text for _, _, text in edits]
    if not any(isinstance(text, Later) for text in texts):
        return edits
    asked = [
        Asked(text.kind if isinstance(text, Later) else "", held[start:end])
        for start, end, text in edits
    ]
    chosen = settle(texts, asked)
    return [(start, end, text) for (start, end, _), text in zip(edits, chosen, strict=True)]


def _is_break(char: str) -> bool:
    return char.isspace() or char in _BREAKS


def _is_plain(word: str) -> bool:
    plain = normalise(word)[0]
    letters = any(char.isalpha() and not "A" <= char <= "Z" for char in plain)
    return letters and not any(char.isnumeric() or char == "@" for char in plain)


def _inside(place: int, edits: Sequence[tuple[int, int, str]]) -> bool:
    return any(start < place < end for start, end, _ in edits)

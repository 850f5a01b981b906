"""Plain views of a text, with a map back to where each character came from.

Coercion hides behind odd letters, split words and encodings. A view undoes that:
compatibility forms, accents, invisible characters and look-alike letters fold to
plain lower case; base64, hex and percent runs are decoded in place, two layers
deep. A second view also folds digits that stand for letters and dots inside
words. Every view maps each character to its offsets in the original text, so a
finding always points at what the reviewer sees.

It does not unwrap HTML, ciphers, images or archives.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import re2

LAYERS = 2
"""How many times a decoded run is searched for another one."""

_LOOKALIKE = dict(
    zip(
        "авеёзікмнорстухѕјһӏԁԛԝαβεικνορτυχγηω",
        "abee3ikmhopctyxsjhldqwabeikvoptuxynw",
        strict=True,
    )
)
_SPELT = {
    "ß": "ss",
    "ø": "o",
    "ł": "l",
    "đ": "d",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
}
_LEET = str.maketrans("4@31!05$78", "aaeiiosstb")

_WORD = re.compile(r"[^\W_]+")
# Only words with a sign in them: of letters alone nothing becomes another word.
_LEET_WORD = re.compile(r"(?<![a-z0-9@$!.\-_*])[a-z]*[0-9@$!.\-_*][a-z0-9@$!.\-_*]*")
_LATIN1 = re2.Options()
_LATIN1.encoding = re2.Options.Encoding.LATIN1
_LATIN1.never_capture = True


class _Rare:
    """A pattern that few texts match, behind a gate that says so in a fraction of the time.

    Args:
        pattern: For Python, which alone finds where the matches are.
        gate: For RE2. Of an ASCII text it matches at least what `pattern` matches.
    """

    def __init__(self, pattern: str, gate: str) -> None:
        self._pattern = re.compile(pattern)
        self._gate: Any = re2.compile(gate.encode(), _LATIN1)

    def finditer(self, text: str) -> Iterable[re.Match[str]]:
        """Return the matches in `text`."""
        if text.isascii() and self._gate.search(text.encode()) is None:
            return ()
        return self._pattern.finditer(text)


_SPACED = _Rare(
    r"(?<!\w)(?:[^\W\d_][ .\-_*|/]){2,}[^\W\d_](?!\w)",
    r"\b(?:[A-Za-z][ .\-_*|/]){2,}[A-Za-z]\b",
)
_BASE64 = _Rare(r"[A-Za-z0-9+/_\-]{20,}={0,2}", r"[A-Za-z0-9+/_\-]{20}")
_HEX = _Rare(r"(?:[0-9a-fA-F]{2}[ :]?){16,}", r"(?:[0-9a-fA-F]{2}[ :]?){16}")
_GAP = _Rare(r"(?<!\n)\n(?!\s)|[ \t]{2,}", r"\n(?:\S|\z)|[ \t]{2}")
_PERCENT = _Rare(r"(?:%[0-9a-fA-F]{2})+", r"%[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class View:
    """A normalised text and, for each of its characters, where it came from.

    Attributes:
        text: The normalised text.
        starts: The offset in the original at which each character begins.
        ends: The offset in the original at which each character ends.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return the span of the original that `start:end` of this view stands for."""
        if start >= end or start >= len(self.starts):
            return (0, 0)
        end = min(end, len(self.ends))
        return min(self.starts[start:end]), max(self.ends[start:end])


def views(text: str) -> tuple[View, ...]:
    """Return the plain view of `text` and, where it differs, the one without leet.

    Example:
        >>> [view.text for view in views("Ｃancel the ѕhutd0wn")]
        ['cancel the shutd0wn', 'cancel the shutdown']
    """
    raw = View(text, range(len(text)), range(1, len(text) + 1))
    for _ in range(LAYERS):
        decoded = _decoded(raw)
        if decoded is raw:
            break
        raw = decoded
    plain = _replace(_folded(raw), _SPACED, _unspaced)
    plain = _replace(plain, _GAP, _one_space)  # a wrapped line is one sentence
    leet = _replace(plain, _LEET_WORD, _unleet)
    return (plain,) if leet.text == plain.text else (plain, leet)


def _replace(view: View, pattern: re.Pattern[str] | _Rare, new: Callable[[str], str]) -> View:
    """Replace matches by `new(match)`; the new characters share the span of the match."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for match in pattern.finditer(view.text):
        start, end = match.span()
        old = view.text[start:end]
        fresh = new(old)
        if fresh == old:
            continue
        parts += [view.text[done:start], fresh]
        starts.extend(view.starts[done:start])
        ends.extend(view.ends[done:start])
        if len(fresh) == len(old):
            starts.extend(view.starts[start:end])
            ends.extend(view.ends[start:end])
        else:
            first, last = view.original(start, end)
            starts.extend([first] * len(fresh))
            ends.extend([last] * len(fresh))
        done = end
    if not parts:
        return view
    parts.append(view.text[done:])
    starts.extend(view.starts[done:])
    ends.extend(view.ends[done:])
    return View("".join(parts), tuple(starts), tuple(ends))


def _folded(view: View) -> View:
    """Fold letters one by one; fold look-alikes only where the text is Latin."""
    if view.text.isascii():  # each letter stays one letter
        return View(view.text.lower(), view.starts, view.ends)
    letters = [char for char in view.text if char.isalpha()]
    latin = sum(map(_is_latin, letters)) * 2 >= len(letters)
    mixed: set[int] = set()
    for match in _WORD.finditer(view.text):
        word = match.group()
        if latin or any(map(_is_latin, word)):
            mixed.update(range(*match.span()))
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, char in enumerate(view.text):
        fresh = char.lower() if char.isascii() else _fold(char)
        if index in mixed:
            fresh = "".join(_LOOKALIKE.get(letter, letter) for letter in fresh)
        if not fresh:
            continue
        parts.append(fresh)
        starts.extend([view.starts[index]] * len(fresh))
        ends.extend([view.ends[index]] * len(fresh))
    return View("".join(parts), tuple(starts), tuple(ends))


def _is_latin(char: str) -> bool:
    return char.isascii() or char < "ɐ" or "Ａ" <= char <= "ｚ"


@lru_cache(maxsize=4096)
def _fold(char: str) -> str:
    if unicodedata.category(char) in ("Cf", "Mn", "Me", "Cc"):
        return "" if char != "\x85" else "\n"
    char = unicodedata.normalize("NFKC", char).lower()
    folded: list[str] = []
    for letter in char:
        spelt = _SPELT.get(letter)
        if spelt is not None:
            folded.append(spelt)
            continue
        base = unicodedata.normalize("NFKD", letter)
        # Accents fall only from Latin letters: й and が are letters of their own.
        folded.append(base[0] if base[0].isascii() and base[0].isalpha() else letter)
    return "".join(folded)


def _unspaced(run: str) -> str:
    return "".join(char for char in run if char.isalpha())


def _one_space(_gap: str) -> str:
    return " "


def _unleet(word: str) -> str:
    core = word.strip(".-_*!")
    # "17:00" and "0.5" are figures: only beside a letter does a figure stand for one.
    if not core or core.isalpha() or not any(map(str.isalpha, core)):
        return word
    head, tail = word[: word.index(core)], word[word.index(core) + len(core) :]
    fresh = core.translate(_LEET)
    joined = fresh.replace(".", "").replace("*", "").replace("_", "")
    return head + (joined if joined.replace("-", "").isalpha() else core) + tail


def _decoded(view: View) -> View:
    for pattern, decode in ((_PERCENT, _percent), (_HEX, _hex), (_BASE64, _base64)):
        view = _replace(view, pattern, decode)
    return view


def _prose(data: bytes, otherwise: str) -> str:
    """Return `data` as text if it reads like text: an identifier must stay what it is."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return otherwise
    good = sum(char.isalpha() or char.isspace() or char in ".,;:!?'\"-%/=+" for char in text)
    good += sum(char.isdigit() for char in text)
    readable = len(text) >= 8 and good >= 0.9 * len(text)
    return f" {text} " if readable else otherwise


def _base64(run: str) -> str:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _prose(base64.b64decode(body + "=" * (-len(body) % 4)), run)
    except (binascii.Error, ValueError):
        return run


def _hex(run: str) -> str:
    try:
        return _prose(bytes.fromhex(run.replace(":", "").replace(" ", "")), run)
    except ValueError:
        return run


def _percent(run: str) -> str:
    return unquote(run, errors="replace")

"""What is written in another form inside a text: base64, hexadecimal, percent signs, escapes.

Detectors see the text and, beside it, each run that decodes to text, two layers deep.
Where something is found in a run, the whole run is replaced; in percent signs and
escapes the characters are. It does not undo ciphers, archives or compression, and does
not put together what was cut in pieces. Decoding never makes a text longer, and all
that is decoded may be four times the text: more than that no one writes but an attacker.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from guarded_agent.guards.normalise import Offsets, Place, Through, Whole, normalise

LAYERS = 2
"""How deep a run in a run is decoded."""

SHORTEST = 8
"""What is shorter holds nothing that is looked for in other forms."""

_LEAST = 12  # characters of a run; a social security number makes sixteen in base64
_ROOM = 1000
_RUN = re.compile(
    # Not a word of small letters, which most runs are.
    r"(?<![A-Za-z0-9+/_-])(?![A-Z]?[a-z]++(?![A-Za-z0-9+/_-]))"
    r"[A-Za-z0-9+/_-]{12,}+={0,2}(?:\r?\n[A-Za-z0-9+/_-]{12,}+={0,2})*+",
)
_JOINTS = re.compile(r"[/_\-+\r\n=]+")
_HEX = re.compile(
    r"(?<![0-9A-Za-z])(?:0[xX])?(?:[0-9A-Fa-f]{2})++(?![0-9A-Za-z])"
    r"(?:[ :](?:[0-9A-Fa-f]{2})++(?![0-9A-Za-z]))*+"
)
_HEX_GROUP = re.compile(r"[0-9A-Fa-f]{2,}+")
_LEAST_HEX = 16
_URLSAFE = str.maketrans("-_", "+/", "\r\n=")
_WORD = re.compile(r"\S++")
_ESCAPE = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})++)|\\u(?P<u>[0-9A-Fa-f]{4})|\\x(?P<x>[0-9A-Fa-f]{2})"
    r"|&\#(?P<dec>[0-9]{1,7});|&\#[xX](?P<hex>[0-9A-Fa-f]{1,6});"
)
_READABLE = re.compile(rb"[\t\n\r\x20-\x7e]{6,}")


class TooMuch(ValueError):
    """A text holds more in other forms than anyone writes."""


class Layer(NamedTuple):
    """A text as detectors see it, and where it stands in the original."""

    text: str
    place: Place


def may_hold(text: str) -> bool:
    """Say, quickly, whether anything in `text` may be encoded. It errs to the side of yes.

    Example:
        >>> may_hold("a quiet internationalisation"), may_hold("id YW5uQGV4YW1wbGUuY29t")
        (False, True)
    """
    return _gate().search(text.encode("latin-1", "replace")) is not None


def layers(plain: str, place: Place) -> list[Layer]:
    """Return the plain form of each run in a normalised text that decodes to text.

    Args:
        plain: The text.
        place: Where it stands in the original.

    Raises:
        TooMuch: What is decoded is more than four times the text.

    Example:
        >>> [found] = layers("id YW5uQGV4YW1wbGUuY29t", Offsets())
        >>> found.text, found.place.span(0, 3)
        ('ann@example.com', (3, 23))
    """
    found: list[Layer] = []
    room = 4 * len(plain) + _ROOM
    outer = [Layer(plain, place)]
    for _ in range(LAYERS):
        inner: list[Layer] = []
        for layer in outer:
            for decoded, where in _decoded(layer.text):
                room -= len(decoded)
                if room < 0:
                    raise TooMuch("the text holds too much that is encoded")
                again, back = normalise(decoded)
                inner.append(Layer(again, Through(layer.place, Through(where, back))))
        found += inner
        outer = inner
    return found


@cache
def _gate() -> Any:
    import re2  # a C extension: not before there is a text to look at

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    # Letters and digits of several sorts side by side; two digits in pairs; signs of an escape.
    mixed = rb"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Za-z][0-9]|[0-9][A-Za-z]|[0-9]{16}"
    signs = rb"%[0-9A-Fa-f]{2}|\\[ux][0-9A-Fa-f]{2}|&#[0-9xX]"
    return re2.compile(mixed + rb"|(?:[0-9A-Fa-f]{2}[ :]){7}[0-9A-Fa-f]|" + signs, options)


def _decoded(text: str) -> Iterator[tuple[str, Place]]:
    if "%" in text or "\\" in text or "&#" in text:
        yield from _escaped_words(text)
    for match in _RUN.finditer(text):
        yield from _base64(match.group(), match.start())
    for match in _HEX.finditer(text):
        if len(match.group()) >= _LEAST_HEX:
            yield from _hex(text, *match.span())


def _escaped_words(text: str) -> Iterator[tuple[str, Place]]:
    for word in _WORD.finditer(text):
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = word.start()
        for match in _ESCAPE.finditer(text, *word.span()):
            start, end = match.span()
            said = _character(match)
            parts += [text[done:start], said]
            starts.extend(range(done, start))
            ends.extend(range(done + 1, start + 1))
            if len(said) * 3 == end - start:  # each character by itself
                starts.extend(range(start, end, 3))
                ends.extend(range(start + 3, end + 1, 3))
            else:
                starts.extend([start] * len(said))
                ends.extend([end] * len(said))
            done = end
        if parts:
            parts.append(text[done : word.end()])
            starts.extend(range(done, word.end()))
            ends.extend(range(done + 1, word.end() + 1))
            yield "".join(parts), Offsets(starts, ends)


def _character(match: re.Match[str]) -> str:
    if match["percent"]:
        return unquote_to_bytes(match["percent"]).decode("utf-8", "replace")
    decimal = match["dec"]
    code = int(decimal) if decimal else int(match["u"] or match["x"] or match["hex"], 16)
    return chr(code) if code < 0x110000 else "\ufffd"


def _base64(run: str, start: int) -> Iterator[tuple[str, Place]]:
    said = _from_base64(run)
    if said is not None:
        yield said, Whole(start, start + len(run))
        return
    # A path or a name may stand before it: `files/aGVsbG8...`, `key_aGVsbG8...`.
    done = 0
    for joint in [*_JOINTS.finditer(run), None]:
        end = joint.start() if joint else len(run)
        if end - done >= _LEAST and (done or end < len(run)):
            said = _from_base64(run[done:end])
            if said is not None:
                yield said, Whole(start + done, start + end)
        done = joint.end() if joint else end


def _from_base64(run: str) -> str | None:
    if run.isdigit() or (run.isalpha() and (run.islower() or run.isupper() or run.istitle())):
        return None  # a word or a number: what is encoded mixes letters
    body = run.translate(_URLSAFE)
    body = body[:-1] if len(body) % 4 == 1 else body
    try:
        return _said(base64.b64decode(body + "=" * (-len(body) % 4)))
    except (binascii.Error, ValueError):
        return None


def _hex(text: str, start: int, end: int) -> Iterator[tuple[str, Place]]:
    groups = [match.span() for match in _HEX_GROUP.finditer(text, start, end)]
    # A short word such as `ad` or `be` beside bytes that are spaced looks like one of them.
    for some in (groups, groups[:-1], groups[1:], groups[1:-1]):
        said = _said(bytes.fromhex("".join(text[slice(*group)] for group in some)))
        if said is not None:
            yield said, Whole(some[0][0], some[-1][1])
            return
    for first, last in groups if len(groups) > 1 else ():
        said = _said(bytes.fromhex(text[first:last]))
        if said is not None:
            yield said, Whole(first, last)


def _said(data: bytes) -> str | None:
    """Return `data` as text if it reads like one: a key or a digest says nothing."""
    if _READABLE.fullmatch(data):
        return data.decode("ascii")
    if data.isascii() and 0 not in data:
        return None  # control characters
    wide = data.count(0) * 3 > len(data)  # two bytes for each letter, as Windows writes text
    try:
        said = data.decode("utf-16-le" if wide else "utf-8")
    except UnicodeDecodeError:
        return None
    shown = sum(char.isprintable() or char in "\t\r\n" for char in said)
    return said if len(said) >= 6 and shown >= 0.9 * len(said) else None

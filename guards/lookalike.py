"""Texts that are not what they look like: hidden characters and borrowed letters."""

from __future__ import annotations

import re
import unicodedata

from guarded_agent.core.visible import INVISIBLE

_HIDDEN = re.compile(f"[{INVISIBLE}]")
# Overrides and isolates change the order in which a text is read; tags spell words that no
# screen shows. The joiners inside emoji and the direction marks of right-to-left languages are
# not among them.
_TREACHEROUS = re.compile("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f")  # flags of regions
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")
# Letters of other scripts that most fonts draw exactly as Latin ones.
_TWINS = frozenset("асеорхуіјѕһԁӏԛԝѵ" + "ονρυι" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" + "АВЕКМНОРСТХЅІЈ")
_ADDRESS_PARTS = re.compile(r"[\s,;<>\"'()\[\]]+")
_LABELS = re.compile(r"[@.:/?#&=_+\-]+")


def is_treacherous(text: str) -> bool:
    """Say whether `text` holds characters that reorder it or spell hidden words.

    Example:
        >>> is_treacherous("invoice\u202efdp.exe"), is_treacherous("family 👨\u200d👩\u200d👧")
        (True, False)
    """
    return _TREACHEROUS.search(_FLAG.sub("", text)) is not None


def is_disguised(destination: str) -> bool:
    """Say whether an address or URL in `destination` may be taken for another one.

    It may if it holds a character that draws nothing, mixes scripts inside one
    label, or has a label made only of letters that look like Latin ones.

    Example:
        >>> is_disguised("ann@аcme.com")  # the first letter of the domain is Cyrillic
        True
        >>> is_disguised("ann@acme.com"), is_disguised("anna@пример.com")
        (False, False)
    """
    if destination.isascii() and "xn--" not in destination.lower():
        return False
    if _HIDDEN.search(destination):
        return True
    parts = _ADDRESS_PARTS.split(destination)
    addresses = [part for part in parts if "@" in part or "." in part]
    return any(_is_mixed(label) for part in addresses for label in _labels(part))


def _labels(address: str) -> list[str]:
    return [_decoded(label) for word in address.split(".") for label in _split(word)]


def _split(word: str) -> list[str]:
    # An encoded label keeps its hyphens: they are part of the encoding.
    at = word.lower().rpartition("@")[2]
    return [word] if at.startswith("xn--") else _LABELS.split(word)


def _decoded(label: str) -> str:
    name = label.rpartition("@")[2]
    if not name.lower().startswith("xn--"):
        return label
    try:
        return name[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return "xа"  # what cannot be decoded counts as mixed


def _is_mixed(label: str) -> bool:
    letters = [char for char in label if char.isalpha()]
    scripts = {_script(char) for char in letters} & set(_SCRIPTS)
    if len(scripts) > 1:
        return True
    foreign = [char for char in letters if not char.isascii()]
    return bool(foreign) and scripts != {"LATIN"} and all(char in _TWINS for char in letters)


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]

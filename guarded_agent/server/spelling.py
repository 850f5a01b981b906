"""Names that look like another name: letters of several scripts in one word."""

from __future__ import annotations

import re
import unicodedata

_WORD = re.compile(r"[^\W\d_]{2,200}")


def mixed_scripts(text: str) -> str:
    """Return a warning for people if a word in `text` mixes scripts, or uses none of ours.

    Example:
        >>> mixed_scripts("ann@\\u0430cme.example")
        'CYRILLIC letters among LATIN ones in one word'
        >>> mixed_scripts("ann@acme.example")
        ''
    """
    for word in _WORD.findall(text):
        if word.isascii():
            continue
        scripts = sorted({unicodedata.name(letter, "UNKNOWN").split()[0] for letter in word})
        if len(scripts) > 1:
            first, *others = scripts
            return f"{first} letters among {' and '.join(others)} ones in one word"
    return ""

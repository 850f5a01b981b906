"""Make visible what a text hides: characters that draw nothing, or reorder others."""

from __future__ import annotations

import re

INVISIBLE = (
    "\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What draws nothing, as the inside of a regular expression's character class."""

_BLANK = "\u2800"
"""The Braille pattern without dots: it counts as printable and draws nothing."""

_DRAWS_NOTHING = re.compile(f"[{INVISIBLE}{_BLANK}]")


def visible(text: str, *, keep: str = "") -> str:
    """Return `text` with every character that hides, moves or reorders others written out.

    Args:
        text: What an agent, a tool or a file wrote.
        keep: Control characters that stay, such as line breaks where they do no harm.

    Example:
        >>> visible("pay\\u202eegap")
        'pay\\\\u{202e}egap'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or _shows(char) else f"\\u{{{ord(char):x}}}" for char in text
    )


def _shows(char: str) -> bool:
    return char.isprintable() and not _DRAWS_NOTHING.match(char)

"""Gates: which kinds of personal data a text can hold at all, told in microseconds.

Presidio asks every recogniser about every text. Most texts hold nothing that looks
like a number, an address or a name of a machine; they need no analysis. A gate matches
in every text in which the kind's recogniser could find something, and in few others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

# As in `recognisers`, without what looks around. A character outside of Latin-1 stands as `?`.
_GATES = {
    "CREDIT_CARD": r"[0-9](?:[ -]?[0-9]){11}",
    "CRYPTO": r"(?i:bc1|[13])[a-zA-HJ-NP-Z0-9]{25}",
    "EMAIL_ADDRESS": r"@",
    "IBAN_CODE": r"[A-Za-z]{2}[0-9]{2}[ -]?[A-Za-z0-9]",
    "IP_ADDRESS": r"[0-9]\.[0-9]{1,3}\.[0-9]|::|[0-9A-Fa-f]:[0-9A-Fa-f]{1,4}:",
    "MAC_ADDRESS": (r"[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\."),
    "PHONE_NUMBER": r"[0-9][0-9().\-/ \[\]?]{4,}[0-9]",
    "URL": r"[A-Za-z0-9]\.[A-Za-z]",
    "US_SSN": r"[0-9]{3}[- .]?[0-9]{2}[- .]?[0-9]{4}",
}

# In these ranges no character but the ASCII digits is a digit to Python or to `phonenumbers`.
_KNOWN_DIGITS = re.compile("[\x00-\u024f\u2000-\u20cf]*")


def promising(text: str, kinds: Sequence[str]) -> Sequence[str]:
    """Return those of `kinds` that a normalised text may hold.

    Example:
        >>> promising("write to ann@acme.com", ["CREDIT_CARD", "EMAIL_ADDRESS"])
        ['EMAIL_ADDRESS']
    """
    if not text.isascii() and not _KNOWN_DIGITS.fullmatch(text):
        return kinds
    data = text.encode("latin-1", "replace")
    together, each = _compiled(tuple(kinds))
    if together.search(data) is None:
        return ()
    return [kind for kind, gate in each if gate.search(data) is not None]


@cache
def _compiled(kinds: tuple[str, ...]) -> tuple[Any, list[tuple[str, Any]]]:
    import re2  # a C extension: not before there is a text to look at

    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    patterns = [(kind, _GATES[kind]) for kind in kinds]
    together = "|".join(f"(?:{pattern})" for _, pattern in patterns)
    return (
        re2.compile(together.encode(), options),
        [(kind, re2.compile(pattern.encode(), options)) for kind, pattern in patterns],
    )

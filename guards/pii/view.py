"""A text as the recognisers see it: one byte for each character, so that RE2 can read it.

Digits, dashes and spaces of every script become the plain ones, so that a number in
Arabic digits is a number. What a replacement left behind (`[CARD]`) is blanked out:
it is no word that says what stands beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from guarded_agent.guards.pii.entities import KINDS

LETTER = 0xFF  # stands for every letter outside of Latin-1
LEAF = b"\x1e"  # stands before each text that `scrub` looks through
# Exactly what replacements are: nothing else in brackets is taken for one, and none hides a number.
_TOKENS = "|".join(sorted({kind.token for kind in KINDS.values()}))
_TOKEN = re.compile(
    rf"\[(?:(?:{_TOKENS})(?::[a-p]{{12}})?|SECRET:[a-z-]{{2,40}})\]|<(?:{_TOKENS})_[0-9]{{1,6}}>".encode()
)
_ESCAPED = re.compile(rb"\\[nrt]")


class _Plain(dict[int, int]):
    """Maps a code point to the byte that stands for it."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        digit = unicodedata.decimal(char, None)
        category = unicodedata.category(char)
        if digit is not None:
            plain = 0x30 + digit
        elif category == "Pd" or char == "\u2212":
            plain = ord("-")
        elif category == "Zs":
            plain = ord(" ")
        elif category == "Sc":
            plain = ord("$")
        elif code < 0x100:
            plain = code
        else:
            plain = LETTER if category[0] in "LM" else 0xB7
        self[code] = plain
        return plain


_PLAIN = _Plain()


def view(text: str) -> bytes:
    """Return the bytes that recognisers read; byte n stands for character n of `text`.

    Args:
        text: A normalised text.

    Example:
        >>> view("call \u0661\u0662\u2010\u0663 about [CARD] for 5 \u20ac")
        b'call 12-3 about \\x1d\\x1d\\x1d\\x1d\\x1d\\x1d for 5 $'
    """
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        data = text.translate(_PLAIN).encode("latin-1")
    if b"\\" in data:  # line ends that were written out, as in JSON inside of a text
        data = _ESCAPED.sub(b" \n", data)
    if b"[" in data or b"<" in data:
        data = _TOKEN.sub(lambda match: b"\x1d" * len(match.group()), data)
    return data


def rx(pattern: str, *, case: bool = True) -> Any:
    """Return `pattern` compiled by RE2 for a view: linear in the text, whatever it holds."""
    return _rx(pattern, case)


@cache
def _rx(pattern: str, case: bool) -> Any:
    import re2  # a C extension: not before there is a text to look at

    return re2.compile(pattern.encode("latin-1"), options(case=case))


def options(*, case: bool = True) -> Any:
    """Return how RE2 reads a pattern for a view."""
    import re2  # see above

    chosen = re2.Options()
    chosen.encoding = re2.Options.Encoding.LATIN1
    chosen.never_capture = True
    chosen.case_sensitive = case
    chosen.max_mem = 32 << 20
    return chosen


@cache
def words(alternatives: str) -> Any:
    """Return what finds any of some words or stems as whole words, in any case.

    Digits and underscores end a word, as in `customer_ssn2`.
    """
    return rx(rf"(?:^|[^A-Za-z\xc0-\xff])(?:{alternatives})(?:[^A-Za-z\xc0-\xff]|$)", case=False)


def is_word(data: bytes, at: int) -> bool:
    """Return whether a letter or digit stands at `at`."""
    if not 0 <= at < len(data):
        return False
    byte = data[at]
    return 48 <= byte <= 57 or 65 <= byte <= 90 or 97 <= byte <= 122 or byte >= 0xC0


def is_digit(data: bytes, at: int) -> bool:
    """Return whether a digit stands at `at`."""
    return 0 <= at < len(data) and 48 <= data[at] <= 57


def stands_alone(data: bytes, start: int, end: int) -> bool:
    """Return whether neither a word nor a longer number goes on at either side.

    Example:
        >>> stands_alone(b"no 123-45, 6", 3, 6), stands_alone(b"no 123, 45", 3, 6)
        (False, True)
    """
    if is_word(data, start - 1) or is_word(data, end):
        return False
    if start and data[start - 1] in b"-._/#" and is_word(data, start - 2):
        return False
    if start and data[start - 1] == 0x2B:  # +: a phone number
        return False
    return not (end < len(data) and data[end] in b"-._/@" and is_word(data, end + 1))


# What most often stands before a number that is nobody's: it names another thing.
_LABEL = (
    r"(?:^|[^A-Za-z])(?:orders?|order[ _]?(?:id|no)|invoices?|inv|tickets?|cases?|refs?|"
    r"references?|"
    r"track(?:ing)?|parcel|shipment|consignment|awb|p\.?o|purchase|sku|items?|parts?|articles?|art|"
    r"batch|lot|serial|imei|iccid|build|commit|versions?|ver|v|release|rev(?:ision)?|firmware|isbn|"
    r"issn|ean|upc|gtin|barcode|transactions?|txn|requests?|jobs?|run|quote|quotation|contract|"
    r"docket|room|bugs?|issues?|meter|model|epoch|timestamps?|ts|unix|session|event|product|doi|"
    r"arxiv|apt|apartment|suite|zip|postcode|plz|box|flat|unit|bestellung|bestellnummer|auftrag|rechnung|vorgang|commande|facture|pedido|factura|"
    r"ordine|fattura|chapter|section|clause|total|amount|sum|revenue|price)"
    r"(?:[^A-Za-z0-9\x1e]{0,3}(?:no|nos|nr|num|number|numbers|id|ids|code|key|nummer|was|is|of|"
    r"date))?"
    r"[^A-Za-z0-9\x1e]{0,6}$"
)
_REACH = 34


def is_labelled(data: bytes, start: int) -> bool:
    """Return whether the words just before `start` say that the number is something else.

    Example:
        >>> is_labelled(b"Order no. 2125550123", 10), is_labelled(b"ring 2125550123", 5)
        (True, False)
    """
    before = data[max(0, start - _REACH) : start]
    return rx(_LABEL, case=False).search(before) is not None


def surroundings(
    data: bytes, marks: Any, before: int, after: int
) -> Iterator[tuple[int, int, int, int]]:
    """Yield for each match of `marks` where a value may stand that it speaks of.

    Args:
        data: A view.
        marks: What finds words.
        before: How far before a word the value may begin.
        after: How far after it the value may end.

    Yields:
        The first and last place where the value may stand, and the word's own.
    """
    for match in marks.finditer(data):
        start, end = match.span()
        low = max(0, start - before, data.rfind(LEAF, max(0, start - before), start) + 1)
        high = min(len(data), end + after)
        leaf = data.find(LEAF, end - 1, high)
        yield low, high if leaf < 0 else leaf, start, end

"""Argument types that mean one thing only.

What the monitor judged must be what the tool does, so nothing is coerced,
trimmed or repaired here: a value is taken as it is, or refused. That rules out
the differences between two readers: `"4000"` and `True` as numbers, two
addresses in one string, a line break inside a header.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_HOST}(?:\.{_HOST})+")
_LINE_BREAKS = {"Cc", "Zl", "Zp"}


class Arguments(BaseModel):
    """Base of every argument schema here: strict types, no unknown names.

    LangChain also makes schemas of the fields alone, without this configuration,
    so numbers are marked `Strict` themselves.
    """

    model_config = ConfigDict(strict=True, extra="forbid")


def check_address(value: str) -> str:
    """Return `value` if it is one plain mail address.

    Names (`Ann <ann@...>`), lists, comments, quoted parts, spaces and letters outside of
    ASCII are refused: mail programs disagree about them.

    Raises:
        ValueError: It is not.

    Example:
        >>> check_address("ann@corp.example")
        'ann@corp.example'
    """
    local = value.partition("@")[0]
    if len(value) > 254 or len(local) > 64 or not _ADDRESS.fullmatch(value):
        raise ValueError("this is not one plain mail address such as ann@corp.example")
    return value


def _check_line(value: str) -> str:
    if any(unicodedata.category(char) in _LINE_BREAKS for char in value):
        raise ValueError("this must be one line without control characters")
    return value


def _check_text(value: str) -> str:
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in value):
        raise ValueError("this holds a control character; use plain text and line feeds")
    return value


Address = Annotated[str, AfterValidator(check_address)]
"""One mail address."""

Line = Annotated[str, Field(max_length=300), AfterValidator(_check_line)]
"""Text on one line."""

Prose = Annotated[str, Field(max_length=50_000), AfterValidator(_check_text)]
"""Text of several lines."""

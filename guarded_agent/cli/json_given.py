"""A JSON object that an option holds, or that stands in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import click


def json_object(text: str, option: str) -> dict[str, Any]:
    """Return the JSON object that an option holds, or that stands in the file it names.

    Raises:
        click.UsageError: There is no such file, or no JSON object in it.
    """
    source = option
    if text.startswith("@"):
        source = text[1:]
        try:
            text = Path(source).read_text("utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text in UTF-8"
            raise click.UsageError(f"{source} cannot be read: {why}.") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"{source} holds no JSON: {error}.") from None
    if not isinstance(value, dict):
        raise click.UsageError(f"{source} must hold a JSON object, such as '{{\"amount\": 80}}'.")
    return cast("dict[str, Any]", value)

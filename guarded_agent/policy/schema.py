"""The JSON Schema of a policy file, for editors: made from the model, so it cannot lag behind.

It says what a file may hold. What only the whole of it shows (a condition's types, a
rule id used twice) is the loader's: `guarded-agent policy check`.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from guarded_agent.policy.model import Policy
from guarded_agent.policy.words import Entry

_SECTION = re.compile(r"^[ ]*(Attributes|Example|Raises|Args):[ ]*$", re.MULTILINE)
_ATTRIBUTE = re.compile(r"^(\w+): (.*)$")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy file.

    Example:
        >>> schema = json_schema()
        >>> schema["properties"]["tools"]["description"]
        'What it says of each tool: a whole name, or a glob such as mail_*.'
        >>> schema["additionalProperties"]
        False
    """
    made = Policy.model_json_schema()
    models = {model.__name__: model for model in _models(Entry)}
    definitions: dict[str, Any] = made.pop("$defs")
    for name, definition in definitions.items():
        _describe(definition, models[name])
    _describe(made, Policy)
    plain = cast("dict[str, Any]", _plain({**made, "$defs": definitions}))
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "A policy of guarded_agent",
        **plain,
    }


def _models(base: type[BaseModel]) -> list[type[BaseModel]]:
    found = [base]
    for model in base.__subclasses__():
        found += _models(model)
    return found


def _describe(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Give a definition its docstring's first part, and each key what it is for."""
    schema["description"] = _paragraph(_SECTION.split(cleandoc(model.__doc__ or ""))[0])
    told = _attributes(model)
    for key, part in schema.get("properties", {}).items():
        if key in told:
            part["description"] = told[key]


def _attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a model and of its bases say of each key."""
    told: dict[str, str] = {}
    for base in reversed(model.__mro__):
        parts = _SECTION.split(cleandoc(base.__doc__ or "")) if issubclass(base, Entry) else []
        for title, text in zip(parts[1::2], parts[2::2], strict=False):
            name = ""
            for line in text.splitlines() if title == "Attributes" else ():
                begins = _ATTRIBUTE.match(line.strip())
                # A line that goes on stands deeper than a name.
                if begins and len(line) - len(line.lstrip()) <= 4:
                    name = begins[1]
                    told[name] = begins[2]
                elif name and line.strip():
                    told[name] += f" {line.strip()}"
    return told


def _paragraph(text: str) -> str:
    return " ".join(text.split())


def _plain(value: Any, *, names: bool = False) -> Any:
    """Drop what pydantic adds and no editor shows: titles of keys, defaults that say nothing."""
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    said = cast("dict[str, Any]", value)
    kept = {
        key: _plain(item, names=not names and key in ("properties", "$defs"))
        for key, item in said.items()
        if names
        or not (
            key == "title"
            or (key == "default" and (item in (None, "", []) or isinstance(item, dict)))
        )
    }
    # `null` may stand for what is left out; an editor that offers it helps nobody.
    choices = [item for item in kept.get("anyOf", ()) if item != {"type": "null"}]
    if not names and len(choices) == 1 and "anyOf" in kept:
        kept.pop("anyOf")
        return {**kept, **choices[0]} if "$ref" not in choices[0] else {**choices[0], **kept}
    return kept

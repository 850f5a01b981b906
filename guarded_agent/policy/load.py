"""Load a policy from a file, text or plain data; every problem is found and placed at once."""

from __future__ import annotations

import difflib
import os
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any

from pydantic import BaseModel, ValidationError

from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import ActionError, PolicyError, Problem
from guarded_agent.policy.ceilings import ONE, SEVERAL
from guarded_agent.policy.model import Policy
from guarded_agent.policy.read import MAX_BYTES, read_yaml
from guarded_agent.policy.source import Path, Source, in_file_order
from guarded_agent.policy.watch import Stamp


def load(source: str | os.PathLike[str] | Mapping[str, Any] | Policy | None = None) -> Policy:
    """Return the policy that `source` names: a path, plain data, a policy, or None.

    Args:
        source: None stands for the default policy.

    Raises:
        PolicyError: It names every problem with file, line and column.

    Example:
        >>> load(None).unlisted.send
        'approve'
        >>> load({"version": 1, "tols": {}})
        Traceback (most recent call last):
        ...
        guarded_agent.core.errors.PolicyError: policy: tols: unknown key; did you mean tools?
    """
    if source is None:
        return default()
    if isinstance(source, Policy):
        return source
    if isinstance(source, Mapping):
        return from_mapping(source)
    if isinstance(source, str) and "\n" in source:
        message = "this is text, not a path: use Policy.from_text"
        raise PolicyError([Problem(message)])
    return from_file(source)


def default() -> Policy:
    """Return the default policy."""
    text = resources.files("guarded_agent.policy").joinpath("default.yaml").read_text("utf-8")
    return from_text(text, "default.yaml")


def from_file(path: str | os.PathLike[str]) -> Policy:
    """Read a policy file; see `Policy.from_file`."""
    file = os.fspath(path)
    text, stamp = _read(file)
    policy = from_text(text, file)
    policy._source = replace(policy.source, stamp=stamp)  # pyright: ignore[reportPrivateUsage]
    return policy


def read_text(file: str) -> str:
    """Return the text of a file of ours.

    Raises:
        PolicyError: It cannot be read, is too large, or is no text.
    """
    return _read(file)[0]


def _read(file: str) -> tuple[str, Stamp]:
    try:
        with open(file, "rb") as stream:
            stamp = Stamp.of(file, os.fstat(stream.fileno()))  # before: what changes it shows
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise PolicyError([Problem("there is no such file", file=file)]) from None
    except IsADirectoryError:
        message = "is a directory: name the policy file in it"
        raise PolicyError([Problem(message, file=file)]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is not a path"
        raise PolicyError([Problem(f"cannot be read: {reason}", file=file)]) from None
    if len(data) > MAX_BYTES:
        raise PolicyError([Problem(f"is larger than {MAX_BYTES} bytes", file=file)])
    try:
        return data.decode("utf-8-sig"), stamp
    except UnicodeDecodeError:
        raise PolicyError([Problem("is not a text file in UTF-8", file=file)]) from None


def from_text(text: str, file: str = "policy") -> Policy:
    """Read a policy from YAML text; see `Policy.from_text`."""
    data, source = read_yaml(text, file)
    if data is None:
        raise PolicyError([Problem("is empty: a policy begins with version: 1", file=file)])
    if not isinstance(data, dict):
        message = "must be a mapping of keys such as version and tools"
        raise PolicyError([Problem(message, file=file, line=1, column=1)])
    return _build(typing.cast("dict[str, Any]", data), source)


def from_mapping(mapping: Mapping[str, Any]) -> Policy:
    """Return the policy that plain data describes; see `Policy.from_mapping`."""
    return _build(dict(mapping), Source())


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean ...?` for the nearest of `known`, or nothing.

    Example:
        >>> suggestion("scope", ["scopes", "sinks"])
        '; did you mean scopes?'
    """
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def _build(data: dict[str, Any], source: Source) -> Policy:
    try:
        policy = Policy.model_validate(data)
    except ValidationError as error:
        problems = [_problem(dict(item), source) for item in error.errors(include_url=False)]
        raise PolicyError(in_file_order(problems)) from None
    policy._source = source  # pyright: ignore[reportPrivateUsage]  # the loader is its one author
    problems = [*_repeated_rules(policy), *_not_plain_data(policy)]
    if problems:
        raise PolicyError(in_file_order(problems))
    return policy


def _problem(error: dict[str, Any], source: Source) -> Problem:
    path: Path = tuple(part for part in error["loc"] if part not in ("[key]", ONE, SEVERAL))
    kind: str = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys_at(path[:-1])
        message = f"unknown key{suggestion(str(path[-1]), known)}"
        return source.problem(message, path, at_key=True)
    if kind == "missing":
        return source.problem("this required key is missing", path, at_key=True)
    if kind == "literal_error":
        return source.problem(*_unknown_word(error, path), at_key="[key]" in error["loc"])
    message = {
        "string_type": "must be text: put it in quotes",
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "float_type": "must be a number",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "tuple_type": "must be a list",
        "too_short": "must not be empty",
        "string_pattern_mismatch": "must be lower-case letters, digits, dots, dashes and "
        "underscores, at most 64, beginning with a letter or digit",
    }.get(kind) or error["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        message = str(context.get("error", message))
    return source.problem(message, path, at_key="[key]" in error["loc"])


def _unknown_word(error: dict[str, Any], path: Path) -> tuple[str, Path]:
    given = error["input"]
    if path == ("version",):
        return f"version {given!r} is not known: this release reads version 1", path
    known: list[str] = re.findall(r"'([^']*)'", error["ctx"]["expected"])
    words = ", ".join(known) or str(error["ctx"]["expected"])
    near = suggestion(given, known) if isinstance(given, str) else ""
    return f"{_shown(given)} is not one of {words}{near}", path


def _shown(value: Any) -> str:
    return f'"{value[:60]}"' if isinstance(value, str) else "this"


def _keys_at(path: Path) -> list[str]:
    """Return the keys that the model at `path` knows."""
    model: type[BaseModel] | None = Policy
    inside_container = False
    for part in path:
        if inside_container or isinstance(part, int):  # a dict's key or a list's position
            inside_container = False
        elif model is not None:
            field = model.model_fields.get(str(part))
            annotation = field.annotation if field else None
            inside_container = typing.get_origin(annotation) in (dict, tuple)
            model = _model_in(annotation)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)


def _repeated_rules(policy: Policy) -> list[Problem]:
    problems: list[Problem] = []
    seen: set[str] = set()
    for name, tool in policy.tools.items():
        for index, rule in enumerate(tool.rules):
            if rule.id is None:
                continue
            if rule.id in seen:
                path = ("tools", name, "rules", index, "id")
                message = f'rule id "{rule.id}" is used twice: choose another'
                problems.append(policy.source.problem(message, path))
            seen.add(rule.id)
    return problems


def _not_plain_data(policy: Policy) -> list[Problem]:
    problems: list[Problem] = []
    for name, options in policy.guards.items():
        try:
            canonical(options)
        except ActionError:
            message = "options must be plain data: text, numbers, lists and mappings"
            problems.append(policy.source.problem(message, ("guards", name)))
    if not problems:
        try:
            canonical(policy.model_dump(mode="json"))
        except ActionError:
            problems.append(policy.source.problem("holds text that is not valid Unicode", ()))
    return problems

"""Check arguments against a bare JSON Schema, as MCP servers send them.

Whoever wrote the schema may be hostile, and so may be the arguments. Patterns run on
RE2 in linear time, the work is bounded, and nothing is fetched that a schema points to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, cast

from guarded_agent.core.errors import ActionError

MAX_STEPS = 50_000
"""How many keywords one call's arguments may be checked against, in all."""

_left: ContextVar[list[int]] = ContextVar("guarded_agent_schema_steps")

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


def check(tool: str, schema: Mapping[str, Any], args: Mapping[str, Any]) -> None:
    """Return if `args` fit `schema`.

    Raises:
        ActionError: They do not, or that cannot be found out within bounds.

    Example:
        >>> check("add", {"properties": {"a": {"type": "integer"}}}, {"a": 2})
    """
    # Imported here: only tools that bring a bare JSON Schema need it.
    from referencing import Registry

    token = _left.set([MAX_STEPS])
    try:
        registry: Any = cast("Any", Registry)()
        validator = _validator()(schema, registry=registry)
        problem = next(iter(validator.iter_errors(args)), None)
    except ActionError as error:
        raise ActionError(f"{tool}: {error}") from None
    except Exception as error:  # a schema that is none, or that leads in a circle
        raise ActionError(
            f"{tool}: the arguments cannot be checked against its schema ({type(error).__name__})"
        ) from None
    finally:
        _left.reset(token)
    if problem is not None:
        path = ".".join(map(str, ("args", *problem.absolute_path)))
        raise ActionError(
            f"{tool}: {path} does not fit its schema ({problem.validator}).", path=path
        )


@functools.cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator, validators

    own: dict[str, Keyword] = {
        **cast("dict[str, Keyword]", Draft202012Validator.VALIDATORS),
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
    }
    counted = {name: _counted(keyword) for name, keyword in own.items()}
    return cast("Any", validators).extend(Draft202012Validator, counted)


def _counted(keyword: Keyword) -> Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _left.get()
        left[0] -= 1
        if left[0] < 0:
            raise ActionError(f"checking the arguments takes more than {MAX_STEPS} steps")
        yield from keyword(validator, value, instance, schema) or ()

    return run


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options=options)
    except re2.error:
        raise ActionError("its schema has a pattern that RE2 does not take") from None


def _found(pattern: str, text: str) -> bool:
    return _compiled(pattern).search(text) is not None


def _problem(words: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(words)


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
    if isinstance(instance, str) and not _found(pattern, instance):
        yield _problem("does not match")


def _pattern_properties(
    validator: Any,
    patterns: Any,
    instance: Any,
    schema: Any,  # noqa: ARG001
) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, inner in patterns.items():
            for name, value in cast("dict[str, Any]", instance).items():
                if _found(pattern, name):
                    yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in cast("dict[str, Any]", instance).items():
        if name in known or any(_found(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield _problem("is not known")
        else:
            yield from validator.descend(value, allowed, path=name)


def _unevaluated_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> None:  # noqa: ARG001
    # What the library finds out here it finds with patterns of its own.
    raise ActionError("its schema uses unevaluatedProperties, which is not supported")

"""Read the section `guards.guardrails` of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from guarded_agent.core.effect import Effect, Stage
from guarded_agent.guards.guardrails.guard import TIMEOUT, GuardrailsGuard
from guarded_agent.guards.guardrails.quiet import silence
from guarded_agent.guards.guardrails.whole import is_whole
from guarded_agent.guards.options import reject_unknown, words

_KINDS = ("validator", "guard")
_KNOWN = (*_KINDS, "args", "stages", "effect", "name", "metadata", "timeout", "plain")
_HINT = "write validator: 'package.module:Class' or guard: 'package.module:make_guard'"


def from_policy(entries: object) -> list[GuardrailsGuard]:
    """Return the guards that a policy's `guards.guardrails` lists.

    Args:
        entries: A list of mappings with `stages` and either `validator`
            (`package.module:Class`) or `guard` (`package.module:make_guard`, a function
            that returns a `guardrails.Guard`, or such an object). If wanted, `args` for the
            class or function, `effect`, `name`, `metadata`, `timeout` in seconds, and `plain`.

    Raises:
        ValueError: An entry is wrong, or what it names cannot be imported or made.
    """
    if not isinstance(entries, (list, tuple)):
        raise ValueError("guards.guardrails: write a list of validators")
    return [
        _entry(item, f"guards.guardrails[{index}]")
        for index, item in enumerate(cast("list[object]", entries))
    ]


def _entry(entry: object, where: str) -> GuardrailsGuard:
    if not isinstance(entry, Mapping) or "stages" not in entry:
        raise ValueError(f"{where}: {_HINT}, and stages: [...]")
    item = cast("Mapping[str, Any]", entry)
    reject_unknown(item, _KNOWN, where=where)
    kinds = [kind for kind in _KINDS if kind in item]
    if len(kinds) != 1:
        raise ValueError(f"{where}: {_HINT}, and one of the two only")
    stages = [_stage(word, where) for word in words(item["stages"], where=f"{where}.stages")]
    silence()
    made = _make(kinds[0], str(item[kinds[0]]), item.get("args") or {}, where)
    if not isinstance(item.get("plain", True), bool):
        raise ValueError(f"{where}.plain: write true or false")
    try:
        return GuardrailsGuard(
            made,
            stages=stages,
            on_fail=_effect(item.get("effect"), where),
            name=item.get("name"),
            metadata=item.get("metadata"),
            timeout=_seconds(item.get("timeout", TIMEOUT), where),
            plain=item.get("plain", True),
        )
    except (TypeError, ValueError) as error:
        raise error if str(error).startswith(where) else ValueError(f"{where}: {error}") from error


def _make(kind: str, target: str, args: object, where: str) -> Any:
    module, _, name = target.partition(":")
    if not isinstance(args, Mapping):
        raise ValueError(f"{where}.args: write a mapping of the arguments")
    try:
        made: Any = getattr(import_module(module), name)
        if not (kind == "guard" and is_whole(made)):
            made = made(**cast("Mapping[str, Any]", args))
    except Exception as error:
        raise ValueError(
            f"{where}.{kind}: {target!r} cannot be made ({type(error).__name__}: {error}). "
            f"{_HINT.capitalize()}, and install its package"
        ) from error
    fits = is_whole(made) if kind == "guard" else callable(getattr(made, "validate", None))
    if not fits:
        what = "Guard" if kind == "guard" else "validator"
        raise ValueError(f"{where}.{kind}: {target!r} is not a Guardrails {what}")
    return made


def _effect(word: object, where: str) -> Effect | None:
    if word is None:
        return None
    effect = Effect.parse(str(word))
    if effect is Effect.ALLOW:
        raise ValueError(f"{where}.effect: 'allow' would make this validator decide nothing")
    return effect


def _seconds(value: object, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 3600:
        return float(value)
    raise ValueError(f"{where}.timeout: write a number of seconds above 0, at most 3600")


def _stage(word: str, where: str) -> Stage:
    try:
        return Stage(word)
    except ValueError:
        known = ", ".join(Stage)
        raise ValueError(f"{where}.stages: unknown stage {word!r}; use {known}") from None

"""What a policy's `pii` section says of pseudonyms, taken apart for the two guards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from guarded_agent.core.effect import Stage
from guarded_agent.core.tool import ToolSpec
from guarded_agent.guards.options import one_of
from guarded_agent.guards.pii.entities import KINDS, NAMES, STANDARD
from guarded_agent.policy import Policy
from guarded_agent.policy.merge import keys_for

PSEUDONYMIZE = "pseudonymize"
RESTORE = "restore"
"""At `final_output`: pseudonyms for everybody but the person whose thread it is."""

EVERY = "*"
"""Stands for every argument of a tool."""

STAGES = {
    "input": Stage.INPUT,
    "tool_result": Stage.TOOL_RESULT,
    "model_output": Stage.MODEL_OUTPUT,
    "final_output": Stage.FINAL_OUTPUT,
    "tool_arguments": Stage.ACTION,
}
"""The options of the PII guard that name a stage."""


@dataclass(frozen=True, slots=True)
class Split:
    """What a `pii` section says, divided between the two guards.

    Attributes:
        plain: The options of the guard that redacts.
        pseudonyms: The options of the one whose finds get pseudonyms.
        restores: Whether people get the values.
        spared: Tools and stages for which the section says something else.
    """

    plain: Mapping[str, Any]
    pseudonyms: Mapping[str, Any]
    restores: bool
    spared: frozenset[tuple[str, Stage]]


def split(options: Mapping[str, Any]) -> Split | None:
    """Return what becomes of a `pii` section, or None if no stage gives pseudonyms.

    Raises:
        ValueError: `restore` stands at another stage than `final_output`.

    Example:
        >>> split({"tool_result": "redact"}) is None
        True
        >>> found = split({"entities": ["EMAIL_ADDRESS"], "tool_result": "pseudonymize"})
        >>> found.plain["tool_result"], found.pseudonyms["tool_result"]
        ([], ['EMAIL_ADDRESS'])
    """
    plain, restores = dict(options), False
    wanted: dict[str, list[str]] = {}
    for name in STAGES:
        choice = options.get(name)
        if choice == RESTORE:
            if name != "final_output":
                raise ValueError(
                    f"guards.pii.{name}: 'restore' is for final_output, where people read; "
                    f"use '{PSEUDONYMIZE}' here"
                )
            restores, choice = True, PSEUDONYMIZE
        if choice == PSEUDONYMIZE:
            wanted[name] = _usual(options)
            plain[name] = sorted(_mapping(options.get("custom")))
        elif isinstance(choice, Mapping):
            words = cast("Mapping[str, object]", choice)
            mine = sorted(kind for kind, word in words.items() if word == PSEUDONYMIZE)
            if mine:
                for kind in mine:
                    one_of(kind, KINDS, where=f"guards.pii.{name}")
                wanted[name] = mine
                plain[name] = {**words, **dict.fromkeys(mine, "allow")}
    if not wanted:
        return None
    kept = {
        name: value
        for name, value in options.items()
        if name in ("preset", "regions", "keep", "keep_domains")
    }
    stages = {name: wanted.get(name, "allow") for name in STAGES}
    spared = frozenset(
        (tool, STAGES[name])
        for tool, section in _mapping(options.get("tools")).items()
        for name in _mapping(section)
        if name in STAGES
    )
    return Split(plain, {**kept, **stages}, restores, spared)


def reveals(
    policy: Policy, tools: Iterable[ToolSpec], *, on: bool
) -> dict[str, dict[str, frozenset[str]]]:
    """Return which tools get the values of which pseudonyms, by tool and argument.

    Args:
        policy: The policy.
        tools: The agent's tools.
        on: Whether the policy gives pseudonyms at all.

    Raises:
        ValueError: A kind or an argument does not exist, or there are no pseudonyms.
    """
    found: dict[str, dict[str, frozenset[str]]] = {}
    for spec in tools:
        for key in keys_for(policy, spec.name):
            said = policy.tools[key].reveals
            where = f"tools.{key}.reveals"
            if said and not on:
                raise ValueError(
                    f"{where}: no stage of guards.pii says '{PSEUDONYMIZE}', so there is nothing "
                    "to reveal; take it out, or say so"
                )
            for argument, kinds in said.items():
                known = spec.schema.get("properties", {})
                if argument != EVERY and known:
                    one_of(argument, known, where=where)
                named = [one_of(kind, KINDS, where=f"{where}.{argument}") for kind in kinds]
                found.setdefault(spec.name, {})[argument] = frozenset(
                    KINDS[kind].token for kind in named
                )
    return found


def _usual(options: Mapping[str, Any]) -> list[str]:
    """The kinds that a stage gives pseudonyms to if it names none: all that are looked for."""
    entities = options.get("entities")
    if isinstance(entities, Collection) and not isinstance(entities, str):
        custom = _mapping(options.get("custom"))
        return [str(kind) for kind in cast("Collection[object]", entities) if kind not in custom]
    return sorted(STANDARD | NAMES if options.get("preset") == "strict" else STANDARD)


def _mapping(section: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", section) if isinstance(section, Mapping) else {}

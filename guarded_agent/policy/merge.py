"""Put together what a policy says of a tool and what the tool says of itself."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import cast

from guarded_agent.core.authority import both
from guarded_agent.core.errors import Problem
from guarded_agent.core.label import Confidentiality, Label
from guarded_agent.core.secret_ref import SecretRef
from guarded_agent.core.tool import Sink, ToolSpec
from guarded_agent.policy.load import suggestion
from guarded_agent.policy.model import LabelEntry, Policy, ToolEntry

DESTRUCTIVE = "destructive"


def is_glob(key: str) -> bool:
    """Return True if a key under `tools` stands for every tool that it matches.

    Example:
        >>> is_glob("mail_*"), is_glob("mail")
        (True, False)
    """
    return "*" in key or "?" in key


def keys_for(policy: Policy, name: str) -> list[str]:
    """Return the keys under `tools` that are about the tool `name`; more than one is an error.

    A key is the whole name of a tool; it wins over globs, which match whole names too.
    """
    if name in policy.tools and not is_glob(name):
        return [name]
    return [key for key in policy.tools if is_glob(key) and fnmatchcase(name, key)]


def unmatched_keys(policy: Policy, names: Iterable[str]) -> list[Problem]:
    """Return a problem for each key under `tools` that is about no tool."""
    known = sorted(names)
    problems: list[Problem] = []
    for key in policy.tools:
        path = ("tools", key)
        if is_glob(key):
            if not any(fnmatchcase(name, key) for name in known):
                message = f'the glob "{key}" matches no tool'
                problems.append(policy.source.problem(message, path, at_key=True))
        elif key not in known:
            message = f'there is no tool "{key}"{suggestion(key, known)}'
            problems.append(policy.source.problem(message, path, at_key=True))
    return problems


def unknown_in_guards(policy: Policy, names: Iterable[str], *, all_known: bool) -> list[Problem]:
    """Return a problem for each tool that a guard's `tools` names and that there is not.

    A rule under a name with a typo would guard nothing, and nobody would see it.

    Args:
        policy: The policy.
        names: The tools that are known.
        all_known: Whether there are no others. If there may be, only a policy that denies
            what it does not list says which they can be.

    Example:
        >>> guards = {"pii": {"tools": {"serch": {"tool_result": "block"}}}}
        >>> policy = Policy.from_mapping({"version": 1, "guards": guards})
        >>> print(*unknown_in_guards(policy, ["search"], all_known=True))
        policy: guards.pii.tools.serch: there is no tool "serch"; did you mean search?
    """
    problems: list[Problem] = []
    known = set(names)
    if not all_known:
        known |= {key for key in policy.tools if not is_glob(key)}
    others = policy.unlisted
    closed = bool(policy.tools) and {others.read, others.write, others.send} == {"deny"}
    for guard, section in policy.guards.items():
        for name in _tools_in(section):
            if name in known:
                continue
            if is_glob(name):
                message = f'"{name}" is a glob: a guard takes the whole name of each tool'
            elif all_known:
                message = f'there is no tool "{name}"{suggestion(name, sorted(known))}'
            elif closed and not keys_for(policy, name):
                near = suggestion(name, sorted(known))
                message = f'"{name}" is not among tools, and all others are denied{near}'
            else:
                continue
            path = ("guards", guard, "tools", name)
            problems.append(policy.source.problem(message, path, at_key=True))
    return problems


def _tools_in(section: object) -> list[str]:
    """Return the tools that a guard's section names; the guard reports what is malformed."""
    if not isinstance(section, Mapping):
        return []
    tools = cast("Mapping[str, object]", section).get("tools")
    return list(cast("Mapping[str, object]", tools)) if isinstance(tools, Mapping) else []


def one_of_each(tools: Sequence[ToolSpec], policy: Policy) -> tuple[list[ToolSpec], list[Problem]]:
    """Return the tools, each once, and a problem for each that could pass for another."""
    kept: dict[str, ToolSpec] = {}
    problems: list[Problem] = []
    for spec in tools:
        shape = unicodedata.normalize("NFKC", spec.name).casefold()
        other = kept.get(shape)
        if not spec.name.isascii() or not spec.name.isprintable() or " " in spec.name:
            message = f"the tool name {spec.name!a} is not plain ASCII without spaces: rename it"
        elif other is not None and other.name != spec.name:
            message = f'the tools "{other.name}" and "{spec.name}" differ only in case: rename one'
        elif other is not None and other != spec:
            message = f'two different tools are called "{spec.name}": rename one'
        else:
            kept[shape] = spec
            continue
        problems.append(Problem(message, file=policy.source.file))
    return list(kept.values()), problems


def merged(spec: ToolSpec, entry: ToolEntry | None) -> ToolSpec:
    """Return `spec` with what the policy says of it. What it costs never becomes less.

    Example:
        >>> spec = ToolSpec("wipe", access="write", impact="destructive", declared=True)
        >>> merged(spec, ToolEntry(impact="money", scopes=("disk",))).impact
        'destructive'
    """
    if entry is None:
        # A tool that says nothing of itself may do anything.
        return spec if spec.declared else replace(spec, access="send")
    named = {sink.argument for sink in entry.all_sinks}
    return replace(
        spec,
        access=entry.access or (spec.access if spec.declared else "send"),
        scopes=spec.scopes | set(entry.scopes),
        delegates=both(
            spec.delegates, None if entry.delegates is None else frozenset(entry.delegates)
        ),
        secrets={name: SecretRef.parse(place) for name, place in entry.secrets.items()},
        label=_label(spec, entry),
        sinks=(
            *(sink for sink in spec.sinks if sink.argument not in named),
            *(
                Sink(
                    sink.argument,
                    Confidentiality.parse(sink.clearance),
                    None if sink.compartments is None else frozenset(sink.compartments),
                    sink.where == "anywhere",
                )
                for sink in entry.all_sinks
            ),
        ),
        impact=spec.impact if spec.impact == DESTRUCTIVE else entry.impact or spec.impact,
        declared=spec.declared or entry.access is not None,
        hide=_hide(entry),
        discreet=entry.discreet,
        items=_items(spec, entry.label),
        believed=entry.label is not None and entry.label.server,
    )


def _hide(entry: ToolEntry) -> int | None:
    if isinstance(entry.hide, bool):
        return 0 if entry.hide else None
    return entry.hide.over


def _items(spec: ToolSpec, said: LabelEntry | None) -> bool:
    """A label that the policy gives holds for every item, unless it says that items decide."""
    if said is None:
        return spec.items
    if said.items is not None:
        return said.items
    whole = said.confidentiality is None and said.compartments is None and said.trusted is None
    return spec.items and whole


def _label(spec: ToolSpec, entry: ToolEntry) -> Label:
    if entry.label is None:
        return spec.label
    level, compartments, trusted = (
        entry.label.confidentiality,
        entry.label.compartments,
        entry.label.trusted,
    )
    return Label(
        spec.label.confidentiality if level is None else Confidentiality.parse(level),
        spec.label.compartments if compartments is None else frozenset(compartments),
        spec.label.trusted if trusted is None else trusted,
        spec.label.sources,
    )

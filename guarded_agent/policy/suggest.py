"""The least privilege that a log needed: a policy that allows what was done, and little else.

It is the present policy with less: entries of tools that nobody called are gone, and so are
rules that let nothing through; what is left is narrowed to what the calls had in common. It
denies and asks as before. It is never taken on trust: the log is played against it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.policy.lint import lint
from guarded_agent.policy.match import Engine
from guarded_agent.policy.merge import is_glob, keys_for
from guarded_agent.policy.model import Policy
from guarded_agent.policy.narrow import conjoined, narrowings
from guarded_agent.policy.replay import Logged, Played, play

_NEEDED = frozenset({"allow", "redact", "approve"})
_CONCERN = "concern"
_WAY_OUT = "raise_concern"
_LONGEST = 4000  # of a condition
_WHEN = re.compile(r"tools\.(.{1,128})\.rules\[([0-9]{1,4})\]\.when")
_NOTHING = {"read": "deny", "write": "deny", "send": "deny"}

_HEAD = """\
# The least privilege that the calls of a log needed: {calls} calls, of {tools} tools. What it
# was narrowed to stands above each tool. Read it before you use it: what was not done in the
# time of that log is denied now.
"""

Make = Callable[[Policy], Engine]
"""Makes a policy ready for the agent's tools, or for what the log shows of them."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A policy that a log suggests.

    Attributes:
        policy: The policy.
        text: It as a file with comments.
        calls: How many calls it was made from.
        tools: Of which tools.
        notes: What could not be narrowed, and what is not allowed any more, in words.
    """

    policy: Policy
    text: str
    calls: int
    tools: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass
class _Draft:
    engine: Engine
    typed: bool
    tools: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    said: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    notes: list[str] = field(default_factory=list[str])
    copied: set[str] = field(default_factory=set[str])


def suggest(
    present: Policy, make: Make, events: Iterable[Logged], *, typed: bool, file: str = "policy.yaml"
) -> Suggestion:
    """Return the least privilege that the calls in a log needed.

    Args:
        present: The policy as it is.
        make: Makes it ready, and what comes of it.
        events: The log, oldest first.
        typed: Whether `make` knows the agent's tools, not only the log.
        file: What problems are reported under.

    Raises:
        PolicyError: Nothing was called, or what came of it is not proven to do for the log.
    """
    listed = list(events)
    draft = _Draft(make(present), typed)
    calls = list(_needed(draft, listed))
    by_tool: dict[str, list[Played]] = {}
    for call in calls:
        by_tool.setdefault(call.tool, []).append(call)
    for tool, mine in sorted(by_tool.items()):
        _tool(draft, tool, mine)
    if not draft.tools:
        words = "no call in the log was allowed or asked by this policy: nothing can be suggested"
        raise PolicyError([Problem(words, file=file)])
    if _WAY_OUT in present.tools:
        draft.tools.setdefault(_WAY_OUT, _dumped(present.tools[_WAY_OUT]))
    around = _around(draft, listed)
    text = _text(draft, around, len(calls), len(by_tool))
    policy = Policy.from_text(text, file)
    made = make(policy)
    if _drop_impossible(draft, made):
        text = _text(draft, around, len(calls), len(by_tool))
        policy = Policy.from_text(text, file)
        made = make(policy)
    prove(draft.engine, made, listed)
    return Suggestion(policy, text, len(calls), tuple(sorted(by_tool)), tuple(draft.notes))


def prove(present: Engine, suggested: Engine, events: Sequence[Logged]) -> None:
    """Return if a suggested policy lets through what a log needed, and nothing more.

    Args:
        present: The policy as it is, made ready.
        suggested: What shall take its place.
        events: The log, oldest first.

    Raises:
        PolicyError: It would stop or ask where a call was let through, it would let through
            more, or it has a mistake that the present policy has not.
    """
    problems: list[str] = []
    for old, new in zip(play(present, events), play(suggested, events), strict=True):
        wrong = _wrong(old, new)
        if wrong:
            problems.append(f"event {new.seq}, {new.tool}: {wrong} ({new.rule or new.why_not})")
    before = {remark.kind for remark in lint(present) if remark.severity == "error"}
    problems += [
        f"{remark.key}: {remark.message}"
        for remark in lint(suggested)
        if remark.severity == "error" and remark.kind not in before
    ]
    if problems:
        file = suggested.policy.source.file
        words = "this suggestion is refused: "
        raise PolicyError([Problem(words + problem, file=file) for problem in problems[:20]])


def _wrong(old: Played, new: Played) -> str:
    needed = old.was in _NEEDED
    if old.effect is None:
        blocks = needed and new.effect is Effect.DENY
        return "it would be denied, and was not" if blocks else ""
    if new.effect is None:
        return "it cannot be shown to be decided as before" if needed else ""
    if new.effect < old.effect:
        return "it would be let through, and is not now"
    if needed and old.effect is not Effect.DENY and new.effect > old.effect:
        does = "denied" if new.effect is Effect.DENY else "asked"
        return f"it would be {does}, and was let through"
    return ""


def _needed(draft: _Draft, events: Sequence[Logged]) -> Iterator[Played]:
    """Yield the calls that were allowed or asked, and are so by the present policy as well."""
    concerns = {event.seq for event in events if _is_concern(event)}
    lost: Counter[str] = Counter()
    unclear: Counter[tuple[str, str]] = Counter()
    for call in play(draft.engine, events):
        if call.was not in _NEEDED or call.seq in concerns:
            continue
        if call.effect is Effect.DENY:
            lost[call.tool] += 1
            continue
        if call.effect is None:
            unclear[call.tool, call.why_not] += 1
        yield call
    for tool, number in sorted(lost.items()):
        draft.notes.append(
            f"{tool}: {_count(number)} ran, or people were asked, that the policy denies now: "
            "they are left out"
        )
    for (tool, why), number in sorted(unclear.items()):
        words = f"{_count(number)} could not be replayed ({why}), and may need any of its rules"
        draft.notes.append(f"{tool}: {words}")
        draft.said.setdefault(tool, []).append(words)


def _is_concern(event: Logged) -> bool:
    findings = cast("list[Mapping[str, Any]]", event.data.get("findings") or [])
    return any(one.get("rule") == _CONCERN and one.get("guard") == "monitor" for one in findings)


def _tool(draft: _Draft, tool: str, calls: list[Played]) -> None:
    policy, rules = draft.engine.policy, draft.engine.rules(tool)
    key = next(iter(keys_for(policy, tool)), None)
    said = draft.said.setdefault(tool, [])
    if key is None:
        if not draft.typed:
            words = f"{tool} is not listed: say --tools, so that it is known what it does"
            raise PolicyError([policy.source.problem(words, ("unlisted",))])
        effect = str(rules.otherwise)
        entry: dict[str, Any] = {"access": rules.spec.access, "rules": [{"effect": effect}]}
        said.append("it was not listed")
        made = [_Written("allow", "true", "default")] if effect == "allow" else []
    else:
        entry = _dumped(policy.tools[key])
        if is_glob(key):
            said.append(f"it was listed as {key}")
            if key in draft.copied:  # the id of a rule stands once in a file
                for rule in entry.get("rules", []):
                    rule.pop("id", None)
            draft.copied.add(key)
        if not entry.get("rules") and rules.otherwise is Effect.ALLOW:
            entry["rules"] = [{"effect": "allow"}]
            made = [_Written("allow", "true", "default")]
        else:
            made = [
                _Written(rule.effect, rule.when, rule.id or f"{key}/{index + 1}")
                for index, rule in enumerate(policy.tools[key].rules)
            ]
    kept = [
        narrowed
        for rule, written in zip(entry.get("rules", []), made, strict=False)
        if (narrowed := _rule(draft, tool, rule, written, calls)) is not None
    ]
    if kept:
        entry["rules"] = kept
    draft.tools[tool] = entry


@dataclass(frozen=True, slots=True)
class _Written:
    """A rule as it is now: its effect, its condition, and what it is called in decisions."""

    effect: str
    when: str
    name: str


def _rule(
    draft: _Draft, tool: str, rule: dict[str, Any], written: _Written, calls: list[Played]
) -> dict[str, Any] | None:
    """Return a rule, narrowed if it allows; None where it let nothing through."""
    if written.effect != "allow":
        return rule
    said = draft.said[tool]
    mine = [call.args for call in calls if call.effect is None or written.name in call.matched]
    if not mine:
        said.append(f"the rule {written.name} is gone: no call needed it")
        return None
    found = narrowings(draft.engine.rules(tool), mine)
    when = conjoined(written.when, [one.test for one in found])
    if len(when) > _LONGEST:
        draft.notes.append(f"{tool}: the rule {written.name} is too long to be narrowed")
        return rule
    said += [one.why for one in found]
    return rule if when == written.when else {**rule, "when": when}


def _drop_impossible(draft: _Draft, made: Engine) -> bool:
    """Drop rules that can hold for no call that passes the tests: none of the log needed them."""
    found = [
        (match[1], int(match[2]))
        for remark in lint(made)
        if remark.kind == "never-true" and (match := _WHEN.fullmatch(remark.key))
    ]
    dropped = False
    for tool, index in sorted(found, reverse=True):
        rules = draft.tools[tool]["rules"]
        if rules[index]["effect"] == "allow" and len(rules) > 1:
            name = rules.pop(index).get("id") or f"number {index + 1}"
            draft.said[tool].append(f"the rule {name} is gone: no call can have needed it")
            dropped = True
    return dropped


def _around(draft: _Draft, events: Sequence[Logged]) -> dict[str, Any]:
    """Return the rest of the policy: without the scopes and guards of tools that are gone."""
    policy = draft.engine.policy
    data = _dumped(policy)
    data.pop("tools", None)
    data["unlisted"] = dict(_NOTHING)
    for section in data.get("guards", {}).values():
        _drop_tools(section, draft.tools)
    if not draft.typed:
        if policy.agent.scopes is not None or policy.users is not None:
            draft.notes.append("scopes are kept: what tools declare is known with --tools only")
        return data
    needed = {scope for tool in draft.tools for scope in _scopes(draft.engine, tool)}
    for event in events:
        if event.kind == "token.issued":
            needed |= set(str(event.data.get("scope", "")).split())
    holders = [data.get("agent", {}), *data.get("users", {}).values()]
    gone: set[str] = set()
    for holder in holders:
        if holder.get("scopes") is not None:
            gone |= set(holder["scopes"]) - needed
            holder["scopes"] = [scope for scope in holder["scopes"] if scope in needed]
    if gone:
        draft.notes.append(f"no tool that was called needs the scopes {', '.join(sorted(gone))}")
    return data


def _scopes(engine: Engine, tool: str) -> frozenset[str]:
    try:
        spec = engine.spec(tool)
    except KeyError:
        return frozenset()
    return spec.scopes | (spec.delegates or frozenset())


def _drop_tools(section: Any, tools: Mapping[str, Any]) -> None:
    """Take tools out of a guard's options that can be called no more."""
    for part in cast("list[Any]", section) if isinstance(section, list) else [section]:
        if isinstance(part, dict):
            options = cast("dict[str, Any]", part)
            if isinstance(options.get("tools"), dict):
                named = cast("dict[str, Any]", options["tools"])
                kept = {key: value for key, value in named.items() if key in tools}
                options["tools"] = kept
                if not kept:
                    del options["tools"]


def _text(draft: _Draft, around: dict[str, Any], calls: int, tools: int) -> str:
    lines = [_HEAD.format(calls=calls, tools=tools) + _yaml(around).rstrip(), "tools:"]
    for tool, entry in draft.tools.items():
        lines += [f"  # {json.dumps(words)[1:-1]}" for words in draft.said.get(tool, ())]
        lines += [f"  {line}" for line in _yaml({tool: entry}).splitlines()]
    return "\n".join(lines) + "\n"


def _yaml(data: Any) -> str:
    import yaml  # heavy, and needed only where policies are read or written

    return yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=1000)


def _dumped(entry: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", entry.model_dump(mode="json", exclude_unset=True, by_alias=True))


def _count(number: int) -> str:
    return f"{number} call{'' if number == 1 else 's'}"

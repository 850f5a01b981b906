"""Find what is likely not meant in a policy that loads: each with its place and the fix.

Rules are tried on values at which conditions change their answer, so nothing is
proven that way but where the conditions only compare: what is certain is an error, what
is likely a warning, and what is worth a look a note.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.grants import authority
from guarded_agent.policy.match import Engine
from guarded_agent.policy.merge import keys_for
from guarded_agent.policy.model import ToolEntry
from guarded_agent.policy.rules import ToolRules
from guarded_agent.policy.source import Path
from guarded_agent.policy.trying import Trying

Severity = Literal["error", "warning", "note"]

_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is likely not meant. `str()` gives it as a line.

    Attributes:
        severity: `error` is certain and wrong, `warning` likely, `note` worth a look.
        kind: What kind of thing: `shadowed`, `never-true`, `overlap`, `allow-all`, ...
        message: What it is.
        fix: What to do.
        file: Where.
        line: Where in the file, from 1; None where it is no file.
        key: The key concerned.
    """

    severity: Severity
    kind: str
    message: str
    fix: str
    file: str
    line: int | None
    key: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {name: getattr(self, name) for name in Remark.__slots__}

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.severity}: {self.message}: {self.fix} [{self.kind}]"


def lint(engine: Engine) -> list[Remark]:
    """Return what is likely not meant in a policy, in file order.

    Args:
        engine: The policy, made ready for the agent's tools.

    Example:
        >>> from guarded_agent.policy import Policy
        >>> rules = [{"effect": "allow", "when": "hour > 30"}]
        >>> policy = Policy.from_mapping({"version": 1, "tools": {"pay": {"rules": rules}}})
        >>> for remark in lint(Engine(policy, [ToolSpec("pay")])):
        ...     print(remark.severity, remark.kind)
        error never-true
        warning no-sink
    """
    return _Linter(engine).remarks()


class _Linter:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._policy = engine.policy

    def remarks(self) -> list[Remark]:
        """Return all of them, each once."""
        found = [*self._about_unlisted(), *authority(self._engine, self.remark)]
        by_key: dict[str, list[ToolSpec]] = {}
        for spec in self._engine.specs:
            key = next(iter(keys_for(self._policy, spec.name)), None)
            if key is not None and not spec.concern:
                by_key.setdefault(key, []).append(spec)
        for key, specs in by_key.items():
            each = [list(self._about_tool(key, spec)) for spec in specs]
            # What a glob says is odd only if it is for all that it matches.
            same = [{(one.kind, one.key) for one in remarks} for remarks in each]
            found += [one for one in each[0] if all((one.kind, one.key) in other for other in same)]
        return sorted(found, key=lambda one: (one.line or 0, _ORDER[one.severity], one.kind))

    def remark(self, severity: Severity, kind: str, message: str, fix: str, path: Path) -> Remark:
        """Return a remark on what stands at `path`."""
        place = self._policy.source.problem(message, path, at_key=True)
        return Remark(severity, kind, message, fix, place.file, place.line, place.key)

    def _about_unlisted(self) -> Iterator[Remark]:
        for access in ("write", "send"):
            if getattr(self._policy.unlisted, access) == "allow":
                yield self.remark(
                    "error",
                    "allow-all",
                    f"every tool that is not listed may {access} by itself",
                    "let unlisted ask or deny, and list the tools that may",
                    ("unlisted", access),
                )

    def _about_tool(self, key: str, spec: ToolSpec) -> Iterator[Remark]:
        entry = self._policy.tools[key]
        rules = self._engine.rules(spec.name)
        yield from self._about_sinks(key, entry, rules)
        yield from self._about_allowing(key, entry, rules)
        yield from self._about_conditions(key, entry, rules)

    def _about_sinks(self, key: str, entry: ToolEntry, rules: ToolRules) -> Iterator[Remark]:
        for index, sink in enumerate(entry.all_sinks):
            where: Path = ("sink",) if entry.sink is not None else ("sinks", index)
            if "clearance" not in sink.model_fields_set:
                yield self.remark(
                    "warning",
                    "no-clearance",
                    f"the sink {sink.argument} says no clearance, so only public data leaves",
                    "write clearance: public if that is meant",
                    ("tools", key, *where),
                )
        if rules.spec.access == "send" and not rules.sinks:
            yield self.remark(
                "warning",
                "no-sink",
                f"{rules.spec.name} sends, and no argument is named through which data leaves",
                "add sink: {argument: ..., clearance: ...}",
                ("tools", key),
            )

    def _about_allowing(self, key: str, entry: ToolEntry, rules: ToolRules) -> Iterator[Remark]:
        if rules.spec.access == "read" or entry.limits is not None:
            return
        for index, rule in enumerate(entry.rules):
            if rule.effect == "allow" and rule.when.strip() == "true":
                costs = rules.spec.impact
                does = "writes" if rules.spec.access == "write" else "sends"
                yield self.remark(
                    "error" if costs else "warning",
                    "allow-all",
                    f"{rules.spec.name} {does}{f' ({costs})' if costs else ''}, "
                    "and this rule allows every call",
                    "give the rule a when, or the tool limits",
                    ("tools", key, "rules", index),
                )

    def _about_conditions(self, key: str, entry: ToolEntry, rules: ToolRules) -> Iterator[Remark]:
        trial = Trying(self._engine, rules)
        for index, written in enumerate(entry.rules):
            path: Path = ("tools", key, "rules", index)
            name = written.id or f"{key}/{index + 1}"
            rule = next(rule for rule in rules.rules if rule.id == name)
            seen = trial.of(rule)
            if seen.true == 0:
                severity: Severity = "error" if seen.certain else "warning"
                word = "is never true" if seen.certain else "was true for none of the values tried"
                if seen.broken == seen.tried:
                    word, severity = "could not be evaluated for any value tried", "warning"
                message = f"the condition of rule {name} {word}"
                fix = "correct its when, or remove the rule"
                yield self.remark(severity, "never-true", message, fix, (*path, "when"))
            elif seen.decides == 0:
                others = " and ".join(sorted(seen.over)[:3])
                # What another rule says as well is of no use, but does no harm.
                stricter = any(
                    one.id in seen.over and one.effect > rule.effect for one in rules.rules
                )
                severity = "error" if seen.certain and stricter else "warning"
                message = f"rule {name} never decides: where it holds, {others} decides"
                fix = f"narrow {others}, or remove {name}"
                yield self.remark(severity, "shadowed", message, fix, path)
            else:
                for other in sorted(seen.over):
                    message = f"rules {name} and {other} hold for some calls both; {other} wins"
                    fix = "exclude one in the other's when if that is not meant"
                    yield self.remark("note", "overlap", message, fix, path)


def worst(remarks: Sequence[Remark]) -> Severity | None:
    """Return the most severe of the remarks' severities, or None if there are none."""
    return min((one.severity for one in remarks), key=_ORDER.__getitem__, default=None)

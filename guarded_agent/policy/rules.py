"""What a policy says of one tool, compiled and type-checked against the tool's own schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import Problem
from guarded_agent.core.label import Confidentiality
from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.arguments import Arguments
from guarded_agent.policy.ceilings import WindowEntry
from guarded_agent.policy.conditions import (
    CONTEXT,
    FUNCTIONS,
    Condition,
    ConditionEngine,
    Fault,
)
from guarded_agent.policy.limits import DAY, HOUR
from guarded_agent.policy.load import suggestion
from guarded_agent.policy.merge import DESTRUCTIVE
from guarded_agent.policy.model import Policy, RuleEntry, ToolEntry
from guarded_agent.policy.pitfalls import false_presence_tests, text_tests, wrong_words
from guarded_agent.policy.source import Path, dotted
from guarded_agent.policy.vouching import NAMES, Vouching, kinds, vouching
from guarded_agent.policy.words import seconds

UNTYPED: Mapping[str, str] = {
    **CONTEXT,
    "args": "dyn",
    "given": "dyn",
    **dict.fromkeys(NAMES, "dyn"),
}
"""The variables of a condition about a tool whose schema is not known."""

_NUMBERS = frozenset({"int", "uint", "double", "dyn"})
_VALUES = frozenset({"string", "int", "uint", "double", "bool", "list", "dyn"})
_NEEDED = {
    frozenset({"bool"}): "true or false",
    _NUMBERS: "a number",
    _VALUES: "a text, a number or a list of them",
}
_SPANS: Mapping[str, float] = {"per_call": 0.0, "per_hour": HOUR, "per_day": DAY}
_ALWAYS = "true"
_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '([^']*)'")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `condition` is None where it always holds."""

    id: str
    effect: Effect
    when: str
    condition: Condition | None
    because: str
    message: str


@dataclass(frozen=True, slots=True)
class SinkRule:
    """What happens when data above `clearance` would leave through `argument`."""

    argument: str
    clearance: Confidentiality
    effect: Effect
    compartments: frozenset[str] | None = None
    anywhere: bool = False


@dataclass(frozen=True, slots=True)
class LimitRule:
    """A ceiling.

    Attributes:
        name: Where it stands among the limits: `per_day`, or `per_day[1]`.
        measure: The expression that is summed, or `count`.
        amount: It, compiled; None where calls are counted.
        by: Whose sum it is, compiled; None where all share one.
        max: The ceiling.
        effect: What happens above it.
        span: How many seconds the window is long; 0 for that of one call.
        rolling: Whether the window ends at each call.
    """

    name: str
    measure: str
    amount: Condition | None
    by: Condition | None
    max: float
    effect: Effect
    span: float
    rolling: bool


@dataclass(frozen=True, slots=True)
class ToolRules:
    """Everything that decides about one tool.

    Attributes:
        spec: The tool as the policy sees it.
        arguments: Its arguments as typed variables.
        rules: Most severe first, otherwise as written.
        otherwise: The effect where there are no rules.
        sinks: Where data leaves.
        limits: Its ceilings.
        quorum: How many people must approve.
        roles: What they must be.
        conditions: The conditions of `rules`, where they have one.
        mentions: The context variables that its conditions name.
        vouching: What its calls need somebody to vouch for.
        directory: The keys of its results whose values are a directory.
    """

    spec: ToolSpec
    arguments: Arguments
    rules: tuple[Rule, ...]
    otherwise: Effect
    sinks: tuple[SinkRule, ...]
    limits: tuple[LimitRule, ...]
    quorum: int
    roles: tuple[str, ...]
    conditions: tuple[Condition, ...]
    mentions: tuple[str, ...]
    vouching: Vouching
    directory: tuple[str, ...]

    @property
    def counts(self) -> bool:
        """Whether a condition names how many calls there were."""
        return "count.thread" in self.mentions or "count.today" in self.mentions


def tool_rules(
    policy: Policy, key: str | None, spec: ToolSpec, engine: ConditionEngine
) -> tuple[ToolRules, list[Problem]]:
    """Compile what `policy` says of a tool.

    Args:
        policy: The policy.
        key: The key under `tools` that is about it, or None.
        spec: The tool, already merged with its entry.
        engine: The condition language.

    Returns:
        The rules, and the problems found; with problems the rules must not be used.
    """
    entry = ToolEntry() if key is None else policy.tools[key]
    arguments = Arguments(spec.schema)
    conditions = " ".join(rule.when for rule in entry.rules)
    leaves = [name.removeprefix("args.") for name in arguments.kinds if name.startswith("args.")]
    reader = _Reader(
        policy,
        ("tools", key or spec.name),
        spec.name,
        {**CONTEXT, **arguments.kinds, **kinds(conditions, leaves)},
        [sink.argument for sink in spec.sinks],
        engine,
    )
    rules = tuple(sorted(reader.rules(entry), key=lambda rule: -rule.effect))
    # Of several that are exceeded, the most severe is named.
    limits = tuple(sorted(reader.limits(entry), key=lambda limit: -limit.effect))
    reader.shadowed(entry)
    if arguments.known:
        reader.unknown_sinks(entry, arguments.names)
        reader.unknown_targets(entry, arguments.names)
    texts = " ".join([*(rule.when for rule in rules), *_texts(limits)])
    effects = {sink.argument: Effect.parse(sink.effect) for sink in entry.all_sinks}
    approval = entry.approval
    return ToolRules(
        spec=spec,
        arguments=arguments,
        rules=rules,
        otherwise=_otherwise(policy, key, spec),
        sinks=tuple(
            SinkRule(
                sink.argument,
                sink.clearance,
                effects.get(sink.argument, Effect.DENY),
                sink.compartments,
                sink.anywhere,
            )
            for sink in spec.sinks
        ),
        limits=limits,
        quorum=(approval and approval.quorum) or policy.approvals.quorum,
        roles=tuple((approval and approval.roles) or policy.approvals.roles),
        conditions=tuple(rule.condition for rule in rules if rule.condition is not None),
        mentions=tuple(name for name in CONTEXT if _names(texts, name)),
        vouching=vouching(policy, entry, spec, arguments.names, conditions),
        directory=entry.directory,
    ), reader.problems


def untyped_problems(policy: Policy, engine: ConditionEngine) -> list[Problem]:
    """Return what is wrong with the conditions of `policy`, as far as no schema is needed."""
    problems: list[Problem] = []
    for key, entry in policy.tools.items():
        sinks = [sink.argument for sink in entry.all_sinks]
        reader = _Reader(policy, ("tools", key), key, UNTYPED, sinks, engine)
        # Reading them finds the problems; what is compiled this way decides nothing.
        list(reader.rules(entry))
        list(reader.limits(entry))
        reader.shadowed(entry)
        problems += reader.problems
    return problems


def _texts(limits: Sequence[LimitRule]) -> Iterator[str]:
    for limit in limits:
        yield from (part.text for part in (limit.amount, limit.by) if part is not None)


def _names(text: str, variable: str) -> bool:
    """Return True if `text` may name `variable`: in a text it counts as well."""
    pattern = r"\s*\.\s*".join(variable.split("."))
    return bool(re.search(rf"(?<![\w.]){pattern}\b", text))


def _otherwise(policy: Policy, key: str | None, spec: ToolSpec) -> Effect:
    if key is None:
        effect = Effect.parse(getattr(policy.unlisted, spec.access))
    elif policy.tools[key].approval is not None or spec.access != "read":
        effect = Effect.APPROVE
    else:
        effect = Effect.ALLOW
    return max(effect, Effect.APPROVE) if spec.impact == DESTRUCTIVE else effect


def _asks_always(rule: RuleEntry) -> bool:
    return rule.effect == "approve" and rule.when.strip() == _ALWAYS


class _Reader:
    def __init__(
        self,
        policy: Policy,
        path: Path,
        tool: str,
        kinds: Mapping[str, str],
        sinks: Sequence[str],
        engine: ConditionEngine,
    ) -> None:
        self.problems: list[Problem] = []
        self._policy = policy
        self._path = path
        self._tool = tool
        self._kinds = kinds
        self._sinks = sinks
        self._engine = engine

    def rules(self, entry: ToolEntry) -> Iterator[Rule]:
        for index, rule in enumerate(entry.rules):
            name = rule.id or f"{self._path[1]}/{index + 1}"
            condition = None
            if rule.when.strip() != _ALWAYS:
                path = (*self._path, "rules", index, "when")
                condition = self._compile(rule.when, path, f"rule {name}", frozenset({"bool"}))
            yield Rule(
                name, Effect.parse(rule.effect), rule.when, condition, rule.because, rule.message
            )

    def shadowed(self, entry: ToolEntry) -> None:
        """Find rules that allow, beside one that asks always: people expect the first to win."""
        asks = [rule for rule in entry.rules if _asks_always(rule)]
        if not asks:
            return
        for index, rule in enumerate(entry.rules):
            if rule.effect == "allow":
                message = (
                    "this rule never decides, because a rule of the tool that has no condition "
                    "asks each time, and approve wins over allow: give that rule a when"
                )
                path = (*self._path, "rules", index)
                self.problems.append(self._policy.source.problem(message, path))

    def limits(self, entry: ToolEntry) -> Iterator[LimitRule]:
        if entry.limits is None:
            return
        for place, limit in entry.limits.entries():
            name = dotted(place)
            path = (*self._path, "limits", *place)
            amount = by = None
            if limit.sum is not None:
                amount = self._compile(limit.sum, (*path, "sum"), f"limit {name}", _NUMBERS)
            if limit.by is not None:
                by = self._compile(limit.by, (*path, "by"), f"limit {name}", _VALUES)
            within = seconds(limit.within) if isinstance(limit, WindowEntry) else None
            yield LimitRule(
                name,
                limit.sum or "count",
                amount,
                by,
                limit.max,
                Effect.parse(limit.effect or entry.limits.effect),
                _SPANS[place[0]] if within is None else within,
                within is not None,
            )

    def unknown_sinks(self, entry: ToolEntry, names: Sequence[str]) -> None:
        for index, sink in enumerate(entry.all_sinks):
            if sink.argument.partition(".")[0] not in names:
                where: Path = ("sink",) if entry.sink is not None else ("sinks", index)
                message = (
                    f'tool {self._tool} has no argument "{sink.argument}"'
                    f"{suggestion(sink.argument, names)}"
                )
                path = (*self._path, *where, "argument")
                self.problems.append(self._policy.source.problem(message, path))

    def unknown_targets(self, entry: ToolEntry, names: Sequence[str]) -> None:
        for index, target in enumerate(entry.targets or ()):
            if target.partition(".")[0] not in names:
                message = f'tool {self._tool} has no argument "{target}"{suggestion(target, names)}'
                path = (*self._path, "targets", index)
                self.problems.append(self._policy.source.problem(message, path))

    def _compile(
        self, text: str, path: Path, what: str, wanted: frozenset[str]
    ) -> Condition | None:
        outcome = self._engine.compile(text, self._kinds)
        faults = false_presence_tests(text, self._kinds)
        if not isinstance(outcome, Condition):
            # A presence test that is none explains the type errors around it.
            faults = faults or [self._in_words(fault) for fault in outcome]
        else:
            faults += text_tests(text, self._kinds, self._sinks, self._engine)
            faults += wrong_words(text, self._engine)
            untyped = outcome.kind == "dyn" and "args" in self._kinds
            kind = outcome.kind.partition("<")[0]
            if not faults and kind not in wanted and not untyped:
                needed = _NEEDED[wanted]
                faults.append(Fault(f"yields {outcome.kind}: it must yield {needed}"))
        for fault in faults:
            message = f"{what} of tool {self._tool}: {fault.message}"
            self.problems.append(
                self._policy.source.problem(message, path, inside=(fault.line, fault.column))
            )
        return outcome if isinstance(outcome, Condition) else None

    def _in_words(self, fault: Fault) -> Fault:
        overload = _OVERLOAD.fullmatch(fault.message)
        if overload:
            message = f"{overload[1].strip('_')} does not take {overload[2]}"
            return Fault(message, fault.line, fault.column)
        undeclared = _UNDECLARED.fullmatch(fault.message)
        if not undeclared:
            return fault
        name = undeclared[1]
        known = [*self._kinds, *FUNCTIONS]
        if name.startswith("args."):
            message = f"{name} is no argument of it{suggestion(name, self._kinds)}"
        else:
            message = f"{name} is not known here{suggestion(name, known)}"
        return Fault(message, fault.line, fault.column)

"""Match an action against a policy: one decision, in one order, and an error is a denial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from guarded_agent.core.action import Action
from guarded_agent.core.canonical import check_limits, digest
from guarded_agent.core.context import Context, Counts, ThreadMemory
from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import ActionError, PolicyError, Problem
from guarded_agent.core.tool import Sink, ToolSpec
from guarded_agent.policy.conditions import ConditionEngine, Failure
from guarded_agent.policy.deciders import Decider, deciders
from guarded_agent.policy.leaving import try_fusion, try_sinks
from guarded_agent.policy.limits import Limit, counted, tallies
from guarded_agent.policy.measures import taken
from guarded_agent.policy.merge import (
    keys_for,
    merged,
    one_of_each,
    unknown_in_guards,
    unmatched_keys,
)
from guarded_agent.policy.model import Policy
from guarded_agent.policy.rules import Rule, ToolRules, tool_rules
from guarded_agent.policy.simple import Conditions
from guarded_agent.policy.source import in_file_order
from guarded_agent.policy.trials import Decision, Trial, decisive, told
from guarded_agent.policy.vouching import RULE as UNTRUSTED
from guarded_agent.policy.vouching import try_vouching
from guarded_agent.policy.words import seconds

if TYPE_CHECKING:
    from sqlalchemy import Connection


def _counts(context: Context) -> Counts:
    if context.counts is None:
        raise ValueError("nobody counted")
    return context.counts


_CONTEXT: Mapping[str, Callable[[Context, float], Any]] = {
    "user": lambda context, _: context.user or "",
    "agent": lambda context, _: context.agent_id,
    "label.confidentiality": lambda context, _: int(context.memory.label.confidentiality),
    "label.compartments": lambda context, _: sorted(context.memory.label.compartments),
    "label.trusted": lambda context, _: context.memory.label.trusted,
    "read": lambda context, _: sorted(context.memory.tools_read),
    "hour": lambda _, now: int(now // 3600 % 24),
    "now": lambda _, now: datetime.fromtimestamp(now, UTC),
    "count.thread": lambda context, _: _counts(context).thread,
    "count.today": lambda context, _: _counts(context).today,
    "recipients": lambda context, _: sorted(context.memory.recipients),
    "correspondents": lambda context, _: sorted(context.memory.correspondents),
}


class Engine:
    """A policy made ready for a set of tools. It never changes; share it between threads.

    Example:
        >>> search = ToolSpec("search", access="read", declared=True)
        >>> engine = Engine(Policy.default(), [search])
        >>> action = Action("search", {}, call_id="1", thread_id="t", agent_id="agent")
        >>> str(engine.decide(action, Context("agent", "t"), now=0.0).effect)
        'allow'
    """

    def __init__(
        self,
        policy: Policy,
        tools: Sequence[ToolSpec],
        *,
        strict_tools: bool = True,
        conditions: ConditionEngine | None = None,
        also: Sequence[Decider] = (),
    ) -> None:
        """Merge, compile and check.

        Args:
            policy: The policy.
            tools: Every tool that the agent has, as it declares itself.
            strict_tools: Treat an entry that is about none of `tools` as an error, under
                `tools` and under a guard's.
            conditions: The condition language; CEL by default, simple conditions as closures.
            also: More engines to ask, after those that the policy names under `also`.

        Raises:
            PolicyError: It names every problem with file, line and column.
            MissingExtra: The policy names an engine whose package is not installed.
        """
        self.policy = policy
        self._conditions = conditions or Conditions()
        self._inside = frozenset(policy.organisation.domains)
        self._inside_list = sorted(self._inside)
        self._tools: dict[str, ToolRules] = {}
        self._more_tools = not strict_tools
        kept, problems = one_of_each(tools, policy)
        self.window = max((seconds(f.within) for f in policy.fusion if f.within), default=0)
        names = [spec.name for spec in kept]
        if strict_tools:
            problems += unmatched_keys(policy, names)
        problems += unknown_in_guards(policy, names, all_known=strict_tools)
        for spec in kept:
            problems += self._add(spec)
        self._deciders = (*deciders(policy), *also)
        for index, decider in enumerate(self._deciders):
            found = decider.check(self.specs)
            problems += [policy.source.problem(one.message, ("also", index)) for one in found]
        if problems:
            raise PolicyError(in_file_order(problems))
        self.flows = (
            bool(policy.fusion)
            or bool(self._deciders)
            or any(
                rules.sinks or any(name.startswith("label.") for name in rules.mentions)
                for rules in self._tools.values()
            )
        )
        said: dict[str, Any] = {
            "policy": policy.digest,
            "tools": [_as_json(self.spec(name)) for name in sorted(self._tools)],
        }
        if self._deciders:
            said["also"] = [decider.fingerprint for decider in self._deciders]
        self.digest = digest(said)

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools as the policy sees them."""
        return tuple(rules.spec for rules in self._tools.values())

    def spec(self, name: str) -> ToolSpec:
        """Return the tool `name` as the policy sees it.

        Raises:
            KeyError: There is no such tool.
        """
        return self._tools[name].spec

    def rules(self, name: str) -> ToolRules:
        """Return what decides about the tool `name`, compiled.

        Raises:
            KeyError: There is no such tool.
        """
        return self._tools[name]

    @property
    def conditions(self) -> ConditionEngine:
        """What its conditions are evaluated with."""
        return self._conditions

    def family(self, agent_id: str) -> str:
        """Return whose limits and counts the agent shares: its family's, or its own alone."""
        return self.policy.agent.family or agent_id

    def counts(self, tool: str) -> bool:
        """Return whether a condition of `tool` names how many calls there were."""
        rules = self._tools.get(tool)
        return rules is not None and rules.counts

    def counted(self, connection: Connection, action: Action, now: float) -> Counts | None:
        """Return how many calls like `action` were started before; None if no condition asks.

        Args:
            connection: In a transaction of the store.
            action: The proposed call. It does not count itself.
            now: Seconds since the epoch.
        """
        if not self.counts(action.tool):
            return None
        family = self.family(action.agent_id)
        return counted(
            connection, family, action.tool, action.thread_id, now, besides=action.digest
        )

    def decide(self, action: Action, context: Context, now: float) -> Decision:
        """Decide about `action`: deny over approve over allow, and nothing allows by itself.

        Args:
            action: The proposed call.
            context: What its thread has seen and done.
            now: Seconds since the epoch.
        """
        return self.concluded(action.tool, *self.weigh(action, context, now))

    def concluded(self, tool: str, trials: Sequence[Trial], limits: Sequence[Limit]) -> Decision:
        """Return the decision that `trials` lead to; `weigh` made them."""
        rules = self._tools.get(tool)
        worst = decisive(trials)
        if worst.error:
            effect = Effect.DENY
            because = f"{worst.rule} could not be evaluated: {worst.error}"
            message = f"The policy could not judge this call, so it is denied ({worst.rule})."
        else:
            effect = worst.effect
            reasons = [t.because for t in trials if t.matched and t.effect == effect and t.because]
            because = "; ".join(dict.fromkeys(reasons))
            message = worst.message or told(effect, tool)
        asks = effect is Effect.APPROVE and rules is not None
        return Decision(
            effect=effect,
            rule=worst.rule,
            message=message,
            because=because,
            matched=tuple(trial.rule for trial in trials if trial.matched),
            errors=tuple((trial.rule, trial.error) for trial in trials if trial.error),
            quorum=rules.quorum if asks and rules else 1,
            roles=rules.roles if asks and rules else (),
            limits=() if effect is Effect.DENY else tuple(limits),
            gaps=tuple(dict.fromkeys(gap for trial in trials for gap in trial.gaps))
            if asks or worst.rule == UNTRUSTED
            else (),
        )

    def weigh(
        self, action: Action, context: Context, now: float, *, every: bool = False
    ) -> tuple[list[Trial], list[Limit]]:
        """Try what the policy says on `action`; `decide` and `explain` read the result.

        Args:
            action: The proposed call.
            context: What its thread has seen and done.
            now: Seconds since the epoch.
            every: Also return what did not match, and go on after a denial.
        """
        rules = self._tools.get(action.tool)
        if rules is None:
            because = "the tool is not one that the policy was checked against"
            return [Trial("unknown-tool", Effect.DENY, True, because=because)], []
        if rules.spec.concern:  # whatever else the policy says: a person always gets it
            because = "the agent raises a concern: read it and answer"
            return [Trial("concern", Effect.APPROVE, True, because=because)], []
        try:
            check_limits(action.args)
            values = rules.arguments.values(action.args)
        except ActionError as error:
            words = str(error)
            message = f"The arguments are not what {action.tool} takes: {words}."
            return [Trial("arguments", Effect.DENY, True, because=words, message=message)], []
        known = context.provenance
        values.update(rules.vouching.values(values, known))
        for name in rules.mentions:
            # What cannot be told is not given: the rules that name it deny.
            with suppress(ValueError, OverflowError, OSError):
                values[name] = (
                    self._inside_list if name == "inside" else _CONTEXT[name](context, now)
                )
        trials = self._try_rules(rules, values, every)
        if not every and any(t.matched and t.effect is Effect.DENY for t in trials):
            return trials, []
        trials += try_sinks(rules, action, values, context, self._inside, every)
        trials += try_fusion(self.policy.fusion, rules, context, now, every)
        trials += try_vouching(rules.vouching, action.args, context, every)
        tried, limits = self._try_limits(rules, values, action, every)
        trials += tried
        if self._deciders and (every or decisive(trials).effect is not Effect.DENY):
            trials += [decider.decide(action, context, now) for decider in self._deciders]
        return trials, limits

    @property
    def hears(self) -> bool:
        """Whether any decision depends on what the user said, or may once there are more tools."""
        return self._more_tools or any(
            rules.vouching.named or rules.vouching.effect is not Effect.ALLOW
            for rules in self._tools.values()
        )

    def asks_who_vouches(self, tool: str, memory: ThreadMemory) -> bool:
        """Return whether a decision about `tool` needs `Context.provenance`."""
        rules = self._tools.get(tool)
        return rules is not None and rules.vouching.needs(memory)

    def directory(self, tool: str) -> tuple[str, ...]:
        """Return the keys of the results of `tool` whose values are a directory."""
        rules = self._tools.get(tool)
        return () if rules is None else rules.directory

    def _add(self, spec: ToolSpec) -> list[Problem]:
        keys = keys_for(self.policy, spec.name)
        if len(keys) > 1:
            message = f'the globs {" and ".join(keys)} both match the tool "{spec.name}"'
            return [self.policy.source.problem(message, ("tools", keys[1]), at_key=True)]
        key = keys[0] if keys else None
        entry = None if key is None else self.policy.tools[key]
        if self.policy.concern.off:
            spec = replace(spec, concern=False)
        seen = spec if spec.concern else merged(spec, entry)
        rules, problems = tool_rules(self.policy, key, seen, self._conditions)
        self._tools[spec.name] = rules
        return problems

    def _try_rules(self, rules: ToolRules, values: Mapping[str, Any], every: bool) -> list[Trial]:
        if not rules.rules:
            return [_without_rules(rules)]
        results = self._conditions.evaluate(rules.conditions, values)
        trials: list[Trial] = []
        for rule in rules.rules:
            value = True if rule.condition is None else next(results)
            if value is False:
                if every:
                    trials.append(_trial(rule, False))
            elif value is True:
                trials.append(_trial(rule, True))
                if rule.effect is Effect.DENY and not every:
                    return trials
            else:
                reason = (
                    value.reason if isinstance(value, Failure) else "it yields no true or false"
                )
                trials.append(_trial(rule, False, reason))
        if not any(trial.matched or trial.error for trial in trials):
            because = "no rule allows this call"
            trials.append(Trial("no-rule", Effect.DENY, True, because=because))
        return trials

    def _try_limits(
        self, rules: ToolRules, values: Mapping[str, Any], action: Action, every: bool
    ) -> tuple[list[Trial], list[Limit]]:
        trials: list[Trial] = []
        reserve: list[Limit] = []
        family = self.family(action.agent_id)
        for limit in rules.limits:
            amounts = taken(limit, family, rules.spec.name, values, self._conditions)
            rule = f"limit:{limit.name}"
            if isinstance(amounts, str):
                trials.append(Trial(rule, limit.effect, False, amounts, when=limit.measure))
                continue
            matched = not limit.span and amounts[0].amount > limit.max
            if limit.span:
                reserve += amounts
            if matched or every:
                because = f"above the limit {amounts[0].name}"
                trials.append(
                    Trial(rule, limit.effect, matched, because=because, when=limit.measure)
                )
        if rules.counts:
            names = tallies(family, rules.spec.name, action.thread_id)
            reserve += [tally for tally in names if tally.name in rules.mentions]
        return trials, reserve


def _trial(rule: Rule, matched: bool, error: str = "") -> Trial:
    return Trial(rule.id, rule.effect, matched, error, rule.because, rule.message, rule.when)


def _without_rules(rules: ToolRules) -> Trial:
    effect = rules.otherwise
    because = {
        Effect.ALLOW: "it only reads",
        Effect.APPROVE: f"{rules.spec.name} needs a person's approval each time",
    }.get(effect, "the policy does not list this tool")
    if effect is Effect.APPROVE and rules.spec.access != "read":
        does = "writes" if rules.spec.access == "write" else "sends"
        because = f"{rules.spec.name} {does}, and no rule of the policy allows it by itself"
    return Trial("default", effect, True, because=because)


def _as_json(spec: ToolSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "access": spec.access,
        "scopes": sorted(spec.scopes),
        "secrets": {name: str(ref) for name, ref in spec.secrets.items()},
        "delegates": None if spec.delegates is None else sorted(spec.delegates),
        "label": spec.label.as_json(),
        "sinks": [_sink_as_json(sink) for sink in spec.sinks],
        "impact": spec.impact,
        "manifest": spec.manifest,
        **({} if spec.hide is None else {"hide": spec.hide}),
        **({"discreet": True} if spec.discreet else {}),
        **({"items": True} if spec.items else {}),
        **({"believed": True} if spec.believed else {}),
    }


def _sink_as_json(sink: Sink) -> list[Any]:
    plain: list[Any] = [sink.argument, int(sink.clearance)]
    if sink.compartments is not None or sink.anywhere:
        within = None if sink.compartments is None else sorted(sink.compartments)
        plain += [within, sink.anywhere]
    return plain

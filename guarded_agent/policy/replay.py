"""Play the calls of a log against a policy: what it would have decided about each.

The log holds redacted arguments, and not all that was around a call. Where a decision
depends on what is not there, it is not guessed: the call counts as not replayed, with
the reason. Guards are not asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from guarded_agent.core.action import Action
from guarded_agent.core.addresses import addresses
from guarded_agent.core.context import Context, Counts, ThreadMemory
from guarded_agent.core.effect import Effect
from guarded_agent.core.errors import ActionError
from guarded_agent.core.provenance import Provenance
from guarded_agent.policy.arguments import at
from guarded_agent.policy.boundaries import named
from guarded_agent.policy.conditions import CONTEXT
from guarded_agent.policy.limits import DAY, Limit
from guarded_agent.policy.match import Engine
from guarded_agent.policy.rules import ToolRules
from guarded_agent.policy.trials import Decision
from guarded_agent.policy.vouching import RULE as UNTRUSTED

JUDGED = ("action.judged", "action.observed")
"""The kinds of events that hold a call and what was decided about it."""

_REDACTED = re.compile(
    r"\[(?:[A-Z][A-Z0-9_ :.-]{1,60}|withheld[^\]]{0,60})\]|<[A-Z_]{2,40}_[0-9]+>"
)


class Logged(Protocol):
    """An event of the audit log."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> float: ...
    @property
    def kind(self) -> str: ...
    @property
    def agent_id(self) -> str: ...
    @property
    def thread_id(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Played:
    """One call of the log, and what a policy decides about it.

    Attributes:
        seq: The event's number.
        tool: The tool.
        args: Its arguments as the log has them.
        was: What was decided then: `allow`, `redact`, `approve`, `deny` or `halt`.
        effect: What the policy decides; None if that cannot be told.
        rule: What decides.
        why_not: Why it cannot be told.
        matched: The ids of everything that matched.
    """

    seq: int
    tool: str
    args: Mapping[str, Any]
    was: str
    effect: Effect | None
    rule: str = ""
    why_not: str = ""
    matched: tuple[str, ...] = ()


class _Everybody(Provenance):
    """Somebody vouches for everything."""

    def by(self, voucher: Any, value: Any) -> bool:  # noqa: ARG002  # as its base
        return True

    def vouches(self, value: Any) -> bool:  # noqa: ARG002  # as its base
        return True


@dataclass
class _Past:
    """What happened so far, as far as the log tells."""

    memories: dict[str, ThreadMemory] = field(default_factory=dict[str, ThreadMemory])
    calls: dict[str, Played] = field(default_factory=dict[str, Played])
    taken: dict[str, tuple[Limit, ...]] = field(default_factory=dict[str, tuple[Limit, ...]])
    spent: dict[str, list[tuple[float, float]]] = field(
        default_factory=dict[str, list[tuple[float, float]]]
    )
    started: list[tuple[str, str, float]] = field(default_factory=list[tuple[str, str, float]])


def play(engine: Engine, events: Iterable[Logged]) -> Iterator[Played]:
    """Yield what the policy decides about each call in a log, in order.

    Args:
        engine: The policy, made ready.
        events: The log, oldest first: of one agent, or of agents of one family.
    """
    past = _Past()
    for event in events:
        if event.kind in JUDGED:
            played, limits = _decide(engine, event, past)
            past.calls[event.digest] = played
            past.taken[event.digest] = limits
            yield played
        elif event.kind == "action.started":
            _start(event, past)
        elif event.kind in ("action.done", "action.late"):
            _end(engine, event, past)


def is_redacted(value: Any) -> bool:
    """Return whether something was taken out of a value before it was written down.

    Example:
        >>> is_redacted({"note": "card [CARD]"}), is_redacted(["ann@acme.com"])
        (True, False)
    """
    if isinstance(value, str):
        return _REDACTED.search(value) is not None
    if isinstance(value, Mapping):
        return any(is_redacted(one) for one in cast("Mapping[str, Any]", value).values())
    if isinstance(value, (list, tuple)):
        return any(is_redacted(one) for one in cast("list[Any]", value))
    return False


def _decide(engine: Engine, event: Logged, past: _Past) -> tuple[Played, tuple[Limit, ...]]:
    tool = str(event.data.get("tool", ""))
    args = cast("dict[str, Any]", event.data.get("args") or {})
    call = Played(event.seq, tool, args, str(event.data.get("effect", "")), None)
    user = event.data.get("user")
    try:
        action = Action.build(
            tool=tool,
            args=args,
            call_id=event.digest,
            thread_id=event.thread_id,
            agent_id=event.agent_id,
            user=user,
        )
        rules = engine.rules(tool)
    except ActionError as error:
        return replace(call, why_not=str(error)), ()
    except KeyError:
        return replace(call, effect=Effect.DENY, rule="unknown-tool"), ()
    lacking = _lacking(rules, args, user)
    if lacking:
        return replace(call, why_not=lacking), ()
    context = Context(
        event.agent_id,
        event.thread_id,
        user=user,
        inside=frozenset(engine.policy.organisation.domains),
        memory=past.memories.get(event.thread_id, ThreadMemory()),
        counts=_counted(past, tool, event),
    )
    decision = _vouched(engine, action, context, event)
    if decision is None:
        return replace(call, why_not="it depends on who vouched for its arguments"), ()
    effect, rule = _within(decision, past, event.at)
    return replace(call, effect=effect, rule=rule, matched=decision.matched), decision.limits


def _lacking(rules: ToolRules, args: Mapping[str, Any], user: Any) -> str:
    """Return what a decision needs and the log does not have; empty if nothing."""
    kinds = {**CONTEXT, **rules.arguments.kinds}
    texts = [rule.when for rule in rules.rules]
    for limit in rules.limits:
        texts += [limit.measure] + ([] if limit.by is None else [limit.by.text])
    names = {name for text in texts for name in named(text, kinds)}
    if rules.vouching.named:
        return "its rules ask who vouched for its arguments"
    if "correspondents" in names:
        return "its rules ask for correspondents"
    if "user" in names and user is None:
        return "its rules ask for the user"
    if "user" in names and is_redacted(user):
        return "its rules ask for the user, who is redacted in the log"
    asked = {name.removeprefix("args.") for name in names if name.startswith("args.")}
    for name in sorted(asked | {sink.argument for sink in rules.sinks}):
        if is_redacted(at(args, name)):
            return f"args.{name} is redacted in the log"
    return ""


def _vouched(engine: Engine, action: Action, context: Context, event: Logged) -> Decision | None:
    """Decide; None where it matters who vouched, and the log does not tell."""
    decision = engine.decide(action, context, event.at)
    if not engine.asks_who_vouches(action.tool, context.memory):
        return decision
    other = engine.decide(action, replace(context, provenance=_Everybody()), event.at)
    if (decision.effect, decision.rule) == (other.effect, other.rule):
        return decision
    findings = cast("list[Mapping[str, Any]]", event.data.get("findings") or [])
    if any(finding.get("rule") == UNTRUSTED for finding in findings):
        return decision
    return other if event.data.get("effect") == "allow" and not findings else None


def _within(decision: Decision, past: _Past, now: float) -> tuple[Effect, str]:
    """Return the effect once the windows of the limits are looked at."""
    for limit in decision.limits:
        if limit.tally:
            continue
        since = limit.since(now)
        used = sum(amount for when, amount in past.spent.get(limit.key, ()) if when >= since)
        if used + limit.amount > limit.max * (1 + 1e-9) and limit.effect > decision.effect:
            return limit.effect, f"limit:{limit.name}"
    return decision.effect, decision.rule


def _counted(past: _Past, tool: str, event: Logged) -> Counts:
    day = event.at // DAY * DAY
    mine = [(thread, when) for name, thread, when in past.started if name == tool]
    return Counts(
        sum(thread == event.thread_id for thread, _ in mine), sum(when >= day for _, when in mine)
    )


def _start(event: Logged, past: _Past) -> None:
    call = past.calls.get(event.digest)
    if call is None:
        return
    past.started.append((call.tool, event.thread_id, event.at))
    for limit in past.taken.get(event.digest, ()):
        past.spent.setdefault(limit.key, []).append((event.at, limit.amount))


def _end(engine: Engine, event: Logged, past: _Past) -> None:
    call = past.calls.get(event.digest)
    if call is None:
        return
    try:
        spec = engine.spec(call.tool)
    except KeyError:
        return
    known = past.memories.get(event.thread_id, ThreadMemory())
    if spec.access == "read":
        known = known.grow(label=spec.label, tools_read=frozenset({call.tool}))
    elif spec.access == "send":
        sent = addresses([call.args.get(sink.argument) for sink in spec.sinks])
        known = known.grow(recipients=sent)
    past.memories[event.thread_id] = known

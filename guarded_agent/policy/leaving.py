"""Where data that was read may go: through which sinks, and with what it may come together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from guarded_agent.core.action import Action
from guarded_agent.core.context import Context
from guarded_agent.core.effect import Effect
from guarded_agent.core.label import Label
from guarded_agent.policy.arguments import at
from guarded_agent.policy.destinations import destination_host
from guarded_agent.policy.model import FusionEntry
from guarded_agent.policy.rules import SinkRule, ToolRules
from guarded_agent.policy.trials import Trial
from guarded_agent.policy.words import seconds


def try_sinks(
    rules: ToolRules,
    action: Action,
    values: Mapping[str, Any],
    context: Context,
    inside: frozenset[str],
    every: bool,
) -> list[Trial]:
    """Return what the sinks of a tool say of a call.

    Args:
        rules: The rules of the tool.
        action: The call.
        values: Its arguments, as conditions see them.
        context: What its thread has read.
        inside: The domains of the organisation.
        every: Also return what does not match.
    """
    trials: list[Trial] = []
    label = context.memory.label
    for sink in rules.sinks:
        too_high = label.confidentiality > sink.clearance
        barred = (
            frozenset[str]()
            if sink.compartments is None
            else label.compartments - sink.compartments
        )
        stops = too_high or bool(barred)
        if not stops and not every:
            continue
        given = values.get(f"args.{sink.argument}", at(action.args, sink.argument))
        within = frozenset[str]() if sink.anywhere else inside
        matched = stops and _leaves(given, within)
        if matched or every:
            because = _why_not(sink, label, barred)
            message = (
                "What was read in this conversation may not leave this way."
                if sink.anywhere
                else "What was read in this conversation may not leave the organisation this way."
            )
            trials.append(
                Trial(f"sink:{sink.argument}", sink.effect, matched, "", because, message)
            )
    return trials


def try_fusion(
    entries: Sequence[FusionEntry], rules: ToolRules, context: Context, now: float, every: bool
) -> list[Trial]:
    """Return what the fusion entries of a policy say of a call; `every` as in `try_sinks`."""
    trials: list[Trial] = []
    if rules.spec.access == "read":
        return trials
    for fusion in entries:
        matched, elsewhere = _meet(fusion, context, now)
        if matched or every:
            names = sorted(fusion.compartments)
            because = fusion.because or f"data from {' and '.join(names)} came together"
            trials.append(
                Trial(
                    f"fusion:{'+'.join(names)}",
                    Effect.parse(fusion.effect),
                    matched,
                    because=f"{because}{elsewhere}",
                )
            )
    return trials


def _why_not(sink: SinkRule, label: Label, barred: frozenset[str]) -> str:
    """Return why data may not leave through a sink, and where it came from."""
    came = f" (from {', '.join(sorted(label.sources))})" if label.sources else ""
    leads = f"{sink.argument} leads {'somewhere' if sink.anywhere else 'outside'}"
    if barred:
        names = ", ".join(sorted(barred))
        allowed = ", ".join(sorted(sink.compartments or ())) or "none"
        return (
            f"data of {names} was read{came}, and {leads}, where of all compartments only "
            f"{allowed} may go"
        )
    return (
        f"{label.confidentiality} data was read{came}, and {leads}, "
        f"where at most {sink.clearance} data may go"
    )


def _meet(fusion: FusionEntry, context: Context, now: float) -> tuple[bool, str]:
    """Return whether compartments come together, and words on what was read elsewhere.

    What the family read elsewhere counts for a while, and only where this thread has read a
    part of it: with nothing of it here there is nothing to join.
    """
    here = context.memory.label.compartments
    missing = frozenset(fusion.compartments) - here
    if not missing:
        return True, ""
    if fusion.within is None or here.isdisjoint(fusion.compartments):
        return False, ""
    since = now - seconds(fusion.within)  # a time still to come counts: a clock went backwards
    seen = [each for each in context.family if each.compartment in missing and each.at >= since]
    if missing - {each.compartment for each in seen}:
        return False, ""
    return True, "".join(
        f"; {each.compartment} was read in thread {each.thread_id}"
        f"{f' by {each.tool}' if each.tool else ''} of {each.agent_id}"
        for each in seen
    )


def _leaves(value: Any, inside: frozenset[str]) -> bool:
    """Return True if any destination in `value` is outside, or cannot be told."""
    if value is None or value == "":
        return False
    if isinstance(value, (list, tuple)):
        return any(_leaves(item, inside) for item in cast("Sequence[Any]", value))
    try:
        return not isinstance(value, str) or destination_host(value) not in inside
    except ValueError:
        return True

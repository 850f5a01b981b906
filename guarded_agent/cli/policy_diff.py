"""`guarded-agent policy diff` and `observed`: what would have been otherwise, by the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from guarded_agent.audit import AuditLog, Event
from guarded_agent.cli.policy_check import tools_option
from guarded_agent.cli.policy_explain import untyped
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.cli.target import load_tools
from guarded_agent.core import ToolSpec
from guarded_agent.core.visible import visible
from guarded_agent.policy import Engine, Policy, load
from guarded_agent.policy.compare import Difference, compare, word
from guarded_agent.policy.replay import JUDGED

log_option = click.option(
    "--log",
    metavar="URL|audit",
    default="audit",
    show_default=True,
    help="The store whose log is read; audit is the one of --store.",
)
"""The option `--log`."""


def read_log(session: Session, log: str) -> list[Event]:
    """Return the events of the log that `--log` names."""
    chosen = session if log == "audit" else replace(session, store_url=log)
    with chosen.store() as store:
        return list(AuditLog(store).events())


def of_agents(events: Iterable[Event], *policies: Policy) -> list[Event]:
    """Return the events of the agents that policies are for.

    Raises:
        click.UsageError: None of them did anything.
    """
    wanted = {policy.agent.id for policy in policies}
    listed = list(events)
    mine = [event for event in listed if event.agent_id in wanted]
    if not any(event.kind in JUDGED for event in mine):
        others = sorted({event.agent_id for event in listed if event.kind in JUDGED})
        known = f"; it has calls of: {', '.join(others[:5])}" if others else ""
        raise click.UsageError(
            f"the log has no call of the agent {' or '.join(sorted(wanted))}{known}."
        )
    return mine


def calls_in(events: Iterable[Event]) -> dict[str, dict[str, Any]]:
    """Return the arguments of the calls in a log, by tool."""
    found: dict[str, dict[str, Any]] = {}
    for event in events:
        if event.kind in JUDGED:
            found.setdefault(event.data["tool"], {}).update(event.data.get("args") or {})
    return found


def engine_for(loaded: Policy, tools: list[ToolSpec] | None, events: Iterable[Event]) -> Engine:
    """Return a policy over the tools, or over what the log shows of them."""
    specs = untyped(loaded, calls_in(events)) if tools is None else tools
    return Engine(loaded, specs, strict_tools=False)


@click.command()
@click.argument("old")
@click.argument("new")
@log_option
@tools_option
@json_option
@pass_session
def diff(
    session: Session, old: str, new: str, log: str, tools_name: str | None, as_json: bool
) -> None:
    """Play the calls of a log against two policies, and tell where they differ.

    The log holds redacted arguments: a call whose decision needs what is not there is counted
    apart, and not guessed. Guards are not asked again. --tools gives types and defaults.
    """
    before, after = load(Path(old)), load(Path(new))
    events = of_agents(read_log(session, log), before, after)
    specs = load_tools(tools_name) if tools_name else None
    found = compare(engine_for(before, specs, events), engine_for(after, specs, events), events)
    if as_json:
        print_json(
            {
                "calls": found.calls,
                "summary": found.summary,
                "changes": [change.as_json() for change in found.changes],
                "not_replayed": found.unknown,
            }
        )
        return
    _show(found, new)


def _show(found: Difference, new: str) -> None:
    played = found.calls - sum(found.unknown.values())
    say(f"{played} of {found.calls} calls replayed. {visible(new)} {found.summary}.", "bold")
    for change in found.examples():
        before, after = change.kind
        say()
        head = f"{word(before)} -> {word(after)}  {change.new.tool}, event {change.new.seq}"
        say(visible(head), "yellow" if after > before else "cyan")
        flow(visible(shown(change.new.args)), "    ")
        flow(visible(f"was by {change.old.rule}, would be by {change.new.rule}"), "    ")
    if found.unknown:
        say()
        say(f"{found.calls - played} calls could not be replayed:")
        for why, number in sorted(found.unknown.items(), key=lambda item: -item[1]):
            flow(visible(f"{number}  {why}"), "    ")


def shown(args: Any) -> str:
    """Return arguments in one line that is not too long."""
    text = json.dumps(args, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."


@click.command()
@log_option
@json_option
@pass_session
def observed(session: Session, log: str, as_json: bool) -> None:
    """Tell what a policy in observe mode would have done, by the log."""
    events = [event for event in read_log(session, log) if event.kind == "action.observed"]
    counts: Counter[tuple[str, str, str]] = Counter(
        (event.data["effect"], event.data["tool"], _rule(event)) for event in events
    )
    rows = [
        {"effect": effect, "tool": tool, "rule": rule, "calls": number}
        for (effect, tool, rule), number in sorted(counts.items(), key=lambda item: -item[1])
        if effect != "allow"
    ]
    would: Counter[str] = Counter(event.data["effect"] for event in events)
    if as_json:
        print_json({"calls": len(events), "would": dict(would), "rows": rows})
        return
    if not events:
        say("No call was observed: no policy in this log has mode: observe.")
        return
    say(
        f"{len(events)} calls ran. Enforced, {would['approve']} would have asked, "
        f"{would['deny']} would have been denied, {would['redact']} redacted.",
        "bold",
    )
    for row in rows:
        does = "ask" if row["effect"] == "approve" else str(row["effect"])
        first = f"{row['calls']:>6} {does:<7} "
        flow(
            visible(f"{row['tool']}  by {row['rule']}"),
            " " * 15,
            first=first,
        )


def _rule(event: Event) -> str:
    findings: list[dict[str, str]] = event.data.get("findings") or []
    return next((one["rule"] or one["guard"] for one in findings), "")

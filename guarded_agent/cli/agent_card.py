"""Agents and their tools on a terminal: who may act, what waits, and what a tool says now."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from rich.table import Table

from guarded_agent.cli.screen import command, flow, print_table, say
from guarded_agent.cli.session import Session
from guarded_agent.core.visible import visible
from guarded_agent.identity import AgentIdentity
from guarded_agent.identity.offer import Offer, shown
from guarded_agent.identity.pins import Pin
from guarded_agent.identity.roster import Entry
from guarded_agent.server.card import duration

_HEAD = "bold cyan"
_DIGEST = 16  # as much of one as is shown


def print_list(entries: Sequence[Entry], session: Session) -> None:
    """Print agents as a table, and below it what a person should do."""
    now = session.clock()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("Agent", "State", "Owner", "Last seen", "Review", "Waiting"):
        table.add_column(head, overflow="fold")
    for entry in entries:
        agent = entry.agent
        count = len(entry.waiting)
        cells = (
            agent.id,
            agent.state,
            agent.owner or "not named",
            _ago(entry.seen_at, now),
            agent.review or "none",
            f"{count} tool{'' if count == 1 else 's'}" if count else "",
        )
        table.add_row(*map(visible, cells))
    print_table(table)
    for entry in entries:
        if entry.agent.overdue(now):
            flow(visible(f"{entry.agent.id}: {_review(entry.agent, now)}"), "  ", first="! ")
        for tool in entry.waiting:
            flow(
                visible(f"{entry.agent.id}: the tool {tool} waits to be accepted:"),
                "  ",
                first="! ",
            )
            say(command(session.command("agents", "accept", entry.agent.id, tool)))


def print_agent(entry: Entry, pins: Sequence[Pin], session: Session) -> None:
    """Print all that is known of one agent, and its tools."""
    agent, now = entry.agent, session.clock()
    rules = agent.rules
    people = f"{rules.quorum} {'person' if rules.quorum == 1 else 'people'}"
    people += f" with {', '.join(rules.roles)} among them" if rules.roles else ""
    ask = [name for name in ("onboarding", "reactivation") if getattr(rules, name) == "approve"]
    facts = {
        "State": agent.state + (f": {agent.reason}" if agent.reason else ""),
        "Changed": f"by {agent.changed_by or 'nobody named'}, {_ago(agent.changed_at, now)}",
        "Owner": agent.owner or "not named",
        "Purpose": agent.purpose or "not named",
        "Version": agent.version or "not named",
        "Family": agent.family or agent.id,
        "Review": _review(agent, now),
        "Approvals": f"{' and '.join(ask)} by {people}" if ask else "none to let it act",
        "Registered": _ago(agent.created_at, now),
        "Last seen": _ago(entry.seen_at, now),
    }
    say(visible(agent.id), "bold")
    _print_facts(facts)
    say()
    say("Fingerprint", _HEAD)
    _print_facts(_parts(agent))
    say()
    say("Tools", _HEAD)
    if not pins:
        say("  none written down yet")
    for pin in pins:
        _print_pin(pin, now)
    for tool in entry.waiting:
        say()
        say(command(session.command("agents", "accept", agent.id, tool)))


def print_offer(agent_id: str, pin: Pin) -> None:
    """Print what a tool says now, beside what was accepted, with nothing hidden in it."""
    offered = pin.offered
    if offered is None:
        return
    what = "is new" if pin.accepted is None else f"changed: {pin.changed}"
    flow(visible(f"The tool {pin.tool} of {agent_id} {what}."), "  ", first="", style="bold")
    if pin.accepted is None:
        say("What it says", _HEAD)
        _print_lines([f"+ {line}" for line in shown(offered)])
    else:
        say("What it says: - as it was accepted, + now", _HEAD)
        _print_lines(_difference(pin.accepted, offered))
    for flag in offered.flags:
        flow(f"{flag}.", "  ", first="! ", style="bold red")
    say(f"Manifest  {offered.manifest}")


def _difference(old: Offer, new: Offer) -> list[str]:
    return [line for line in difflib.ndiff(shown(old), shown(new)) if not line.startswith("?")]


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        flow(line, "  |   ", first="  | ")


def _print_facts(facts: dict[str, str]) -> None:
    for name, text in facts.items():
        flow(visible(text), " " * 15, first=f"  {name:<13}")


def _parts(agent: AgentIdentity) -> dict[str, str]:
    parts = agent.parts
    models: Any = parts.get("model", ["unknown"])
    scopes: Any = parts.get("scopes", [])
    return {
        "Whole": agent.fingerprint,
        "Model": ", ".join(map(str, models)),
        "Prompt": str(parts.get("prompt", "unknown"))[:_DIGEST],
        "Tools": str(parts.get("tools", "unknown"))[:_DIGEST],
        "Policy": str(parts.get("policy", "unknown"))[:_DIGEST],
        "Scopes": ", ".join(map(str, scopes)) or "none",
    }


def _print_pin(pin: Pin, now: float) -> None:
    offer = pin.offered or pin.accepted
    server = f" of the server {offer.server}" if offer is not None and offer.server else ""
    if pin.waits:
        what = "new" if pin.accepted is None else f"changed: {pin.changed}"
        words = f"waits for a person since {_ago(pin.offered_at, now)} ({what}); it does not run"
    elif pin.accepted_by:
        words = f"accepted by {pin.accepted_by}, {_ago(pin.accepted_at, now)}"
    elif pin.served:
        words = f"trusted as it was at first, {_ago(pin.accepted_at, now)}"
    else:
        words = f"follows the program; last changed {_ago(pin.accepted_at, now)}"
    flow(visible(f"{pin.tool}{server}: {words}"), "      ", first="  - ")
    for flag in pin.flags:
        flow(f"{flag}", "      ", first="    ! ")


def _review(agent: AgentIdentity, now: float) -> str:
    if not agent.review:
        return "none; set agent.review in the policy"
    left = (date.fromisoformat(agent.review) - datetime.fromtimestamp(now, UTC).date()).days
    if agent.overdue(now):
        return f"was due on {agent.review}: its owner should look at it again"
    return f"{agent.review}, in {left} d"


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{duration(now - at)} ago"

"""`guarded-agent agents`: see the agent identities, and stop one at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from guarded_agent.audit import AuditLog
from guarded_agent.cli.reviewer import json_option, reason_option, reviewer_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.visible import visible
from guarded_agent.identity import AgentIdentity, Registry
from guarded_agent.server.card import duration
from guarded_agent.store import Store


@click.group()
def agents() -> None:
    """See the agent identities, and stop one at once."""


@agents.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List every agent that has used this store."""
    with session.store() as store:
        known = _registry(store).list()
    if as_json:
        print_json([asdict(agent) for agent in known])
        return
    if not known:
        say("No agent has used this store yet.")
    for agent in known:
        say(f"{agent.state:<14}  {visible(agent.id)}  {visible(agent.purpose)}".rstrip())


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@json_option
@pass_session
def show(session: Session, agent_id: str, as_json: bool) -> None:
    """Show one agent."""
    with session.store() as store:
        _print(_registry(store).get(agent_id), session, as_json)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option("Why. Kept with the agent.", required=True)
@json_option
@pass_session
def suspend(session: Session, agent_id: str, reviewer: str, reason: str, as_json: bool) -> None:
    """Stop an agent at once: nothing it asks for runs, also what was approved before."""
    _change(session, Registry.suspend, agent_id, reviewer, reason, as_json)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option("Why. Kept with the agent.", required=True)
@json_option
@pass_session
def resume(session: Session, agent_id: str, reviewer: str, reason: str, as_json: bool) -> None:
    """Let a suspended agent act again."""
    _change(session, Registry.resume, agent_id, reviewer, reason, as_json)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option("Why. Kept with the agent.", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def decommission(
    session: Session, agent_id: str, reviewer: str, reason: str, yes: bool, as_json: bool
) -> None:
    """Retire an agent for good. There is no way back."""
    if not yes:
        if as_json or not session.terminal():
            raise click.UsageError("there is no way back, and nobody can be asked here: add --yes.")
        if not click.confirm(f"Retire {visible(agent_id)} for good?", default=False):
            say("Nothing was changed.")
            return
    _change(session, Registry.decommission, agent_id, reviewer, reason, as_json)


def _change(
    session: Session,
    change: Callable[..., AgentIdentity],
    agent_id: str,
    by: str,
    reason: str,
    as_json: bool,
) -> None:
    with session.store() as store:
        _print(change(_registry(store), agent_id, by=by, reason=reason), session, as_json)


def _registry(store: Store) -> Registry:
    return Registry(store, AuditLog(store))


def _print(agent: AgentIdentity, session: Session, as_json: bool) -> None:
    if as_json:
        print_json(asdict(agent))
        return
    changed = f"by {agent.changed_by or 'nobody named'}, "
    changed += f"{duration(session.clock() - agent.changed_at)} ago"
    facts: dict[str, Any] = {
        "State": agent.state + (f": {agent.reason}" if agent.reason else ""),
        "Changed": changed,
        "Owner": agent.owner or "not named",
        "Purpose": agent.purpose or "not named",
        "Registered": f"{duration(session.clock() - agent.created_at)} ago",
        "Fingerprint": agent.fingerprint,
    }
    say(visible(agent.id), "bold")
    for name, text in facts.items():
        say(f"  {name:<11}  {visible(text)}")

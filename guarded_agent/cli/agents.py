"""`guarded-agent agents`: see the agent identities, stop one at once, and accept their tools."""

from __future__ import annotations

from dataclasses import asdict

import click

from guarded_agent.approvals import Request
from guarded_agent.audit import AuditLog
from guarded_agent.cli.agent_card import print_agent, print_list, print_offer
from guarded_agent.cli.reviewer import json_option, reason_option, reviewer_option
from guarded_agent.cli.screen import command, flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.errors import Denied
from guarded_agent.core.visible import visible
from guarded_agent.identity import AgentIdentity, Registry
from guarded_agent.identity.pins import Pin
from guarded_agent.identity.roster import roster, tools_as_json
from guarded_agent.identity.tokens import jwks as public_keys
from guarded_agent.store import Store

_KEPT = "Why. Kept with the agent."


@click.group()
def agents() -> None:
    """See the agent identities, stop one at once, and accept their tools."""


@agents.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List every agent that has used this store, and what waits for a person."""
    with session.store() as store:
        known = _registry(store).list()
        with store.read() as connection:
            entries = roster(connection, known)
    if as_json:
        print_json([entry.as_json(session.clock()) for entry in entries])
    elif not entries:
        say("No agent has used this store yet.")
    else:
        print_list(entries, session)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@json_option
@pass_session
def show(session: Session, agent_id: str, as_json: bool) -> None:
    """Show one agent: its state, the parts of its fingerprint, its tools."""
    with session.store() as store:
        registry = _registry(store)
        known, pins = registry.get(agent_id), registry.tools(agent_id)
        with store.read() as connection:
            [entry] = roster(connection, [known])
            tools = tools_as_json(connection, agent_id)
    if as_json:
        print_json(entry.as_json(session.clock()) | {"tools": tools})
    else:
        print_agent(entry, pins, session)


@agents.command()
@pass_session
def jwks(session: Session) -> None:
    """Print the public key that checks the tokens of calls, as a JWK set.

    Publish it where services that get such a token look for the keys of its issuer.
    """
    with session.store() as store:
        print_json(public_keys(store))


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@click.argument("tool", metavar="TOOL")
@reviewer_option()
@reason_option("Why. Kept in the audit log, redacted.", required=True)
@click.option(
    "--manifest",
    metavar="DIGEST",
    help="What you read: the digest that is shown with the tool. Without it you are asked.",
)
@click.option("--keep-old", is_flag=True, help="Refuse it as it is now: it runs only as before.")
@json_option
@pass_session
def accept(
    session: Session,
    agent_id: str,
    tool: str,
    reviewer: str,
    reason: str,
    manifest: str | None,
    keep_old: bool,
    as_json: bool,
) -> None:
    """Accept a tool that is new or changed, so that it runs.

    Shows what it says now beside what was accepted, with hidden characters written out.
    """
    from guarded_agent.guards import Redactor  # it loads the recognisers

    with session.store() as store:
        registry = _registry(store)
        pin = _pin(registry, agent_id, tool)
        if pin.offered is None:
            raise Denied(f"the tool {visible(tool)} of {agent_id!r} does not wait to be accepted")
        if not as_json:
            print_offer(agent_id, pin)
        if manifest is None:
            if as_json or not session.terminal():
                raise click.UsageError(
                    "say what you read, with --manifest DIGEST: agents show --json has it."
                )
            words = "Keep the old one?" if keep_old else "Accept it?"
            if not click.confirm(words, default=False):
                say("Nothing was changed.")
                return
            manifest = pin.offered.manifest
        change = registry.keep if keep_old else registry.accept
        why = Redactor().redact_text(reason)
        pin = change(agent_id, tool, manifest=manifest, by=reviewer, reason=why)
        with store.read() as connection:
            [told] = [each for each in tools_as_json(connection, agent_id) if each["tool"] == tool]
    if as_json:
        print_json(told)
    elif keep_old:
        say("Kept. The tool runs only as it was accepted before.")
    else:
        say("Accepted. The tool runs from the next call on.")


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option(_KEPT, required=True)
@json_option
@pass_session
def suspend(session: Session, agent_id: str, reviewer: str, reason: str, as_json: bool) -> None:
    """Stop an agent at once: nothing it asks for runs, also what was approved before."""
    with session.store() as store:
        known = _registry(store).suspend(agent_id, by=reviewer, reason=reason)
        _told(session, store, known, as_json)


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option(_KEPT, required=True)
@json_option
@pass_session
def resume(session: Session, agent_id: str, reviewer: str, reason: str, as_json: bool) -> None:
    """Let a suspended agent act again, or ask people where its policy says so."""
    from guarded_agent.monitor.lifecycle import Lifecycle  # it loads the policy room

    with session.store() as store:
        outcome = Lifecycle(store, AuditLog(store)).resume(agent_id, by=reviewer, reason=reason)
        if not isinstance(outcome, Request):
            _told(session, store, outcome, as_json)
            return
    if as_json:
        print_json({"request": outcome.as_json()})
        return
    flow(
        f"People have to approve it: request {outcome.id}. You asked, so somebody else decides, "
        "and not the owner:"
    )
    words = ("approvals", "approve", outcome.id, "--reviewer", "NAME", "--digest", outcome.digest)
    say(command(session.command(*words)))


@agents.command()
@click.argument("agent_id", metavar="AGENT")
@reviewer_option()
@reason_option(_KEPT, required=True)
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
    from guarded_agent.guards import Redactor  # it loads the recognisers
    from guarded_agent.monitor.lifecycle import Lifecycle

    with session.store() as store:
        life = Lifecycle(store, AuditLog(store))
        why = Redactor().redact_text(reason)
        known = life.decommission(agent_id, by=reviewer, reason=why)
        _told(session, store, known, as_json)


def _told(session: Session, store: Store, known: AgentIdentity, as_json: bool) -> None:
    if as_json:
        print_json(asdict(known))
        return
    with store.read() as connection:
        [entry] = roster(connection, [known])
    print_agent(entry, _registry(store).tools(known.id), session)


def _registry(store: Store) -> Registry:
    return Registry(store, AuditLog(store))


def _pin(registry: Registry, agent_id: str, tool: str) -> Pin:
    for pin in registry.tools(agent_id):
        if pin.tool == tool:
            return pin
    raise Denied(f"the agent {agent_id!r} has no tool {visible(tool)!r}: see agents show")

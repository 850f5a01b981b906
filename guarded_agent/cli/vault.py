"""`guarded-agent vault`: what pseudonyms stand for, and how it is forgotten."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from guarded_agent.audit import AuditLog
from guarded_agent.cli.reviewer import json_option, reason_option, reviewer_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.visible import visible
from guarded_agent.server.card import duration
from guarded_agent.store.vault import Vault


@click.group()
def vault() -> None:
    """See where pseudonyms stand for values, and forget them."""


@vault.command("list")
@click.option("--thread", metavar="ID", help="Only those of one thread.")
@json_option
@pass_session
def list_(session: Session, thread: str | None, as_json: bool) -> None:
    """List how many values each thread holds. No value is shown."""
    with session.store() as store:
        held = Vault(store).held(thread_id=thread)
    if as_json:
        print_json([asdict(each) for each in held])
        return
    if not held:
        say("No value is held.")
    for each in held:
        words = f"{each.held} held"
        words += f", {each.forgotten} forgotten" if each.forgotten else ""
        words += f", since {duration(session.clock() - each.since)}"
        say(visible(f"{each.kind:<14}  {words}  thread {each.thread_id} of {each.agent_id}"))


@vault.command()
@click.option("--value", metavar="TEXT", help="The value, wherever it is held.")
@click.option(
    "--stdin",
    "from_stdin",
    is_flag=True,
    help="Read the value from standard input: it stays out of the shell's history.",
)
@click.option("--thread", metavar="ID", help="All values of this thread, or the value in it.")
@click.option("--agent", metavar="ID", help="Only what this agent holds.")
@reviewer_option()
@reason_option("Why. Kept in the log: do not repeat the value.", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def forget(
    session: Session,
    value: str | None,
    from_stdin: bool,
    thread: str | None,
    agent: str | None,
    reviewer: str,
    reason: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase values for good. There is no way back.

    Their pseudonyms stay where they stand: no tool gets a value for them any more.
    """
    from guarded_agent.guards.pii.pseudonyms_forget import forget as erase  # loads detectors

    if from_stdin:
        if value is not None:
            raise click.UsageError("give the value with --value or by --stdin, not both.")
        value = sys.stdin.readline().rstrip("\r\n")
    if value is not None and not value.strip():
        raise click.UsageError("the value is empty.")
    if value is None and thread is None:
        raise click.UsageError("say what to forget: a value, --thread, or both.")
    if not yes:
        if as_json or not session.terminal():
            raise click.UsageError("there is no way back, and nobody can be asked here: add --yes.")
        if not click.confirm("Erase it for good?", default=False):
            say("Nothing was changed.")
            return
    with session.store() as store:
        erased = erase(
            store,
            AuditLog(store),
            by=reviewer,
            reason=reason,
            value=value,
            thread_id=thread,
            agent_id=agent,
        )
    if as_json:
        print_json(
            [
                {
                    "agent_id": each.agent_id,
                    "thread_id": each.thread_id,
                    "pseudonyms": [f"{kind}_{number}" for kind, number in each.ids],
                }
                for each in erased
            ]
        )
        return
    count = sum(len(each.ids) for each in erased)
    say(f"Forgot {count} value{'' if count == 1 else 's'}.")
    for each in erased:
        names = ", ".join(f"<{kind}_{number}>" for kind, number in each.ids)
        flow(visible(f"{names} in thread {each.thread_id} of {each.agent_id}"), "    ", first="  ")

"""`guarded-agent audit`: read the log of what happened, and check that it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from guarded_agent.audit import AuditLog, Event
from guarded_agent.audit import verify as verify_chain
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import console, flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.errors import AuditBroken
from guarded_agent.core.visible import visible

_TOLD = (
    "tool",
    "effect",
    "outcome",
    "state",
    "choice",
    "reviewer",
    "by",
    "from",
    "to",
    "error",
    "reason",
)
"""What a line tells of an event's data, in this order; `--json` has all of it."""

_LONGEST = 300


@click.group()
def audit() -> None:
    """Read the log of what happened, and check that it is whole."""


@audit.command()
@click.option(
    "-n",
    "--lines",
    "count",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="How many events.",
)
@click.option("--thread", metavar="ID", help="Only those of one thread.")
@json_option
@pass_session
def tail(session: Session, count: int, thread: str | None, as_json: bool) -> None:
    """Show the last events, oldest first. Times are UTC."""
    with session.store() as store:
        events = AuditLog(store).tail(count, thread_id=thread)
    if as_json:
        print_json([event.as_json() for event in events])
        return
    if not events:
        say("No event yet." if thread is None else f"No event of the thread {visible(thread)}.")
    for event in events:
        line = "  ".join(_columns(event))
        if console().is_terminal:
            flow(line, " " * 8, first="")  # what a tool wrote must not begin a line
        else:
            say(line)


def _columns(event: Event) -> Iterator[str]:
    yield f"{event.seq:>5}"
    yield datetime.fromtimestamp(event.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    yield f"{visible(event.kind):<18}"
    details = [f"{name}={event.data[name]}" for name in _TOLD if event.data.get(name)]
    yield visible(" ".join([event.thread_id, *details]).strip())[:_LONGEST]


@audit.command()
@json_option
@click.pass_context
def verify(context: click.Context, as_json: bool) -> None:
    """Check every event of the log, from the first to the last.

    Exits with 1 and names the first bad event if the log was changed. Keep what is printed
    elsewhere: it shows later that nothing before it was rewritten.
    """
    session = context.ensure_object(Session)
    try:
        with session.store() as store:
            verified = verify_chain(store)
    except AuditBroken as error:
        if as_json:
            print_json({"verified": False, "event": error.seq, "message": str(error)})
        else:
            click.echo(f"Broken: {error}.", err=True)
        context.exit(1)
    if as_json:
        print_json({"verified": True, "count": verified.count, "head": verified.head})
    else:
        say(f"verified {verified.count} events, head {verified.head}")

"""`guarded-agent approvals watch`: the queue as it changes."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.cli.screen import console, flow, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.visible import visible
from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server.card import duration

LOOK = 20.0
"""Seconds after which the clocks are shown anew where nothing changes."""


@click.command()
@click.option(
    "--lines", type=click.IntRange(1, 200), default=15, show_default=True, help="How many to show."
)
@pass_session
def watch(session: Session, lines: int) -> None:
    """Show what waits as it changes, the most at stake first. Stop with Ctrl-C.

    On a terminal the list is drawn anew; elsewhere each change is a line.
    """
    with session.store() as store:
        queue = Approvals(store, AuditLog(store))
        drawn = console().is_terminal
        if drawn:
            _draw(queue, lines)
        else:
            say(f"{queue.page(limit=1).total} waiting")
        for changed in queue.changes(timeout=LOOK):
            if drawn:
                _draw(queue, lines)
                continue
            for request in changed.requests:
                flow(_line(shown(store, request)), "    ", first="")


def _draw(queue: Approvals, lines: int) -> None:
    page = queue.page(limit=lines)
    console().clear()
    clock = datetime.fromtimestamp(page.now, UTC).strftime("%H:%M:%S UTC")
    say(f"{page.total} waiting at {clock}", "bold")
    for request in page.requests:
        left = duration(request.decide_by - page.now)
        mark = "!" if request.high else " "
        line = f"{mark} {visible(request.id)}  {left:>10}  {visible(request.summary)}"
        flow(line, " " * 6, first="")
    for entry in page.uncertain[:5]:
        flow(f"? {entry.digest[:12]}  settle it: {visible(entry.tool)}", "    ", first="")
    if page.requests:
        say("")
        say(f"Decide: guarded-agent approvals show {page.requests[0].id}", "dim")


def _line(request: Request) -> str:
    return f"{visible(request.id)}  {request.state:<9}  {visible(request.summary)}"

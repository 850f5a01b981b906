"""`guarded-agent approvals notify`: send what policies want people to be told."""

from __future__ import annotations

import click

from guarded_agent.cli.session import Session, pass_session


@click.command("notify")
@click.option(
    "--public-url",
    metavar="URL",
    envvar="GUARDED_AGENT_PUBLIC_URL",
    show_envvar=True,
    default="",
    help="Where people reach the queue, for links in messages.",
)
@click.option("--once", is_flag=True, help="Send what is due now, and end.")
@pass_session
def notify(session: Session, public_url: str, once: bool) -> None:
    """Send notifications: run it beside `serve`. Stop it with Ctrl-C.

    URLs and secrets that policies name as env:NAME are read from this command's environment.
    """
    from guarded_agent.approvals.notifier import Notifier  # an HTTP client: only for who sends

    with session.store() as store:
        notifier = Notifier(store, public_url=public_url)
        if once:
            while notifier.step():
                pass
        else:
            notifier.run()
        for message, request, why in notifier.dead():
            click.echo(f"dead: {message} about request {request}: {why}", err=True)

"""`guarded-agent serve`: show the queue in a browser."""

from __future__ import annotations

import click

from guarded_agent.cli.session import Session, pass_session


@click.command()
@click.option(
    "--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="A loopback address."
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8383,
    show_default=True,
    help="0 takes a free one.",
)
@pass_session
def serve(session: Session, host: str, port: int) -> None:
    """Show the queue in a browser, on this machine only. Needs the extra `server`.

    The page decides nothing: it shows the command to type. Stop it with Ctrl-C.
    """
    from guarded_agent.server import serve as run  # a web server: only for who serves

    with session.store():
        pass  # a wrong store is told before the page opens
    try:
        run(session.store_url, host, port)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None

"""`guarded-agent serve`: the queue in a browser, and as an API."""

from __future__ import annotations

from pathlib import Path

import click

from guarded_agent.cli.session import Session, pass_session

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; without TLS or a proxy, of this machine alone.",
)
@click.option(
    "--port",
    metavar="PORT",
    type=click.IntRange(0, 65535),
    default=8383,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--public-url",
    metavar="URL",
    envvar="GUARDED_AGENT_PUBLIC_URL",
    show_envvar=True,
    default="",
    help="What people type to reach it, such as https://approvals.acme.example.",
)
@click.option("--tls-certificate", "certificate", type=_FILE, help="The certificate, with chain.")
@click.option("--tls-key", "key", type=_FILE, help="The certificate's private key.")
@click.option(
    "--oidc",
    type=_FILE,
    envvar="GUARDED_AGENT_OIDC",
    show_envvar=True,
    help="Settings of an identity provider, in TOML.",
)
@click.option("--behind-proxy", is_flag=True, help="One proxy stands before it and speaks TLS.")
@pass_session
def serve(
    session: Session,
    host: str,
    port: int,
    public_url: str,
    certificate: Path | None,
    key: Path | None,
    oidc: Path | None,
    behind_proxy: bool,
) -> None:
    """Show the queue in a browser, and serve the API. Needs the extra `server`.

    Where nobody can sign in yet, it prints a link that makes the first admin. It listens on
    this machine only, unless TLS or a proxy is named. Stop it with Ctrl-C.
    """
    from guarded_agent.server import serve as run  # a web server: only for who serves
    from guarded_agent.server.oidc_settings import read_oidc
    from guarded_agent.server.settings import Settings

    with session.store():
        pass  # a wrong store is told before the page opens
    try:
        settings = Settings(public_url, behind_proxy, oidc=read_oidc(oidc) if oidc else None)
        run(
            session.store_url,
            host,
            port,
            settings=settings,
            certificate=certificate,
            key=key,
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None

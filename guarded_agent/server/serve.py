"""Run the pages on this machine, and print the link that opens them."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import socket
import sys
from collections.abc import Callable

from guarded_agent.core.errors import MissingExtra
from guarded_agent.store import DEFAULT_URL, Store


def serve(
    store_url: str = DEFAULT_URL,
    host: str = "127.0.0.1",
    port: int = 8383,
    *,
    token: str | None = None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Show the approval queue in a browser until the process is told to stop.

    It speaks plain HTTP, so it listens on this machine only. To reach it from elsewhere,
    run `create_app` behind a proxy that speaks TLS.

    Args:
        store_url: Where the requests are.
        host: A loopback address.
        port: The port; 0 takes a free one.
        token: Lets programs read `/api/approvals`; by default nobody knows it.
        say: Takes the lines for the person who started it; by default they are printed.

    Raises:
        MissingExtra: The extra `server` is not installed.
        ValueError: `host` is not an address of this machine alone.
        OSError: The port is taken.
        StoreError: The store cannot be opened.
    """
    if not _is_loopback(host):
        raise ValueError(
            f"{host} can be reached from other machines, and this server speaks plain HTTP: "
            "use 127.0.0.1, or run create_app behind a proxy that speaks TLS"
        )
    try:
        import uvicorn  # a web server: only for who serves
    except ModuleNotFoundError:
        raise MissingExtra("the approval page", "server") from None
    from guarded_agent.server import create_app

    say = say or _print
    link_token = secrets.token_urlsafe(32)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Store.open(store_url) as store, socket.create_server((host, port), family=family) as door:
        app = create_app(store, token=token or secrets.token_urlsafe(32), link_token=link_token)
        # No access log: the link's token would stand in it.
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False)
        place = f"[{host}]" if ":" in host else host
        say(f"Approvals of {store.url}. This link opens them once, in one browser:")
        say(f"  http://{place}:{door.getsockname()[1]}/?token={link_token}")
        say("Stop with Ctrl-C.")
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is how a person stops it
            uvicorn.Server(config).run(sockets=[door])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

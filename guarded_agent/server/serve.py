"""Run the pages and the API, and print where they are."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from guarded_agent.core.errors import MissingExtra
from guarded_agent.store import DEFAULT_URL, Store

if TYPE_CHECKING:
    from guarded_agent.server.settings import Settings


def serve(
    store_url: str = DEFAULT_URL,
    host: str = "127.0.0.1",
    port: int = 8383,
    *,
    settings: Settings | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> None:
    """Serve the approval queue until the process is told to stop.

    Where there is no reviewer yet, it prints a link that works once and makes the first admin.

    Without TLS it listens on this machine only. To be reached from elsewhere it needs a
    certificate and its key, or a proxy that speaks TLS (`Settings(behind_proxy=True)`), and in
    both cases the `public_url` that people type.

    Args:
        store_url: Where the requests are.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        settings: How people reach it.
        certificate: A file with the TLS certificate and its chain.
        key: The file with its private key.
        say: Takes the lines for the person who started it; by default they are printed.

    Raises:
        MissingExtra: The extra `server` is not installed.
        ValueError: `host` can be reached from elsewhere, and nothing speaks TLS.
        OSError: The port is taken, or a file cannot be read.
        StoreError: The store cannot be opened.
    """
    tls = certificate is not None and key is not None
    if (certificate is None) != (key is None):
        raise ValueError("TLS needs both: the certificate and its key")
    behind_proxy = settings is not None and settings.behind_proxy
    if not (tls or behind_proxy or _is_loopback(host)):
        raise ValueError(
            f"{host} can be reached from other machines, and this server speaks plain HTTP: "
            "use 127.0.0.1, or give a certificate and its key, or run it behind a proxy that "
            "speaks TLS"
        )
    if (tls or behind_proxy) and not (settings and settings.secure):
        raise ValueError("give the public URL that people type, such as https://host.example")
    try:
        import uvicorn  # a web server: only for who serves
    except ModuleNotFoundError:
        raise MissingExtra("the approval page", "server") from None
    from guarded_agent.server import create_app

    say = say or _print
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Store.open(store_url) as store, socket.create_server((host, port), family=family) as door:
        app = create_app(store, settings)
        # No access log: the secret of a link would stand in it.
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing but the settings says how we are reached
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        config.load()  # a certificate that cannot be read is told before anything is printed
        place = f"[{host}]" if ":" in host else host
        base = f"http://{place}:{door.getsockname()[1]}"
        if settings is not None and settings.public_url:
            base = settings.public_url.rstrip("/")
        first = app.state.site.accounts.links.first()
        if first is None:
            say(f"Approvals of {store.url}. Sign in at:")
            say(f"  {base}/")
        else:
            say(f"Approvals of {store.url}. This link makes the first admin, once:")
            say(f"  {base}/join/{first}")
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

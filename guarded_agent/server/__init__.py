"""The approval queue as a web page that shows, and never decides.

    from guarded_agent.server import serve
    serve("sqlite:///guarded_agent.db")

Needs the extra `server`. A vote is given on the command line, where the page shows the
exact command to type; no address of this server changes anything a person decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guarded_agent.core.errors import MissingExtra
from guarded_agent.server.serve import serve

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from guarded_agent.store import Store

__all__ = ["create_app", "serve"]


def create_app(store: Store, *, token: str, link_token: str | None = None) -> Starlette:
    """Return the pages as an ASGI application, for a server of your own.

    Args:
        store: Where the requests are.
        token: What a program sends as `Authorization: Bearer ...`; at least 16 characters.
        link_token: Opens `/?token=...` in a browser, once. By default it is `token`.

    Raises:
        MissingExtra: Starlette or Jinja is not installed.
        ValueError: A token is too short.
    """
    try:
        from guarded_agent.server import app  # a web framework: only for who serves
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"starlette", "jinja2"}:
            raise MissingExtra("the approval page", "server") from None
        raise
    return app.create_app(store, token=token, link_token=link_token)

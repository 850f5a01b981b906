"""The approval queue in a browser, and as an API: who is who, and what they decide.

    from guarded_agent.server import serve
    serve("sqlite:///guarded_agent.db")

Needs the extra `server`. A vote is the same here as everywhere: it carries the digest that the
reviewer saw, and `approvals` decides whether it counts. Who the reviewer is comes from a
session or a token, never from what a page or a program says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from guarded_agent.core.errors import MissingExtra
from guarded_agent.server.serve import serve

if TYPE_CHECKING:
    from fastapi import FastAPI

    from guarded_agent.server.settings import Settings
    from guarded_agent.store import Store

__all__ = ["create_app", "serve"]

_EXTRA = {"argon2", "fastapi", "httpx", "jinja2", "joserfc", "python_multipart", "starlette"}


def create_app(store: Store, settings: Settings | None = None) -> FastAPI:
    """Return the pages and the API as an ASGI application, for a server of your own.

    Args:
        store: Where the requests and the reviewers are.
        settings: How people reach it (`guarded_agent.server.settings.Settings`); by default
            over plain HTTP on this machine.

    Raises:
        MissingExtra: A package of the extra `server` is not installed.
    """
    try:
        from guarded_agent.server import app  # a web framework: only for who serves
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _EXTRA:
            raise MissingExtra("the approval page", "server") from None
        raise
    return app.create_app(store, settings)

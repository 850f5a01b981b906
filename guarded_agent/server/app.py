"""The pages: what each address answers, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request as WebRequest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.guards.pii.pseudonyms_shown import shown
from guarded_agent.server.access import SESSION_SECONDS, Access
from guarded_agent.server.card import card
from guarded_agent.store import Store

COOKIE = "guarded_agent_session"

# Nothing but our own style sheet: no script, no image, no frame, no form, from anywhere.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def create_app(store: Store, *, token: str, link_token: str | None = None) -> Starlette:
    """Return the ASGI application; see `guarded_agent.server.create_app`."""
    access = Access(token, link_token, clock=store.clock)
    pages = _Pages(store, access)
    return Starlette(
        routes=[
            Route("/", pages.home),
            Route("/health", pages.health),
            Route("/approvals", pages.approvals),
            Route("/api/approvals", pages.api_approvals),
            Route("/style.css", pages.style),
        ],
        middleware=[Middleware(_Headers)],
    )


class _Headers:
    """Puts the security headers on every answer, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, with_headers)


class _Pages:
    # Plain functions, so that Starlette runs them in threads: the store blocks.

    def __init__(self, store: Store, access: Access) -> None:
        self._store = store
        self._access = access
        self._queue = Approvals(store, AuditLog(store))
        templates = Environment(
            loader=PackageLoader("guarded_agent.server", "templates"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._page = templates.get_template("approvals.html")
        self._closed = templates.get_template("closed.html")
        self._style = files("guarded_agent.server").joinpath("style.css").read_text("utf-8")

    def home(self, web: WebRequest) -> Response:
        """Open a session for the link, then show the queue."""
        given = web.query_params.get("token")
        if given is None:
            return RedirectResponse("/approvals", 303)
        session = self._access.open_session(given)
        if session is None:
            return self._refuse(web)
        # The redirect takes the token out of the address bar.
        answer = RedirectResponse("/approvals", 303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=web.url.scheme == "https",
        )
        return answer

    def health(self, _: WebRequest) -> Response:
        """Tell, to anybody, that the server runs and the store answers."""
        with self._store.read():
            return JSONResponse({"status": "ok"})

    def approvals(self, web: WebRequest) -> Response:
        """Show the queue to a person."""
        return self._for_allowed(web, self._queue_page)

    def api_approvals(self, web: WebRequest) -> Response:
        """Return the queue to a program."""
        return self._for_allowed(web, self._queue_json)

    def style(self, _: WebRequest) -> Response:
        """Return the style sheet."""
        return Response(self._style, media_type="text/css")

    def _queue_page(self) -> Response:
        now = self._store.clock()
        # A database that needs a password is not named: the reviewer's environment has it.
        url = self._store.url if self._store.path else None
        cards = [card(shown(self._store, request), now, url) for request in self._pending()]
        clock = datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S UTC")
        return HTMLResponse(self._page.render(cards=cards, clock=clock, store=self._store.url))

    def _queue_json(self) -> Response:
        requests = [request.as_json() for request in self._pending()]
        return JSONResponse({"at": self._store.clock(), "requests": requests})

    def _pending(self) -> list[Request]:
        return sorted(self._queue.pending(), key=lambda request: request.decide_by)

    def _for_allowed(self, web: WebRequest, answer: Callable[[], Response]) -> Response:
        by_token = self._access.allows_bearer(web.headers.get("authorization", ""))
        if by_token or self._access.allows_session(web.cookies.get(COOKIE, "")):
            return answer()
        return self._refuse(web)

    def _refuse(self, web: WebRequest) -> Response:
        headers = {"WWW-Authenticate": "Bearer"}
        if web.url.path.startswith("/api/"):
            error = {"error": "send the token as: Authorization: Bearer ..."}
            return JSONResponse(error, 401, headers)
        return HTMLResponse(self._closed.render(), 401, headers)

"""What every request passes before it reaches a page, and every answer on its way out.

Plain ASGI: no page can forget it, and a stream is passed on as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from guarded_agent.server.problems import refusal
from guarded_agent.server.settings import Settings

MOST_BYTES = 256 * 1024
"""The longest body that is read."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""The methods that change nothing."""

# Nothing from elsewhere, no inline script or style, no frame around us.
# The referrer stays within this server: with `no-referrer` a browser would send its forms with
# `Origin: null`, and they could not be told from another site's.
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Shield:
    """Security headers, the hosts by which we answer, whose pages may write, how much is read.

    Args:
        app: What is behind it.
        settings: Where the server runs.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._headers = dict(HEADERS)
        if settings.secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket has no use here
            await send({"type": "websocket.close", "code": 1008})
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        refused = self._refused(scope)
        if refused is not None:
            await refusal(scope, *refused)(scope, receive, with_headers)
            return
        body = _Measured(receive)
        await self._app(scope, body, with_headers)

    def _refused(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        # Another name for this machine is another site's: DNS rebinding.
        if len(hosts) != 1 or not self._settings.is_host(hosts[0]):
            return 421, "this server does not answer by that name"
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return 400, "the length of the body is no number"
        if len(length) > 12 or int(length) > MOST_BYTES:
            return 413, f"send at most {MOST_BYTES} bytes"
        if scope["method"] not in SAFE and not self._is_own(headers, hosts[0]):
            return 403, "this came from the page of another site, so it was not done"
        return None

    def _is_own(self, headers: Headers, host: str) -> bool:
        """Return whether a request that changes something comes from a page of ours.

        A browser says where it comes from. What says nothing is no browser: it has a token,
        or a cookie with the secret of a form.
        """
        site = headers.get("sec-fetch-site")
        if site not in {None, "same-origin"}:
            return False
        origin = headers.get("origin")
        return origin is None or self._settings.is_origin(origin, host)


class TooLong(HTTPException):
    """A body is longer than what is read."""

    def __init__(self) -> None:
        super().__init__(413)


class _Measured:
    """Counts what is received, also where nobody said how much would come."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._left = MOST_BYTES

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise TooLong
        return message

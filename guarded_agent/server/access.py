"""Who may look: a bearer token for programs, a link that works once for a browser."""

from __future__ import annotations

import hmac
import secrets
import threading
import time

from guarded_agent.core.ports import Clock

SHORTEST = 16
SESSION_SECONDS = 12 * 3600


class Access:
    """Knows the token, the link, and the one session that the link opened.

    The session lives in memory: it ends with the process, or after twelve hours.

    Args:
        token: The bearer token.
        link_token: The token of the link; it works once. By default it is `token`.
        clock: Tells the time.

    Raises:
        ValueError: A token is too short to be a secret.
    """

    def __init__(
        self, token: str, link_token: str | None = None, *, clock: Clock = time.time
    ) -> None:
        link_token = token if link_token is None else link_token
        if min(len(token), len(link_token)) < SHORTEST:
            raise ValueError(f"a token needs at least {SHORTEST} characters")
        self._token = token
        self._link: str | None = link_token
        self._session = ""
        self._ends = 0.0
        self._clock = clock
        self._lock = threading.Lock()

    def allows_bearer(self, header: str) -> bool:
        """Tell whether an `Authorization` header carries the token."""
        scheme, _, given = header.partition(" ")
        return scheme.lower() == "bearer" and _same(given.strip(), self._token)

    def allows_session(self, session: str) -> bool:
        """Tell whether a cookie belongs to the session, and the session goes on."""
        with self._lock:
            known, ends = self._session, self._ends
        return self._clock() < ends and _same(session, known)

    def open_session(self, link_token: str) -> str | None:
        """Return the session's cookie for the link's token, or None. It works once."""
        with self._lock:
            if self._link is None or not _same(link_token, self._link):
                return None
            self._link = None
            self._session = secrets.token_urlsafe(32)
            self._ends = self._clock() + SESSION_SECONDS
            return self._session


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass")
    )

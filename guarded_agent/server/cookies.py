"""The cookie of a session, and the secret that each form of it carries.

A browser has one cookie: before the sign-in a random one, so that the sign-in form has a
secret too, and after it the session's. The secret of the forms is a MAC of the cookie, so
who can make a browser send a form still cannot know what must stand in it.
"""

from __future__ import annotations

from fastapi import Request
from starlette.responses import Response

from guarded_agent.server import secret
from guarded_agent.server.site import Site, site_of

FIELD = "csrf"
"""The name of the form field."""

HEADER = "X-CSRF-Token"
"""The name of the header, for the script."""


def cookie_of(web: Request) -> str:
    """Return the cookie that the browser sent, or ""."""
    return web.cookies.get(site_of(web).settings.cookie, "")


def set_cookie(answer: Response, site: Site, value: str) -> None:
    """Give the browser a cookie that no script, no other site and no plain connection gets."""
    answer.set_cookie(
        site.settings.cookie,
        value,
        httponly=True,
        samesite="strict",
        secure=site.settings.secure,
        path="/",
    )


def drop_cookie(answer: Response, site: Site) -> None:
    """Take the cookie away."""
    answer.delete_cookie(
        site.settings.cookie,
        httponly=True,
        samesite="strict",
        secure=site.settings.secure,
        path="/",
    )


def form_secret(site: Site, cookie: str) -> str:
    """Return what the forms of a browser with this cookie carry."""
    return site.store.keys.mac(b"form\0" + cookie.encode("utf-8", "surrogatepass"))


def carries_secret(web: Request, given: object) -> bool:
    """Return whether a form or a script sent the secret of this browser's cookie."""
    cookie = cookie_of(web)
    if not cookie or not isinstance(given, str):
        return False
    return secret.same(given, form_secret(site_of(web), cookie))

"""Who gets in: what a route asks for, and what is asked before every route.

A route takes one of `SignedIn`, `Voter` and `Admin` as a parameter. Those are the only ways
to a `Reviewer`, and none reads a form field:

    @router.get("/agents")
    def agents(web: Request, reviewer: SignedIn, site: Here) -> Response: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request

from guarded_agent.approvals import Request as Asked
from guarded_agent.server import cookies
from guarded_agent.server.problems import Refused, SignInNeeded
from guarded_agent.server.shield import SAFE
from guarded_agent.server.site import Site, site_of
from guarded_agent.server.who import Reviewer, Scope

HIGH_RISK = frozenset({"destructive", "money"})
"""The impacts for which an approval asks who is there once more."""


def who_asks(web: Request) -> Reviewer | None:
    """Return the reviewer behind a request, by token or by cookie, or None.

    A request with an `Authorization` header is a program's: its cookies do not count.
    """
    site = site_of(web)
    headers = web.headers.getlist("authorization")
    if headers:
        scheme, _, given = headers[0].partition(" ")
        if len(headers) > 1 or scheme.lower() != "bearer":
            return None
        return site.accounts.tokens.reviewer(given.strip())
    return site.accounts.sessions.reviewer(cookies.cookie_of(web))


def needs(scope: Scope) -> Callable[[Request], Reviewer]:
    """Return what lets a reviewer through who may do what needs `scope`."""

    def door(web: Request) -> Reviewer:
        reviewer = who_asks(web)
        if reviewer is None:
            raise SignInNeeded
        if not reviewer.may(scope):
            if reviewer.method == "token":
                raise Refused(403, f"this token has no scope {scope}", kind="scope")
            raise Refused(403, f"this is for reviewers with the role {scope}", kind="scope")
        return reviewer

    return door


SignedIn = Annotated[Reviewer, Depends(needs("read"))]
"""A reviewer who may look."""

Voter = Annotated[Reviewer, Depends(needs("vote"))]
"""A reviewer who may decide."""

Admin = Annotated[Reviewer, Depends(needs("admin"))]
"""A reviewer who manages reviewers and agents."""

Maybe = Annotated[Reviewer | None, Depends(who_asks)]
"""A reviewer, or None for anybody."""


def in_browser(web: Request) -> Reviewer:
    """Let a reviewer through who sits at a browser: a token manages no account."""
    reviewer = who_asks(web)
    if reviewer is None:
        raise SignInNeeded
    if not reviewer.session:
        raise Refused(403, "a token cannot do that: sign in with a browser", kind="scope")
    return reviewer


AtBrowser = Annotated[Reviewer, Depends(in_browser)]
"""A reviewer with a session."""

Here = Annotated[Site, Depends(site_of)]
"""The site."""


def address_of(web: Request) -> str:
    """Return where a request comes from, as far as that is known."""
    if site_of(web).settings.behind_proxy:
        # The last entry is the one that our own proxy added; what stands before it is anybody's.
        last = ",".join(web.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
        if last:
            return last
    return web.client.host if web.client else ""


def is_high_risk(asked: Asked) -> bool:
    """Return whether an approval of this request asks who is there once more."""
    return asked.impact in HIGH_RISK or asked.quorum > 1


def check_high_risk(site: Site, reviewer: Reviewer, asked: Asked) -> None:
    """Return if the reviewer may approve a request as they are signed in now.

    Raises:
        Refused: The request is high risk, and the sign-in is too long ago (or the token was
            not made for it). Its kind is `step-up`.
    """
    if not is_high_risk(asked) or reviewer.may_approve_high_risk(site.store.clock()):
        return
    if reviewer.method == "token":
        raise Refused(403, "this call is high risk: a token needs vote:high", kind="step-up")
    raise Refused(
        403, "this call is high risk: give your password again, then approve", kind="step-up"
    )


async def check_form(web: Request) -> None:
    """Refuse a request that changes something and does not carry the secret of a form.

    It stands before every route. A program with a token has no cookie to abuse.
    """
    if web.method in SAFE or "authorization" in web.headers:
        return
    given: object = web.headers.get(cookies.HEADER)
    kind = web.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given is None and kind == "application/x-www-form-urlencoded":
        given = (await web.form()).get(cookies.FIELD)
    if not cookies.carries_secret(web, given):
        if web.url.path.startswith("/api/") and not cookies.cookie_of(web):
            raise SignInNeeded
        raise Refused(
            403, "this form is from another time or place: load the page again", kind="csrf"
        )


def local_path(given: str) -> str:
    """Return where to go after a sign-in, if that is an address of this server; else "/".

    Example:
        >>> local_path("/requests/3f9a?x=1"), local_path("//evil.example"), local_path("/\\\\e")
        ('/requests/3f9a?x=1', '/', '/')
    """
    plain = given.isascii() and given.isprintable() and "\\" not in given and " " not in given
    return given if plain and given.startswith("/") and not given.startswith("//") else "/"


def sign_in_address(web: Request) -> str:
    """Return where to sign in, and come back from."""
    if web.method != "GET" or web.url.path == "/":
        return "/sign-in"
    query = f"?{web.url.query}" if web.url.query else ""
    return f"/sign-in?next={quote(web.url.path + query, safe='/')}"

"""Sign in, prove it again, sign out, and use a link that works once."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guarded_agent.server import cookies
from guarded_agent.server.accounts import AccountRefused, SignInRefused, TooMany
from guarded_agent.server.doors import AtBrowser, Here, Maybe, address_of, local_path
from guarded_agent.server.pages import go, go_with, page
from guarded_agent.server.passwords import SHORTEST, PasswordRefused

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]

_WRONG = "Name and password do not belong together."


def _too_many(refused: TooMany) -> str:
    return f"Too many attempts failed. Wait {int(refused.seconds + 0.999)} s, then try again."


@router.get("/sign-in")
def form(web: Request, site: Here, next: str = "/", reviewer: Maybe = None) -> Response:  # noqa: A002
    """Show the form, or go on where somebody is signed in."""
    if reviewer is not None:
        return go(local_path(next))
    provider = site.settings.oidc.label if site.settings.oidc else ""
    return page(web, "sign_in.html", next=local_path(next), wrong="", name="", provider=provider)


@router.post("/sign-in")
def sign_in(
    web: Request,
    site: Here,
    name: Text = "",
    password: Text = "",
    next: Text = "/",  # noqa: A002
) -> Response:
    """Open a session."""
    provider = site.settings.oidc.label if site.settings.oidc else ""
    try:
        before = cookies.cookie_of(web)
        cookie = site.accounts.sign_in(name, password, address=address_of(web), before=before)
    except SignInRefused:
        wrong, status, seconds = _WRONG, 403, 0.0
    except TooMany as refused:
        wrong, status, seconds = _too_many(refused), 429, refused.seconds
    else:
        return go_with(web, local_path(next), cookie)
    answer = page(
        web,
        "sign_in.html",
        status=status,
        next=local_path(next),
        wrong=wrong,
        name=name[:200],
        provider=provider,
    )
    if seconds:
        answer.headers["Retry-After"] = str(int(seconds + 0.999))
    return answer


@router.get("/prove")
def prove_form(web: Request, site: Here, reviewer: AtBrowser, next: str = "/") -> Response:  # noqa: A002
    """Ask for the password again, before something that is high risk."""
    provider = site.settings.oidc.label if site.settings.oidc else ""
    return page(
        web,
        "prove.html",
        reviewer=reviewer,
        next=local_path(next),
        wrong="",
        provider=provider if reviewer.method == "oidc" else "",
    )


@router.post("/prove")
def prove(
    web: Request,
    site: Here,
    reviewer: AtBrowser,
    password: Text = "",
    next: Text = "/",  # noqa: A002
) -> Response:
    """Take the password again."""
    try:
        cookie = site.accounts.prove(reviewer, password, address=address_of(web))
    except SignInRefused:
        wrong, status = "That is not your password.", 403
    except TooMany as refused:
        wrong, status = _too_many(refused), 429
    else:
        return go_with(web, local_path(next), cookie)
    return page(
        web,
        "prove.html",
        reviewer=reviewer,
        status=status,
        next=local_path(next),
        wrong=wrong,
        provider="",
    )


@router.post("/sign-out")
def sign_out(site: Here, reviewer: AtBrowser, everywhere: Text = "") -> Response:
    """End this session, or all."""
    site.accounts.sign_out(reviewer, everywhere=bool(everywhere))
    answer = go("/sign-in")
    cookies.drop_cookie(answer, site)
    return answer


@router.get("/join/{link}")
def join_form(web: Request, site: Here, link: str) -> Response:
    """Show what a link is for. Nothing is used up by it."""
    found = site.accounts.look_at_link(link)
    if found is None:
        return page(web, "link_gone.html", status=410)
    return page(web, "join.html", link=found, wrong="", name=found.name, shortest=SHORTEST)


@router.post("/join/{link}")
def join(
    web: Request,
    site: Here,
    link: str,
    name: Text = "",
    password: Text = "",
    again: Text = "",
) -> Response:
    """Use the link up, and be signed in."""
    found = site.accounts.look_at_link(link)
    if found is None:
        return page(web, "link_gone.html", status=410)
    try:
        if password != again:
            raise PasswordRefused("the two passwords differ")
        cookie = site.accounts.use_link(link, name, password, address=address_of(web))
    except (AccountRefused, PasswordRefused) as refused:
        return page(
            web,
            "join.html",
            status=422,
            link=found,
            wrong=str(refused),
            name=found.name or name[:200],
            shortest=SHORTEST,
        )
    return go_with(web, "/", cookie)

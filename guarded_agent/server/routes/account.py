"""A reviewer's own account: the password, the sessions and the tokens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from guarded_agent.server.accounts import AccountRefused, SignInRefused
from guarded_agent.server.doors import AtBrowser, Here, address_of
from guarded_agent.server.pages import go, go_with, page
from guarded_agent.server.passwords import SHORTEST, PasswordRefused
from guarded_agent.server.site import Site
from guarded_agent.server.who import FRESH_SECONDS, SCOPES, Reviewer

router = APIRouter(prefix="/account", include_in_schema=False)

Text = Annotated[str, Form()]


@router.get("")
def account(web: Request, site: Here, reviewer: AtBrowser) -> Response:
    """Show the account."""
    return _account(web, site, reviewer)


@router.post("/password")
def change_password(
    web: Request,
    site: Here,
    reviewer: AtBrowser,
    old: Text = "",
    password: Text = "",
    again: Text = "",
) -> Response:
    """Set a new password, and end every other session."""
    try:
        if password != again:
            raise PasswordRefused("the two passwords differ")
        cookie = site.accounts.change_password(reviewer, old, password, address=address_of(web))
    except (PasswordRefused, AccountRefused, SignInRefused) as refused:
        wrong = "this is not your password" if isinstance(refused, SignInRefused) else str(refused)
        return _account(web, site, reviewer, status=422, wrong=wrong)
    return go_with(web, "/account", cookie)


@router.post("/tokens")
def make_token(
    web: Request,
    site: Here,
    reviewer: AtBrowser,
    label: Text = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Annotated[int, Form()] = 30,
) -> Response:
    """Make a token, and show it once. It outlives the session, so it asks who is there."""
    if site.store.clock() - reviewer.proved_at > FRESH_SECONDS:
        return go("/prove?next=/account")
    try:
        text, _ = site.accounts.tokens.make(
            reviewer.name, label=label, scopes=scopes or [], days=days
        )
    except AccountRefused as refused:
        return _account(web, site, reviewer, status=422, wrong=str(refused))
    return _account(web, site, reviewer, made=text)


@router.post("/tokens/{token}/revoke")
def revoke_token(site: Here, reviewer: AtBrowser, token: str) -> Response:
    """End a token."""
    site.accounts.tokens.revoke(token, by=reviewer.name, any_owner=reviewer.admin)
    return go("/account")


def _account(
    web: Request,
    site: Site,
    reviewer: Reviewer,
    *,
    status: int = 200,
    wrong: str = "",
    made: str = "",
) -> Response:
    return page(
        web,
        "account.html",
        reviewer=reviewer,
        status=status,
        account=site.accounts.reviewers.get(reviewer.name),
        tokens=site.accounts.tokens.list(reviewer.name),
        scopes=[scope for scope in SCOPES if scope != "admin" or reviewer.admin],
        shortest=SHORTEST,
        now=site.store.clock(),
        wrong=wrong,
        made=made,
    )

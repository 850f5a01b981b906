"""The page on which an admin lets reviewers in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from guarded_agent.server.accounts import AccountRefused
from guarded_agent.server.doors import Admin, Here, in_browser
from guarded_agent.server.pages import go, page
from guarded_agent.server.site import Site
from guarded_agent.server.who import FRESH_SECONDS, Reviewer

router = APIRouter(prefix="/reviewers", include_in_schema=False, dependencies=[Depends(in_browser)])

Text = Annotated[str, Form()]


@router.get("")
def reviewers(web: Request, site: Here, admin: Admin) -> Response:
    """Show every reviewer."""
    return _reviewers(web, site, admin)


@router.post("/invite")
def invite(web: Request, site: Here, admin: Admin, name: Text = "", roles: Text = "") -> Response:
    """Make a link by which one person becomes a reviewer."""
    return _with_link(
        web, site, admin, lambda: site.accounts.links.join(name, _words(roles), by=admin.name)
    )


@router.post("/reset")
def reset(web: Request, site: Here, admin: Admin, name: Text = "") -> Response:
    """Make a link by which a reviewer sets a new password."""
    return _with_link(web, site, admin, lambda: site.accounts.links.reset(name, by=admin.name))


@router.post("/roles")
def roles(web: Request, site: Here, admin: Admin, name: Text = "", roles: Text = "") -> Response:
    """Change what a reviewer is."""
    return _change(
        web,
        site,
        admin,
        lambda: site.accounts.reviewers.set_roles(name, _words(roles), by=admin.name),
    )


@router.post("/deactivate")
def deactivate(web: Request, site: Here, admin: Admin, name: Text = "") -> Response:
    """Shut a reviewer out at once."""
    return _change(
        web, site, admin, lambda: site.accounts.reviewers.set_active(name, False, by=admin.name)
    )


@router.post("/activate")
def activate(web: Request, site: Here, admin: Admin, name: Text = "") -> Response:
    """Let a reviewer in again."""
    return _change(
        web, site, admin, lambda: site.accounts.reviewers.set_active(name, True, by=admin.name)
    )


def _change(web: Request, site: Site, admin: Reviewer, change: Callable[[], object]) -> Response:
    if site.store.clock() - admin.proved_at > FRESH_SECONDS:
        return go("/prove?next=/reviewers")
    try:
        change()
    except AccountRefused as refused:
        return _reviewers(web, site, admin, status=409, wrong=str(refused))
    return go("/reviewers")


def _with_link(web: Request, site: Site, admin: Reviewer, make: Callable[[], str]) -> Response:
    if site.store.clock() - admin.proved_at > FRESH_SECONDS:
        return go("/prove?next=/reviewers")
    try:
        made = make()
    except AccountRefused as refused:
        return _reviewers(web, site, admin, status=409, wrong=str(refused))
    base = site.settings.public_url.rstrip("/") or f"http://{web.headers['host']}"
    return _reviewers(web, site, admin, made=f"{base}/join/{made}")


def _reviewers(
    web: Request,
    site: Site,
    admin: Reviewer,
    *,
    status: int = 200,
    wrong: str = "",
    made: str = "",
) -> Response:
    return page(
        web,
        "reviewers.html",
        reviewer=admin,
        status=status,
        known=site.accounts.reviewers.list(),
        wrong=wrong,
        made=made,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]

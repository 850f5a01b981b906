"""Sign in with the identity provider: go there, and come back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from guarded_agent.server import cookies
from guarded_agent.server.accounts import AccountRefused
from guarded_agent.server.doors import Here, Maybe, local_path
from guarded_agent.server.oidc import FLOW_SECONDS, Flow, Provider, ProviderRefused
from guarded_agent.server.pages import page
from guarded_agent.server.problems import Refused
from guarded_agent.server.site import Site

router = APIRouter(prefix="/sign-in/oidc", include_in_schema=False)


@router.get("")
def begin(
    web: Request,
    site: Here,
    reviewer: Maybe,
    next: str = "/",  # noqa: A002
    again: bool = False,
) -> Response:
    """Send the browser to the provider, with what it must bring back in a sealed cookie."""
    provider = _provider(site)
    who = reviewer if again and reviewer and reviewer.method == "oidc" else None
    try:
        address, flow = provider.begin(
            _back(web, site),
            local_path(next),
            site.store.clock(),
            name=who.name if who else "",
            session=who.session if who else "",
            longest=site.settings.lifetime.whole,
        )
    except ProviderRefused as refused:
        raise Refused(502, str(refused)) from None
    answer = RedirectResponse(address, 303)
    answer.set_cookie(
        _cookie(site),
        flow.sealed(site.store.keys),
        max_age=int(FLOW_SECONDS),
        httponly=True,
        samesite="lax",  # it must come along when the provider sends the browser back
        secure=site.settings.secure,
        path="/",
    )
    return answer


@router.get("/callback")
def end(web: Request, site: Here) -> Response:
    """Open a session for whom the provider vouches."""
    provider = _provider(site)
    now = site.store.clock()
    flow = Flow.opened(site.store.keys, web.cookies.get(_cookie(site), ""), now)
    try:
        if flow is None:
            raise ProviderRefused("this sign-in took too long, or was begun somewhere else")
        vouched = provider.end(dict(web.query_params), flow, _back(web, site), now)
        cookie = site.accounts.open_for_provider(
            provider.settings.issuer,
            vouched.subject,
            vouched.email,
            vouched.roles,
            vouched.proved_at,
            name=flow.name,
            before=flow.session,
        )
    except (ProviderRefused, AccountRefused) as refused:
        answer = page(
            web,
            "sign_in.html",
            status=403,
            next="/",
            wrong=f"{str(refused)[:1].upper()}{str(refused)[1:]}.",
            name="",
            provider=provider.settings.label,
        )
    else:
        # Our own page goes on: on a redirect from elsewhere a strict cookie would stay at home.
        answer = page(web, "again.html", address=local_path(flow.next))
        cookies.set_cookie(answer, site, cookie)
    answer.delete_cookie(
        _cookie(site), httponly=True, samesite="lax", secure=site.settings.secure, path="/"
    )
    return answer


def _provider(site: Site) -> Provider:
    if site.settings.oidc is None:
        raise Refused(404, "this server has no identity provider")
    return Provider(site.settings.oidc)


def _back(web: Request, site: Site) -> str:
    base = site.settings.public_url.rstrip("/") or f"http://{web.headers['host']}"
    return f"{base}/sign-in/oidc/callback"


def _cookie(site: Site) -> str:
    return f"{site.settings.cookie}_oidc"

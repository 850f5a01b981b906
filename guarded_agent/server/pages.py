"""One page: a template, with what every page needs."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from guarded_agent.server import cookies, secret
from guarded_agent.server.site import site_of
from guarded_agent.server.templating import templates
from guarded_agent.server.who import Reviewer


def page(
    web: Request,
    template: str,
    *,
    reviewer: Reviewer | None = None,
    status: int = 200,
    **values: Any,
) -> Response:
    """Return a page. Its template gets `reviewer`, `csrf` and `values`.

    Each form needs `<input type="hidden" name="csrf" value="{{ csrf }}">`.

    Args:
        web: The request.
        template: The file in `templates/`.
        reviewer: Who is signed in.
        status: The HTTP status.
        values: What else the template shows.
    """
    site = site_of(web)
    cookie = cookies.cookie_of(web)
    fresh = "" if cookie else secret.fresh()
    csrf = cookies.form_secret(site, cookie or fresh)
    text = templates().get_template(template).render(reviewer=reviewer, csrf=csrf, **values)
    answer = HTMLResponse(text, status)
    if fresh:
        cookies.set_cookie(answer, site, fresh)
    return answer


def go(address: str) -> Response:
    """Return the answer that sends a browser on after a form."""
    return RedirectResponse(address, 303)


def go_with(web: Request, address: str, cookie: str) -> Response:
    """Return the answer that gives a browser its new session, and sends it on."""
    answer = go(address)
    cookies.set_cookie(answer, site_of(web), cookie)
    return answer

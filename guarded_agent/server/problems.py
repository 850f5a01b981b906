"""Refusals and errors: a page for a person, problem+json (RFC 9457) for a program.

None of them tells what the server is made of. What went wrong inside goes to its log.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import Scope

from guarded_agent.core.errors import (
    ActionError,
    AuditBroken,
    Denied,
    GuardedAgentError,
    StoreError,
    VoteRefused,
)
from guarded_agent.core.visible import visible
from guarded_agent.server.accounts import AccountRefused, SignInRefused, TooMany
from guarded_agent.server.passwords import PasswordRefused
from guarded_agent.server.templating import templates

API = "/api/"

_LOG = logging.getLogger("guarded_agent.server")
_BLANK = "about:blank"


class SignInNeeded(Exception):
    """Nobody is signed in, and this is not for nobody."""


class Refused(Exception):
    """The server refuses what a reviewer asks for.

    Attributes:
        status: The HTTP status.
        kind: A word for a program, such as `step-up`; "" where the status says it all.
    """

    def __init__(self, status: int, message: str, *, kind: str = "") -> None:
        self.status = status
        self.kind = kind
        super().__init__(message)


def refusal(
    scope: Scope,
    status: int,
    message: str,
    *,
    kind: str = "",
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    """Return the answer that refuses a request, in the form that fits its address.

    Args:
        scope: The request.
        status: The HTTP status.
        message: What happened and what to do, for a person.
        kind: A word for a program.
        headers: More headers.
        more: More members of the problem.
    """
    message = visible(message)
    title = HTTPStatus(status).phrase
    if scope["path"].startswith(API):
        problem: dict[str, Any] = {
            "type": f"urn:guarded-agent:{kind}" if kind else _BLANK,
            "title": title,
            "status": status,
            "detail": message,
            **(more or {}),
        }
        return JSONResponse(problem, status, headers, media_type="application/problem+json")
    page = templates().get_template("problem.html")
    return HTMLResponse(page.render(title=title, message=message, status=status), status, headers)


def install(app: FastAPI) -> None:
    """Let the application answer every error of ours, and every other one, in that form."""
    for error, status in {
        AccountRefused: 409,
        VoteRefused: 409,
        Denied: 409,
        ActionError: 422,
        PasswordRefused: 422,
        SignInRefused: 403,
    }.items():
        app.add_exception_handler(error, _says(status))
    app.add_exception_handler(AuditBroken, _says(409, "audit-broken"))
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(GuardedAgentError, _says(409))
    app.add_exception_handler(TooMany, _too_many)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _broken)


def _says(status: int, kind: str = "") -> Any:
    def answer(web: Request, error: Exception) -> Response:
        return refusal(web.scope, status, str(error), kind=kind)

    return answer


def _store(web: Request, error: Exception) -> Response:
    _LOG.error("the store refuses: %s", error)
    text = "the store does not answer: nothing was changed. Try again in a moment"
    return refusal(web.scope, 503, text, headers={"Retry-After": "5"})


def _too_many(web: Request, error: Exception) -> Response:
    assert isinstance(error, TooMany)
    seconds = max(1, int(error.seconds + 0.999))
    text = f"too many attempts failed: wait {seconds} s"
    return refusal(web.scope, 429, text, kind="too-many", headers={"Retry-After": str(seconds)})


def _refused(web: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal(web.scope, error.status, str(error), kind=error.kind)


def _sign_in(web: Request, _: Exception) -> Response:
    from guarded_agent.server.doors import sign_in_address

    if web.url.path.startswith(API):
        text = "send a token as: Authorization: Bearer ..."
        return refusal(web.scope, 401, text, headers={"WWW-Authenticate": "Bearer"})
    if web.method == "GET" and web.headers.get("sec-fetch-site") == "cross-site":
        # A strict cookie stays at home when a link elsewhere was followed, from a chat for
        # example. Our own page asks again, and then it comes along.
        page = templates().get_template("again.html")
        query = f"?{web.url.query}" if web.url.query else ""
        return HTMLResponse(page.render(address=web.url.path + query))
    return RedirectResponse(sign_in_address(web), 303)


def _invalid(web: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what, never the value: it may be a password.
    wrong = [
        {"where": [visible(str(part)) for part in item["loc"]], "what": item["type"]}
        for item in error.errors()[:20]
    ]
    places = ", ".join(".".join(item["where"][1:]) or "the body" for item in wrong)
    return refusal(web.scope, 422, f"this is not as it should be: {places}", more={"errors": wrong})


def _http(web: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    texts = {
        400: "the request cannot be read",
        404: "there is nothing at this address",
        405: "this address does not take that method",
        413: "the body is too long",
    }
    text = texts.get(error.status_code, "the request was refused")
    return refusal(web.scope, error.status_code, text, headers=error.headers)


def _broken(web: Request, error: Exception) -> Response:
    _LOG.error("%s failed: %s", web.scope["path"], type(error).__name__)
    return refusal(web.scope, 500, "something went wrong here; nothing was decided by it")

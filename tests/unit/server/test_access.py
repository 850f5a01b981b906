"""Who gets in, and how nobody else does."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from guarded_agent.server import create_app
from guarded_agent.server.settings import Settings
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
COOKIE = "guarded_agent"
PASSWORD = "correct horse battery"

People = Callable[..., TestClient]


def secret(page: str) -> str:
    """Return what the forms of a page carry."""
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', page)[0]


def sign_in(web: TestClient, name: str, password: str, **more: str) -> object:
    form = {"csrf": secret(web.get("/sign-in").text), "name": name, "password": password, **more}
    return web.post("/sign-in", data=form, follow_redirects=False)


def test_nobody_sees_the_queue_without_signing_in(web: TestClient) -> None:
    answer = web.get("/approvals", follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/approvals"


def test_health_is_open_and_tells_nothing_else(web: TestClient) -> None:
    assert web.get("/health").json() == {"status": "ok"}


def test_the_first_link_makes_an_admin_who_is_signed_in(web: TestClient, app: FastAPI) -> None:
    link = f"/join/{app.state.site.accounts.links.first()}"
    form = {"name": " Ann@ACME.example", "password": PASSWORD, "again": PASSWORD}

    answer = web.post(link, data={**form, "csrf": secret(web.get(link).text)})

    assert answer.url.path == "/approvals"
    account = app.state.site.accounts.reviewers.get("ann@acme.example")
    assert account.roles == ("admin",)


def test_looking_at_a_link_does_not_use_it_up(web: TestClient, app: FastAPI) -> None:
    link = f"/join/{app.state.site.accounts.links.first()}"

    assert [web.get(link).status_code for _ in range(3)] == [200, 200, 200]


def test_a_link_works_once(web: TestClient, app: FastAPI) -> None:
    link = f"/join/{app.state.site.accounts.links.join('bob@acme.example', ['sre'], by='ann')}"
    form = {"password": PASSWORD, "again": PASSWORD, "csrf": secret(web.get(link).text)}

    first = web.post(link, data=form, follow_redirects=False)
    second = web.post(link, data=form, follow_redirects=False)

    assert (first.status_code, second.status_code) == (303, 403)  # the old form's secret is gone
    assert TestClient(app, base_url=BASE).get(link).status_code == 410


def test_every_first_link_dies_when_there_is_a_reviewer(
    web: TestClient, app: FastAPI, person: People
) -> None:
    links = [f"/join/{app.state.site.accounts.links.first()}" for _ in range(2)]

    person("ann@acme.example", "admin")

    assert [web.get(link).status_code for link in links] == [410, 410]
    assert app.state.site.accounts.links.first() is None


def test_who_is_invited_cannot_choose_another_name(web: TestClient, app: FastAPI) -> None:
    link = f"/join/{app.state.site.accounts.links.join('bob@acme.example', [], by='ann')}"
    form = {"name": "ann@acme.example", "password": PASSWORD, "again": PASSWORD}

    web.post(link, data={**form, "csrf": secret(web.get(link).text)})

    names = [account.name for account in app.state.site.accounts.reviewers.list()]
    assert names == ["bob@acme.example"]


@pytest.mark.parametrize("password", ["hunter2", "aaaaaaaaaaaaaaaa", "bob@acme.example", "x" * 257])
def test_a_weak_password_is_refused_and_leaves_the_link(
    web: TestClient, app: FastAPI, password: str
) -> None:
    link = f"/join/{app.state.site.accounts.links.join('bob@acme.example', [], by='ann')}"
    form = {"password": password, "again": password, "csrf": secret(web.get(link).text)}

    assert web.post(link, data=form).status_code == 422
    assert web.get(link).status_code == 200


def test_who_knows_the_password_gets_in_and_goes_on(web: TestClient, person: People) -> None:
    person("ann@acme.example", password=PASSWORD)

    answer = sign_in(web, "ANN@acme.example", PASSWORD, next="/account")

    assert answer.headers["location"] == "/account"  # type: ignore[attr-defined]
    assert web.get("/account").status_code == 200


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_sign_in_never_leads_to_another_site(
    web: TestClient, person: People, elsewhere: str
) -> None:
    person("ann@acme.example", password=PASSWORD)

    answer = sign_in(web, "ann@acme.example", PASSWORD, next=elsewhere)

    assert answer.headers["location"] == "/"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ann@acme.example", "wrong horse battery"),
        ("nobody@acme.example", PASSWORD),
        ("ann@acme.example", ""),
        ("", ""),
        ("agent:mail", PASSWORD),
        ("\u202eann", PASSWORD),
    ],
)
def test_everybody_else_is_refused_with_the_same_words(
    web: TestClient, person: People, name: str, password: str
) -> None:
    person("ann@acme.example", password=PASSWORD)

    answer = sign_in(web, name, password)

    assert answer.status_code == 403  # type: ignore[attr-defined]
    assert "do not belong together" in answer.text  # type: ignore[attr-defined]


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(web: TestClient) -> None:
    cookie = web.get("/sign-in").headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


def test_over_tls_the_cookie_is_for_this_host_and_tls_only(store: Store) -> None:
    app = create_app(store, Settings("https://approvals.acme.example"))
    web = TestClient(app, base_url="https://approvals.acme.example")

    answer = web.get("/sign-in")

    assert answer.headers["set-cookie"].startswith("__Host-guarded_agent=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "Path=/" in answer.headers["set-cookie"]
    assert "Domain" not in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"]


def test_a_made_up_cookie_opens_nothing(app: FastAPI) -> None:
    web = TestClient(app, base_url=BASE, cookies={COOKIE: "x" * 43})

    assert web.get("/approvals", follow_redirects=False).status_code == 303


def test_a_session_ends_when_nobody_uses_it_and_when_its_time_is_over(store: Store) -> None:
    now = [1e6]
    store.clock = lambda: now[0]
    app = create_app(store)
    accounts = app.state.site.accounts
    with store.write() as connection:
        accounts.reviewers.add(connection, "ann", roles=[], by="")
        cookie = accounts.sessions.open(connection, "ann", "password", now[0])

    opens = []
    for seconds in (3599, 3599, 3600):
        now[0] += seconds
        opens.append(accounts.sessions.reviewer(cookie) is not None)
    assert opens == [True, True, False]

    with store.write() as connection:
        cookie = accounts.sessions.open(connection, "ann", "password", now[0])
    lasted = 0
    while accounts.sessions.reviewer(cookie) is not None and lasted < 86400:
        now[0] += 1800
        lasted += 1800
    assert lasted == 12 * 3600


def test_signing_out_ends_the_session_and_no_other(person: People, app: FastAPI) -> None:
    ann = person()
    bob = person("bob@acme.example")
    cookie = ann.cookies[COOKIE]

    ann.post("/sign-out", data={"csrf": secret(ann.get("/account").text)})

    again = TestClient(app, base_url=BASE, cookies={COOKIE: cookie})
    assert again.get("/account", follow_redirects=False).status_code == 303
    assert bob.get("/account", follow_redirects=False).status_code == 200


def test_who_is_shut_out_is_out_at_once(person: People, app: FastAPI) -> None:
    ann = person("ann@acme.example", "admin")
    bob = person("bob@acme.example")
    form = {"csrf": secret(ann.get("/reviewers").text), "name": "bob@acme.example"}

    assert ann.post("/reviewers/deactivate", data=form).status_code == 200

    assert bob.get("/approvals", follow_redirects=False).status_code == 303
    app.state.site.accounts.reviewers.set_active("bob@acme.example", True, by="ann")
    assert bob.get("/approvals", follow_redirects=False).status_code == 303


def test_the_last_admin_stays(person: People) -> None:
    ann = person("ann@acme.example", "admin")
    page = ann.get("/reviewers").text

    for action, more in (("deactivate", {}), ("roles", {"roles": "sre"})):
        form = {"csrf": secret(page), "name": "ann@acme.example", **more}
        answer = ann.post(f"/reviewers/{action}", data=form)
        assert answer.status_code == 409
        assert "somebody must stay admin" in answer.text


def test_only_an_admin_manages_reviewers(person: People) -> None:
    bob = person("bob@acme.example", "sre")
    form = {"csrf": secret(bob.get("/account").text), "name": "eve@acme.example"}

    assert bob.get("/reviewers").status_code == 403
    assert bob.post("/reviewers/invite", data=form).status_code == 403


def test_a_changed_password_ends_every_session_and_the_old_password(
    person: People, web: TestClient, app: FastAPI
) -> None:
    ann = person("ann@acme.example", password=PASSWORD)
    other = TestClient(app, base_url=BASE)
    sign_in(other, "ann@acme.example", PASSWORD)
    new = "another horse battery"
    form = {"old": PASSWORD, "password": new, "again": new}

    answer = ann.post("/account/password", data={**form, "csrf": secret(ann.get("/account").text)})

    assert answer.status_code == 200
    assert other.get("/account", follow_redirects=False).status_code == 303
    assert sign_in(web, "ann@acme.example", PASSWORD).status_code == 403  # type: ignore[attr-defined]
    assert sign_in(web, "ann@acme.example", new).status_code == 303  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address", ["/", "/approvals", "/health", "/static/style.css", "/nothing", "/api/nothing"]
)
def test_every_answer_forbids_foreign_scripts_frames_and_caching(
    web: TestClient, address: str
) -> None:
    headers = web.get(address, follow_redirects=False).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_link_from_elsewhere_finds_who_is_signed_in(web: TestClient) -> None:
    """A strict cookie stays at home when a link on another site is followed: ask again."""
    answer = web.get(
        "/approvals?x=1", headers={"Sec-Fetch-Site": "cross-site"}, follow_redirects=False
    )

    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/approvals?x=1">' in answer.text

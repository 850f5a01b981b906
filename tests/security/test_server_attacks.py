"""Attacks on the server: each fails, and the test fails where its defence is removed."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.server import create_app, passwords
from guarded_agent.server.site import Site
from guarded_agent.store import Store

BASE = "http://127.0.0.1:8383"
COOKIE = "guarded_agent"
PASSWORD = "correct horse battery"
ANN = "ann@acme.example"


@pytest.fixture
def app(store: Store) -> FastAPI:
    return create_app(store)


@pytest.fixture
def site(app: FastAPI) -> Site:
    found: Site = app.state.site
    return found


@pytest.fixture
def ann(site: Site) -> None:
    """A reviewer with a password."""
    with site.store.write() as connection:
        site.accounts.reviewers.add(
            connection, ANN, roles=["admin"], by="a test", password_hash=passwords.hashed(PASSWORD)
        )


@pytest.fixture
def web(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=BASE, follow_redirects=False)


@pytest.fixture
def request_(store: Store) -> Callable[..., Request]:
    """Ask people about one call."""

    def ask(call_id: str = "c1", **rest: Any) -> Request:
        action = Action.build(
            tool="send_email",
            args={"to": "press@rival.example"},
            call_id=call_id,
            thread_id="t1",
            agent_id="mail-assistant",
            user="owner@acme.example",
        )
        plain: dict[str, Any] = {
            "spec_access": "send",
            "impact": None,
            "summary": "Send a mail",
            "reasons": [Finding("destination", "mail that leaves the company")],
            "preview": {"to": "[EMAIL]"},
            "label": Label(),
            "policy_digest": "p" * 64,
        }
        with store.write() as connection:
            queue = Approvals(store, AuditLog(store))
            return queue.submit(connection, action, **plain | rest)

    return ask


def secret(page: str) -> str:
    return re.findall(r'name="csrf" value="([0-9a-f]+)"', page)[0]


def sign_in(web: TestClient, name: str = ANN, password: str = PASSWORD) -> Any:
    page = web.get("/sign-in").text
    return web.post("/sign-in", data={"csrf": secret(page), "name": name, "password": password})


def session(site: Site, name: str = ANN, *, ago: float = 0.0) -> str:
    """Return the cookie of who signed in so many seconds ago."""
    with site.store.write() as connection:
        return site.accounts.sessions.open(connection, name, "password", site.store.clock() - ago)


def browser(app: FastAPI, cookie: str) -> TestClient:
    return TestClient(app, base_url=BASE, cookies={COOKIE: cookie}, follow_redirects=False)


def token(site: Site, *scopes: str, name: str = ANN) -> dict[str, str]:
    text, _ = site.accounts.tokens.make(name, label="a test", scopes=scopes)
    return {"Authorization": f"Bearer {text}"}


# Cross-site request forgery (14). Defences: `Shield._is_own`, `doors.check_form`.


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8383.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_from_another_site_is_refused_even_with_the_secret(
    app: FastAPI, site: Site, ann: None, headers: dict[str, str]
) -> None:
    """Defence: `Shield._is_own` looks at `Origin` and `Sec-Fetch-Site`."""
    web = browser(app, session(site))
    form = {"csrf": secret(web.get("/account").text)}

    assert web.post("/sign-out", data=form, headers=headers).status_code == 403
    assert web.get("/account").status_code == 200
    assert web.post("/sign-out", data=form, headers={"Origin": BASE}).status_code == 303


@pytest.mark.parametrize("given", ["", "0" * 64, None])
def test_a_form_without_the_secret_of_the_session_is_refused(
    app: FastAPI, site: Site, ann: None, given: str | None
) -> None:
    """Defence: `doors.check_form` stands before every route."""
    web = browser(app, session(site))
    form = {} if given is None else {"csrf": given}

    assert web.post("/sign-out", data=form).status_code == 403
    assert web.get("/account").status_code == 200


def test_the_secret_of_one_session_does_not_fit_another(
    app: FastAPI, site: Site, ann: None
) -> None:
    """Defence: the secret is a MAC of the cookie."""
    mine, other = browser(app, session(site)), browser(app, session(site))

    form = {"csrf": secret(mine.get("/account").text)}

    assert other.post("/sign-out", data=form).status_code == 403


def test_the_api_takes_no_cookie_without_the_header_of_a_script(
    app: FastAPI, site: Site, ann: None, request_: Callable[..., Request]
) -> None:
    """Defence: `doors.check_form`. A form of another site cannot send a header of its own."""
    asked = request_()
    web = browser(app, session(site))
    address = f"/api/v1/requests/{asked.id}/vote"
    ballot = {"choice": "approve", "digest": asked.digest}

    assert web.post(address, json=ballot).status_code == 403
    assert site.queue.get(asked.id).state == "pending"

    csrf = {"X-CSRF-Token": secret(web.get("/account").text)}
    assert web.post(address, json=ballot, headers=csrf).status_code == 200


def test_no_route_that_changes_something_is_without_the_secret(
    app: FastAPI, site: Site, ann: None
) -> None:
    """Defence: the dependency is the application's, so that a new route has it."""
    web = browser(app, session(site))
    routes = [route for route in walk(app) if route.methods - {"GET", "HEAD"}]

    assert len(routes) > 10
    for route in routes:
        address = re.sub(r"\{[^}]*\}", "abcd1234", route.path)
        for method in route.methods:
            answer = web.request(method, address, data={"name": "x"})
            assert answer.status_code in {403, 422}, route.path
            if not address.startswith("/api/"):
                assert answer.status_code == 403, route.path


def walk(app: FastAPI) -> Iterator[APIRoute]:
    found: list[Any] = list(app.routes)
    while found:
        route = found.pop()
        if isinstance(route, APIRoute):
            yield route
        else:
            found += getattr(getattr(route, "original_router", route), "routes", [])


# Session fixation (14). Defence: `Sessions.open` always makes a new id.


def test_a_cookie_planted_before_the_sign_in_opens_nothing_after_it(
    app: FastAPI, web: TestClient, ann: None
) -> None:
    """Defence: `Sessions.open` makes a new id, and takes none from the browser."""
    web.cookies.set(COOKIE, "planted-by-somebody-else-0123456789abcdefgh")

    answer = sign_in(web)

    assert answer.status_code == 303
    assert "planted" not in answer.headers["set-cookie"]
    stranger = browser(app, "planted-by-somebody-else-0123456789abcdefgh")
    assert stranger.get("/account").status_code == 303


def test_signing_in_again_ends_the_session_before(
    app: FastAPI, site: Site, web: TestClient, ann: None
) -> None:
    """Defence: `Accounts.sign_in` closes what the browser had."""
    old = session(site)
    form = {"csrf": secret(browser(app, old).get("/account").text), "name": ANN}

    answer = browser(app, old).post("/sign-in", data={**form, "password": PASSWORD})

    assert answer.status_code == 303
    assert browser(app, old).get("/account").status_code == 303


def test_proving_who_one_is_gives_the_session_a_new_id(app: FastAPI, site: Site, ann: None) -> None:
    """Defence: `Sessions.renew`. Who had the id before does not rise with it."""
    old = session(site, ago=3000)
    web = browser(app, old)
    form = {"csrf": secret(web.get("/prove").text), "password": PASSWORD}

    assert web.post("/prove", data=form).status_code == 303

    assert web.get("/account").status_code == 200
    assert browser(app, old).get("/account").status_code == 303


# Brute force. Defence: `Attempts`.


@pytest.fixture
def frozen(site: Site) -> list[float]:
    """The time, which stands still until a test moves it."""
    now = [site.store.clock()]
    site.store.clock = lambda: now[0]
    return now


def test_guessing_gets_slower_for_an_account_whatever_the_spelling(
    frozen: list[float], web: TestClient, ann: None
) -> None:
    """Defence: `Attempts.begin` counts by account before the password is looked at."""
    answers = [sign_in(web, ANN, f"guess number {n}").status_code for n in range(6)]
    late = sign_in(web, " ANN@acme.EXAMPLE ", PASSWORD)

    assert answers == [403] * 6
    assert late.status_code == 429
    assert late.headers["Retry-After"] == "1"
    frozen[0] += 1
    assert sign_in(web).status_code == 303


def test_guessing_gets_slower_for_an_address_whatever_the_account(
    frozen: list[float], web: TestClient, ann: None
) -> None:
    """Defence: `Attempts.begin` counts by address as well."""
    answers = [sign_in(web, f"user{n}", "guess number 1").status_code for n in range(22)]

    assert answers[:21] == [403] * 21
    assert answers[21] == 429


def test_guesses_at_the_same_moment_are_counted_too(
    site: Site, frozen: list[float], ann: None
) -> None:
    """Defence: an attempt is counted in one write transaction, before the answer is known."""
    from guarded_agent.server.accounts import SignInRefused, TooMany

    outcomes: list[str] = []

    def guess(number: int) -> None:
        try:
            site.accounts.sign_in(ANN, f"guess number {number}", address=f"10.0.0.{number}")
        except (SignInRefused, TooMany) as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes.count("SignInRefused") == 6
    assert outcomes.count("TooMany") == 10


def test_a_password_is_guessed_no_faster_where_it_is_asked_again(
    app: FastAPI, site: Site, frozen: list[float], ann: None
) -> None:
    """Defence: `Accounts.prove` counts like a sign-in."""
    web = browser(app, session(site))
    csrf = secret(web.get("/prove").text)

    answers = [
        web.post("/prove", data={"csrf": csrf, "password": f"guess {n}"}).status_code
        for n in range(7)
    ]

    assert answers == [403] * 6 + [429]


# Tokens


@pytest.mark.parametrize("change", ["revoked", "expired", "shut out", "altered"])
def test_a_token_that_ended_is_not_replayed(app: FastAPI, ann: None, change: str) -> None:
    """Defence: `Tokens.reviewer` asks the store each time."""
    site: Site = app.state.site
    text, made = site.accounts.tokens.make(ANN, label="a test", scopes=["read"], days=1)
    web = TestClient(app, base_url=BASE)
    before = web.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})

    if change == "revoked":
        site.accounts.tokens.revoke(made.id, by=ANN)
    elif change == "expired":
        now = site.store.clock()
        site.store.clock = lambda: now + 86400
    elif change == "shut out":
        with site.store.write() as connection:
            site.accounts.reviewers.add(connection, "bob", roles=["admin"], by="")
        site.accounts.reviewers.set_active(ANN, False, by="bob")
    else:
        text = text[:-1] + ("A" if text[-1] != "A" else "B")
    after = web.get("/api/v1/me", headers={"Authorization": f"Bearer {text}"})

    assert (before.status_code, after.status_code) == (200, 401)


def test_the_store_holds_no_token_and_no_cookie_as_it_is(site: Site, ann: None) -> None:
    """Defence: `secret.kept`."""
    text = token(site, "read")["Authorization"].rpartition("_")[2]
    cookie = session(site)

    assert site.store.path is not None
    files = site.store.path.parent.glob(f"{site.store.path.name}*")
    content = b"".join(file.read_bytes() for file in files)
    assert text.encode() not in content
    assert cookie.encode() not in content
    assert PASSWORD.encode() not in content


@pytest.mark.parametrize(
    ("scopes", "status"), [(["read"], 403), (["read", "vote"], 200), (["vote"], 200)]
)
def test_a_token_does_no_more_than_its_scopes(
    app: FastAPI,
    site: Site,
    ann: None,
    request_: Callable[..., Request],
    scopes: list[str],
    status: int,
) -> None:
    """Defence: `doors.needs`."""
    asked = request_()
    ballot = {"choice": "approve", "digest": asked.digest}
    web = TestClient(app, base_url=BASE)

    answer = web.post(
        f"/api/v1/requests/{asked.id}/vote", json=ballot, headers=token(site, *scopes)
    )

    assert answer.status_code == status
    assert site.queue.get(asked.id).state == ("approved" if status == 200 else "pending")


def test_a_token_is_no_way_to_more_tokens_or_reviewers(app: FastAPI, site: Site, ann: None) -> None:
    """Defence: `doors.in_browser`."""
    web = TestClient(app, base_url=BASE)
    headers = token(site, "read", "vote", "admin")

    for address in ("/account/tokens", "/account/password", "/reviewers/invite", "/prove"):
        assert web.post(address, data={"name": "eve"}, headers=headers).status_code == 403


# High risk. Defence: `doors.check_high_risk`.


@pytest.mark.parametrize("risk", [{"impact": "money"}, {"impact": "destructive"}, {"quorum": 2}])
def test_an_old_session_does_not_approve_what_is_high_risk(
    app: FastAPI, site: Site, ann: None, request_: Callable[..., Request], risk: dict[str, Any]
) -> None:
    """Defence: `check_high_risk` wants a sign-in of the last five minutes."""
    asked = request_(**risk)
    ballot = {"choice": "approve", "digest": asked.digest}
    web = browser(app, session(site, ago=301))
    headers = {"X-CSRF-Token": secret(web.get("/account").text)}

    answer = web.post(f"/api/v1/requests/{asked.id}/vote", json=ballot, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:guarded-agent:step-up"
    assert site.queue.get(asked.id).votes == ()
    web.post("/prove", data={"csrf": headers["X-CSRF-Token"], "password": PASSWORD})
    headers = {"X-CSRF-Token": secret(web.get("/account").text)}
    again = web.post(f"/api/v1/requests/{asked.id}/vote", json=ballot, headers=headers)
    assert again.status_code == 200


def test_an_old_session_does_not_approve_it_in_a_group_either(
    app: FastAPI, site: Site, ann: None, request_: Callable[..., Request]
) -> None:
    """Defence: `decisions.vote_alike` checks each of them."""
    asked = [request_(f"c{number}", quorum=2) for number in range(2)]
    seen = [{"id": one.id, "digest": one.digest} for one in asked]
    ballot = {"choice": "approve", "seen": seen}
    web = browser(app, session(site, ago=301))
    headers = {"X-CSRF-Token": secret(web.get("/account").text)}

    answer = web.post("/api/v1/votes", json=ballot, headers=headers)

    form = {
        "csrf": headers["X-CSRF-Token"],
        "choice": "approve",
        "seen": [f"{one.id}:{one.digest}" for one in asked],
    }
    page = web.post("/approvals/alike", data=form)

    assert answer.status_code == 403
    assert page.headers["location"] == "/prove?next=/approvals"
    assert [site.queue.get(one.id).votes for one in asked] == [(), ()]


def test_an_old_session_may_reject_what_is_high_risk(
    app: FastAPI, site: Site, ann: None, request_: Callable[..., Request]
) -> None:
    """To stop something is never made hard."""
    asked = request_(impact="money")
    web = browser(app, session(site, ago=3000))
    headers = {"X-CSRF-Token": secret(web.get("/account").text)}
    ballot = {"choice": "reject", "digest": asked.digest, "reason": "not ours"}

    answer = web.post(f"/api/v1/requests/{asked.id}/vote", json=ballot, headers=headers)

    assert answer.status_code == 200


def test_a_token_approves_what_is_high_risk_only_if_it_was_made_for_it(
    app: FastAPI, site: Site, ann: None, request_: Callable[..., Request]
) -> None:
    """Defence: the scope `vote:high`."""
    asked = request_(impact="destructive")
    ballot = {"choice": "approve", "digest": asked.digest}
    web = TestClient(app, base_url=BASE)
    address = f"/api/v1/requests/{asked.id}/vote"

    plain = web.post(address, json=ballot, headers=token(site, "vote"))
    high = web.post(address, json=ballot, headers=token(site, "vote", "vote:high"))

    assert (plain.status_code, high.status_code) == (403, 200)


# Self-approval (8)


@pytest.fixture
def running(app: FastAPI) -> Iterator[str]:
    """A real server, as a tool of an agent would find it."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer mail-assistant"},
        {"X-Forwarded-User": ANN, "X-Remote-User": ANN, "Remote-User": ANN},
        {"Cookie": f"{COOKIE}={ANN}"},
        {"Authorization": "Basic YW5uQGFjbWUuZXhhbXBsZTo="},
    ],
)
def test_a_tool_cannot_approve_its_own_call_over_http(
    running: str,
    site: Site,
    ann: None,
    request_: Callable[..., Request],
    headers: dict[str, str],
) -> None:
    """Defence: a name comes from a session or a token, and from nowhere else."""
    asked = request_()
    ballot = {"choice": "approve", "digest": asked.digest}
    address = f"{running}/api/v1/requests/{asked.id}/vote"

    with httpx.Client(trust_env=False) as tool:
        plain = tool.post(address, json=ballot, headers=headers)
        named = tool.post(address, json={**ballot, "reviewer": ANN}, headers=headers)

    assert plain.status_code in {401, 403}
    assert named.status_code in {401, 403, 422}
    assert site.queue.get(asked.id).votes == ()


def test_the_person_for_whom_the_agent_acts_cannot_lend_it_their_token(
    running: str, site: Site, request_: Callable[..., Request]
) -> None:
    """Defence: separation of duties in `approvals`, which no scope of a token lifts."""
    with site.store.write() as connection:
        site.accounts.reviewers.add(connection, "owner@acme.example", roles=["admin"], by="")
    asked = request_()
    ballot = {"choice": "approve", "digest": asked.digest}
    headers = token(site, "vote", "vote:high", "admin", name="owner@acme.example")

    with httpx.Client(trust_env=False) as tool:
        address = f"{running}/api/v1/requests/{asked.id}/vote"
        answer = tool.post(address, json=ballot, headers=headers)

    assert answer.status_code == 409
    assert site.queue.get(asked.id).votes == ()


def test_an_agent_is_no_reviewer(site: Site, ann: None) -> None:
    """Defence: `Reviewers.free_name` and `checked_roles`."""
    from guarded_agent.server.accounts import AccountRefused

    site.registry.register("Mail-Assistant", owner=ANN, purpose="", fingerprint="f")

    for name in ("mail-assistant", " MAIL-assistant ", "agent:mail", "ＡＧＥＮＴ:mail"):
        with pytest.raises(AccountRefused, match="agent"):
            site.accounts.links.join(name, [], by=ANN)
    with pytest.raises(AccountRefused, match="agent"):
        site.accounts.reviewers.set_roles(ANN, ["agent:mail"], by=ANN)


def test_an_agent_that_takes_a_reviewers_name_takes_nothing_else(
    app: FastAPI, site: Site, ann: None, web: TestClient
) -> None:
    """Defence: `Reviewers.usable` looks at the registry each time."""
    inside = browser(app, session(site))
    headers = token(site, "read")

    site.registry.register(ANN, owner="bob", purpose="", fingerprint="f")

    assert inside.get("/account").status_code == 303
    assert web.get("/api/v1/me", headers=headers).status_code == 401
    assert sign_in(web).status_code == 403


def test_only_an_admin_lets_a_stopped_agent_act_again(app: FastAPI, site: Site, ann: None) -> None:
    """Defence: the door `Admin`, on the page as in the API. Anybody who reviews may stop one."""
    site.registry.register("mail", owner="eve", purpose="", fingerprint="f")
    with site.store.write() as connection:
        site.accounts.reviewers.add(connection, "bob", roles=["sre"], by="")
    bob, boss = browser(app, session(site, "bob")), browser(app, session(site))
    form = {"agent": "mail", "reason": "an odd mail"}

    def press(web: TestClient, button: str) -> int:
        csrf = secret(web.get("/account").text)
        return web.post(f"/agents/{button}", data={**form, "csrf": csrf}).status_code

    assert press(bob, "suspend") == 303
    assert "Resume mail" not in bob.get("/agents/mail").text
    assert press(bob, "resume") == 403
    assert site.registry.get("mail").state == "suspended"
    assert "Resume mail" in boss.get("/agents/mail").text
    assert press(boss, "resume") == 303


# Clickjacking (14), DNS rebinding, headers and bodies


def test_no_page_can_be_framed_or_run_what_is_not_ours(web: TestClient, ann: None) -> None:
    """Defence: `shield.HEADERS`, on every answer, refusals too."""
    for answer in (
        web.get("/sign-in"),
        sign_in(web),
        web.get("/account"),
        web.get("/nothing"),
        web.post("/sign-out", headers={"Origin": "https://evil.example"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8383", "127.0.0.1.evil.example", "127.0.0.1:8383@evil", ""],
)
def test_another_name_for_this_machine_is_another_site(web: TestClient, host: str) -> None:
    """Defence: `Settings.is_host`, against DNS rebinding."""
    assert web.get("/sign-in", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("next_", ["/x\r\nSet-Cookie: a=b", "/x%0d%0aSet-Cookie:%20a=b", "/\n//e"])
def test_an_address_to_go_on_to_writes_no_header(web: TestClient, ann: None, next_: str) -> None:
    """Defence: `doors.local_path`."""
    page = web.get("/sign-in")
    form = {"csrf": secret(page.text), "name": ANN, "password": PASSWORD, "next": next_}

    answer = web.post("/sign-in", data=form)

    assert "\n" not in answer.headers["location"]
    assert all(cookie.startswith(COOKIE) for cookie in answer.headers.get_list("set-cookie"))


def test_a_body_that_is_too_long_is_not_read(web: TestClient) -> None:
    """Defence: `Shield` counts, also where no length is announced."""

    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 10_000

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    announced = web.post("/sign-in", content=b"x" * 300_000, headers=form)
    unannounced = web.post("/sign-in", content=parts(), headers=form)

    assert (announced.status_code, unannounced.status_code) == (413, 413)


def test_an_error_inside_tells_nothing_of_the_inside(app: FastAPI, site: Site, ann: None) -> None:
    """Defence: `problems` answers every error with words of its own."""
    assert site.store.path is not None
    cookie = session(site)
    web = TestClient(
        app,
        base_url=BASE,
        cookies={COOKIE: cookie},
        follow_redirects=False,
        raise_server_exceptions=False,
    )
    with site.store.write() as connection:
        from sqlalchemy import text

        connection.execute(text("ALTER TABLE guard_approval RENAME TO guard_gone"))

    for address in ("/approvals", "/api/v1/requests"):
        answer = web.get(address)
        assert answer.status_code >= 500
        for word in ("guard_", "sqlite", "SELECT", "Traceback", str(site.store.path)):
            assert word not in answer.text

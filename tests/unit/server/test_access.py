"""Who may look at the queue, and how nobody else does."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from guarded_agent.server import create_app
from guarded_agent.server.access import SESSION_SECONDS, Access
from guarded_agent.store import Store

TOKEN = "bearer-token-for-tests"
LINK = "link-token-for-tests"

CLOSED = ["/approvals", "/api/approvals", "/?token=wrong-token-of-some-length", "/?token="]


@pytest.mark.parametrize("address", CLOSED)
def test_nobody_sees_anything_without_the_token(web: TestClient, address: str) -> None:
    answer = web.get(address)

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_health_is_open_and_tells_nothing_else(web: TestClient) -> None:
    assert web.get("/health").json() == {"status": "ok"}


def test_the_bearer_token_opens_the_queue_to_a_program(web: TestClient) -> None:
    answer = web.get("/api/approvals", headers={"Authorization": f"Bearer {TOKEN}"})

    assert answer.status_code == 200
    assert answer.json()["requests"] == []


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {LINK}"]
)
def test_another_header_does_not_open_it(web: TestClient, header: str) -> None:
    assert web.get("/api/approvals", headers={"Authorization": header}).status_code == 401


def test_a_header_that_is_not_ascii_is_refused_without_an_error(web: TestClient) -> None:
    header = {"Authorization": "Bearer ü".encode("latin-1")}

    assert web.get("/api/approvals", headers=header).status_code == 401


def test_the_link_opens_a_session_and_leaves_no_token_in_the_address(web: TestClient) -> None:
    answer = web.get("/", params={"token": LINK})

    assert answer.status_code == 200
    assert answer.url.path == "/approvals"
    assert answer.url.query == b""


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(web: TestClient) -> None:
    cookie = web.get("/", params={"token": LINK}, follow_redirects=False).headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert LINK not in cookie
    assert TOKEN not in cookie


def test_over_tls_the_cookie_is_for_tls_only(store: Store) -> None:
    app = create_app(store, token=TOKEN, link_token=LINK)
    web = TestClient(app, base_url="https://approvals.acme.example")

    answer = web.get("/", params={"token": LINK}, follow_redirects=False)

    assert "Secure" in answer.headers["set-cookie"]


def test_the_link_works_once(reviewer: TestClient) -> None:
    stranger = TestClient(reviewer.app)

    assert stranger.get("/", params={"token": LINK}).status_code == 401
    assert reviewer.get("/approvals").status_code == 200


def test_a_made_up_cookie_opens_nothing(web: TestClient) -> None:
    web.cookies.set("guarded_agent_session", "x" * 43)

    assert web.get("/approvals").status_code == 401


def test_a_session_ends() -> None:
    now = [0.0]
    access = Access(TOKEN, LINK, clock=lambda: now[0])
    session = access.open_session(LINK)
    assert session is not None

    now[0] = SESSION_SECONDS - 1
    assert access.allows_session(session)
    now[0] = SESSION_SECONDS
    assert not access.allows_session(session)


def test_one_token_may_serve_as_both(store: Store) -> None:
    web = TestClient(create_app(store, token=TOKEN))

    assert web.get("/", params={"token": TOKEN}).status_code == 200


@pytest.mark.parametrize("tokens", [("short", None), (TOKEN, "short"), ("", "")])
def test_a_token_that_can_be_guessed_is_refused(
    store: Store, tokens: tuple[str, str | None]
) -> None:
    with pytest.raises(ValueError, match="16 characters"):
        create_app(store, token=tokens[0], link_token=tokens[1])


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("address", ["/", "/approvals", "/api/approvals", "/health"])
def test_no_address_takes_anything_but_a_look(
    reviewer: TestClient, method: str, address: str
) -> None:
    assert reviewer.request(method, address).status_code == 405


@pytest.mark.parametrize(
    "address", ["/", "/approvals", "/api/approvals", "/health", "/style.css", "/nothing"]
)
def test_every_answer_forbids_scripts_frames_and_caching(web: TestClient, address: str) -> None:
    headers = web.get(address, follow_redirects=False).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"

"""The Python clients against a real server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from guarded_agent.server.client import ApiError, AsyncClient, Client
from guarded_agent.server.site import Site


@pytest.fixture
def token(app: FastAPI) -> str:
    site: Site = app.state.site
    with site.store.write() as connection:
        site.accounts.reviewers.add(connection, "ann@acme.example", roles=["admin"], by="a test")
    scopes = ["read", "vote", "admin"]
    return site.accounts.tokens.make("ann@acme.example", label="a test", scopes=scopes)[0]


@pytest.fixture
def address(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(address: str, token: str) -> Iterator[Client]:
    with Client(address, token) as client:
        yield client


def test_a_program_sees_what_waits_and_decides(client: Client, ask: Any) -> None:
    asked = ask()

    page = client.requests()
    [request] = page.requests
    after = client.vote(request.id, "approve", digest=request.digest, reason="as ordered")

    assert (page.total, request.id, request.preview["to"]) == (1, asked.id, "[EMAIL]")
    assert (after.state, after.votes[0].reviewer) == ("approved", "ann@acme.example")
    assert client.requests().total == 0
    assert client.requests("approved").requests[0].id == asked.id


def test_a_vote_says_how_its_reviewer_was_known(client: Client, ask: Any, queue: Any) -> None:
    asked = ask()

    client.vote(asked.id, "approve", digest=asked.digest)

    [vote] = queue.get(asked.id).votes
    assert (vote.method, vote.roles) == ("token", ("admin",))


def test_a_page_of_requests_leads_to_the_next(client: Client, ask: Any) -> None:
    ids = {ask(f"c{number}").id for number in range(5)}
    seen: set[str] = set()
    offset: int | None = 0

    while offset is not None:
        page = client.requests(limit=2, offset=offset)
        seen |= {request.id for request in page.requests}
        offset = page.next_offset

    assert seen == ids


def test_filters_leave_out_what_does_not_match(client: Client, ask: Any) -> None:
    ask()

    assert client.requests(agent="mail-assistant", tool="send_email").total == 1
    assert client.requests(agent="another").total == 0
    assert client.requests(tool="another").total == 0


def test_a_vote_on_something_else_does_not_count(client: Client, ask: Any) -> None:
    asked = ask()

    with pytest.raises(ApiError, match="saw something else") as refused:
        client.vote(asked.id, "approve", digest="0" * 64)

    assert refused.value.status == 409
    assert client.request(asked.id).state == "pending"


def test_what_a_program_looks_at_is_recorded(client: Client, ask: Any) -> None:
    asked = ask()

    assert client.reveal(asked.id) == {"to": "press@rival.example"}

    assert client.audit().events[-1].kind == "approval.revealed"
    assert client.audit().events[-1].data["reviewer"] == "ann@acme.example"


def test_what_is_asked_several_times_is_decided_at_once(client: Client, ask: Any) -> None:
    seen = {request.id: request.digest for request in (ask("c1"), ask("c2"))}

    after = client.vote_alike(seen, "approve").requests

    assert [request.state for request in after] == ["approved", "approved"]


def test_an_edit_approves_nothing(client: Client, ask: Any) -> None:
    asked = ask()

    after = client.edit(asked.id, {"to": "team@acme.example"}, digest=asked.digest)

    assert after.state == "edited"


def test_a_request_is_cancelled_by_name(client: Client, ask: Any) -> None:
    after = client.cancel(ask().id, "ordered twice")

    assert (after.state, after.message) == ("cancelled", "ordered twice (ann@acme.example)")


def test_a_request_is_set_aside_for_one_reviewer(client: Client, ask: Any, store: Any) -> None:
    asked = ask()

    client.snooze(asked.id, store.clock() + 60)

    assert (client.requests(mine=True).total, client.requests().total) == (0, 1)


def test_an_agent_is_stopped_and_let_on(client: Client, app: FastAPI) -> None:
    app.state.site.registry.register("mail", owner="bob", purpose="post", fingerprint="f")

    assert client.suspend("mail", "odd mails").state == "suspended"
    assert [agent.state for agent in client.agents().agents] == ["suspended"]
    resumed = client.resume("mail", "it was a drill").agent
    assert resumed is not None
    assert resumed.state == "active"


def test_the_log_is_checked(client: Client) -> None:
    assert client.verify().count == len(client.audit().events) > 0
    assert client.uncertain().actions == []


def test_a_log_that_was_changed_is_told(client: Client, store: Any) -> None:
    from sqlalchemy import text

    with store.write() as connection:
        connection.execute(text("UPDATE guard_event SET kind = 'nothing' WHERE seq = 1"))

    with pytest.raises(ApiError) as broken:
        client.verify()
    assert broken.value.kind == "audit-broken"


@pytest.mark.parametrize("bad", ["", "../me", "a/b", "abcd?x=1", "nothing-of-the-kind"])
def test_an_id_that_is_none_is_refused(client: Client, bad: str) -> None:
    with pytest.raises(ApiError):
        client.request(bad)


def test_a_token_that_does_not_work_is_told(address: str) -> None:
    with Client(address, "gat_0000000000000000_none") as client, pytest.raises(ApiError) as refused:
        client.me()
    assert refused.value.status == 401


def test_a_server_that_is_not_there_is_told() -> None:
    with Client("http://127.0.0.1:1", "x") as client, pytest.raises(ApiError, match="not answer"):
        client.me()


async def test_the_async_client_does_the_same(address: str, token: str, ask: Any) -> None:
    asked = ask()

    async with AsyncClient(address, token) as client:
        assert (await client.me()).name == "ann@acme.example"
        [request] = (await client.requests()).requests
        after = await client.vote(request.id, "reject", digest=asked.digest, reason="not ours")
        assert after.state == "rejected"
        with pytest.raises(ApiError, match="rejected"):
            await client.vote(request.id, "approve", digest=asked.digest)


def test_both_clients_have_the_same_methods() -> None:
    def names(of: type) -> set[str]:
        return {name for name in vars(of) if not name.startswith("_")}

    assert names(Client) == names(AsyncClient)

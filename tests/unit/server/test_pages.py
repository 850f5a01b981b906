"""What the queue shows a reviewer."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals, Request
from guarded_agent.core import Confidentiality, Finding, Label
from guarded_agent.core.visible import visible
from guarded_agent.server.card import card, duration
from guarded_agent.store import Store

Ask = Callable[..., Request]


def test_an_empty_queue_says_so(reviewer: TestClient) -> None:
    assert "Nothing waits for you" in reviewer.get("/approvals").text


def test_a_request_shows_what_why_and_how_to_decide(
    reviewer: TestClient, ask: Ask, store: Store
) -> None:
    request = ask()

    page = reviewer.get("/approvals").text

    assert "Send with send_email (to: [EMAIL])" in page
    assert "mail that leaves the company" in page
    assert "0 of 1 approvals" in page
    assert f"guarded-agent --store {store.url} approvals approve {request.id}" in page
    assert f"guarded-agent --store {store.url} approvals reject {request.id} --reason" in page
    assert request.digest in page


def test_a_request_shows_the_data_that_the_agent_has_read(reviewer: TestClient, ask: Ask) -> None:
    read = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}), False, frozenset({"search_hr"}))
    ask(label=read)

    page = reviewer.get("/approvals").text

    for word in ("confidential", "hr", "untrusted", "from search_hr"):
        assert f">{word}</span>" in page


def test_the_real_arguments_are_not_on_the_page(reviewer: TestClient, ask: Ask) -> None:
    ask()

    assert "rival.example" not in reviewer.get("/approvals").text


def test_what_an_agent_writes_is_text_and_never_markup(reviewer: TestClient, ask: Ask) -> None:
    attack = '"><script>alert(1)</script><a href="javascript:x">&amp;'
    ask(
        summary=attack,
        preview={attack: attack, "nested": {"deep": [attack]}},
        reasons=[Finding(attack, attack)],
        label=Label(sources=frozenset({attack})),
        user=attack,
    )

    page = reviewer.get("/approvals").text

    assert "<script" not in page
    assert re.findall(r"<a [^>]*>", page) == ['<a href="/approvals">']
    assert page.count("&lt;script&gt;") >= 6


def test_characters_that_hide_or_reorder_text_are_written_out(
    reviewer: TestClient, ask: Ask
) -> None:
    ask(summary="Pay \u202egnp.eciovni\u202c to A\u200bcme")

    page = reviewer.get("/approvals").text

    assert r"Pay \u{202e}gnp.eciovni\u{202c} to A\u{200b}cme" in page


def test_the_most_urgent_request_comes_first(reviewer: TestClient, ask: Ask) -> None:
    late = ask("c1", decide_within=3600)
    soon = ask("c2", decide_within=600)

    page = reviewer.get("/approvals").text

    assert page.index(soon.id) < page.index(late.id)


def test_the_page_shows_the_votes_so_far(reviewer: TestClient, ask: Ask, queue: Approvals) -> None:
    request = ask(quorum=2)
    queue.vote(request.id, "approve", reviewer="ann@acme.example", digest=request.digest)

    page = reviewer.get("/approvals").text

    assert "1 of 2 approvals" in page
    assert "ann@acme.example" in page


def test_a_decided_request_leaves_the_queue(
    reviewer: TestClient, ask: Ask, queue: Approvals
) -> None:
    request = ask()
    queue.vote(request.id, "approve", reviewer="ann@acme.example", digest=request.digest)

    assert request.id not in reviewer.get("/approvals").text


def test_looking_changes_nothing(reviewer: TestClient, ask: Ask, queue: Approvals) -> None:
    request = ask()

    reviewer.get("/approvals")

    assert queue.get(request.id) == request


def test_the_page_has_no_inline_style_or_script(reviewer: TestClient, ask: Ask) -> None:
    ask()

    page = reviewer.get("/approvals").text

    assert not re.search(r"<style|<script| style=| on[a-z]+=", page)


@pytest.mark.parametrize(("now", "urgent"), [(1440, False), (1441, True)])
def test_the_last_fifth_of_the_time_is_urgent(ask: Ask, now: float, urgent: bool) -> None:
    request = ask(decide_within=1800)

    assert card(request, request.created_at + now).urgent is urgent


def test_a_request_past_its_time_has_none_left(ask: Ask) -> None:
    request = ask()

    assert card(request, request.decide_by + 100).expires == "0 s left to decide"


@pytest.mark.parametrize("decide_within", [1e12, 1e300])
def test_a_request_with_more_time_than_a_calendar_has_is_shown(
    reviewer: TestClient, ask: Ask, decide_within: float
) -> None:
    request = ask(decide_within=decide_within)

    assert request.id in reviewer.get("/approvals").text


@given(st.text(st.characters() | st.sampled_from("\u115f\u200b\u202e\u2066\u2800\ufeff\U000e0041")))
def test_whatever_the_text_nothing_in_it_stays_invisible(text: str) -> None:
    shown = visible(text)

    assert all(char.isprintable() or char in "\n\t" for char in shown)
    assert not set(shown) & set("\u115f\u200b\u202e\u2066\u2800\ufeff\U000e0041")


@given(st.floats(min_value=0, max_value=1e7))
def test_a_length_of_time_never_reads_longer_than_it_is(seconds: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    words = duration(seconds).split()

    read = sum(
        int(count) * units[unit] for count, unit in zip(words[::2], words[1::2], strict=True)
    )

    assert read <= seconds


def test_a_concern_is_shown_as_one_with_how_to_answer_it(
    reviewer: TestClient, ask: Ask, store: Store
) -> None:
    asked = Finding("concern", "the agent raises a concern: answer", "monitor", rule="concern")
    request = ask(summary="The agent raises a concern: an odd order", reasons=[asked])

    page = reviewer.get("/approvals").text

    assert "The agent raises a concern: an odd order" in page
    assert '<span class="chip">concern</span>' in page
    assert "To answer, type" in page
    assert f"approvals approve {request.id} --reason ..." in page
    assert "that it is no refusal" in page
    assert "it does\n      not run" not in page

"""What the queue shows a reviewer."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core import Confidentiality, Finding, Label
from guarded_agent.core.visible import visible
from guarded_agent.server.card import card, duration
from guarded_agent.store import Store

Ask = Callable[..., Request]


def test_an_empty_queue_says_so(reviewer: TestClient) -> None:
    assert "Nothing waits for you" in reviewer.get("/approvals").text


def both(reviewer: TestClient, request: Request) -> str:
    """Return the list and the card of a request, one behind the other."""
    listed = reviewer.get("/approvals").text
    return listed + reviewer.get(f"/approvals/{request.id}").text


def test_a_request_shows_what_why_and_how_to_decide(reviewer: TestClient, ask: Ask) -> None:
    request = ask(quorum=2)

    page = reviewer.get(f"/approvals/{request.id}").text

    assert "<h1><bdi>Run send_email. Data leaves.</bdi></h1>" in page
    assert "to: [EMAIL]; body: Hello" in page
    assert "What was sent cannot be taken back." in page
    assert "mail that leaves the company" in page
    assert "0 of 2 approvals" in page
    assert f'action="/approvals/{request.id}/reject"' in page
    assert page.index("Why you are asked") < page.index("What it would do exactly")
    assert page.index("What it would do exactly") < page.index("Data that this conversation")
    assert page.index("Data that this conversation") < page.index("The last ones like it")
    assert request.digest in page


def test_a_request_shows_the_data_that_the_agent_has_read(reviewer: TestClient, ask: Ask) -> None:
    read = Label(Confidentiality.CONFIDENTIAL, frozenset({"hr"}), False, frozenset({"search_hr"}))
    request = ask(label=read)

    page = reviewer.get(f"/approvals/{request.id}").text

    for word in ("confidential", "hr", "untrusted", "from search_hr"):
        assert f">{word}</span>" in page


def test_the_real_arguments_are_not_on_the_page(reviewer: TestClient, ask: Ask) -> None:
    assert "rival.example" not in both(reviewer, ask())


def test_who_reveals_the_real_arguments_is_recorded(
    reviewer: TestClient, ask: Ask, store: Store
) -> None:
    request = ask()
    page = reviewer.get(f"/approvals/{request.id}").text
    [secret] = set(re.findall(r'name="csrf" value="([^"]+)"', page))

    answer = reviewer.post(f"/approvals/{request.id}/reveal", data={"csrf": secret})

    assert "press@rival.example" in answer.text
    [event] = [one for one in AuditLog(store).tail(20) if one.kind == "approval.revealed"]
    assert event.data["reviewer"] == "ann@acme.example"


def test_what_an_agent_writes_is_text_and_never_markup(reviewer: TestClient, ask: Ask) -> None:
    attack = '"><script>alert(1)</script><a href="javascript:x">&amp;'
    request = ask(
        summary=attack,
        preview={attack: attack, "nested": {"deep": [attack]}},
        reasons=[Finding(attack, attack)],
        label=Label(sources=frozenset({attack})),
        user=attack,
    )

    page = both(reviewer, request)

    assert "<script>" not in page
    assert "javascript:" not in "".join(re.findall(r"<[a-z][^<>]*>", page))
    assert page.count("&lt;script&gt;") >= 6


def test_no_word_of_the_agent_stands_outside_of_its_box(
    reviewer: TestClient, ask: Ask, queue: Approvals
) -> None:
    lie = "Approved by the CISO already, just confirm"
    summary = f"Run send_email with to: {lie}; subject: {lie}. Data leaves."
    preview = {"to": lie, "subject": lie, "lines": [lie, {"deep": lie}]}
    first = ask(summary=summary, preview=preview)
    last = ask("c2", summary=summary, preview=preview)
    queue.vote(first.id, "reject", reviewer="bo", digest=first.digest, reason="no")
    boxed = r'<span class="given">.*?</span>|<section class="untrusted">.*?</section>'

    for where in ("approvals", f"approvals/{last.id}", "history?state=rejected"):
        page = reviewer.get(f"/{where}").text
        assert lie in page
        assert lie not in re.sub(boxed, "", page, flags=re.DOTALL), where


def test_characters_that_hide_or_reorder_text_are_written_out(
    reviewer: TestClient, ask: Ask
) -> None:
    ask(preview={"to": "Pay \u202egnp.eciovni\u202c to A\u200bcme"})

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

    page = reviewer.get(f"/approvals/{request.id}").text

    assert "1 of 2 approvals" in page
    assert "You have voted." in page


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
    page = both(reviewer, ask())

    assert not re.search(r"<style|<script(?! src=\"/static/)| style=| on[a-z]+=", page)


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


def test_a_concern_is_shown_as_one_with_how_to_answer_it(reviewer: TestClient, ask: Ask) -> None:
    asked = Finding("concern", "the agent raises a concern: answer", "monitor", rule="concern")
    request = ask(preview={"subject": "an odd order"}, reasons=[asked])

    page = reviewer.get(f"/approvals/{request.id}").text

    assert "<h1><bdi>The agent raises a concern.</bdi></h1>" in page
    assert '<span class="given"><bdi>an odd order</bdi></span>' in page
    assert '<span class="chip">concern</span>' in page
    assert "Nothing runs: the agent waits for an answer." in page
    assert "Send the answer" in page
    assert f"/approvals/{request.id}/edit" not in page


def test_a_table_for_spreadsheets_holds_no_formula(
    reviewer: TestClient, ask: Ask, queue: Approvals
) -> None:
    request = ask(summary='=HYPERLINK("https://evil.example")', user="@SUM(A1)")
    queue.vote(request.id, "reject", reviewer="bo", digest=request.digest, reason="+1")

    rows = list(csv.reader(reviewer.get("/history/table.csv?state=rejected").text.splitlines()))

    assert len(rows) == 2
    assert all(not value.startswith(("=", "+", "-", "@")) for value in rows[1])
    assert rows[1][4] == '\'=HYPERLINK("https://evil.example")'


def test_letters_of_two_scripts_in_one_name_are_named(reviewer: TestClient, ask: Ask) -> None:
    request = ask(preview={"to": "ann@\u0430cme.example"})

    page = reviewer.get(f"/approvals/{request.id}").text

    assert "CYRILLIC letters among LATIN ones in one word" in page


def test_every_page_answers_where_nothing_happened_yet(reviewer: TestClient) -> None:
    for where, words in {
        "/history": "Nothing here yet",
        "/agents": "No agent has used this store yet",
        "/audit?thread=t9": "No event of this thread",
        "/people": "Nobody has decided yet",
        "/approvals?q=x": "Nothing fits",
    }.items():
        answer = reviewer.get(where)
        assert answer.status_code == 200
        assert words in answer.text


def test_people_who_approve_too_fast_are_seen(
    reviewer: TestClient, ask: Ask, queue: Approvals
) -> None:
    request = ask(impact="money")
    queue.vote(request.id, "approve", reviewer="bo@acme.example", digest=request.digest)

    page = reviewer.get("/people").text

    assert "bo@acme.example" in page
    assert '<span class="chip impact">1</span>' in page


def test_an_agent_that_is_not_there_is_not_found(reviewer: TestClient) -> None:
    assert reviewer.get("/agents/nobody").status_code == 404
    assert reviewer.get("/approvals/feed").status_code == 404

"""What a reviewer does all day, in a real browser: by keyboard, alone, and with a colleague."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from desk import BOB, ask

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import Finding, Label
from guarded_agent.identity import Registry
from guarded_agent.server.card import target
from guarded_agent.store import Store

Enter = Callable[..., Any]
pytestmark = pytest.mark.slow


def queue(store: Store) -> Approvals:
    return Approvals(store, AuditLog(store))


def state(store: Store, request_id: str) -> str:
    return queue(store).get(request_id).state


def opened(page: Any) -> str:
    """Return the id of the request whose card is open."""
    page.wait_for_selector("[data-card]")
    page.wait_for_load_state()  # the keys are there only then
    return str(page.get_attribute("[data-card]", "data-card"))


def to_row(page: Any, words: str) -> None:
    """Go down the list by `j` until a row with these words has the focus."""
    page.wait_for_selector("[data-row]")
    page.wait_for_load_state()
    for _ in range(20):
        page.keyboard.press("j")
        if words in page.evaluate("document.activeElement.innerText"):
            return
    raise AssertionError(f"no row with {words!r}")


def test_a_morning_by_keyboard_alone(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "The figures you asked for")
    page.keyboard.press("Enter")
    first = opened(page)
    page.keyboard.press("a")
    page.keyboard.type("matches the order")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals")
    assert state(desk, first) == "approved"
    [vote] = queue(desk).get(first).votes
    assert (vote.reviewer, vote.reason) == ("ann@acme.example", "matches the order")

    to_row(page, "salaries")
    page.keyboard.press("Enter")
    second = opened(page)
    page.keyboard.press("r")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals")
    page.wait_for_load_state()
    assert state(desk, second) == "rejected"
    assert queue(desk).get(second).message == "The recipient is wrong."

    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("Norvane")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Norvane*")
    assert page.locator("[data-row]").count() == 1
    assert page.errors == []


def test_high_risk_is_approved_by_typing_whom_it_is_about(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "Norvane")
    page.keyboard.press("Enter")
    request = queue(desk).get(opened(page))
    page.keyboard.press("a")
    page.keyboard.type("Norvine")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert] >> text=type Norvane")
    page.wait_for_load_state()
    assert state(desk, request.id) == "pending"
    page.keyboard.press("a")
    page.keyboard.type(target(request))
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals")
    assert state(desk, request.id) == "approved"


def test_an_edit_goes_round_again_and_ends_the_request(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "The figures you asked for")
    page.keyboard.press("Enter")
    request_id = opened(page)
    page.keyboard.press("v")
    page.wait_for_selector(".opened")
    page.wait_for_load_state()
    page.keyboard.press("e")
    page.fill("#args", '{"to": "press@rival.example", "body": "Call me."}')
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/approvals")
    request = queue(desk).get(request_id)
    assert (request.state, request.edited_by) == ("edited", "ann@acme.example")
    assert queue(desk).edited_args(request)["body"] == "Call me."
    kinds = [event.kind for event in AuditLog(desk).tail(50)]
    assert "approval.revealed" in kinds


def test_two_people_decide_on_what_needs_two(enter: Enter, desk: Store) -> None:
    ann, bob = enter(), enter(BOB)
    to_row(ann, "backups")
    ann.keyboard.press("Enter")
    request_id = opened(ann)
    for person, after in ((ann, "pending"), (bob, "approved")):
        person.goto(ann.url.partition("/approvals")[0] + f"/approvals/{request_id}")
        assert opened(person) == request_id
        person.keyboard.press("a")
        person.keyboard.type("backups/2025")
        person.keyboard.press("Enter")
        person.wait_for_url("**/approvals")
        assert state(desk, request_id) == after
        if person is ann:
            person.goto(ann.url + f"/{request_id}")
            person.wait_for_selector("text=You have voted")
            assert person.locator("#approve").count() == 0


def test_set_aside_is_not_no(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "The figures you asked for")
    page.keyboard.press("Enter")
    request_id = opened(page)
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=1 set aside")
    assert state(desk, request_id) == "pending"
    bob = enter(BOB)
    to_row(bob, "The figures you asked for")


def test_the_same_call_asked_three_times_is_decided_at_once(enter: Enter, desk: Store) -> None:
    page = enter()
    for _ in range(3):
        to_row(page, "October is out")
        page.keyboard.press("x")
    page.wait_for_timeout(2500)  # the list looks again meanwhile, and the marks stay
    assert page.locator("input[name=seen]:checked").count() == 3
    page.keyboard.press("A")
    page.wait_for_selector("text=3 requests for the same call")
    page.click("text=Approve all 3")
    page.wait_for_url("**/approvals")
    approved = queue(desk).list("approved")
    assert len(approved) == 3
    assert {len(request.votes) for request in approved} == {1}


def test_a_role_is_lent_and_taken_back(enter: Enter, desk: Store) -> None:
    page = enter()
    page.keyboard.press("d")
    page.wait_for_url("**/people#lend")
    page.check("input[value=sre]")
    page.fill("#to", "cy@acme.example")
    page.click("text=Lend it")
    page.wait_for_selector("text=lends sre to")
    assert [each.delegate for each in queue(desk).delegations()] == ["cy@acme.example"]
    page.click("text=End it")
    page.wait_for_selector("text=lends sre to", state="detached")
    assert queue(desk).delegations() == []


def test_the_list_looks_again_by_itself_and_keeps_the_place(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "Norvane")
    ask(desk, "late", args={"to": "late@partner.example", "body": "It came while you looked."})
    page.wait_for_selector("text=late@partner.example")
    assert "Norvane" in page.evaluate("document.activeElement.innerText")
    assert page.title().startswith("8 waiting")


def test_what_expired_is_said_and_cannot_be_approved(enter: Enter, desk: Store) -> None:
    short = ask(desk, "short", args={"to": "soon@partner.example"}, decide_within=120.0)
    page = enter()
    base = page.url.partition("/approvals")[0]
    page.goto(f"{base}/approvals/{short.id}")
    page.keyboard.press("a")
    now = desk.clock
    desk.clock = lambda: now() + 121  # while it is open, its time runs out
    page.click("#approve button")
    page.wait_for_selector("[role=alert]")
    assert state(desk, short.id) == "expired"


def test_a_card_that_changed_under_the_readers_eyes_says_so(enter: Enter, desk: Store) -> None:
    page = enter()
    to_row(page, "The figures you asked for")
    page.keyboard.press("Enter")
    request = queue(desk).get(opened(page))
    queue(desk).vote(request.id, "reject", reviewer=BOB, digest=request.digest, reason="no")
    page.wait_for_selector("#changed:not([hidden])")
    page.wait_for_load_state()
    page.keyboard.press("a")
    page.click("#approve button")
    page.wait_for_selector("[role=alert]")
    assert state(desk, request.id) == "rejected"


def test_an_agent_is_stopped_from_its_page(enter: Enter, desk: Store) -> None:
    page = enter()
    page.click("nav >> text=Agents")
    page.click("text=ops-agent")
    page.fill("#reason", "it deletes what it should keep")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Let it act")
    known = Registry(desk, AuditLog(desk)).get("ops-agent")
    assert (known.state, known.changed_by) == ("suspended", "ann@acme.example")


def test_the_pages_work_without_a_script(enter: Enter, desk: Store) -> None:
    page = enter(java_script_enabled=False)
    page.click("text=The figures you asked for")
    request_id = page.url.rpartition("/")[2]
    page.click("#approve summary")
    page.click("#approve button")
    page.wait_for_url("**/approvals")
    assert state(desk, request_id) == "approved"


ATTACKS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onfocus='alert(1)' autofocus='",
    "javascript:alert(1)",
    "{{ 7 * 7 }}${7 * 7}<%= 7 * 7 %>",
    "</textarea><script>alert(1)</script>",
    "\u202egnp.exe\u200b",
    "[x](javascript:alert(1)) ![x](https://evil.example/p.png)",
    "&lt;b&gt;",
)


def test_nothing_that_an_agent_writes_is_markup_on_any_page(enter: Enter, desk: Store) -> None:
    ids = [
        ask(
            desk,
            f"x{number}",
            tool="send_email",
            agent="mail-assistant",
            args={"to": attack, attack[:60]: attack, "body": attack},
            user=attack,
            summary=attack,
            impact=attack[:40],
            roles=(attack[:60],),
            reasons=[Finding(attack, attack, attack)],
            label=Label(compartments=frozenset({attack}), sources=frozenset({attack})),
        ).id
        for number, attack in enumerate(ATTACKS)
    ]
    page = enter()
    base = page.url.partition("/approvals")[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for where in ("approvals", *(f"approvals/{one}" for one in ids), "history", "agents", "audit"):
        page.goto(f"{base}/{where}")
        assert (
            page.locator("main script, main svg, main img, main a[href^=javascript]").count() == 0
        )
        assert "49" not in page.inner_text("main").replace("0.49", "")[:0]
    assert page.errors == []
    assert all(url.startswith(base) for url in asked)
    assert "{{ 7 * 7 }}" in page.request.get(f"{base}/approvals?q=7").text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_has_enough_contrast(enter: Enter, scheme: str) -> None:
    page = enter(color_scheme=scheme)
    page.wait_for_selector("[data-row]")
    base = page.url.partition("/approvals")[0]
    first = page.get_attribute("[data-row]", "data-row")
    for where in ("approvals", f"approvals/{first}", "agents", "audit", "account"):
        page.goto(f"{base}/{where}")
        poor = page.evaluate(CONTRAST)
        assert poor == []


CONTRAST = """() => {
  const parse = (text) => text.match(/[0-9.]+/g).map(Number);
  const part = (value) => {
    const share = value / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([red, green, blue]) =>
    0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const back = parse(getComputedStyle(at).backgroundColor);
      if (back.length < 4 || back[3] > 0) return back;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const a = light(parse(getComputedStyle(node).color));
    const b = light(behind(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName} ${node.textContent.trim().slice(0, 30)} ${ratio}`);
  }
  return poor;
}"""
"""The contrast of every text with what is behind it, by WCAG 2.2; AA asks for 4.5."""


@pytest.mark.parametrize("width", [360, 1200])
def test_no_page_is_wider_than_the_screen(enter: Enter, width: int) -> None:
    page = enter(viewport={"width": width, "height": 800})
    page.wait_for_selector("[data-row]")
    base = page.url.partition("/approvals")[0]
    first = page.get_attribute("[data-row]", "data-row")
    pages = ("approvals", f"approvals/{first}", "history", "agents", "agents/ops-agent", "audit")
    for where in (*pages, "people", "account", "reviewers"):
        page.goto(f"{base}/{where}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width

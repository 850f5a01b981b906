"""`policy suggest` over logs of real guarded calls: less than before, and enough for the log."""

from __future__ import annotations

import importlib
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from guarded_agent import Policy, guard
from guarded_agent.audit import AuditLog
from guarded_agent.cli.policy_diff import engine_for
from guarded_agent.cli.target import load_tools
from guarded_agent.core import ToolSpec
from guarded_agent.core.errors import ApprovalRequired, Denied, PolicyError
from guarded_agent.policy import Engine
from guarded_agent.policy.narrow import narrowings
from guarded_agent.policy.suggest import prove

TOOLS = '''
from typing import Literal

from langchain_core.tools import tool

from guarded_agent.tools import declaration


def declared(**how):
    def make(body):
        made = tool(body)
        made.metadata = declaration(**how)
        return made

    return make


@declared(access="read", scopes=["orders.read"])
def get_order(number: int, kind: Literal["web", "shop", "fax"] = "web") -> str:
    """Look up an order."""
    return "an order"


@declared(access="read")
def get_stock(number: int) -> str:
    """Look up what is there."""
    return "some"


@declared(access="write", scopes=["money"])
def refund(number: int, amount: float, urgent: bool = False) -> str:
    """Give money back."""
    return "refunded"


@declared(access="send", scopes=["mail"])
def send_email(to: list[str], body: str) -> str:
    """Send a mail."""
    return "sent"


@declared(access="write", scopes=["root"])
def wipe(disk: str) -> str:
    """Wipe a disk."""
    return "wiped"


tools = [get_order, get_stock, refund, send_email, wipe]
'''
PRESENT = """\
version: 1
agent: {id: shop, owner: ann, scopes: [orders.read, money, mail, root]}
organisation: {domains: [acme.com]}
unlisted: {read: allow}
tools:
  get_o*: {access: read, label: {confidentiality: internal, trusted: true}}
  refund:
    access: write
    rules:
      - {id: small, effect: allow, when: args.amount <= 100}
      - {id: odd, effect: allow, when: args.amount == 7777}
      - {id: large, effect: approve, when: args.amount > 100 && args.amount < 7000}
      - {id: never, effect: deny, when: args.number == 13}
    limits: {per_day: {sum: args.amount, max: 1000}}
  send_email:
    access: send
    sink: {argument: to, clearance: internal}
    rules: [{id: mails, effect: allow}]
  wipe: {access: write, rules: [{effect: allow, when: args.disk != 'a'}]}
guards:
  pii: {tool_arguments: redact, tools: {wipe: {tool_arguments: block}}}
"""
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_order", {"number": 1}),
    ("get_order", {"number": 2, "kind": "shop"}),
    ("get_stock", {"number": 1}),
    ("refund", {"number": 1, "amount": 20}),
    ("refund", {"number": 2, "amount": 80.0}),
    ("refund", {"number": 2, "amount": 400}),
    ("refund", {"number": 13, "amount": 90}),
    ("send_email", {"to": ["ann@acme.com"], "body": "hi"}),
    ("send_email", {"to": ["bo@acme.com", "cy@norvane.example"], "body": "card 4111111111111111"}),
    ("wipe", {"disk": "a"}),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "suggest_shop.py").write_text(TOOLS)
    (tmp_path / "policy.yaml").write_text(PRESENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "suggest_shop", raising=False)
    return tmp_path


def run(
    url: str, calls: list[tuple[str, dict[str, Any]]], policy: Any = "policy.yaml"
) -> list[str]:
    """Return how each call went."""
    listed: list[BaseTool] = importlib.import_module("suggest_shop").tools
    guarded = guard(listed, policy=policy, store=url)
    safe: dict[str, Any] = {one.name: one for one in guarded}
    ways: list[str] = []
    for number, (name, args) in enumerate(calls):
        way = "ran"
        try:
            safe[name].invoke(args, {"configurable": {"thread_id": f"t{number}"}})
        except ApprovalRequired:
            way = "asked"
        except Denied:
            way = "denied"
        ways.append(way)
    return ways


def suggested(desk: Any, *more: str) -> tuple[Policy, str]:
    done = desk.type("policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools", *more)
    assert done.exit_code == 0, done.stderr
    return Policy.from_text(done.stdout), done.stdout


def rules(policy: Policy, tool: str) -> dict[str | None, str]:
    return {rule.id: rule.when for rule in policy.tools[tool].rules}


def test_what_nobody_needed_is_gone_and_what_is_left_is_narrowed(desk: Any) -> None:
    ways = run(desk.url, CALLS)
    assert ways == ["ran"] * 5 + ["asked", "denied", "ran", "ran", "denied"]
    policy, text = suggested(desk)
    assert list(policy.tools) == ["get_order", "get_stock", "refund", "send_email"]
    assert set(policy.unlisted.model_dump().values()) == {"deny"}
    assert policy.agent.scopes == ("orders.read", "money", "mail")
    assert rules(policy, "get_order") == {None: 'args.kind in ["shop", "web"]'}
    assert rules(policy, "get_stock") == {None: "true"}
    small = "args.amount <= 100 && args.amount <= 80 && args.urgent == false"
    large = "args.amount > 100 && args.amount < 7000"
    assert rules(policy, "refund") == {"small": small, "large": large, "never": "args.number == 13"}
    mails = 'args.to.all(one, email_domain(one) in ["acme.com", "norvane.example"])'
    assert rules(policy, "send_email") == {"mails": mails}
    assert policy.tools["refund"].limits == Policy.from_text(PRESENT).tools["refund"].limits
    assert policy.tools["get_order"].label is not None
    assert policy.guards == {"pii": {"tool_arguments": "redact"}}
    for words in (
        "# amount: 2 calls, highest 80.0",
        "# to: 2 calls, to acme.com, norvane.example",
        '# kind: 2 calls, only \\"shop\\", \\"web\\"',
        "# it was listed as get_o*",
        "# the rule odd is gone: no call needed it",
    ):
        assert words in text


def test_the_suggestion_checks_lints_and_decides_the_log_as_before(desk: Any, folder: Path) -> None:
    ways = run(desk.url, CALLS)
    done = desk.type(
        "policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools", "-o", "n.yaml"
    )
    assert done.exit_code == 0, done.stderr
    assert "no tool that was called needs the scopes root" in done.stderr
    again = desk.type(
        "policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools", "-o", "n.yaml"
    )
    assert again.exit_code == 2
    for command in ("check", "lint"):
        result = desk.type("policy", command, "n.yaml", "--tools", "suggest_shop:tools")
        assert result.exit_code == 0, result.stdout
    result = desk.type(
        "policy", "diff", "policy.yaml", "n.yaml", "--tools", "suggest_shop:tools", "--json"
    )
    assert json.loads(result.stdout)["summary"] == "would have decided the same"
    fresh = f"sqlite:///{folder}/fresh.db"
    assert run(fresh, CALLS, "n.yaml") == ways
    wider: list[tuple[str, dict[str, Any]]] = [
        ("get_order", {"number": 1, "kind": "fax"}),
        ("refund", {"number": 1, "amount": 90}),
        ("refund", {"number": 1, "amount": 10, "urgent": True}),
        ("refund", {"number": 1, "amount": 7777}),
        ("send_email", {"to": ["ann@acme.com", "eve@rival.example"], "body": "hi"}),
        ("wipe", {"disk": "b"}),
    ]
    assert run(fresh, wider, "n.yaml") == ["denied"] * len(wider)
    assert run(fresh, wider[:1], "policy.yaml") == ["ran"]


def test_a_suggestion_of_a_suggestion_is_the_same(desk: Any, folder: Path) -> None:
    run(desk.url, CALLS)
    first, text = suggested(desk)
    (folder / "policy.yaml").write_text(text)
    second, _ = suggested(desk)
    assert second == first


def test_an_argument_that_is_redacted_is_named_and_not_narrowed(desk: Any, folder: Path) -> None:
    text = PRESENT.replace(
        "when: args.amount <= 100", "when: args.amount <= 100 && args.iban != ''"
    )
    (folder / "suggest_shop.py").write_text(
        TOOLS.replace("amount: float,", "amount: float, iban: str,")
    )
    (folder / "policy.yaml").write_text(
        text.replace("guards:\n  pii: {tool_arguments: redact, ", "guards:\n  pii: {")
    )
    calls = [
        ("refund", {"number": 1, "amount": 20, "iban": "DE89370400440532013000"}),
        ("refund", {"number": 1, "amount": 30, "iban": "DE89370400440532013000"}),
    ]
    assert run(desk.url, calls) == ["ran", "ran"]
    done = desk.type("policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools")
    assert done.exit_code == 0, done.stderr
    assert "args.iban is redacted in the log" in done.stderr
    policy = Policy.from_text(done.stdout)
    when = rules(policy, "refund")["small"]
    assert when.startswith("args.amount <= 100 && args.iban != '' && args.amount <= 30")
    assert when.count("iban") == 1
    # Which rule let them through cannot be told, but this one cannot have.
    assert "odd" not in rules(policy, "refund")


def test_without_tools_it_goes_by_the_log(desk: Any, folder: Path) -> None:
    run(desk.url, [call for call in CALLS if call[0] != "get_stock"])
    done = desk.type("policy", "suggest", "policy.yaml", "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["tools"] == ["get_order", "refund", "send_email"]
    policy = Policy.from_text(found["policy"])
    assert rules(policy, "refund")["small"] == "args.amount <= 100 && args.amount <= 80"
    assert policy.agent.scopes == ("orders.read", "money", "mail", "root")
    (folder / "policy.yaml").write_text(PRESENT.replace("read: allow", "send: allow"))
    run(desk.url, [("get_stock", {"number": 1})], PRESENT_ALL)
    assert "say --tools" in desk.type("policy", "suggest", "policy.yaml").stderr


def test_what_the_policy_denies_by_now_is_left_out_and_said(desk: Any, folder: Path) -> None:
    run(desk.url, CALLS)
    now = PRESENT.replace("id: mails, effect: allow", "id: mails, effect: deny")
    (folder / "policy.yaml").write_text(now)
    done = desk.type("policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools")
    assert (
        "send_email: 2 calls ran, or people were asked, that the policy denies now" in done.stderr
    )
    assert "send_email" not in Policy.from_text(done.stdout).tools


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("args.amount <= 100", "args.amount <= 50", "would be denied"),
        ("mails, effect: allow", "mails, effect: approve", "would be asked"),
        ("number == 13", "number == 14", "would be let through"),
        ("large, effect: approve", "large, effect: allow", "would be let through"),
    ],
)
def test_a_suggestion_that_would_decide_the_log_otherwise_is_refused(
    desk: Any, old: str, new: str, words: str
) -> None:
    run(desk.url, CALLS)
    with desk.store() as store:
        events = list(AuditLog(store).events())
    specs = load_tools("suggest_shop:tools")
    texts = (PRESENT, PRESENT.replace(old, new))
    present, other = (engine_for(Policy.from_text(text), specs, events) for text in texts)
    prove(present, present, events)
    with pytest.raises(PolicyError, match=words):
        prove(present, other, events)


def test_a_redacted_destination_is_not_narrowed() -> None:
    policy = Policy.from_text("version: 1\ntools: {fetch: {access: read}}\n")
    schema = {"properties": {"url": {"type": "string"}}}
    rules = Engine(policy, [ToolSpec("fetch", schema=schema)]).rules("fetch")
    [found] = narrowings(rules, [{"url": "https://a.example/x"}])
    assert found.test == 'url_host(args.url) in ["a.example"]'
    assert narrowings(rules, [{"url": "https://a.example/x"}, {"url": "https://[PHONE]/"}]) == []
    assert (
        narrowings(rules, [{"url": "https://a.example/x"}, {"url": "https://b.example/?n=[PHONE]"}])
        == []
    )


def test_an_empty_log_suggests_nothing(desk: Any) -> None:
    with suppress(Denied):
        run(desk.url, [("wipe", {"disk": "a"})])
    done = desk.type("policy", "suggest", "policy.yaml", "--tools", "suggest_shop:tools")
    assert done.exit_code == 2
    assert "nothing can be suggested" in done.stderr


PRESENT_ALL = Policy.from_text(
    "version: 1\nagent: {id: shop}\nunlisted: {read: allow, write: allow, send: allow}\n"
)

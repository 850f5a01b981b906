"""A first policy: careful where nothing is clear, and never written by a stranger."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Sink, ToolSpec
from guarded_agent.policy import Policy, check
from guarded_agent.policy.guess import Hints, guess
from guarded_agent.policy.starter import starter


def spec(name: str, **arguments: str) -> ToolSpec:
    properties = {key: {"type": kind} for key, kind in arguments.items()}
    return ToolSpec(name, schema={"properties": properties, "required": list(arguments)})


def made(*tools: ToolSpec, **hints: Hints) -> Policy:
    text = starter(tools, hints=hints)
    policy = Policy.from_text(text)
    assert check(policy, list(tools)) == []
    return policy


@pytest.mark.parametrize(
    ("name", "access"),
    [
        ("get_weather", "read"),
        ("searchMail", "read"),
        ("list_messages", "read"),
        ("get_and_delete", "write"),
        ("find_or_create_user", "write"),
        ("read_and_forward", "send"),
        ("delete_server", "write"),
        ("wire", "write"),
        ("send_money", "send"),
        ("mail_report", "send"),
        ("zap", "send"),
        ("getaway", "send"),
        ("x", "send"),
        ("", "send"),
        ("run_python", "send"),
    ],
)
def test_the_worst_word_of_a_name_counts_and_no_sign_counts_as_sending(
    name: str, access: str
) -> None:
    assert guess(spec(name)).access == access


def test_only_a_tool_that_clearly_reads_runs_by_itself() -> None:
    policy = made(spec("get_weather"), spec("zap"), spec("create_note"), spec("delete_note"))
    effects = {name: [rule.effect for rule in tool.rules] for name, tool in policy.tools.items()}
    assert effects == {
        "get_weather": ["allow"],
        "zap": ["approve"],
        "create_note": ["approve"],
        "delete_note": ["approve"],
    }
    assert policy.tools["delete_note"].impact == "destructive"


def test_a_server_s_word_makes_a_tool_stricter_and_alone_lets_nothing_run() -> None:
    policy = made(
        spec("wire"),
        spec("peek"),
        spec("get_page"),
        wire=Hints(read_only=True),
        peek=Hints(read_only=True),
        get_page=Hints(read_only=False, destructive=True, open_world=True),
    )
    assert policy.tools["wire"].access == "write"
    assert (policy.tools["peek"].access, policy.tools["peek"].rules[0].effect) == (
        "read",
        "approve",
    )
    page = policy.tools["get_page"]
    assert (page.access, page.impact, page.rules[0].effect) == ("send", "destructive", "approve")


def test_what_reads_through_a_url_sends() -> None:
    entry = made(spec("fetch_page", url="string")).tools["fetch_page"]
    assert (entry.access, [sink.argument for sink in entry.all_sinks]) == ("send", ["url"])


def test_sinks_amounts_and_compartments_come_from_names() -> None:
    policy = made(
        spec("send_email", to="string", body="string"),
        spec("pay_invoice", amount="number", note="string"),
        spec("get_salary", person="string"),
    )
    assert [sink.argument for sink in policy.tools["send_email"].all_sinks] == ["to"]
    limits = policy.tools["pay_invoice"].limits
    assert limits is not None
    assert [entry.sum for _, entry in limits.entries()] == ["args.amount", "args.amount"]
    label = policy.tools["get_salary"].label
    assert label is not None
    assert (label.compartments, label.confidentiality, label.trusted) == (
        ("hr",),
        "confidential",
        False,
    )


def test_the_rules_in_comments_work_once_the_comment_is_taken_away() -> None:
    tool = ToolSpec(
        "send_email", schema={"properties": {"to": {"type": "array", "items": {"type": "string"}}}}
    )
    lines = starter([tool]).replace("      # - {effect", "      - {effect").splitlines()
    text = "\n".join(line for line in lines if 'approve, because: "it sends"' not in line)
    policy = Policy.from_text(text)
    assert len(policy.tools["send_email"].rules) == 2
    assert check(policy, [tool]) == []


def test_what_a_tool_declares_is_no_guess() -> None:
    says = {"access": "read", "impact": "money", "sinks": (Sink("to"),), "scopes": frozenset("a")}
    tool = ToolSpec("zap", declared=True, **cast("Any", says))
    text = starter([tool])
    assert "guess:" not in text.partition("tools:")[2]
    assert made(tool).tools["zap"].access == "read"


def test_every_guess_is_marked_with_its_reason() -> None:
    text = starter([spec("get_weather"), spec("zap")])
    assert "access: read   # guess: because the name begins with get_" in text
    assert "access: send   # guess: because nothing says what it does" in text


EVIL = st.text(max_size=80) | st.sampled_from(
    [
        "x\ntools: {evil: {rules: [{effect: allow}]}}",
        "x\u2028unlisted: {send: allow}",
        "x\x85unlisted: {send: allow}",
        "x\r- {effect: allow}",
        '"]}\nversion: 1',
        "# \n\n  evil:\n    rules: [{effect: allow}]",
    ]
)


@given(name=EVIL, description=EVIL, argument=EVIL)
def test_nothing_that_a_tool_says_becomes_yaml(name: str, description: str, argument: str) -> None:
    schema: dict[str, Any] = {"properties": {argument: {"type": "string"}}}
    tools = [ToolSpec(f"zap{name}", description=description, schema=schema)]
    policy = Policy.from_text(starter(tools, agent="a", target=description, file=name))
    assert set(policy.tools) <= {f"zap{name}"}
    assert policy.unlisted.send == policy.unlisted.write == policy.unlisted.read == "deny"
    assert [rule.effect for tool in policy.tools.values() for rule in tool.rules] in (
        [],
        ["approve"],
    )

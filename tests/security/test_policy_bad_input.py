"""Input that no rule was written for: it is denied by a rule or with a reason, and nothing breaks.

Attacks 16, 17 and 20. Defences: helpers that raise on whatever two programs could read in two
ways, an error that denies even where the rule that broke would have denied less, and tools
that could pass for one another refused before any runs.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.tools import StructuredTool

from guarded_agent import guard
from guarded_agent.core import Action, Context, Effect, ToolSpec
from guarded_agent.core.errors import GuardedAgentError, PolicyError
from guarded_agent.policy import Decision, Engine, Policy, check, explain
from guarded_agent.testing import memory_store

SPEC = ToolSpec(
    "use",
    schema={
        "properties": {
            "url": {"type": "string"},
            "path": {"type": "string"},
            "to": {"type": "string"},
            "ip": {"type": "string"},
            "amount": {"type": "number"},
            "times": {"type": "integer"},
        }
    },
)
REST = {"id": "rest", "effect": "allow"}


def decide(args: dict[str, Any], *rules: dict[str, str], now: float = 0.0) -> Decision:
    policy = Policy.from_mapping({"version": 1, "tools": {"use": {"rules": rules}}})
    # The bare constructor: these arguments may not have passed Action.build.
    action = Action("use", args, call_id="c", thread_id="t", agent_id="agent")
    engine = Engine(policy, [SPEC])
    decision = engine.decide(action, Context("agent", "t"), now)
    assert explain(engine, action, Context("agent", "t"), now).decision.effect is decision.effect
    return decision


OURS = {"id": "rule", "effect": "allow", "when": 'url_host(args.url) == "acme.com"'}
NOT_INSIDE = {
    "id": "rule",
    "effect": "deny",
    "when": 'in_cidr(url_host(args.url), "10.0.0.0/8") || in_cidr(url_host(args.url), "::1/128")',
}
NOT_EVE = {"id": "rule", "effect": "deny", "when": 'same_person(args.to, "eve@evil.com")'}
NOT_ETC = {"id": "rule", "effect": "deny", "when": 'path_within(args.path, "/etc")'}
LOCAL = {"id": "rule", "effect": "allow", "when": 'in_cidr(args.ip, "10.0.0.0/8")'}
ASKS = {"id": "rule", "effect": "approve", "when": 'url_host(args.url) != "acme.com"'}

URLS = [
    "",
    "acme.com",
    "https://acme.com@evil.com/",
    "https://acme.com:pw@evil.com/",
    "https://evil.com\\@acme.com/",
    "https://acme.com\r\nHost: evil.com",
    "https://acme.com%2eevil.com/",
    "https://acme.com./",
    "https://\uff41cme.com/",
    "https://acme\u3002com/",
    "https://acm\u0435.com/",
    "https://xn--acm-8cd.com/",
    "https://acme.com.evil.com/",
    "javascript:acme.com",
    "file://acme.com/etc/passwd",
    "https://2130706433/",
    "https://0x7f.1/",
]


@pytest.mark.parametrize("url", URLS)
def test_a_url_that_is_not_ours_is_denied_by_the_rule_that_allows_ours(url: str) -> None:
    """Attack 17. Defence: `url_host` is strict."""
    decision = decide({"url": url}, OURS)
    assert decision.effect is Effect.DENY
    assert decision.rule in ("rule", "no-rule")
    assert "evil" not in decision.because + decision.message


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "http://[::1]/",
        "http://[64:ff9b::a00:1]/",
        "http://0x0a.0.0.1/",
        "http://012.0.0.1/",
        "http://167772161/",
        "http://10.1/",
        "http://user@10.0.0.1/",
        "http://10.0.0.1.:80/",
        "http://localtest.me/",  # a name may lead anywhere
        "ftp://10.0.0.1/",
        "",
    ],
)
def test_an_address_inside_is_denied_however_it_is_written(url: str) -> None:
    """Attack 17. Defence: `in_cidr` is strict, and an error of a rule that denies denies."""
    decision = decide({"url": url}, NOT_INSIDE, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "rule")


def test_an_address_outside_still_passes() -> None:
    assert decide({"url": "http://93.184.216.34/"}, NOT_INSIDE, REST).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "address",
    [
        "eve@evil.com",
        "EVE@Evil.COM",
        "eve@evil.com,ann@acme.com",
        "ann@acme.com, eve@evil.com",
        "ann@acme.com\r\nBcc: eve@evil.com",
        "Eve <eve@evil.com>",
        "eve@evil.com ",
        "eve\u200b@evil.com",
        "eve@ev\u0131l\u3002com",
        "",
    ],
)
def test_one_person_is_kept_out_however_they_are_written(address: str) -> None:
    """Attack 16. Defence: `same_person` knows one mailbox, and refuses what is no address."""
    decision = decide({"to": address}, NOT_EVE, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "rule")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/data/../etc/passwd",
        "//etc/passwd",
        "/data/./../etc//passwd",
        "link/passwd",
        "~/../etc/passwd",
        "/etc/passwd\0.txt",
        "",
    ],
)
def test_a_folder_is_kept_out_however_its_path_is_written(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 17. Defence: `path_within` follows links and dots before it compares."""
    (tmp_path / "link").symlink_to("/etc")
    monkeypatch.chdir(tmp_path)
    decision = decide({"path": path}, NOT_ETC, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "rule")


@pytest.mark.parametrize("rule", [OURS, NOT_INSIDE, NOT_EVE, NOT_ETC, LOCAL, ASKS])
def test_a_missing_field_is_denied_by_the_rule_that_names_it(rule: dict[str, str]) -> None:
    decision = decide({}, rule, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "rule")
    assert "is not given" in decision.because


SMALL = {"id": "rule", "effect": "allow", "when": "args.amount < 100 && args.times < 100"}
ODD = [
    "5",
    "5e0",
    True,
    None,
    [],
    [5],
    {},
    b"5",
    math.nan,
    math.inf,
    -math.inf,
    2**53 + 0.5j,
    object,
]


@pytest.mark.parametrize("name", ["amount", "times"])
@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_what_is_no_number_is_denied_before_any_rule(name: str, value: Any) -> None:
    """Attack 16. Defence: arguments are read strictly by their schema."""
    decision = decide({"amount": 5, "times": 5, name: value}, SMALL, REST)
    assert (decision.effect, decision.rule) == (Effect.DENY, "arguments")


@pytest.mark.parametrize("name", ["amount", "times"])
@pytest.mark.parametrize("value", [2**64, -(2**64), 10**4000])
def test_a_number_too_large_is_denied_and_not_cut(name: str, value: int) -> None:
    """Attack 16. Defence: a whole number that conditions cannot hold is an error."""
    low = {"id": "rule", "effect": "allow", "when": f"args.{name} != 3"}
    decision = decide({"amount": 5, "times": 5, name: value}, low)
    assert decision.effect is Effect.DENY
    assert decision.rule in ("rule", "arguments")


def test_an_unknown_tool_is_denied_with_the_reason() -> None:
    engine = Engine(Policy.from_mapping({"version": 1, "tools": {"use": {}}}), [SPEC])
    for name in ("USE", "use ", "us\u0435", "use\0", "", "drop"):
        action = Action(name, {}, call_id="c", thread_id="t", agent_id="agent")
        decision = engine.decide(action, Context("agent", "t"), 0.0)
        assert (decision.effect, decision.rule) == (Effect.DENY, "unknown-tool")


def pay(amount: int) -> str:
    """Pay."""
    raise AssertionError("it ran")


@pytest.mark.parametrize("names", [("pay", "Pay"), ("pay", "p\u0430y"), ("pay", "\uff50ay")])
def test_two_tools_that_could_pass_for_one_are_refused(names: tuple[str, str]) -> None:
    """Attack 20. Defence: names are compared as people read them before any tool is guarded."""
    tools = [StructuredTool.from_function(pay, name=name) for name in names]
    with pytest.raises(PolicyError, match="rename"):
        guard(tools, policy={"version": 1}, store=memory_store())


def test_two_different_tools_of_one_name_are_refused() -> None:
    """Attack 20. Defence: one name is one tool."""

    def other(amount: int, to: str) -> str:
        """Pay somebody else."""
        raise AssertionError("it ran")

    tools = [StructuredTool.from_function(pay), StructuredTool.from_function(other, name="pay")]
    with pytest.raises(GuardedAgentError, match="pay"):
        guard(tools, policy={"version": 1}, store=memory_store())


BROKEN = [
    "",
    "\n",
    "version: 2",
    "version: '1'",
    "tools: {}",
    "- version: 1",
    "version: 1\nversion: 1",
    "version: 1\nmode: off",
    "version: 1\ntools: {pay: {rules: [{effect: alow}]}}",
    "version: 1\ntools: {pay: {rules: [{effect: allow, when: args.amuont > 3}]}}",
    "version: 1\ntools: {pay: {rules: [{effect: allow, when: true}]}}",
    "version: 1\ntools: {pay: {limits: {per_day: {sum: args.amount, max: .nan}}}}",
    "version: 1\ntools: {pay: {limits: {per_day: {sum: args.amount, max: -1}}}}",
    "version: 1\ntools: {pay: {limits: {per_window: {within: 0s, count: true, max: 1}}}}",
    "version: 1\ntools: &a {pay: *a}",
    "version: !!python/object/apply:os.system ['true']",
    "version: 1\n\x00",
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_policy_that_does_not_load_guards_nothing_and_says_why(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        guard([StructuredTool.from_function(pay)], policy=file, store=memory_store())
    assert all(problem.message for problem in caught.value.problems)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"\x80version: 1", b"version: 1\n" + b"#" * 2**21]
)
def test_a_policy_file_that_is_no_text_says_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(data)
    for path in (tmp_path / "policy.yaml", tmp_path, tmp_path / "none.yaml"):
        with pytest.raises(PolicyError):
            guard([StructuredTool.from_function(pay)], policy=path, store=memory_store())


WHOLE = """
version: 1
agent: {id: agent, family: payers}
organisation: {domains: [acme.com]}
tools:
  use:
    access: send
    sink: {argument: to, clearance: internal}
    rules:
      - {effect: allow, when: 'same_person(args.to, user) && count.today < 3'}
      - {effect: deny, when: args.amount > 100 || in_cidr(args.ip, "10.0.0.0/8")}
    limits:
      per_day: [{sum: args.amount, max: 10}, {count: true, max: 3, by: args.to}]
      per_window: {within: 10m, count: true, max: 3}
"""


BITS = ["{", "]", ": ", "\n", "&a ", "!!", "'", "null", "1e999", "\t"]
WORDS_OF_CONDITIONS = """
args.to args.amount given.to user args == != < && || ! ( ) [ ] , in size .size() true 'a' "b" 1 -1
1.5 . \\ // ? : + count.today now in_cidr same_person \u00e9 \0
"""


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, len(WHOLE) - 1),
    st.integers(0, 30),
    st.text(max_size=6) | st.sampled_from(BITS),
)
def test_a_policy_with_a_fault_anywhere_loads_or_names_it(at: int, cut: int, put: str) -> None:
    """Nothing but a `PolicyError` comes out, and what loads decides without breaking."""
    try:
        policy = Policy.from_text(WHOLE[:at] + put + WHOLE[at + cut :])
        engine = Engine(policy, [SPEC], strict_tools=False)
    except PolicyError:
        return
    args = {"to": "ann@acme.com", "amount": 5, "ip": "8.8.8.8"}
    action = Action("use", args, call_id="c", thread_id="t", agent_id="agent")
    engine.decide(action, Context("agent", "t"), 0.0)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS_OF_CONDITIONS.split()), max_size=9))
def test_any_condition_is_checked_without_breaking(words: list[str]) -> None:
    when = " ".join(words)
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"use": {"rules": [{"effect": "allow", "when": when}]}}}
    )
    problems = [*check(policy), *check(policy, [SPEC])]
    assert all(problem.message for problem in problems)

"""Conditions are checked against the tool's own schema when the policy loads."""

# ruff: noqa: E501 - a problem is one line, and so is the test for it

from __future__ import annotations

from typing import Any

import pytest

from guarded_agent.core import Action, Context, ToolSpec
from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import Engine, Policy, check

STRINGS = {"type": "array", "items": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": STRINGS,
        "subject": {"type": "string"},
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "cc": {"anyOf": [STRINGS, {"type": "null"}], "default": None},
        "tone": {"type": "string", "default": "calm"},
        "where": {"$ref": "#/$defs/Place"},
        "extra": {"type": "object"},
        "link_url": {"type": "string"},
        "file_path": {"type": "string"},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        "in": {"type": "string"},
        "source_ip": {"type": "string"},
    },
    "$defs": {
        "Place": {"type": "object", "properties": {"city": {"type": "string"}, "up": {"$ref": "#/$defs/Place"}}}
    },
    "required": ["to", "subject", "amount"],
}  # fmt: skip
SEND = ToolSpec("send", schema=SCHEMA)


def policy_of(when: str) -> Policy:
    return Policy.from_text(
        "version: 1\n"
        "tools:\n"
        "  send:\n"
        "    access: send\n"
        "    sink: {argument: subject}\n"
        "    rules:\n"
        f"      - {{effect: allow, when: '{when}'}}\n",
        "p.yaml",
    )


def problems(when: str) -> list[str]:
    return [str(problem) for problem in check(policy_of(when), [SEND])]


@pytest.mark.parametrize(
    ("when", "place", "words"),
    [
        ("args.amuont > 3", "7:32", "args.amuont is no argument of it; did you mean args.amount?"),
        ("args.count > 1 && args.cuont > 1", "7:50", "args.cuont is no argument of it; did you mean args.count?"),
        ("given.ccc", "7:32", "given.ccc is not known here; did you mean given.cc?"),
        ("usr == \"\"", "7:32", "usr is not known here; did you mean user?"),
        ("email_domin(args.subject) == \"\"", "7:32", "email_domin is not known here; did you mean email_domain?"),
        ("args.subject > 3", "7:45", "> does not take (string, int)"),
        ("args.to == \"x\"", "7:40", "== does not take (list(string), string)"),
        ("args.where.city == 3", "7:48", "== does not take (string, int)"),
        ("args.where.cty == \"x\"", "7:32", "args.where.cty is no argument of it; did you mean args.where.city?"),
        ("email_domain(args.to) == \"\"", "7:44", "email_domain does not take (list(string))"),
        ("args.subject", "7:32", "yields string: it must yield true or false"),
        ("args.amount", "7:32", "yields dyn: it must yield true or false"),
        ("", "7:32", "Syntax error: mismatched input '<EOF>'"),
        ("args.count >", "7:44", "Syntax error: mismatched input '<EOF>'"),
        ("has(args.urgent)", "7:32", "has(args.urgent) does not test whether it is there: use given.urgent"),
        ("!has( args.cc )", "7:33", "has(args.cc) does not test whether it is there: use given.cc"),
        ("has(label.trusted)", "7:32", "has(label.trusted) does not test whether it is there: drop it"),
        ("args.to.all(r, r.endsWith(\"@acme.com\"))", "7:57", "endsWith on args.to can be fooled: use email_domain(...) == \"acme.com\""),
        ("args.to[0].contains(\"acme\")", "7:51", "contains on args.to can be fooled: use email_domain(...) == \"acme.com\""),
        ("given.cc && args.cc.exists(r, r.matches(\"acme\"))", "7:71", "matches on args.cc can be fooled: use email_domain(...) == \"acme.com\""),
        ("args.link_url.startsWith(\"https://acme.com\")", "7:56", "startsWith on args.link_url can be fooled: use url_host(...) == \"acme.com\""),
        ("args.file_path.startsWith(\"/data/\")", "7:57", "startsWith on args.file_path can be fooled: use path_within(..., \"/data\")"),
        ("\"x\".endsWith(args.file_path)", "7:44", "endsWith on args.file_path can be fooled: use path_within(..., \"/data\")"),
        ("args.source_ip.startsWith(\"10.\")", "7:57", "startsWith on args.source_ip can be fooled: use in_cidr(..., \"10.0.0.0/8\"), or compare the whole with =="),
        ("in_cidr(args.source_ip, \"10.0.0.1/8\")", "7:57", "this is not a network: write it as 10.0.0.0/8"),
        ("in_cidr(url_host(args.link_url), \"10/8\")", "7:66", "this is not a network: write it as 10.0.0.0/8"),
        ("path_within(args.file_path, \"data\")", "7:61", "the root of path_within must be an absolute path"),
        ("now.getHours(\"Europe/Bonn\") == 8", "7:46", "this time zone is not known: use one like Europe/Berlin or +01:00"),
        ("in_cidr(args.source_ip, args.count)", "7:39", "in_cidr does not take (string, int)"),
        ("args.subject.endsWith(\"x\")", "7:53", "endsWith on args.subject can be fooled: use email_domain(...) or url_host(...)"),
    ],
)  # fmt: skip
def test_a_wrong_condition_names_place_rule_and_tool(when: str, place: str, words: str) -> None:
    found = problems(when)
    assert found[0] == (
        f"p.yaml:{place}: tools.send.rules[0].when: rule send/1 of tool send: {words}"
    )


@pytest.mark.parametrize(
    "when",
    [
        "args.amount > 3 && args.amount < 3.5",
        "args.count > 1 && args.urgent",
        'args.to.all(r, email_domain(r) == "acme.com")',
        "args.to.exists(r, email_domain(r) in inside)",
        "args.to.all(r, r in recipients || r in correspondents)",
        'given.cc && args.cc.all(r, email_domain(r) == "acme.com")',
        'args.tone == "calm" && !args.tone.contains("loud")',
        'given.where && args.where.city == "Bonn"',
        'has(args.extra.key) && args.extra.key == "x"',
        'url_host(args.link_url) == "acme.com"',
        'path_within(args.file_path, "/data")',
        'args.either == "x" || args.either == 3',
        "label.confidentiality < 2 && label.trusted",
        '"hr" in label.compartments || "search" in read',
        'user == "ann@acme.com" && agent == "mail"',
        "hour >= 8 && hour < 18",
        'in_cidr(args.source_ip, "10.0.0.0/8")',
        'url_host(args.link_url) == "acme.com" || in_cidr(url_host(args.link_url), "fd00::/8")',
        "same_person(args.subject, user)",
        'now.getHours("Europe/Berlin") >= 8 && now.getDayOfWeek("+01:00") < 6',
        'now < timestamp("2027-01-01T00:00:00Z")',
    ],
)
def test_what_conditions_may_say(when: str) -> None:
    assert problems(when) == []


def test_every_problem_of_every_rule_is_reported_with_its_own_line() -> None:
    policy = Policy.from_text(
        "version: 1\n"
        "tools:\n"
        "  send:\n"
        "    rules:\n"
        "      - effect: deny\n"
        "        when: |\n"
        "          args.count > 3 &&\n"
        "            args.cuont > 3\n"
        "      - effect: allow\n"
        "        when: >\n"
        "          args.amuont\n"
        "          > 3\n"
        "      - {effect: allow, when: args.subject > 1 && args.to > 1}\n",
        "p.yaml",
    )
    places = [str(problem).split(": ")[0] for problem in check(policy, [SEND])]
    assert places == ["p.yaml:8:13", "p.yaml:10:15", "p.yaml:13:44", "p.yaml:13:59"]


def test_a_sum_must_be_a_number_and_a_sink_an_argument() -> None:
    policy = Policy.from_text(
        "version: 1\n"
        "tools:\n"
        "  send:\n"
        "    sinks: [{argument: subject}, {argument: tto}]\n"
        "    limits: {per_day: {sum: args.subject, max: 3}}\n",
        "p.yaml",
    )
    assert [str(problem) for problem in check(policy, [SEND])] == [
        'p.yaml:4:45: tools.send.sinks[1].argument: tool send has no argument "tto"; did you mean to?',
        "p.yaml:5:29: tools.send.limits.per_day.sum: limit per_day of tool send: yields string: it must yield a number",
    ]


def test_a_rule_that_asks_always_leaves_no_room_for_one_that_allows() -> None:
    policy = Policy.from_text(
        "version: 1\n"
        "tools:\n"
        "  send:\n"
        "    rules:\n"
        "      - {effect: allow, when: args.urgent}\n"
        "      - {effect: approve}\n",
        "p.yaml",
    )
    for found in (check(policy, [SEND]), check(policy)):
        assert str(found[0]).startswith("p.yaml:5:9: tools.send.rules[0]: this rule never decides")
        assert len(found) == 1


def test_without_schemas_what_needs_none_is_checked() -> None:
    def untyped(when: str) -> list[str]:
        return [problem.message for problem in check(policy_of(when))]

    assert untyped('args.any.thing == "x" && given.any') == []
    assert untyped("args.x >")[0].startswith("rule send/1 of tool send: Syntax error")
    assert untyped("usr == 3") == [
        "rule send/1 of tool send: usr is not known here; did you mean user?"
    ]
    assert untyped("user") == [
        "rule send/1 of tool send: yields string: it must yield true or false"
    ]
    assert untyped('args.to.all(r, r.endsWith("x"))') == [
        'rule send/1 of tool send: endsWith on args.to can be fooled: use email_domain(...) == "acme.com"'
    ]


@pytest.mark.parametrize(
    ("tools", "line"),
    [
        ("snd: {}", 'p.yaml:3:3: tools.snd: there is no tool "snd"; did you mean send?'),
        ("'SEND': {}", 'p.yaml:3:3: tools.SEND: there is no tool "SEND"'),
        ("'sen': {}", 'p.yaml:3:3: tools.sen: there is no tool "sen"; did you mean send?'),
        ("'post_*': {}", 'p.yaml:3:3: tools.post_*: the glob "post_*" matches no tool'),
        ("{'se*': {}, '*d': {}}", 'p.yaml:3:15: tools.*d: the globs se* and *d both match the tool "send"'),
    ],
)  # fmt: skip
def test_a_key_that_is_about_no_tool_or_twice_about_one_is_an_error(tools: str, line: str) -> None:
    policy = Policy.from_text(f"version: 1\ntools:\n  {tools}\n", "p.yaml")
    assert [str(problem) for problem in check(policy, [SEND])] == [line]


RULE = "{tool_arguments: {US_SSN: block}}"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("snd", 'p.yaml:4:17: guards.pii.tools.snd: there is no tool "snd"; did you mean send?'),
        ("'SEND'", 'p.yaml:4:17: guards.pii.tools.SEND: there is no tool "SEND"'),
        ("'se*'", 'p.yaml:4:17: guards.pii.tools.se*: "se*" is a glob: a guard takes the whole name of each tool'),
        ("send", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tools", ["{send: {}}", "{'se*': {}}", "{}"])
def test_a_guard_that_names_a_tool_that_there_is_not_is_an_error(
    name: str, line: str | None, tools: str
) -> None:
    text = f"version: 1\ntools: {tools}\nguards:\n  pii: {{tools: {{{name}: {RULE}}}}}\n"
    problems = check(Policy.from_text(text, "p.yaml"), [SEND])
    assert [str(problem) for problem in problems] == ([line] if line else [])


@pytest.mark.parametrize(
    ("tools", "unlisted", "name", "words"),
    [
        ({"send": {}}, {}, "snd", ['"snd" is not among tools, and all others are denied; did you mean send?']),
        ({"se*": {}}, {}, "other", ['"other" is not among tools, and all others are denied']),
        ({"send": {}}, {}, "*", ['"*" is a glob: a guard takes the whole name of each tool']),
        ({"send": {}}, {}, "send", []),
        ({"se*": {}}, {}, "search", []),
        ({"send": {}}, {"read": "allow"}, "search", []),
        ({}, {}, "search", []),
    ],
)  # fmt: skip
def test_without_tools_a_guard_may_name_those_that_the_policy_lets_in(
    tools: dict[str, Any], unlisted: dict[str, str], name: str, words: list[str]
) -> None:
    pii = {"tools": {name: {"tool_result": "block"}}}
    policy = Policy.from_mapping(
        {"version": 1, "tools": tools, "unlisted": unlisted, "guards": {"pii": pii}}
    )
    assert [problem.message for problem in check(policy)] == words
    assert [problem.message for problem in _non_strict(policy)] == words


def _non_strict(policy: Policy) -> list[Any]:
    try:
        Engine(policy, [], strict_tools=False)
    except PolicyError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("section", [{}, {"tools": None}, {"tools": ["send"]}, []])
def test_what_is_malformed_in_a_guard_is_left_to_the_guard(section: Any) -> None:
    assert check(Policy.from_mapping({"version": 1, "guards": {"pii": section}}), [SEND]) == []


def test_entries_for_absent_tools_can_be_allowed_on_purpose() -> None:
    engine = Engine(
        Policy.from_text("version: 1\ntools: {other: {}}\n"), [SEND], strict_tools=False
    )
    assert [spec.name for spec in engine.specs] == ["send"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Send", 'the tools "send" and "Send" differ only in case: rename one'),
        ("s\u0435nd", "the tool name 's\\u0435nd' is not plain ASCII without spaces: rename it"),
        ("send", 'two different tools are called "send": rename one'),
    ],
)
def test_a_tool_that_could_pass_for_another_is_refused(name: str, words: str) -> None:
    with pytest.raises(PolicyError, match="rename") as caught:
        Engine(Policy.default(), [SEND, ToolSpec(name, access="read", declared=True)])
    assert caught.value.problems[0].message == words


def test_the_same_tool_may_be_given_twice() -> None:
    assert len(Engine(Policy.default(), [SEND, SEND]).specs) == 1


def effect(when: str, args: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    whole = {"to": ["ann@acme.com"], "subject": "s", "amount": 1, **args}
    action = Action.build(tool="send", args=whole, call_id="c", thread_id="t", agent_id="a")
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"send": {"rules": [{"effect": "allow", "when": when}]}}}
    )
    decision = Engine(policy, [SEND]).decide(action, Context("a", "t"), 0.0)
    return str(decision.effect), decision.errors


def test_an_argument_that_is_left_out_is_an_error_unless_the_rule_asks_for_it() -> None:
    reason = "args.count is not given: test given.count first"
    assert effect("args.count > 0", {}) == ("deny", (("send/1", reason),))
    assert effect("!given.count || args.count > 0", {})[0] == "allow"
    assert effect("given.count && args.count > 0", {}) == ("deny", ())


def test_a_default_stands_in_for_an_argument_that_is_left_out() -> None:
    assert effect('args.tone == "calm"', {})[0] == "allow"
    assert effect('args.tone == "calm"', {"tone": "loud"})[0] == "deny"
    assert effect("given.tone", {})[0] == "deny"


def test_null_counts_as_left_out() -> None:
    assert effect("!given.cc", {"cc": None})[0] == "allow"
    assert effect("args.cc.size() == 0", {"cc": None})[1][0][0] == "send/1"


def test_parts_of_an_argument_can_be_named() -> None:
    assert effect('args.where.city == "Bonn"', {"where": {"city": "Bonn"}})[0] == "allow"
    assert effect("given.where.city", {"where": {}})[0] == "deny"
    assert effect('args.where.up.city == "Bonn"', {"where": {"up": {"city": "Bonn"}}})[0] == "allow"


def test_the_hour_is_utc() -> None:
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"send": {"rules": [{"effect": "allow", "when": "hour == 13"}]}}}
    )
    engine = Engine(policy, [ToolSpec("send")])
    action = Action("send", {}, call_id="c", thread_id="t", agent_id="a")
    for hour, expected in ((12, "deny"), (13, "allow"), (14, "deny")):
        decision = engine.decide(action, Context("a", "t"), 86400.0 * 20000 + 3600 * hour + 1)
        assert str(decision.effect) == expected


@pytest.mark.parametrize(
    ("when", "effects"),
    [
        ('now.getHours("Europe/Berlin") == 14', ["allow", "deny"]),  # winter time, summer time
        ('now.getHours("Europe/Berlin") == 15', ["deny", "allow"]),
        ("now.getDayOfWeek() == 3", ["allow", "deny"]),
        ('now < timestamp("2026-06-01T00:00:00Z")', ["deny", "allow"]),
    ],
)
def test_now_is_told_in_any_time_zone(when: str, effects: list[str]) -> None:
    policy = Policy.from_mapping(
        {"version": 1, "tools": {"send": {"rules": [{"effect": "allow", "when": when}]}}}
    )
    engine = Engine(policy, [ToolSpec("send")])
    action = Action("send", {}, call_id="c", thread_id="t", agent_id="a")
    winter, summer = 1795612500.0, 1779368700.0  # 2026-11-25 13:15, 2026-05-21 13:05
    found = [str(engine.decide(action, Context("a", "t"), at).effect) for at in (winter, summer)]
    assert found == effects


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf"), 1e20, -1e20])
@pytest.mark.parametrize("when", ["now.getHours() < 99", "hour < 99 && now != timestamp(0)"])
def test_a_clock_that_tells_no_time_denies_by_the_rule_that_asks_it(when: str, now: float) -> None:
    rules = [{"id": "office", "effect": "allow", "when": when}]
    policy = Policy.from_mapping({"version": 1, "tools": {"send": {"rules": rules}}})
    action = Action("send", {}, call_id="c", thread_id="t", agent_id="a")
    decision = Engine(policy, [ToolSpec("send")]).decide(action, Context("a", "t"), now)
    assert (str(decision.effect), decision.rule) == ("deny", "office")

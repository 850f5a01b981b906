"""Reading a policy file: every problem is found, placed, and said in one line."""

# ruff: noqa: E501 - a problem is one line, and so is the test for it

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core.errors import PolicyError
from guarded_agent.policy import Policy, load


def lines(text: str) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        Policy.from_text(text, "p.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "p.yaml: is empty: a policy begins with version: 1"),
        ("# only words\n", "p.yaml: is empty: a policy begins with version: 1"),
        ("- a\n", "p.yaml:1:1: must be a mapping of keys such as version and tools"),
        ("tools: {}\n", "p.yaml:1:1: version: this required key is missing"),
        ("version: 2\n", "p.yaml:1:10: version: version 2 is not known: this release reads version 1"),
        ("version: 1\ntols: {}\n", "p.yaml:2:1: tols: unknown key; did you mean tools?"),
        (
            "version: 1\nversion: 1\n",
            'p.yaml:2:1: duplicate key "version": it stands on line 1 already',
        ),
        (
            "version: 1\ntools:\n  a:\n    scops: [x]\n",
            "p.yaml:4:5: tools.a.scops: unknown key; did you mean scopes?",
        ),
        (
            "version: 1\ntools:\n  a: {access: reed}\n",
            'p.yaml:3:15: tools.a.access: "reed" is not one of read, write, send; did you mean read?',
        ),
        (
            "version: 1\ntools: {a: {rules: [{effect: alow}]}}\n",
            'p.yaml:2:30: tools.a.rules[0].effect: "alow" is not one of allow, approve, deny; did you mean allow?',
        ),
        (
            "version: 1\ntools: {a: {rules: [{when: 'true'}]}}\n",
            "p.yaml:2:21: tools.a.rules[0].effect: this required key is missing",
        ),
        (
            "version: 1\ntools: {a: {rules: [{effect: deny, when: 3}]}}\n",
            "p.yaml:2:42: tools.a.rules[0].when: must be text: put it in quotes",
        ),
        (
            "version: 1\ntools: {a: {label: {trusted: yes}}}\n",
            "p.yaml:2:30: tools.a.label.trusted: must be true or false",
        ),
        (
            "version: 1\ntools: {a: {approval: {quorum: '2'}}}\n",
            "p.yaml:2:33: tools.a.approval.quorum: must be a whole number",
        ),
        (
            "version: 1\ntools: {a: {limits: {per_day: {max: 010, count: true}}}}\n",
            "p.yaml:2:37: tools.a.limits.per_day.max: must be a number",
        ),
        (
            "version: 1\ntools: {a: {limits: {per_day: {max: 3}}}}\n",
            "p.yaml:2:31: tools.a.limits.per_day: needs exactly one of sum and count",
        ),
        (
            "version: 1\ntools: {a: {limits: {per_call: {max: 3, count: true}}}}\n",
            "p.yaml:2:32: tools.a.limits.per_call: one call is always one call: use sum here, or per_day",
        ),
        (
            "version: 1\nconcern: false\n",
            "p.yaml:2:10: concern: to switch it off, say why: {off: true, because: '...'}; to have it, leave this out",
        ),
        (
            "version: 1\nconcern: {off: true}\n",
            "p.yaml:2:10: concern: to switch it off, say why: because: '...'",
        ),
        (
            "version: 1\nconcern: {off: true, because: ' '}\n",
            "p.yaml:2:10: concern: to switch it off, say why: because: '...'",
        ),
        (
            "version: 1\nconcern: {off: yes, because: x}\n",
            "p.yaml:2:16: concern.off: must be true or false",
        ),
        (
            "version: 1\nconcern: {of: true}\n",
            "p.yaml:2:11: concern.of: unknown key; did you mean off?",
        ),
        (
            "version: 1\ntools: {a: {sink: {argument: x}, sinks: [{argument: y}]}}\n",
            "p.yaml:2:12: tools.a: use sink for one, or sinks for several, not both",
        ),
        (
            "version: 1\ntools: {a: {rules: [{id: x, effect: deny}, {id: x, effect: deny}]}}\n",
            'p.yaml:2:49: tools.a.rules[1].id: rule id "x" is used twice: choose another',
        ),
        (
            "version: 1\nguards: {pi: {}}\n",
            'p.yaml:2:10: guards.pi: "pi" is not one of pii, secrets, coercion, scope, media, impact, guardrails; did you mean pii?',
        ),
        (
            "version: 1\nfusion: [{compartments: [], effect: deny}]\n",
            "p.yaml:2:25: fusion[0].compartments: must not be empty",
        ),
        (
            "version: 1\napprovals: {decide_within: 99d}\n",
            "p.yaml:2:28: approvals.decide_within: must be a duration from 1s to 30d, such as 45s, 30m or 1h",
        ),
        (
            "version: 1\napprovals: {on_expiry: allow}\n",
            'p.yaml:2:24: approvals.on_expiry: "allow" is not one of deny',
        ),
        (
            "version: 1\nmode: observed\n",
            'p.yaml:2:7: mode: "observed" is not one of enforce, observe; did you mean observe?',
        ),
        (
            "version: 1\norganisation: {domains: [acme.com, 'ac me.com']}\n",
            "p.yaml:2:37: organisation.domains[1]: this is not a host name",
        ),
        (
            "version: 1\nagent: {id: Mail Agent}\n",
            "p.yaml:2:13: agent.id: must be lower-case letters, digits, dots, dashes and underscores, at most 64, beginning with a letter or digit",
        ),
        ("version: !!int 1\n", "p.yaml:1:10: tags (!) are not supported: remove it"),
        ("version: 1\n---\nversion: 1\n", "p.yaml:2:1: a policy is one document: remove what follows this ---"),
        ("version: 1\ntools: {<<: {a: {}}}\n", "p.yaml:2:9: merge keys (<<) are not supported: write the keys out"),
        ("? [a]\n: b\n", "p.yaml:1:3: a key must be a word, not a list or map"),
        ("version: 1\n  a: b\n", "p.yaml:2:4: is not valid YAML: mapping values are not allowed here"),
        ("version: 1\n\x00", "p.yaml: is not text: it holds characters that YAML does not allow"),
        ("[" * 60, "p.yaml:1:32: is nested deeper than 30 levels"),
        ("a: " + "b" * 1024 * 1024, "p.yaml: is larger than 1048576 bytes"),
    ],
)  # fmt: skip
def test_a_problem_is_one_line_with_its_place(text: str, line: str) -> None:
    assert lines(text) == [line]


def test_all_problems_are_reported_at_once_in_file_order() -> None:
    text = "version: 1\ntools:\n  b: {acess: read}\n  a: {access: reed}\nmod: x\n"
    assert [line.split(":")[1] for line in lines(text)] == ["3", "4", "5"]


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    found = lines("\n".join(rows))
    assert found[0] == "p.yaml:1:5: anchors (&) are not supported: remove it"
    assert "p.yaml:2:10: aliases (*) are not supported: write the value out" in found


def test_words_on_which_yaml_versions_disagree_are_text() -> None:
    policy = Policy.from_text(
        "version: 1\nguards: {pii: {a: no, b: 0x1F, c: 2020-01-01, d: 1:30}}\n"
    )
    assert policy.guards["pii"] == {"a": "no", "b": "0x1F", "c": "2020-01-01", "d": "1:30"}


def test_files_that_are_no_policies_give_one_clear_line(tmp_path) -> None:
    binary = tmp_path / "image.yaml"
    binary.write_bytes(b"\x89PNG\r\n\xff\xfe")
    cases = {
        tmp_path / "none.yaml": "there is no such file",
        tmp_path: "is a directory: name the policy file in it",
        binary: "is not a text file in UTF-8",
    }
    for path, words in cases.items():
        with pytest.raises(PolicyError) as caught:
            Policy.from_file(path)
        assert str(caught.value) == f"{path}: {words}"


def test_load_takes_a_path_a_mapping_a_policy_or_nothing(tmp_path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xef\xbb\xbfversion: 1\n")  # with the mark that some editors put first
    policy = load(str(path))
    assert load(path) == load({"version": 1}) == load(policy) == policy
    assert load() == Policy.default()
    with pytest.raises(PolicyError, match=r"use Policy\.from_text"):
        load("version: 1\n")


def test_plain_data_problems_name_the_key() -> None:
    with pytest.raises(PolicyError) as caught:
        load({"version": 1, "guards": {"pii": {"key": object()}}, "tools": {"a": {"rule": []}}})
    assert str(caught.value) == "policy: tools.a.rule: unknown key; did you mean rules?"
    with pytest.raises(PolicyError, match=r"guards\.pii: options must be plain data"):
        load({"version": 1, "guards": {"pii": {"key": object()}}})
    with pytest.raises(PolicyError, match="not valid Unicode"):
        load({"version": 1, "agent": {"id": "a", "purpose": "\ud800"}})
    with pytest.raises(PolicyError, match=r"tools\.a\.limits\.per_day\.max"):
        load(
            {
                "version": 1,
                "tools": {"a": {"limits": {"per_day": {"count": True, "max": float("nan")}}}},
            }
        )


def test_the_default_policy_reads_and_asks_for_the_rest() -> None:
    unlisted = Policy.default().unlisted
    assert (unlisted.read, unlisted.write, unlisted.send) == ("allow", "approve", "approve")


def test_a_policy_that_says_nothing_allows_nothing() -> None:
    unlisted = Policy.from_mapping({"version": 1}).unlisted
    assert {unlisted.read, unlisted.write, unlisted.send} == {"deny"}


def test_the_digest_is_of_what_is_said_and_not_of_how() -> None:
    one = Policy.from_text("version: 1\nagent: {id: a}\n")
    other = Policy.from_text("# words\nagent:\n    id: 'a'\nversion: 1\n")
    third = Policy.from_text("version: 1\nagent: {id: b}\n")
    assert one.digest == other.digest != third.digest
    assert one.model_copy(update={"agent": third.agent}).digest == third.digest


def test_durations_are_read_in_seconds() -> None:
    approvals = Policy.from_text(
        "version: 1\napprovals: {decide_within: 1h, execute_within: 45s}\n"
    ).approvals
    assert (approvals.decide_seconds, approvals.execute_seconds) == (3600, 45)


words = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85\ufeff\ufffe\uffff"
    ),
    min_size=1,
    max_size=12,
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,8}[*?]?", fullmatch=True)
effects = st.sampled_from(["allow", "approve", "deny"])
rule = st.fixed_dictionaries(
    {"effect": effects}, optional={"when": words, "because": words, "message": words}
)
sink = st.fixed_dictionaries(
    {"argument": words}, optional={"clearance": st.sampled_from(["public", "secret"])}
)
limit = st.fixed_dictionaries({"max": st.floats(0, 1e12) | st.integers(0, 10**12)}) .flatmap(
    lambda base: st.sampled_from([{**base, "count": True}, {**base, "sum": "args.x"}])
)  # fmt: skip
tool = st.fixed_dictionaries(
    {},
    optional={
        "access": st.sampled_from(["read", "write", "send"]),
        "scopes": st.lists(words, max_size=2),
        "label": st.fixed_dictionaries({}, optional={"trusted": st.booleans(), "compartments": st.lists(words, max_size=2)}),
        "sink": sink,
        "impact": words,
        "rules": st.lists(rule, max_size=3),
        "limits": st.fixed_dictionaries({"per_day": limit}),
        "approval": st.fixed_dictionaries({}, optional={"quorum": st.integers(1, 20), "roles": st.lists(words, max_size=2)}),
    },
)  # fmt: skip
policies = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "agent": st.fixed_dictionaries({"id": st.just("mail")}, optional={"purpose": words}),
        "tools": st.dictionaries(names, tool, max_size=3),
        "fusion": st.lists(st.fixed_dictionaries({"compartments": st.lists(words, min_size=1, max_size=2), "effect": st.sampled_from(["approve", "deny"])}), max_size=2),
        "guards": st.dictionaries(st.sampled_from(["pii", "scope"]), st.dictionaries(words, words | st.booleans() | st.integers(-9, 9), max_size=2)),
        "unlisted": st.fixed_dictionaries({}, optional={"read": effects}),
    },
)  # fmt: skip


@given(policies)
def test_a_policy_survives_being_written_and_read(data) -> None:
    policy = Policy.from_mapping(data)
    again = Policy.from_text(policy.to_text())
    assert again == policy
    assert again.digest == policy.digest


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_the_reader_raise_anything_but_a_policy_error(text: str) -> None:
    with suppress(PolicyError):
        assert Policy.from_text(text).version == 1

"""Simple conditions are closures and need no native library; the least doubt is CEL's."""

from __future__ import annotations

import subprocess
import sys

import pytest

from guarded_agent.policy.conditions import Cel, Condition, Failure
from guarded_agent.policy.simple import Conditions

KINDS = {
    "args.n": "int",
    "args.s": "string",
    "args.b": "bool",
    "args.d": "dyn",
    "args.l": "list<string>",
    "args.m": "map<string, dyn>",
    "now": "timestamp",
}

SIMPLE = [
    "args.n > 3",
    "3 < args.n && (args.s == 'a' || !args.b)",
    'args.s in ["a", "b"]',
    '"a" in args.l',
    "args.s in args.l",
    "args.l.size() > 3 || size(args.s) == 0",
    "args.d >= -1.5 && args.d != true",
    "!!args.b",
    "args.b",
    "args.n == -9223372036854775808",
    "args.n",
    "args.l",
]
FOR_CEL = [
    "true",
    "args.n + 1 > 3",
    "args.n > 0x10",
    "args.d > 1e3",
    "args.d > .5",
    "args.s == r'a'",
    "args.s == 'a\\nb'",
    'args.s == """a"""',
    "args.s == 'a' // really",
    "args.n == 1 == true",
    "args.b == (args.n > 3)",
    "args.b ? args.b : args.b",
    "args.l.all(r, r == 'a')",
    "args.m.size() > 3",
    "args.n in []",
    "args.n in [1, 2.0]",
    "args.n in [1, 2,]",
    "args.n > - 3",
    "args.s.startsWith('a')",
    ".args.n > 3",
    "args . n > 3",
    "args.d == args.n",
    "now > now",
    "args.b < true",
    "!!!!args.b",
    "(" * 30 + "args.b" + ")" * 30,
    " && ".join(["args.b"] * 300),
]
WRONG = [
    "",
    "args.n > 1u",
    "args.n >",
    "args.n > 3.5",
    "args.n == 'a'",
    "args.x > 3",
    "args.n > 9223372036854775808",
    "args.n > 3 args.b",
    "(args.b",
    "args.b)",
    "args.n = 3",
    "args.n > 3 && args.s",
    "!args.n",
    "args.s in 'a'",
    "'a' in args.s",
    "args.n in ['a']",
    "size(args.n) > 3",
    "args.n.size() > 3",
    "args.b && 1",
    "args.s == 'a\u2028",
]


@pytest.mark.parametrize("text", SIMPLE)
def test_what_is_simple_is_a_closure_of_the_kind_that_cel_says(text: str) -> None:
    ours, theirs = Conditions().compile(text, KINDS), Cel().compile(text, KINDS)
    assert isinstance(ours, Condition)
    assert isinstance(theirs, Condition)
    assert callable(ours.compiled)
    assert ours.kind == theirs.kind


@pytest.mark.parametrize("text", FOR_CEL)
def test_what_is_not_simple_is_left_to_cel(text: str) -> None:
    ours = Conditions().compile(text, KINDS)
    assert isinstance(ours, Condition), ours
    assert not callable(ours.compiled)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_said_in_the_words_of_cel(text: str) -> None:
    faults = Conditions().compile(text, KINDS)
    assert not isinstance(faults, Condition)
    assert faults == Cel().compile(text, KINDS)


@pytest.mark.parametrize(
    ("text", "values", "reason"),
    [
        ("args.n > 3", {}, "args.n is not given: test given.n first"),
        ("args.n > 3", {"args.n": "4"}, "args.n is not a whole number that conditions can take"),
        ("args.n > 3", {"args.n": True}, "args.n is not a whole number that conditions can take"),
        ("args.n > 3", {"args.n": 2**63}, "args.n is not a whole number that conditions can take"),
        ("args.b", {"args.b": 1}, "args.b is not true or false"),
        ("args.s == 'a'", {"args.s": 1}, "args.s is not text"),
        ("args.s == 'a'", {"args.s": "\ud800"}, "a value in it cannot be read"),
        ("'a' in args.l", {"args.l": ["a", 1]}, "args.l is not a list of texts"),
        ("args.d > 3", {"args.d": "4"}, "args.d is of a kind that > refuses"),
        ("args.d > 3", {"args.d": 2**70}, "args.d is of a kind that > refuses"),
        ("args.d", {"args.d": 2**70}, "args.d is not readable"),
    ],
)
def test_a_closure_that_cannot_tell_says_why_and_repeats_no_value(text, values, reason) -> None:
    conditions = Conditions()
    condition = conditions.compile(text, KINDS)
    assert isinstance(condition, Condition)
    assert list(conditions.evaluate([condition], values)) == [Failure(reason)]


def test_closures_and_cel_answer_in_the_order_in_which_they_are_asked() -> None:
    conditions = Conditions()
    texts = ["args.n > 3", "args.n + 1 > 3", "args.n < 3", "args.n - 1 < 3", "args.n == 3"]
    asked = [conditions.compile(text, KINDS) for text in texts]
    assert list(conditions.evaluate(asked, {"args.n": 3})) == [False, True, False, True, True]


DECIDE = """
import sys
from guarded_agent.core import Action, Context, ToolSpec
from guarded_agent.policy import Engine, Policy, explain
policy = Policy.from_mapping({"version": 1, "tools": {"pay": {"rules": [
    {"effect": "allow", "when": "args.amount <= 100 && user in ['ann'] && label.trusted"},
    {"effect": "deny", "when": "given.note && size(args.note) > 100"},
], "limits": {"per_day": {"sum": "args.amount", "max": 1000, "by": "args.payee"}}}}})
kinds = {"amount": "number", "note": "string", "payee": "string"}
schema = {"properties": {name: {"type": kind} for name, kind in kinds.items()}}
action = Action("pay", {"amount": 5, "payee": "x"}, call_id="c", thread_id="t", agent_id="agent")
engine = Engine(policy, [ToolSpec("pay", schema=schema)])
print(explain(engine, action, Context("agent", "t", "ann")))
print("cel_expr_python" in sys.modules)
"""


def test_a_policy_of_simple_conditions_never_loads_the_native_library() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DECIDE], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("pay: allow, decided by pay/1")
    assert done.stdout.endswith("\nFalse\n")

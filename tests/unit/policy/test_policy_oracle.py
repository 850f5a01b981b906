"""The condition engines agree: CEL, our closures, and a second CEL by other authors.

Random conditions, random contexts, and all must say the same: true, false or error. Where
the engines differ on purpose the generator keeps away from the second CEL, `rust_cel`:

- It has no type check, so only conditions are made that cel-expr-python accepts.
- It takes the size of a text in bytes, against the standard: with `size` texts are ASCII.
- It compares an int with a double exactly, cel-expr-python as two doubles: whole numbers
  beyond 2**53 meet doubles in the second test only, which leaves it out.
- `int` arguments get ints, `string` arguments texts, and so on: that is what `Arguments`
  makes sure of before any condition is asked. Only `dyn` arguments get anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import cel as rust_cel
import pytest

from guarded_agent.policy.conditions import Cel, Condition, Failure
from guarded_agent.policy.simple import Conditions

KINDS: Mapping[str, str] = {
    "args.n": "int",
    "args.m": "int",
    "args.s": "string",
    "args.t": "string",
    "args.b": "bool",
    "args.d": "dyn",
    "args.e": "dyn",
    "args.l": "list<string>",
    "args.where.city": "string",
    "given.n": "bool",
    "given.d": "bool",
    "user": "string",
    "label.confidentiality": "int",
    "label.trusted": "bool",
    "label.compartments": "list<string>",
    "hour": "int",
}
INTS = [-(2**63), -5, -1, 0, 1, 2, 3, 7, 100, 2**53 - 1, 2**63 - 1]
SMALL = [-5, -1, 0, 1, 2, 3, 7, 100, 2**53 - 1]
DOUBLES = [-5.5, -1.0, -0.0, 0.0, 0.1, 1.0, 2.5, 3.0, 100.0, float(2**53), 1e18]
PLAIN = ["", "a", "b", "ab", "A", "hr", "ann@acme.com", "x" * 40]
TEXTS = [*PLAIN, "\u00e4\u00df", "\U0001f600"]
ODD: list[Any] = [
    2**53 + 1,
    2**63,
    2**64 - 1,
    2**64,
    -(2**63) - 1,
    2**70,
    float(2**53),
    float(2**63),
    -float(2**63),
    float("nan"),
    float("inf"),
    -float("inf"),
    1e300,
    None,
    [2**70],
    {"a": [None, 2**70]},
    "\ud800",
    ["\ud800"],
    {"\ud800": 1},
]
ERROR = "error"

Say = Callable[[Mapping[str, Any]], Any]


def of_kind(kind: str) -> list[str]:
    return [name for name, known in KINDS.items() if known == kind]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.1f}"
    return repr(value) if isinstance(value, int) else f'"{value}"'


def simple(random: Random, depth: int = 3) -> str:
    """Return a condition that compiles to closures."""
    turn = random.random()
    if depth and turn < 0.5:
        sign = random.choice([" && ", " || "])
        parts = [simple(random, depth - 1) for _ in range(random.choice([2, 2, 3]))]
        whole = sign.join(part if random.random() < 0.5 else f"({part})" for part in parts)
        return f"({whole})" if depth < 3 else whole
    if depth and turn < 0.6:
        return f"!({simple(random, depth - 1)})"
    return random.choice(LEAVES)(random)


def _int_leaf(random: Random) -> str:
    name, literal = random.choice(of_kind("int")), random.choice(INTS)
    return _either(random, name, _any_sign(random), written(literal))


def _text_leaf(random: Random) -> str:
    name, literal = random.choice(of_kind("string")), random.choice(TEXTS)
    return _either(random, name, _any_sign(random), written(literal))


def _bool_leaf(random: Random) -> str:
    name = random.choice(of_kind("bool"))
    if random.random() < 0.5:
        return random.choice(["", "!"]) + name
    return f"{name} {random.choice(['==', '!='])} {random.choice(['true', 'false'])}"


def _dyn_leaf(random: Random) -> str:
    name = random.choice(of_kind("dyn"))
    literal = random.choice([*SMALL, *DOUBLES, *TEXTS, True, False])
    sign = random.choice(["==", "!="]) if isinstance(literal, bool) else _any_sign(random)
    return _either(random, name, sign, written(literal))


def _pair_leaf(random: Random) -> str:
    kind = random.choice(["int", "string"])
    one, other = random.choice(of_kind(kind)), random.choice(of_kind(kind))
    return f"{one} {_any_sign(random)} {other}"


def _in_leaf(random: Random) -> str:
    turn = random.randrange(5)
    if turn == 0:
        return f"{written(random.choice(TEXTS))} in {random.choice(of_kind('list<string>'))}"
    if turn == 1:
        return f"{random.choice(of_kind('string'))} in {random.choice(of_kind('list<string>'))}"
    name, pool = [
        (random.choice(of_kind("string")), TEXTS),
        (random.choice(of_kind("int")), INTS),
        (random.choice(of_kind("dyn")), random.choice([TEXTS, SMALL, DOUBLES])),
    ][turn - 2]
    listed = ", ".join(written(one) for one in random.choices(pool, k=random.randint(1, 4)))
    return f"{name} in [{listed}]"


def _size_leaf(random: Random) -> str:
    name = random.choice([*of_kind("string"), *of_kind("list<string>")])
    size = random.choice([f"size({name})", f"{name}.size()"])
    return f"{size} {_any_sign(random)} {random.choice([0, 1, 2, 3, 40])}"


def _any_sign(random: Random) -> str:
    return random.choice(["==", "!=", "<", "<=", ">", ">="])


def _either(random: Random, name: str, sign: str, literal: str) -> str:
    if random.random() < 0.7:
        return f"{name} {sign} {literal}"
    mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    return f"{literal} {mirrored.get(sign, sign)} {name}"


LEAVES = [_int_leaf, _text_leaf, _bool_leaf, _dyn_leaf, _dyn_leaf, _pair_leaf, _in_leaf, _size_leaf]


def rich(random: Random, depth: int = 2) -> str:
    """Return a condition of which only CEL makes sense."""
    inner = random.choice(RICH)(random)
    if not depth or random.random() < 0.4:
        return inner
    rest = rich(random, depth - 1) if random.random() < 0.5 else simple(random, 1)
    return random.choice(
        [f"({inner}) && ({rest})", f"({rest}) || ({inner})", f"({rest}) ? ({inner}) : args.b"]
    )


RICH: list[Callable[[Random], str]] = [
    lambda random: f"args.l.all(r, r != {written(random.choice(TEXTS))})",
    lambda random: f"args.l.exists(r, r == {random.choice(['args.s', 'user'])})",
    lambda random: f"args.l.exists_one(r, r == {written(random.choice(TEXTS))})",
    lambda random: f"args.l.filter(r, r != 'a').size() > {random.randint(0, 2)}",
    lambda random: f"args.l.map(r, r + 'x').size() == {random.randint(0, 3)}",
    lambda random: f"args.l.all(r, r in label.compartments || size(r) > {random.randint(0, 2)})",
    lambda random: f"args.s.startsWith({written(random.choice(TEXTS))})",
    lambda random: f"args.t.endsWith({written(random.choice(TEXTS))})",
    lambda random: f"args.s.contains({written(random.choice(TEXTS))})",
    lambda random: f"args.s + args.t == {written(random.choice(TEXTS))}",
    lambda random: f"args.m + hour * 2 > {random.choice(SMALL)}",
    lambda random: f"args.m / hour >= {random.choice(SMALL)}",
    lambda random: f"args.m % hour == {random.choice(SMALL)}",
    lambda random: f"args.m - 1 < {random.choice(SMALL)}",
    lambda _random: "(args.b ? args.s : args.t) == user",
]


def context(random: Random, text: str, *, odd: bool = False) -> dict[str, Any]:
    """Return values for the variables of a condition. Some are missing.

    Args:
        random: Where they come from.
        text: The condition.
        odd: With values that only one of the engines takes.
    """
    texts = PLAIN if "size(" in text and not odd else TEXTS
    values: dict[str, Any] = {}
    for name, kind in KINDS.items():
        if random.random() < 0.12:
            continue
        if kind == "int":
            values[name] = random.choice(INTS)
        elif kind == "string":
            values[name] = random.choice(texts)
        elif kind == "bool":
            values[name] = random.random() < 0.5
        elif kind == "dyn":
            values[name] = (
                random.choice(ODD) if odd and random.random() < 0.4 else _anything(random)
            )
        else:
            values[name] = random.choices(texts, k=random.randint(0, 4))
    return values


def _anything(random: Random) -> Any:
    pools: list[list[Any]] = [SMALL, DOUBLES, TEXTS, [True, False], [[], ["a"], {}, {"a": 1}]]
    return random.choice(random.choice(pools))


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted names as maps, which is how the Rust engine takes them."""
    whole: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        at = whole
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    return whole


def judged(engine: Any, condition: Any) -> Say:
    """Return what an engine of ours says of a condition: true, false or error."""

    def say(values: Mapping[str, Any]) -> Any:
        value = next(iter(engine.evaluate([condition], values)))
        return ERROR if isinstance(value, Failure) else value

    return say


def rust(text: str) -> Callable[[Any], Any]:
    """Return what the Rust engine says of a condition, of a context made by `rust_context`."""
    program = rust_cel.compile(text)

    def say(given: Any) -> Any:
        try:
            return program.execute(given)
        except Exception:
            return ERROR

    return say


def rust_context(values: Mapping[str, Any]) -> Any:
    return rust_cel.Context(variables=nested(values))


CONTEXTS = 100


@pytest.mark.parametrize("part", range(8))
def test_closures_and_two_cel_engines_agree_on_simple_conditions(part: int) -> None:
    """Eight parts of 100 conditions and 100 contexts each: 80,000 contexts."""
    cel, fast = Cel(), Conditions()
    said: Counter[object] = Counter()
    for number in range(100):
        random = Random(f"simple {part} {number}")
        text = simple(random)
        ours, theirs = fast.compile(text, KINDS), cel.compile(text, KINDS)
        assert isinstance(theirs, Condition), (text, theirs)
        assert isinstance(ours, Condition)
        assert callable(ours.compiled), f"not simple: {text}"
        assert ours.kind == theirs.kind
        say_ours, say_theirs, say_rust = judged(fast, ours), judged(cel, theirs), rust(text)
        for _ in range(CONTEXTS):
            values = context(random, text)
            found = say_ours(values), say_theirs(values), say_rust(rust_context(values))
            assert len(set(found)) == 1, (text, values, found)
            said[found[0]] += 1
    # A generator that only makes errors would prove nothing.
    assert min(said[True], said[False], said[ERROR]) > 1000


@pytest.mark.parametrize("part", range(3))
def test_closures_and_cel_agree_on_values_that_only_cel_takes(part: int) -> None:
    """Three parts of 100 conditions and 100 contexts each: 30,000 contexts more."""
    cel, fast = Cel(), Conditions()
    for number in range(100):
        random = Random(f"odd {part} {number}")
        text = simple(random, random.choice([0, 0, 1, 2]))
        ours, theirs = fast.compile(text, KINDS), cel.compile(text, KINDS)
        assert isinstance(ours, Condition)
        assert isinstance(theirs, Condition)
        say_ours, say_theirs = judged(fast, ours), judged(cel, theirs)
        for _ in range(CONTEXTS):
            values = context(random, text, odd=True)
            found = say_ours(values), say_theirs(values)
            assert len(set(found)) == 1, (text, values, found)


@pytest.mark.parametrize("part", range(2))
def test_two_cel_engines_agree_on_conditions_that_are_not_simple(part: int) -> None:
    """Two parts of 100 conditions and 100 contexts each: 20,000 contexts."""
    cel, fast = Cel(), Conditions()
    said: Counter[object] = Counter()
    for number in range(100):
        random = Random(f"rich {part} {number}")
        text = rich(random)
        compiled = fast.compile(text, KINDS)
        assert isinstance(compiled, Condition), (text, compiled)
        assert not callable(compiled.compiled)
        say_cel, say_rust = judged(cel, compiled), rust(text)
        for _ in range(CONTEXTS):
            values = context(random, text)
            found = say_cel(values), say_rust(rust_context(values))
            assert len(set(found)) == 1, (text, values, found)
            said[found[0]] += 1
    assert min(said[True], said[False], said[ERROR]) > 1000

"""What a condition was true of is what the tool gets, whatever the schema and the spelling.

Attack 16. Defence: the tool's own schema reads the arguments first, and the policy and the
tool both get what it read; what a condition names of them is taken from there.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from random import Random
from typing import Any

import pytest
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, create_model

from guarded_agent import guard
from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.store import Store
from guarded_agent.testing import memory_store

TEXTS = [
    "",
    "a",
    "5",
    "true",
    "null",
    "ann@acme.com",
    "e\u0301",
    "\u00e9",
    "\ufb01",
    "\u202ea",
    "a\nb",
]
VALUES: dict[Any, list[Any]] = {
    int: [0, 1, 5, -3, 2**40, 2**63 - 1],
    float: [0.0, 1.5, 5.0, -3.25, 1e18],
    str: TEXTS,
    bool: [True, False],
    list[str]: [[], ["a"], ["a", "5"]],
}
SPELLINGS: list[Any] = [
    5,
    5.0,
    "5",
    " 5 ",
    "5.0",
    "1e2",
    True,
    "true",
    "yes",
    1,
    None,
    "\uff15",
    [5],
    "a",
    2**70,
]
GOT: list[dict[str, Any]] = []
CALLS = itertools.count()
STORE: Store = memory_store()


def random_model(random: Random, depth: int = 1) -> type[BaseModel]:
    """Return a random schema: required fields, fields with defaults, and nested ones."""
    fields: dict[str, Any] = {}
    for name in "abcd"[: random.randint(1, 4)]:
        if depth and random.random() < 0.25:
            fields[name] = (random_model(random, depth - 1), ...)
            continue
        kind: Any = random.choice(list(VALUES))
        turn = random.random()
        if turn < 0.4:
            fields[name] = (kind, random.choice(VALUES[kind]))
        elif turn < 0.5:
            fields[name] = (kind | None, None)
        else:
            fields[name] = (kind, ...)
    return create_model("Random", **fields)


def random_args(random: Random, model: type[BaseModel]) -> dict[str, Any]:
    args: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            args[name] = random_args(random, kind)
        elif field.is_required() or random.random() < 0.5:
            fitting = VALUES.get(kind, SPELLINGS)
            args[name] = random.choice(fitting if random.random() < 0.8 else SPELLINGS)
    return args


def leaves(value: dict[str, Any], prefix: str = "args") -> dict[str, Any]:
    """Return what stands at each end of nested arguments, by the name that conditions use."""
    found: dict[str, Any] = {}
    for name, one in value.items():
        inner = one.model_dump() if isinstance(one, BaseModel) else one
        if isinstance(inner, dict):
            found |= leaves(inner, f"{prefix}.{name}")
        else:
            found[f"{prefix}.{name}"] = inner
    return found


def condition(expected: dict[str, Any]) -> str:
    """Return a condition that holds of exactly these values."""
    return " && ".join(
        f"!given.{name.removeprefix('args.')}"
        if value is None
        else f"{name} == {json.dumps(value, ensure_ascii=False)}"
        for name, value in expected.items()
    )


def same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def run(model: type[BaseModel], args: dict[str, Any], when: str | None) -> dict[str, Any] | None:
    """Return what the tool got, guarded by a rule or by nothing; None if it did not run."""

    def take(**given: Any) -> str:
        GOT.append(given)
        return "taken"

    GOT.clear()
    tool: Any = StructuredTool(name="take", description="Take.", args_schema=model, func=take)
    if when is not None:
        rules = [{"effect": "allow", "when": when}]
        policy = {"version": 1, "tools": {"take": {"access": "read", "rules": rules}}}
        [tool] = guard([tool], policy=policy, store=STORE, guards=[])
    order = {"name": "take", "args": args, "id": f"c{next(CALLS)}", "type": "tool_call"}
    try:
        tool.invoke(order)
    except (GuardedAgentError, ValueError):
        assert GOT == []
    return leaves(GOT[0]) if GOT else None


@pytest.mark.parametrize("part", range(4))
def test_a_tool_that_runs_got_the_values_of_which_the_condition_was_true(part: int) -> None:
    seen: Counter[str] = Counter()
    for number in range(35):
        random = Random(f"view {part} {number}")
        model = random_model(random)
        args = random_args(random, model)
        plain = run(model, args, None)
        if plain is None or 2**70 in plain.values():  # or no condition can say what it is
            seen["refused"] += 1
            continue
        got = run(model, args, condition(plain))
        if got is None:
            seen["denied"] += 1
        else:
            seen["ran"] += 1
            assert got.keys() == plain.keys()
            assert all(same(got[name], plain[name]) for name in plain), (args, got)
        # With any other value in the condition nothing runs.
        for name, value in plain.items():
            kind = list[str] if isinstance(value, list) else type(value)
            others = [one for one in VALUES.get(kind, []) if one != value]
            if others:
                wrong = {**plain, name: random.choice(others)}
                assert run(model, args, condition(wrong)) is None, (args, wrong)
                break
    assert seen["ran"] >= 15, seen

"""What the calls of one rule had in common: where they went, what they chose, how much it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from guarded_agent.core.errors import ActionError
from guarded_agent.policy.boundaries import named
from guarded_agent.policy.destinations import email_domain, url_host
from guarded_agent.policy.guess import is_amount_word
from guarded_agent.policy.pitfalls import helper_for
from guarded_agent.policy.replay import is_redacted
from guarded_agent.policy.rules import ToolRules

MOST = 50
"""Of more destinations than this, or more choices, none are listed."""

_HOSTS: Mapping[str, Callable[[str], str]] = {"email_domain": email_domain, "url_host": url_host}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A test that all calls pass.

    Attributes:
        test: The condition.
        why: What it came from, for a comment.
    """

    test: str
    why: str


def narrowings(rules: ToolRules, calls: Sequence[Mapping[str, Any]]) -> list[Narrowing]:
    """Return the tests that all of some calls of a tool pass.

    An argument that a call lacks, or that is redacted in the log, is not tested.

    Args:
        rules: Of the tool.
        calls: The arguments of its calls.
    """
    try:
        values = [rules.arguments.values(args) for args in calls]
    except ActionError:
        return []
    amounts = _amounts(rules)
    found: list[Narrowing] = []
    for name in rules.arguments.names:
        given = [each.get(f"args.{name}") for each in values]
        tellable = f"args.{name}" in rules.arguments.kinds and _NAME.fullmatch(name)
        if given and tellable and not any(one is None or is_redacted(one) for one in given):
            found += [
                Narrowing(test, f"{name}: {_count(len(given))}, {words}")
                for test, words in _tests(name, given, rules, amounts)
            ]
    return found


def conjoined(when: str, tests: Sequence[str]) -> str:
    """Return a condition that holds where `when` holds and all tests do.

    Example:
        >>> conjoined("true", ["args.n <= 3"]), conjoined("a || b", ["args.n <= 3"])
        ('args.n <= 3', '(a || b) && args.n <= 3')
        >>> conjoined("args.n <= 3 && b", ["args.n <= 3"])
        'args.n <= 3 && b'
    """
    plain = not any(sign in when for sign in ("||", "?", "//", "\n"))
    new = [test for test in tests if not (plain and test in when.split(" && "))]
    if not new or when.strip() == "true":
        return " && ".join(new) or when
    if plain:
        return " && ".join([when, *new])
    return " && ".join([f"({when}\n)" if "//" in when else f"({when})", *new])


def _tests(
    name: str, given: list[Any], rules: ToolRules, amounts: frozenset[str]
) -> Iterator[tuple[str, str]]:
    helper = helper_for(name)
    if helper is not None and helper in _HOSTS:
        yield from _places(name, given, helper)
    elif name in amounts and all(_is_number(one) for one in given):
        highest = max(given)
        yield f"args.{name} <= {_number(highest)}", f"highest {highest}"
    else:
        chosen = [one for index, one in enumerate(given) if one not in given[:index]]
        choices = _choices(rules, name)
        if len(chosen) <= MOST and len(choices) > len(chosen) and all(c in choices for c in chosen):
            listed = sorted(json.dumps(one) for one in chosen)
            test = (
                f"args.{name} == {listed[0]}"
                if len(listed) == 1
                else f"args.{name} in [{', '.join(listed)}]"
            )
            yield test, f"only {', '.join(listed)}"


def _places(name: str, given: list[Any], helper: str) -> Iterator[tuple[str, str]]:
    many = all(isinstance(one, list) for one in given)
    parts = [part for one in given for part in cast("list[Any]", one)] if many else given
    try:
        hosts = sorted({_HOSTS[helper](part) for part in parts})
    except (ValueError, AttributeError, TypeError):  # it is no text, or not one destination
        return
    if not 0 < len(hosts) <= MOST:
        return
    listed = f"[{', '.join(json.dumps(host) for host in hosts)}]"
    test = (
        f"args.{name}.all(one, {helper}(one) in {listed})"
        if many
        else f"{helper}(args.{name}) in {listed}"
    )
    yield test, f"to {', '.join(hosts)}"


def _amounts(rules: ToolRules) -> frozenset[str]:
    """Return the arguments that are amounts: what limits sum, and what is called so."""
    texts = [limit.measure for limit in rules.limits]
    summed = {name.removeprefix("args.") for text in texts for name in _named(text, rules)}
    return frozenset(summed | {name for name in rules.arguments.names if is_amount_word(name)})


def _named(text: str, rules: ToolRules) -> list[str]:
    return [name for name in named(text, rules.arguments.kinds) if name.startswith("args.")]


def _choices(rules: ToolRules, name: str) -> list[Any]:
    """Return the values that the schema leaves a call to choose from, if they are a few words."""
    properties = cast("Mapping[str, Any]", rules.spec.schema.get("properties") or {})
    said = properties.get(name)
    if not isinstance(said, Mapping):
        return []
    part = cast("Mapping[str, Any]", said)
    if part.get("type") == "boolean":
        return [False, True]
    listed: Any = part.get("enum")
    texts = isinstance(listed, list) and all(
        isinstance(one, str) for one in cast("list[Any]", listed)
    )
    return cast("list[Any]", listed) if texts else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(value)


def _count(number: int) -> str:
    return f"{number} call{'' if number == 1 else 's'}"

"""What an action takes from each limit: how much, and from whose.

A value that is written in two ways must not have two ceilings, so of a text only
letters and digits count, in one case. Two values that then are one share a ceiling:
that is stricter, never laxer.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, cast

from guarded_agent.policy.conditions import Condition, ConditionEngine, Failure
from guarded_agent.policy.limits import Limit, limit_key
from guarded_agent.policy.rules import LimitRule

_MOST_VALUES = 100


def taken(
    rule: LimitRule,
    family: str,
    tool: str,
    values: Mapping[str, Any],
    engine: ConditionEngine,
) -> list[Limit] | str:
    """Return what an action takes from a limit, or why that cannot be told.

    Args:
        rule: The limit.
        family: The agents that share it.
        tool: The tool.
        values: The variables of the action.
        engine: What evaluates the expressions.
    """
    amount = _amount(rule, values, engine)
    if isinstance(amount, str):
        return amount
    whose = _whose(rule.by, values, engine)
    if isinstance(whose, str):
        return whose
    measure = rule.measure if rule.by is None else f"{rule.measure} by {rule.by.text}"
    return [
        Limit(
            f"{tool}/{rule.name}",
            limit_key(family, tool, measure, one),
            amount,
            rule.max,
            rule.effect,
            rule.span,
            rule.rolling,
        )
        for one in whose
    ]


def _amount(rule: LimitRule, values: Mapping[str, Any], engine: ConditionEngine) -> float | str:
    if rule.amount is None:
        return 1.0
    value = next(iter(engine.evaluate([rule.amount], values)))
    if isinstance(value, Failure):
        return value.reason
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "the sum is not a number"
    # A negative amount would give back what other calls have used.
    if not math.isfinite(value) or value < 0:
        return "the sum is negative or not finite"
    return float(value)


def _whose(
    by: Condition | None, values: Mapping[str, Any], engine: ConditionEngine
) -> list[str] | str:
    if by is None:
        return [""]
    value = next(iter(engine.evaluate([by], values)))
    if isinstance(value, Failure):
        return value.reason
    items = cast("Sequence[Any]", value) if isinstance(value, (list, tuple)) else [value]
    if not 0 < len(items) <= _MOST_VALUES:
        return "by yields no values, or too many"
    # Whoever stands in a list with others is still the one whose sum it is.
    try:
        return list(dict.fromkeys(_written(item) for item in items))
    except TypeError:
        return "by yields what is no text, number or list of them"


def _written(value: Any) -> str:
    match value:
        case str():
            folded = unicodedata.normalize("NFKC", value).casefold()
            return "text " + "".join(letter for letter in folded if letter.isalnum())
        case bool():
            return f"bool {value}"
        case int() | float() if math.isfinite(value):
            return f"number {int(value) if value == int(value) else value}"
        case _:
            raise TypeError

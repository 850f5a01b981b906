"""Try the rules of a tool where they may change their answer: which hold, and which decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guarded_agent.policy.boundaries import Boundaries, Constants, Point, named
from guarded_agent.policy.conditions import CONTEXT
from guarded_agent.policy.match import Engine
from guarded_agent.policy.rules import Rule, ToolRules


@dataclass(slots=True)
class Seen:
    """What was seen of one rule.

    Attributes:
        tried: For how many values.
        true: For how many it held.
        broken: For how many it could not be evaluated.
        decides: Where it held: how often nothing before it did.
        certain: Whether these values stand for all there are.
        over: What held beside it and comes before it.
    """

    tried: int = 0
    true: int = 0
    broken: int = 0
    decides: int = 0
    certain: bool = False
    over: frozenset[str] = frozenset()


class Trying:
    """All rules of one tool, tried on the values at which they change their answer.

    Args:
        engine: The policy, made ready.
        rules: Those of the tool.
    """

    def __init__(self, engine: Engine, rules: ToolRules) -> None:
        self._engine = engine
        self._rules = rules
        self._kinds = {**CONTEXT, **rules.arguments.kinds, **_vouchers(rules)}
        left_out = rules.arguments.defaults
        self._defaults = {f"args.{name}": value for name, value in left_out.items()}
        texts = [rule.when for rule in rules.rules]
        self._boundaries = Boundaries(
            rules.spec, self._kinds, Constants.of(texts), engine.policy.organisation.domains
        )

    def of(self, rule: Rule) -> Seen:
        """Return what was seen of one rule."""
        names = named(rule.when, self._kinds)
        # First alone: few variables, so more of their values are tried.
        alone, whole = self._boundaries.points(names)
        seen = Seen(certain=whole and self._boundaries.settles(names, rule.when))
        hits: list[Point] = []
        for point in alone:
            value = self._value(rule, point)
            seen.tried += 1
            seen.broken += value is None
            if value:
                seen.true += 1
                hits.append(point)
        if hits:
            self._among(rule, names, hits, seen)
        return seen

    def _among(self, rule: Rule, names: Sequence[str], hits: Sequence[Point], seen: Seen) -> None:
        """Try the other rules where this one holds."""
        rivals = [
            other
            for other in self._rules.rules
            if other.effect > rule.effect or self._says_it_first(other, rule)
        ]
        more = sorted({name for other in rivals for name in named(other.when, self._kinds)})
        rest, whole = self._boundaries.points([name for name in more if name not in names])
        points = [{**one, **hit} for hit in _some(hits, 60) for one in _some(rest, 200)]
        seen.certain = (
            whole
            and len(hits) <= 60
            and len(rest) <= 200
            and all(
                self._boundaries.settles(named(one.when, self._kinds), one.when)
                for one in (rule, *rivals)
            )
        )
        over: set[str] = set()
        for point in points:
            won = {other.id for other in rivals if self._value(other, point)}
            seen.decides += not won
            over |= won
        same = {other.id for other in rivals if other.effect is rule.effect}
        # Two rules of one effect may overlap as they like, unless one is of no use at all.
        seen.over = frozenset(over if seen.decides == 0 else over - same)

    def _says_it_first(self, one: Rule, other: Rule) -> bool:
        listed = list(self._rules.rules)
        return one.effect is other.effect and listed.index(one) < listed.index(other)

    def _value(self, rule: Rule, point: Point) -> bool | None:
        """Return whether a rule holds, or None where it cannot be evaluated."""
        if rule.condition is None:
            return True
        [value] = self._engine.conditions.evaluate([rule.condition], {**self._defaults, **point})
        return value if isinstance(value, bool) else None


def _vouchers(rules: ToolRules) -> dict[str, str]:
    return {f"{voucher}.{name}": "bool" for voucher, name in rules.vouching.named}


def _some(points: Sequence[Point], most: int) -> Sequence[Point]:
    """Return at most so many, from all over."""
    if len(points) <= most:
        return points
    step = len(points) / most
    return [points[int(number * step)] for number in range(most)]

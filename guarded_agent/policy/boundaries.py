"""Values at which conditions change their answer: from the schema, and from their constants.

Between two constants next to each other a comparison says the same everywhere. So where
conditions only compare variables with constants, the values here stand for all there are.
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from guarded_agent.core.tool import ToolSpec
from guarded_agent.policy.conditions import CONTEXT

MOST = 3000
"""How many points are tried for one set of variables; of more, some are drawn."""

ABSENT = object()
"""Stands for an argument that a call leaves out."""

Point = dict[str, Any]

_STRING = re.compile(r"'((?:[^'\\]|\\.){0,300})'|\"((?:[^\"\\]|\\.){0,300})\"")
_NUMBER = re.compile(r"(?<![\w.])-?[0-9]{1,15}(?:\.[0-9]{1,9})?(?![\w.])")
_NAME = re.compile(r"[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){0,4}")
_SIMPLE = re.compile(r"(?:==|!=|<=|>=|<|>|&&|\|\||!|\(|\)|\[|\]|,|\bin\b|\btrue\b|\bfalse\b|\s)*")
_NUMERIC = frozenset({"int", "uint", "double"})


@dataclass(frozen=True, slots=True)
class Constants:
    """The constants in some conditions."""

    texts: tuple[str, ...]
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, conditions: Sequence[str]) -> Constants:
        """Return the constants of `conditions`.

        Example:
            >>> Constants.of(['args.n > 3 && args.to == "ann"'])
            Constants(texts=('ann',), numbers=(3.0,))
        """
        whole = "\n".join(conditions)
        texts = [one or other for one, other in _STRING.findall(whole)]
        rest = _STRING.sub(" ", whole)
        return cls(
            tuple(dict.fromkeys(texts)),
            tuple(sorted({float(number) for number in _NUMBER.findall(rest)})),
        )


def only_compares(condition: str, names: Sequence[str]) -> bool:
    """Return whether a condition only compares variables with constants.

    Example:
        >>> only_compares("args.n > 3 && !given.m", ["args.n", "given.m"])
        True
        >>> only_compares("args.n * 2 > args.m", ["args.n", "args.m"])
        False
    """
    if re.search(r"[<>]=?\s{0,9}['\"]|['\"]\s{0,9}[<>]", condition):
        return False  # the order of texts
    rest = _NUMBER.sub(" ", _STRING.sub(" ", condition))
    found = _NAME.findall(rest)
    if not set(found) <= {*names, "in", "true", "false"}:
        return False
    between = r"(?:==|!=|<=|>=|<|>)\s{0,9}"
    variable = "|".join(re.escape(name) for name in names) or r"(?!)"
    if re.search(rf"(?:{variable})\s{{0,9}}{between}(?:{variable})(?![\w.])", rest):
        return False
    return _SIMPLE.fullmatch(_NAME.sub(" ", rest)) is not None


def named(condition: str, kinds: Mapping[str, str]) -> list[str]:
    """Return the variables of `kinds` that a condition names."""
    found = set(_NAME.findall(_STRING.sub(" ", condition)))
    longest = {
        ".".join(parts[:length])
        for parts in (name.split(".") for name in found)
        for length in range(1, len(parts) + 1)
    }
    return sorted(longest & kinds.keys())


class Boundaries:
    """The values worth trying for each variable of one tool.

    Args:
        spec: The tool.
        kinds: Its variables.
        constants: What its conditions hold.
        inside: The domains of the organisation.
    """

    def __init__(
        self,
        spec: ToolSpec,
        kinds: Mapping[str, str],
        constants: Constants,
        inside: Sequence[str],
    ) -> None:
        self._spec = spec
        self._kinds = kinds
        self._constants = constants
        self._inside = list(inside)
        self._required = set(spec.schema.get("required", ()))
        self._texts = self._make_texts()
        self._draw = random.Random(7)  # noqa: S311  # no secret: one file, one answer

    def points(self, names: Sequence[str]) -> tuple[list[Point], bool]:
        """Return points over the variables `names`, and whether these are all that matter.

        `given.x` is never chosen: it follows from whether `args.x` is there.
        """
        chosen = sorted({f"args.{n[6:]}" if n.startswith("given.") else n for n in names})
        chosen = [name for name in chosen if name != "inside"]
        pools = [self._pool(name) for name in chosen]
        total = 1
        for pool in pools:
            total *= len(pool)
        if total <= MOST:
            drawn: Iterator[tuple[Any, ...]] = itertools.product(*pools)
        else:
            drawn = (tuple(self._draw.choice(pool) for pool in pools) for _ in range(MOST))
        return [self._point(chosen, values) for values in drawn], total <= MOST

    def settles(self, names: Sequence[str], condition: str) -> bool:
        """Return whether what `condition` says at all points is what it says everywhere."""
        kinds = {name: self._kinds.get(name, "") for name in names}
        plain = all(
            kind in _NUMERIC or kind in ("bool", "string") or self._is_number(name)
            for name, kind in kinds.items()
        )
        return plain and only_compares(condition, names)

    def _is_number(self, name: str) -> bool:
        return self._schema(name).get("type") == "number"

    def _point(self, names: Sequence[str], values: Sequence[Any]) -> Point:
        point: Point = {"inside": self._inside}
        for name, value in zip(names, values, strict=True):
            if value is not ABSENT:
                point[name] = value
            if name.startswith("args."):
                point[f"given.{name[5:]}"] = value is not ABSENT
        return point

    def _pool(self, name: str) -> list[Any]:
        if name == "hour":
            return list(range(24))
        if name == "label.confidentiality":
            return [0, 1, 2, 3]
        if name == "now":
            start = datetime(2027, 1, 4, tzinfo=UTC)
            return [start + timedelta(hours=5 * step) for step in range(34)]
        kind = self._kinds.get(name, "bool")
        pool = self._numbers(whole=False) if self._is_number(name) else self._of_kind(kind)
        if name in CONTEXT:
            return [one for one in pool if not (name.startswith("count.") and one < 0)]
        part = self._schema(name)
        if isinstance(part.get("enum"), list):
            pool = list(cast("list[Any]", part["enum"]))
        low, high = part.get("minimum"), part.get("maximum")
        if isinstance(low, (int, float)) or isinstance(high, (int, float)):
            pool = [one for one in (*pool, low, high) if _within(one, low, high)]
        if name.removeprefix("args.").partition(".")[0] not in self._required:
            pool = [*pool, ABSENT]
        return pool

    def _schema(self, name: str) -> Mapping[str, Any]:
        properties = self._spec.schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        part = cast("Mapping[str, Any]", properties).get(name.removeprefix("args."))
        return cast("Mapping[str, Any]", part) if isinstance(part, Mapping) else {}

    def _of_kind(self, kind: str) -> list[Any]:
        if kind == "bool":
            return [False, True]
        if kind in _NUMERIC:
            return self._numbers(whole=kind != "double")
        if kind == "string":
            return list(self._texts)
        if kind.startswith("list"):
            return self._lists(self._of_kind(kind[5:-1]) if kind != "list<dyn>" else self._texts)
        if kind.startswith("map"):
            return [{}, {text: text for text in self._constants.texts}]
        part = self._numbers(whole=False)
        return (
            part if not self._constants.texts and self._constants.numbers else [*part, *self._texts]
        )

    def _numbers(self, *, whole: bool) -> list[Any]:
        found = {0.0, 1.0, -1.0, *self._constants.numbers}
        listed = sorted(found)
        found |= {number + step for number in listed for step in (-1, 1)}
        if not whole:
            found |= {(one + other) / 2 for one, other in itertools.pairwise(listed)}
        numbers = sorted(found)
        return sorted({int(number) for number in numbers}) if whole else numbers

    def _make_texts(self) -> list[str]:
        found = ["", "other", "ann@other.example", "https://other.example/a"]
        for text in (*self._constants.texts, *self._inside):
            bare = text.partition("/")[0]
            found += [text, f"{text}x", f"x{text}", f"ann@{text}", f"https://{text}/a"]
            found += [f"{text}/a", bare] if "/" in text else []
        return list(dict.fromkeys(found))[:60]

    def _lists(self, items: Sequence[Any]) -> list[Any]:
        some = list(items)[:20]
        lists: list[Any] = [[], *([one] for one in some)]
        lists += [[one, other] for one, other in itertools.pairwise(some)]
        sizes = {int(number) + step for number in self._constants.numbers for step in (0, 1)}
        lists += [[one] * size for size in sizes if 1 < size <= 100 for one in some[2:5]]
        texts = [text for text in self._constants.texts if text in some]
        return [*lists, texts] if len(texts) > 1 else lists


def _within(value: Any, low: Any, high: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value is not None
    return (low is None or value >= low) and (high is None or value <= high)

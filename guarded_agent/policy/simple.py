"""The condition language of policies: closures for what is simple, and CEL for the rest.

Simple is what compares one typed variable with a literal or with another of its kind, looks
it up in a list, or takes its size, and what `&&`, `||`, `!` and parentheses make of that.
The least doubt leaves a condition to CEL: here nothing is ever reported as wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guarded_agent.policy import closures
from guarded_agent.policy.closures import (
    EQUALITY,
    OPERATORS,
    READERS,
    TEXTS,
    Closure,
    all_of,
    any_of,
    negation,
    pair,
    size_of,
    typed,
    untyped,
)
from guarded_agent.policy.conditions import Cel, Condition, ConditionEngine, Failure, Fault

_TOKEN = re.compile(
    r"""[ \t\r\n\f]*(?:
        (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<number>-?[0-9]{1,19}(?:\.[0-9]{1,19})?)(?![A-Za-z0-9_.])
      | (?P<text>"[^"\\\r\n]*"|'[^'\\\r\n]*')
      | (?P<sign>&&|\|\||[=!<>]=|[<>!()\[\],])
    )[ \t\r\n\f]*""",
    re.VERBOSE,
)
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_MOST_TOKENS = 400
_DEEPEST = 20


class NotSimple(Exception):
    """This condition is for CEL to read."""


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Literal:
    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class _Listed:
    values: tuple[bool | int | float | str, ...]


@dataclass(frozen=True, slots=True)
class _Size:
    of: _Variable


@dataclass(frozen=True, slots=True)
class _Logic:
    run: Closure


_Node = _Variable | _Literal | _Listed | _Size | _Logic


class Conditions:
    """The condition language of policies: closures for what is simple, CEL for the rest.

    Example:
        >>> conditions = Conditions()
        >>> condition = conditions.compile("args.n > 3", {"args.n": "int"})
        >>> list(conditions.evaluate([condition], {"args.n": 4}))
        [True]
    """

    def __init__(self, cel: ConditionEngine | None = None) -> None:
        """Take `cel` for what is not simple."""
        self._cel = cel or Cel()

    def compile(self, text: str, kinds: Mapping[str, str]) -> Condition | list[Fault]:
        """Return the compiled condition, or everything that is wrong with `text`."""
        try:
            return _compiled(text, kinds)
        except NotSimple:
            return self._cel.compile(text, kinds)

    def evaluate(self, conditions: Sequence[Condition], values: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the value of each condition, or a `Failure`, one at a time."""
        others: Iterator[Any] | None = None
        for condition in conditions:
            run = condition.compiled
            if callable(run):
                try:
                    yield run(values)
                except Exception:
                    yield Failure("a value in it cannot be read")
                continue
            if others is None:
                others = iter(
                    self._cel.evaluate([c for c in conditions if not callable(c.compiled)], values)
                )
            yield next(others)


def _compiled(text: str, kinds: Mapping[str, str]) -> Condition:
    reader = _Reader(text, kinds)
    node = reader.whole()
    if isinstance(node, _Variable) and node.kind in READERS:
        return Condition(text, node.kind, READERS[node.kind](node.name))
    return Condition(text, "bool", _truth(node))


class _Reader:
    """Reads one condition, top down: `||` over `&&` over comparisons over `!`."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        self._kinds = kinds
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> _Node:
        node = self._or()
        if self._at != len(self._tokens):
            raise NotSimple
        return node

    def _or(self) -> _Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotSimple
        parts = [self._and()]
        while self._takes("||"):
            parts.append(self._and())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else _Logic(any_of([_truth(part) for part in parts]))

    def _and(self) -> _Node:
        parts = [self._comparison()]
        while self._takes("&&"):
            parts.append(self._comparison())
        return parts[0] if len(parts) == 1 else _Logic(all_of([_truth(part) for part in parts]))

    def _comparison(self) -> _Node:
        left = self._not()
        kind, sign = self._next()
        if sign not in OPERATORS and (kind, sign) != ("name", "in"):
            return left
        self._at += 1
        right = self._not()
        return _Logic(_membership(left, right) if sign == "in" else _compare(left, sign, right))

    def _not(self) -> _Node:
        times = 0
        while self._takes("!"):
            times += 1
        node = self._primary()
        for _ in range(min(times, 3)):
            node = _Logic(negation(_truth(node)))
        if times > 3:
            raise NotSimple
        return node

    def _primary(self) -> _Node:
        kind, text = self._next()
        self._at += 1
        if text == "(":
            node = self._or()
            self._expect(")")
            return node
        if text == "[":
            values = [self._literal()]
            while self._takes(","):
                values.append(self._literal())
            self._expect("]")
            return _Listed(tuple(values))
        if kind == "name" and text not in ("true", "false"):
            return self._named(text)
        self._at -= 1
        return _Literal(self._literal())

    def _named(self, name: str) -> _Node:
        if name == "size" and self._takes("("):
            _, name = self._next()
            self._at += 1
            self._expect(")")
            return self._size(name)
        if name.endswith(".size") and self._takes("("):
            self._expect(")")
            return self._size(name.removesuffix(".size"))
        return self._variable(name)

    def _size(self, name: str) -> _Size:
        variable = self._variable(name)
        if variable.kind not in ("string", TEXTS):
            raise NotSimple
        return _Size(variable)

    def _variable(self, name: str) -> _Variable:
        if name not in self._kinds:
            raise NotSimple
        return _Variable(name, self._kinds[name])

    def _literal(self) -> bool | int | float | str:
        kind, text = self._next()
        self._at += 1
        if kind == "text":
            text[1:-1].encode()  # what cannot be encoded is not for us to read
            return text[1:-1]
        if kind == "number":
            number = float(text) if "." in text else int(text)
            if isinstance(number, int) and not -(2**63) <= number < 2**63:
                raise NotSimple
            return number
        if text not in ("true", "false"):
            raise NotSimple
        return text == "true"

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _takes(self, sign: str) -> bool:
        taken = self._next() == ("sign", sign)
        self._at += taken
        return taken

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise NotSimple


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or len(tokens) >= _MOST_TOKENS:
            raise NotSimple
        kind = match.lastgroup or ""
        tokens.append((kind, match[kind]))
        at = match.end()
    return tokens


def _truth(node: _Node) -> Closure:
    if isinstance(node, _Logic):
        return node.run
    if isinstance(node, _Variable) and node.kind == "bool":
        return closures.boolean(node.name)
    raise NotSimple


def _compare(left: _Node, sign: str, right: _Node) -> Closure:
    if isinstance(left, _Literal) and isinstance(right, (_Variable, _Size)):
        left, sign, right = right, _MIRRORED[sign], left
    match left, right:
        case _Size(of), _Literal(int() as literal) if not isinstance(literal, bool):
            return typed(size_of(READERS[of.kind](of.name)), sign, literal)
        case _Variable(name, "int"), _Literal(int() as literal) if not isinstance(literal, bool):
            return typed(closures.integer(name), sign, literal)
        case _Variable(name, "string"), _Literal(str() as literal):
            return typed(closures.text(name), sign, literal)
        case _Variable(name, "bool"), _Literal(bool() as literal) if sign in EQUALITY:
            return typed(closures.boolean(name), sign, literal)
        case _Variable(name, "dyn"), _Literal(bool() as literal) if sign in EQUALITY:
            return untyped(name, sign, literal)
        case _Variable(name, "dyn"), _Literal(int() | float() | str() as literal) if not isinstance(
            literal, bool
        ):
            return untyped(name, sign, literal)
        case _Variable(name, kind), _Variable(other, same) if kind == same and (
            kind in ("int", "string") or (kind == "bool" and sign in EQUALITY)
        ):
            return pair(READERS[kind](name), sign, READERS[kind](other))
        case _:
            raise NotSimple


def _membership(left: _Node, right: _Node) -> Closure:
    match left, right:
        case _Variable(name, "string"), _Listed(values) if _all_are(values, str):
            return typed(closures.text(name), "in", frozenset(values))
        case _Variable(name, "int"), _Listed(values) if _all_are(values, int):
            return typed(closures.integer(name), "in", frozenset(values))
        case _Variable(name, "dyn"), _Listed(values) if _all_are(values, type(values[0])):
            return any_of([untyped(name, "==", value) for value in values])
        case _Literal(str() as literal), _Variable(name, kind) if kind == TEXTS:
            return typed(closures.texts(name), "has", literal)
        case _Variable(name, "string"), _Variable(other, kind) if kind == TEXTS:
            return pair(closures.texts(other), "has", closures.text(name))
        case _:
            raise NotSimple


def _all_are(values: Sequence[Any], kind: type) -> bool:
    return all(type(value) is kind for value in values)

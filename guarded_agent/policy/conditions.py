"""Conditions: compile CEL against typed variables, evaluate it, and say what is wrong.

A condition language is two methods, `ConditionEngine`. The one here is CEL by
`cel-expr-python`: type-checked, RE2 for patterns, and an iteration budget.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from guarded_agent.policy.destinations import email_domain, path_within, same_person, url_host
from guarded_agent.policy.networks import in_cidr

CONTEXT: Mapping[str, str] = {
    "user": "string",
    "agent": "string",
    "label.confidentiality": "int",
    "label.compartments": "list<string>",
    "label.trusted": "bool",
    "read": "list<string>",
    "hour": "int",
    "now": "timestamp",
    "count.thread": "int",
    "count.today": "int",
    "inside": "list<string>",
    "recipients": "list<string>",
    "correspondents": "list<string>",
}
"""What a condition may name besides the arguments. `hour` is in UTC, and so is `now`
unless a time zone is named: `now.getHours("Europe/Berlin")`."""

FUNCTIONS: Mapping[str, tuple[Callable[..., Any], tuple[str, ...], str]] = {
    "email_domain": (email_domain, ("string",), "string"),
    "url_host": (url_host, ("string",), "string"),
    "path_within": (path_within, ("string", "string"), "bool"),
    "in_cidr": (in_cidr, ("string", "string"), "bool"),
    "same_person": (same_person, ("string", "string"), "bool"),
}

_ERROR = re.compile(r"ERROR: <input>:([0-9]{1,6}):([0-9]{1,6}): ([^\n]*)")

DESTINATION = "destination"
"""The kind of an opaque value that no text function takes; see `pitfalls`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a condition: `message`, and where in its text, from 1."""

    message: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Failure:
    """A condition that could not be evaluated. `reason` repeats no value."""

    reason: str


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition.

    Attributes:
        text: As the policy has it.
        kind: What it yields: `bool`, `int`, `double`, `uint`, `dyn`, ...
        compiled: The engine's own form.
    """

    text: str
    kind: str
    compiled: Any


class ConditionEngine(Protocol):
    """A condition language."""

    def compile(self, text: str, kinds: Mapping[str, str]) -> Condition | list[Fault]:
        """Return the compiled condition, or everything that is wrong with `text`."""
        ...

    def evaluate(self, conditions: Sequence[Condition], values: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the value of each condition, or a `Failure`, one at a time.

        All of `conditions` were compiled against the same `kinds`.
        """
        ...


class Cel:
    """CEL conditions.

    Example:
        >>> cel = Cel()
        >>> condition = cel.compile("args.n > 3", {"args.n": "int"})
        >>> list(cel.evaluate([condition], {"args.n": 4}))
        [True]
        >>> cel.compile("args.m > 3", {"args.n": "int"})[0].message
        "undeclared reference to 'args.m'"
    """

    def __init__(self) -> None:
        self._environments: dict[tuple[tuple[str, str], ...], Any] = {}

    def compile(self, text: str, kinds: Mapping[str, str]) -> Condition | list[Fault]:
        """Return the compiled condition, or everything that is wrong with `text`."""
        environment = self._environment(kinds)
        try:
            compiled = environment.compile(text)
        except Exception as error:
            return _faults(str(error), text)
        # An activation is tied to the environment, so the two travel together.
        return Condition(text, compiled.return_type().name().lower(), (environment, compiled))

    def evaluate(self, conditions: Sequence[Condition], values: Mapping[str, Any]) -> Iterator[Any]:
        """Yield the value of each condition, or a `Failure`, one at a time."""
        activation: Any = None
        for condition in conditions:
            environment, compiled = condition.compiled
            try:
                if activation is None:
                    activation = environment.Activation(values)
                result = compiled.eval(activation)
                value = result.value()
                if isinstance(value, list):
                    # Its items are only views of what the result holds.
                    value = [item.value() for item in cast("list[Any]", value)]
                # An error comes as text with a type of its own.
                failed = isinstance(value, str) and result.type().name() == "ERROR"
            except Exception as error:
                value, failed = str(error), True
            yield Failure(_without_values(str(value))) if failed else value

    def _environment(self, kinds: Mapping[str, str]) -> Any:
        key = tuple(sorted(kinds.items()))
        if key not in self._environments:
            from cel_expr_python import cel  # 50 MB of native code: only where a policy is used

            def kind(name: str) -> Any:
                if name == DESTINATION:
                    return cel.Type.AbstractType(name)
                if name == f"list<{DESTINATION}>":
                    return cel.Type.List(cel.Type.AbstractType(DESTINATION))
                return cel.Type(name)

            functions = [
                cel.FunctionDecl(
                    name,
                    [
                        cel.Overload(
                            name, kind(result), [kind(parameter) for parameter in takes], False, do
                        )
                    ],
                )
                for name, (do, takes, result) in FUNCTIONS.items()
            ]
            self._environments[key] = cel.NewEnv(
                variables={name: kind(value) for name, value in kinds.items()}, functions=functions
            )
        return self._environments[key]


def _faults(error: str, text: str) -> list[Fault]:
    faults: list[Fault] = []
    for line, column, message in _ERROR.findall(error):
        row, place = int(line), int(column)
        message = message.removesuffix(" [INVALID_ARGUMENT]").removesuffix(" (in container '')")
        message = message.partition(" expecting {")[0]
        unknown = re.fullmatch(r"undeclared reference to '([^']*)'", message)
        if unknown:
            # CEL points at the last dot of a name, or at the bracket after it.
            written = (text.split("\n")[row - 1 :] or [""])[0]
            start = written.rfind(unknown[1], 0, place - 1 + len(unknown[1]))
            place = start + 1 if start >= 0 else place
        if "'*error*'" not in message:  # what follows from a fault that is listed already
            faults.append(Fault(message, row, place))
    return faults or [Fault("this is not a condition")]


def not_given(name: str) -> str:
    """Say that a variable has no value."""
    if not name.startswith("args."):
        return f"{name} is not known where this was judged"
    return f"{name} is not given: test given.{name.removeprefix('args.')} first"


def _without_values(reason: str) -> str:
    """Keep the names of variables and functions in an error, and no value."""
    missing = re.search(r'No value with name "([a-z]{1,20}(?:\.\w{1,99}){0,9})"', reason)
    if missing:
        return not_given(missing[1])
    kept = re.sub(r"^[A-Z_]{2,30}: ", "", reason).removesuffix(" [INTERNAL]")
    kept = re.sub(r"'(?!(?:args|given)[.\w\[\]]*')[^']*'|\"[^\"]*\"", "...", kept)
    return kept[:200]

"""Cases of a policy: calls that somebody wrote down, with what must be decided about them.

A rule that decides in no case is not tested: whoever changes it breaks nothing that
anybody would see. So it counts as a failure.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from guarded_agent.core.errors import ActionError, PolicyError, Problem
from guarded_agent.policy.load import read_text
from guarded_agent.policy.match import Engine
from guarded_agent.policy.model import Policy
from guarded_agent.policy.read import read_yaml
from guarded_agent.policy.situation import Situation, first_words
from guarded_agent.policy.words import RuleEffect, Word


class Case(Situation):
    """One call with what must be decided about it.

    Attributes:
        name: What it shows, for people.
        tool: The tool that is called.
        expect: What must be decided.
        rule: What must decide: a rule's id, or `sink:to` and the like; empty for any.
    """

    name: str = ""
    tool: Word
    expect: RuleEffect
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a case.

    Attributes:
        case: The case.
        number: Which one, from 1.
        line: Where it stands in its file.
        effect: What was decided.
        rule: What decided.
        because: Why.
    """

    case: Case
    number: int
    line: int | None
    effect: str
    rule: str
    because: str

    @property
    def passed(self) -> bool:
        """Whether it is as expected."""
        return self.effect == self.case.expect and self.case.rule in ("", self.rule)

    @property
    def title(self) -> str:
        """What to call it."""
        return self.case.name or f"case {self.number}: {self.case.tool}"

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "name": self.title,
            "line": self.line,
            "passed": self.passed,
            "expected": {"effect": self.case.expect, "rule": self.case.rule or None},
            "effect": self.effect,
            "rule": self.rule,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of all cases.

    Attributes:
        results: One for each case.
        uncovered: The ids of the rules that decided in none, with their lines.
    """

    results: tuple[Result, ...]
    uncovered: tuple[tuple[str, int | None], ...]

    @property
    def passed(self) -> bool:
        """Whether every case is as expected, and every rule was tried."""
        return not self.uncovered and all(result.passed for result in self.results)


def load_cases(path: str | os.PathLike[str]) -> list[tuple[Case, int | None]]:
    """Return the cases in a file, each with its line.

    Raises:
        PolicyError: It names each problem with file and line.
    """
    file = os.fspath(path)
    data, source = read_yaml(read_text(file), file)
    listed = cast("dict[str, Any]", data).get("cases") if isinstance(data, dict) else None
    if not isinstance(listed, list) or set(cast("dict[str, Any]", data)) != {"cases"}:
        raise PolicyError([Problem("must be a mapping with the one key cases, a list", file=file)])
    cases: list[tuple[Case, int | None]] = []
    problems: list[Problem] = []
    for index, written in enumerate(cast("list[Any]", listed)):
        try:
            case = Case.model_validate(written)
        except ValidationError as error:
            problems.append(source.problem(first_words(error), ("cases", index)))
            continue
        cases.append((case, source.problem("", ("cases", index)).line))
    if problems:
        raise PolicyError(problems)
    return cases


def run_cases(engine: Engine, cases: Sequence[tuple[Case, int | None]], now: float) -> Outcome:
    """Decide about each case.

    Args:
        engine: The policy, made ready.
        cases: From `load_cases`.
        now: The time of cases that say none.
    """
    results: list[Result] = []
    fired: set[str] = set()
    for number, (case, line) in enumerate(cases, 1):
        try:
            action = case.action(engine, case.tool)
        except ActionError as error:
            results.append(Result(case, number, line, "deny", "arguments", str(error)))
            continue
        at = case.now(now)
        decision = engine.decide(action, case.context(engine), at)
        trials, _ = engine.weigh(action, case.context(engine), at, every=True)
        # One that others overrule is not seen in what happens.
        fired |= {one.rule for one in trials if one.matched and one.effect is decision.effect}
        because = decision.because or decision.message
        results.append(Result(case, number, line, str(decision.effect), decision.rule, because))
    return Outcome(tuple(results), tuple(_uncovered(engine.policy, fired)))


def _uncovered(policy: Policy, fired: set[str]) -> list[tuple[str, int | None]]:
    found: list[tuple[str, int | None]] = []
    for key, entry in policy.tools.items():
        for index, rule in enumerate(entry.rules):
            name = rule.id or f"{key}/{index + 1}"
            if name not in fired:
                place = policy.source.problem("", ("tools", key, "rules", index))
                found.append((name, place.line))
    return found

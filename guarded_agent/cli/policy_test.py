"""`guarded-agent policy test`: cases that a policy must decide as they say."""

from __future__ import annotations

from pathlib import Path

import click

from guarded_agent.cli.policy_check import tools_option
from guarded_agent.cli.policy_explain import untyped
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session
from guarded_agent.cli.target import load_tools
from guarded_agent.core.visible import visible
from guarded_agent.policy import Engine, load
from guarded_agent.policy.cases import Outcome, load_cases, run_cases


@click.command("test")
@click.argument("file")
@click.argument("cases")
@tools_option
@json_option
@click.pass_context
def run_tests(
    context: click.Context, file: str, cases: str, tools_name: str | None, as_json: bool
) -> None:
    """Test a policy with CASES, a YAML file of calls and what must be decided about them.

    A rule that decides in no case is a failure too, since nothing would show that it changed.
    Exits with 1 if anything fails. Limits over several calls are not tried.
    """
    session = context.ensure_object(Session)
    loaded, listed = load(Path(file)), load_cases(cases)
    if tools_name:
        engine = Engine(loaded, load_tools(tools_name))
    else:
        calls: dict[str, dict[str, object]] = {}
        for case, _ in listed:
            calls.setdefault(case.tool, {}).update(case.args)
            for name in case.read:
                calls.setdefault(name, {})
        engine = Engine(loaded, untyped(loaded, calls), strict_tools=False)
    outcome = run_cases(engine, listed, session.clock())
    if as_json:
        print_json(
            {
                "ok": outcome.passed,
                "cases": [result.as_json() for result in outcome.results],
                "uncovered": [{"rule": name, "line": line} for name, line in outcome.uncovered],
            }
        )
    else:
        _show(outcome, file, cases, sum(len(tool.rules) for tool in loaded.tools.values()))
    context.exit(0 if outcome.passed else 1)


def _show(outcome: Outcome, file: str, cases: str, rules: int) -> None:
    for result in outcome.results:
        word, style = ("ok    ", "green") if result.passed else ("FAILED", "bold red")
        first = f"{word}  {result.effect:<8}"
        flow(visible(f"{result.title}  ({result.rule})"), " " * 16, first=first, style=style)
        if not result.passed:
            wanted = f" by {result.case.rule}" if result.case.rule else ""
            said = f"{cases}:{result.line}: expected {result.case.expect}{wanted}; "
            because = f": {result.because}" if result.because else ""
            told = f"{said}{result.effect} by {result.rule}{because}"
            flow(visible(told), " " * 16)
    for name, line in outcome.uncovered:
        where = file if line is None else f"{file}:{line}"
        text = f"{where}: rule {name} decides in no case: add one, or remove the rule"
        flow(visible(text), " " * 17, first="FAILED  untested ", style="bold red")
    failed = sum(not result.passed for result in outcome.results)
    tried = rules - len(outcome.uncovered)
    say()
    say(
        f"{len(outcome.results) - failed} of {len(outcome.results)} cases as expected, "
        f"{tried} of {rules} rules tested.",
        "" if outcome.passed else "bold",
    )

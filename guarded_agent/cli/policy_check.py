"""`guarded-agent policy check` and `schema`: what is wrong with a file, and what it may hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.target import load_tools
from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.core.visible import visible
from guarded_agent.policy import Policy, load
from guarded_agent.policy import check as check_policy
from guarded_agent.policy.schema import json_schema

tools_option = click.option(
    "--tools",
    "tools_name",
    metavar="MODULE:NAME",
    help="The agent, or the list of its tools. Argument types are then checked too.",
)
"""The option `--tools`."""


@click.command()
@click.argument("file")
@tools_option
@json_option
@click.pass_context
def check(context: click.Context, file: str, tools_name: str | None, as_json: bool) -> None:
    """Check a policy file without running anything.

    Prints one line for each problem, with file, line and column, and exits with 2 if there
    are any.
    """
    specs = load_tools(tools_name) if tools_name else None
    loaded: Policy | None = None
    try:
        loaded = load(Path(file))
        problems = [*check_policy(loaded, specs), *_guard_problems(loaded)]
    except PolicyError as error:
        problems = list(error.problems)
    if as_json:
        print_json({"ok": not problems, "problems": [_problem(item) for item in problems]})
    elif problems:
        for problem in problems:
            say(visible(str(problem)))
    else:
        assert loaded is not None
        count = len(loaded.tools)
        against = f", checked against {len(specs)} tools" if specs is not None else ""
        say(f"ok: {visible(file)} is a policy for {count} tool{'' if count == 1 else 's'}{against}")
    context.exit(2 if problems else 0)


@click.command()
def schema() -> None:
    """Print the JSON Schema of a policy file, for editors."""
    print_json(json_schema())


def _guard_problems(loaded: Policy) -> list[Problem]:
    """Return what is wrong with the guards' options, which only the guards themselves know."""
    from guarded_agent.guards.building import build  # a guard may load a classifier

    try:
        build(
            {str(name): given for name, given in loaded.guards.items()},
            inside=frozenset(loaded.organisation.domains),
        )
    except ValueError as error:
        return [loaded.source.problem(str(error), ("guards",))]
    return []


def _problem(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "column", "key", "message")}

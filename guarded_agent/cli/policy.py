"""`guarded-agent policy`: check a policy file, and explain what it decides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from guarded_agent.cli.approvals import json_object
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.cli.target import load_tools
from guarded_agent.core import Action, Context, Counts, ToolSpec
from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.core.visible import visible
from guarded_agent.policy import Engine, Policy, load
from guarded_agent.policy import check as check_policy
from guarded_agent.policy import explain as explain_decision
from guarded_agent.policy.merge import keys_for

_ARGUMENT = re.compile(r"\b(?:args|given)\.([A-Za-z_][A-Za-z0-9_]{0,100})")

tools_option = click.option(
    "--tools",
    "tools_name",
    metavar="MODULE:NAME",
    help="The list of the agent's tools. Their argument types are then checked too.",
)


@click.group()
def policy() -> None:
    """Check a policy file, and explain what it decides."""


@policy.command()
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


@policy.command()
@click.argument("file")
@click.option("--tool", "tool", metavar="NAME", required=True, help="The tool that is called.")
@click.option(
    "--args", "args", metavar="JSON|@FILE", default="{}", help="Its arguments. None by default."
)
@click.option("--user", metavar="NAME", help="The person for whom the agent acts.")
@tools_option
@json_option
@pass_session
def explain(
    session: Session,
    file: str,
    tool: str,
    args: str,
    user: str | None,
    tools_name: str | None,
    as_json: bool,
) -> None:
    """Explain which rule decides about a call, and why.

    The call is the first of a new thread: nothing was read yet. Guards are not asked.
    """
    loaded = load(Path(file))
    given = json_object(args, "--args")
    specs = load_tools(tools_name) if tools_name else [_untyped(loaded, tool, given)]
    engine = Engine(loaded, specs, strict_tools=tools_name is not None)
    action = Action.build(
        tool=tool,
        args=given,
        call_id="explain",
        thread_id="explain",
        agent_id=loaded.agent.id,
        user=user,
    )
    around = Context(
        loaded.agent.id,
        "explain",
        user=user,
        inside=frozenset(loaded.organisation.domains),
        counts=Counts(),
    )
    explanation = explain_decision(engine, action, around, session.clock())
    if as_json:
        print_json(explanation.as_json())
        return
    for line in str(explanation).splitlines():
        say(visible(line))
    if tools_name is None:
        say("Types and defaults of the arguments are not known without --tools.", "dim")


def _untyped(loaded: Policy, tool: str, given: Mapping[str, Any]) -> ToolSpec:
    """Return a tool whose arguments are those that the call gives and the policy speaks of."""
    names = set(given)
    key = next(iter(keys_for(loaded, tool)), None)
    if key is not None:
        entry = loaded.tools[key]
        texts = [rule.when for rule in entry.rules]
        if entry.limits is not None:
            for _, limit in entry.limits.entries():
                texts += [text for text in (limit.sum, limit.by) if text]
        names |= {name for text in texts for name in _ARGUMENT.findall(text)}
        names |= {sink.argument.partition(".")[0] for sink in entry.all_sinks}
    return ToolSpec(tool, schema={"properties": {name: {} for name in sorted(names)}})


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

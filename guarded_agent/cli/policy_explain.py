"""`guarded-agent policy explain`: which rule decides about a call, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from guarded_agent.cli.json_given import json_object
from guarded_agent.cli.policy_check import tools_option
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.cli.target import load_tools
from guarded_agent.core import ToolSpec
from guarded_agent.core.visible import visible
from guarded_agent.policy import Engine, Policy, load
from guarded_agent.policy import explain as explain_decision
from guarded_agent.policy.merge import keys_for
from guarded_agent.policy.situation import Situation

_ARGUMENT = re.compile(r"\b(?:args|given)\.([A-Za-z_][A-Za-z0-9_]{0,100})")


@click.command()
@click.argument("file")
@click.option("--tool", "tool", metavar="NAME", required=True, help="The tool that is called.")
@click.option(
    "--args", "args", metavar="JSON|@FILE", default="{}", help="Its arguments. None by default."
)
@click.option("--user", metavar="NAME", help="The person for whom the agent acts.")
@click.option("--read", metavar="TOOL", multiple=True, help="A tool whose results it has read.")
@click.option(
    "--label",
    metavar="JSON",
    default="{}",
    help='What it has read: {"confidentiality": "secret", "compartments": ["hr"], '
    '"trusted": false}.',
)
@click.option("--at", metavar="TIME", help="When, such as 2027-01-31T18:00Z. Now by default.")
@click.option(
    "--counts", metavar="JSON", default="{}", help='Calls before it: {"thread": 3, "today": 7}.'
)
@tools_option
@json_option
@pass_session
def explain(
    session: Session,
    file: str,
    tool: str,
    args: str,
    user: str | None,
    read: tuple[str, ...],
    label: str,
    at: str | None,
    counts: str,
    tools_name: str | None,
    as_json: bool,
) -> None:
    """Explain which rule decides about a call, and why.

    Unless you say what was read before, the call is the first of a new thread. Guards are
    not asked.
    """
    loaded = load(Path(file))
    given = json_object(args, "--args")
    calls: dict[str, dict[str, Any]] = {**{name: {} for name in read}, tool: given}
    specs = load_tools(tools_name) if tools_name else untyped(loaded, calls)
    engine = Engine(loaded, specs, strict_tools=tools_name is not None)
    try:
        situation = Situation.of(
            {
                "args": given,
                "user": user,
                "read": list(read),
                "label": json_object(label, "--label"),
                "counts": json_object(counts, "--counts"),
                **({} if at is None else {"at": at}),
            }
        )
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    explanation = explain_decision(
        engine,
        situation.action(engine, tool),
        situation.context(engine),
        situation.now(session.clock()),
    )
    if as_json:
        print_json(explanation.as_json())
        return
    for line in str(explanation).splitlines():
        say(visible(line))
    if tools_name is None:
        say("Types and defaults of the arguments are not known without --tools.", "dim")


def untyped(loaded: Policy, calls: Mapping[str, Mapping[str, Any]]) -> list[ToolSpec]:
    """Return tools whose arguments are those that calls give and the policy speaks of.

    Args:
        loaded: The policy.
        calls: Arguments by tool.
    """
    return [_untyped(loaded, tool, given) for tool, given in calls.items()]


def _untyped(loaded: Policy, tool: str, given: Mapping[str, Any]) -> ToolSpec:
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

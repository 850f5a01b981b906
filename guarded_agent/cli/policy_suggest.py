"""`guarded-agent policy suggest`: the least privilege that a log needed."""

from __future__ import annotations

from pathlib import Path

import click

from guarded_agent.cli.policy_check import tools_option
from guarded_agent.cli.policy_diff import engine_for, log_option, of_agents, read_log
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.cli.target import load_tools
from guarded_agent.core.errors import PolicyError
from guarded_agent.core.visible import visible
from guarded_agent.policy import check, load
from guarded_agent.policy.suggest import suggest as suggested


@click.command()
@click.argument("file")
@log_option
@tools_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="-",
    show_default=True,
    help="Where to write it; - prints it. A file that is there stays.",
)
@json_option
@pass_session
def suggest(
    session: Session, file: str, log: str, tools_name: str | None, output: str, as_json: bool
) -> None:
    """Suggest the least privilege that the calls of a log needed.

    Entries of tools that nobody called, rules that let nothing through and scopes that nobody
    needs are left out; rules that allow are narrowed to the destinations, choices and highest
    amounts that were seen. It is never wider than FILE, and is played against the log first.
    """
    present = load(Path(file))
    events = of_agents(read_log(session, log), present)
    specs = load_tools(tools_name) if tools_name else None
    found = suggested(
        present,
        lambda policy: engine_for(policy, specs, events),
        events,
        typed=specs is not None,
        file=file if output == "-" else output,
    )
    problems = check(found.policy, specs)
    if problems:
        raise PolicyError(problems)
    if output != "-":
        try:
            with Path(output).open("x", encoding="utf-8") as stream:
                stream.write(found.text)
        except FileExistsError:
            raise click.UsageError(f"{output} is there already: name another with -o.") from None
    if as_json:
        print_json(
            {
                "calls": found.calls,
                "tools": list(found.tools),
                "notes": list(found.notes),
                "policy": found.text,
            }
        )
        return
    if output == "-":
        click.echo(found.text, nl=False)
    else:
        say(f"{visible(output)}: made from {found.calls} calls of {len(found.tools)} tools.")
    for note in found.notes:
        click.echo(visible(f"note: {note}."), err=True)

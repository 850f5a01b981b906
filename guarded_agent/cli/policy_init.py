"""`guarded-agent policy init`: write a first policy for the tools of an agent."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import click

from guarded_agent.cli.screen import command, say
from guarded_agent.cli.target import find_tools, load_target, specs_of
from guarded_agent.core.errors import PolicyError
from guarded_agent.core.visible import visible
from guarded_agent.policy import Policy, check
from guarded_agent.policy.guess import Hints
from guarded_agent.policy.starter import starter


@click.command()
@click.argument("name", metavar="MODULE:NAME")
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    default="policy.yaml",
    show_default=True,
    help="Where to write it; - prints it.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(name: str, file: str, force: bool) -> None:
    """Write a first policy for an agent, guessed from what its tools say of themselves.

    MODULE:NAME is an agent, a graph, a chain or a list of tools, such as my_app:agent. It is
    imported, not run. Every guess is marked as one, with its reason. What is not clear asks.
    """
    path = Path(file)
    if file != "-" and not force and path.exists():
        raise click.UsageError(f"{file} is there already: name another with -o, or say --force.")
    found = find_tools(load_target(name), name)
    specs = specs_of(found)
    agent = re.sub(r"[^a-z0-9]+", "-", name.partition(":")[0].rpartition(".")[2].lower())
    text = starter(
        specs,
        hints={tool.name: Hints.of(tool.metadata) for tool in found},
        agent=agent.strip("-")[:64] or "agent",
        target=name,
        file="policy.yaml" if file == "-" else path.name,
    )
    problems = check(Policy.from_text(text, file), specs)
    if problems:  # two tools of one name, or a name that is none
        raise PolicyError(problems)
    if file == "-":
        click.echo(text, nl=False)
        return
    try:
        with path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise click.UsageError(f"{file} is there already.") from None
    guesses = text.count("# guess:")
    say(f"{visible(file)}: {len(specs)} tools, {guesses} guesses. Read each; then:")
    with suppress(ValueError):
        say(command(["guarded-agent", "policy", "check", file, "--tools", name]))

"""The program: its global options and its commands."""

from __future__ import annotations

import sys
from typing import TextIO, cast

import click

from guarded_agent import __version__
from guarded_agent.cli.agents import agents
from guarded_agent.cli.approvals import approvals
from guarded_agent.cli.audit import audit
from guarded_agent.cli.coercion import coercion
from guarded_agent.cli.demo import demo
from guarded_agent.cli.doctor import doctor
from guarded_agent.cli.failure import OneLine
from guarded_agent.cli.graph import graph
from guarded_agent.cli.policy import policy
from guarded_agent.cli.reviewers import reviewers
from guarded_agent.cli.serve import serve
from guarded_agent.cli.session import STORE_VARIABLE, Session
from guarded_agent.cli.vault import vault
from guarded_agent.store import DEFAULT_URL


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--store",
    "store_url",
    metavar="URL",
    envvar=STORE_VARIABLE,
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    help="Where approvals and the audit log are: sqlite:///FILE or postgresql+psycopg://...",
)
@click.version_option(__version__, prog_name="guarded-agent")
@click.pass_context
def app(context: click.Context, store_url: str) -> None:
    """Decide on what agents want to do, and check what they did."""
    if context.obj is None:
        source = context.get_parameter_source("store_url")
        said = source is click.core.ParameterSource.COMMANDLINE
        context.obj = Session(store_url, said)


for _command in (
    approvals,
    audit,
    policy,
    graph,
    doctor,
    agents,
    vault,
    coercion,
    reviewers,
    serve,
    demo,
):
    app.add_command(_command)


def main() -> None:
    """Run the command line; the process ends with the command's exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a character gets its number; a command never dies of it.
        cast("TextIO", stream).reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]
    app(prog_name="guarded-agent")

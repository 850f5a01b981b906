"""The options by which a person says who they are and why, and how a script gets JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from guarded_agent.cli.session import REVIEWER_VARIABLE

Command = TypeVar("Command", bound=Callable[..., Any])


def reviewer_option(*, required: bool = True) -> Callable[[Command], Command]:
    """Return the option `--reviewer`."""
    return click.option(
        "--reviewer",
        metavar="NAME",
        envvar=REVIEWER_VARIABLE,
        show_envvar=True,
        callback=_named if required else None,
        help="Who you are. It is not checked: whoever can write to the store is trusted.",
    )


def _named(context: click.Context, _: click.Parameter, name: str | None) -> str | None:
    if not name and not context.resilient_parsing:
        raise click.UsageError(
            f"say who you are with --reviewer NAME, or set {REVIEWER_VARIABLE}.", context
        )
    return name


def reason_option(what: str, *, required: bool = False) -> Callable[[Command], Command]:
    """Return the option `--reason`."""
    return click.option(
        "--reason",
        metavar="TEXT",
        required=required,
        default=None if required else "",
        help=what,
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a script.")
"""The option `--json`."""

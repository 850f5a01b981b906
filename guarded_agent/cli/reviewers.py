"""`guarded-agent reviewers`: who may sign in to the pages, and how they get in.

Like every command it trusts whoever can write to the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guarded_agent.audit import AuditLog
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.errors import MissingExtra
from guarded_agent.core.visible import visible
from guarded_agent.store import Store

if TYPE_CHECKING:
    from guarded_agent.server.accounts import Accounts

BY = "the command line"

_url_option = click.option(
    "--url",
    metavar="URL",
    envvar="GUARDED_AGENT_PUBLIC_URL",
    show_envvar=True,
    default="http://127.0.0.1:8383",
    show_default=True,
    help="Where people reach `guarded-agent serve`.",
)
_name = click.argument("name", metavar="NAME")


@click.group()
def reviewers() -> None:
    """See who may sign in to the pages, and let people in and out."""


@reviewers.command("list")
@json_option
@pass_session
def list_(session: Session, as_json: bool) -> None:
    """List every reviewer."""
    with session.store() as store:
        known = _accounts(store).reviewers.list()
    if as_json:
        print_json([account.as_json() for account in known])
        return
    if not known:
        flow("Nobody can sign in yet. guarded-agent serve prints a link for the first admin.")
    for account in known:
        state = "active" if account.active else "shut out"
        roles = ", ".join(account.roles) or "no roles"
        say(f"{state:<8}  {visible(account.name)}  ({visible(roles)})")


@reviewers.command()
@_name
@click.option("--role", "roles", metavar="WORD", multiple=True, help="What they are; repeat it.")
@_url_option
@pass_session
def invite(session: Session, name: str, roles: tuple[str, ...], url: str) -> None:
    """Print a link by which one person becomes a reviewer. It works once, for three days."""
    with session.store() as store:
        link = _accounts(store).links.join(name, roles, by=BY)
    say(f"{url.rstrip('/')}/join/{link}")


@reviewers.command()
@_name
@_url_option
@pass_session
def reset(session: Session, name: str, url: str) -> None:
    """Print a link by which a reviewer sets a new password. It works once, for an hour."""
    with session.store() as store:
        link = _accounts(store).links.reset(name, by=BY)
    say(f"{url.rstrip('/')}/join/{link}")


@reviewers.command("roles")
@_name
@click.option("--role", "roles", metavar="WORD", multiple=True, help="What they are; repeat it.")
@pass_session
def roles_(session: Session, name: str, roles: tuple[str, ...]) -> None:
    """Set the roles of a reviewer; none where none is given."""
    with session.store() as store:
        account = _accounts(store).reviewers.set_roles(name, roles, by=BY)
    say(f"{visible(account.name)}: {visible(', '.join(account.roles) or 'no roles')}")


@reviewers.command()
@_name
@pass_session
def deactivate(session: Session, name: str) -> None:
    """Shut a reviewer out at once: their sessions and tokens end."""
    with session.store() as store:
        account = _accounts(store).reviewers.set_active(name, False, by=BY)
    say(f"{visible(account.name)} is shut out.")


@reviewers.command()
@_name
@pass_session
def activate(session: Session, name: str) -> None:
    """Let a reviewer in again."""
    with session.store() as store:
        account = _accounts(store).reviewers.set_active(name, True, by=BY)
    say(f"{visible(account.name)} may sign in.")


def _accounts(store: Store) -> Accounts:
    try:
        from guarded_agent.server.accounts import Accounts  # it loads what hashes passwords
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "argon2":
            raise MissingExtra("the accounts of reviewers", "server") from None
        raise
    return Accounts(store, AuditLog(store))

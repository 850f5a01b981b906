"""`guarded-agent approvals snooze`, `delegate`, `delegations` and `take-back`."""

from __future__ import annotations

import click

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.cli.reviewer import json_option, reason_option, reviewer_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.visible import visible
from guarded_agent.policy.words import seconds
from guarded_agent.server.card import duration


def _length(_: click.Context, __: click.Parameter, value: str) -> int:
    try:
        if 1 <= int(value[:-1]) <= 999_999:
            return seconds(value)
    except (KeyError, ValueError, IndexError):
        pass
    raise click.BadParameter("give a duration such as 15m, 4h or 2d.")


for_option = click.option(
    "--for",
    "length",
    metavar="DURATION",
    required=True,
    callback=_length,
    help="How long: 15m, 2d.",
)
"""The option `--for`."""


@click.command()
@click.argument("request_id", metavar="ID")
@for_option
@reviewer_option()
@json_option
@pass_session
def snooze(session: Session, request_id: str, length: int, reviewer: str, as_json: bool) -> None:
    """Set one request aside: not now is not no. Others still see it, and its clock runs on."""
    with session.store() as store:
        queue = Approvals(store, AuditLog(store))
        until = store.clock() + length
        request = queue.snooze(request_id, reviewer=reviewer, until=until)
    if as_json:
        print_json({"id": request.id, "until": until})
        return
    left = duration(request.decide_by - until)
    flow(f"Set aside for {duration(length)}. {left} are left to decide then.")


@click.command()
@click.argument("delegate_to", metavar="NAME")
@click.option(
    "--role", "roles", metavar="ROLE", multiple=True, required=True, help="To lend. Repeatable."
)
@for_option
@reviewer_option()
@reason_option("Why; kept with it.")
@json_option
@pass_session
def delegate(
    session: Session,
    delegate_to: str,
    roles: tuple[str, ...],
    length: int,
    reviewer: str,
    reason: str,
    as_json: bool,
) -> None:
    """Lend roles that you hold to another person for a while.

    They decide under their own name, and the role is recorded with their vote. They cannot
    pass it on. Where you may not decide, they cannot do it with your role.
    """
    with session.store() as store:
        lent = Approvals(store, AuditLog(store)).delegate(
            reviewer,
            delegate_to,
            roles=roles,
            held=roles,
            seconds=length,
            reason=reason,
            method="cli",
        )
    if as_json:
        print_json(lent.as_json())
        return
    flow(
        visible(f"{lent.delegate} has {', '.join(lent.roles)} for {duration(length)}. To end it: ")
        + f"guarded-agent approvals take-back {lent.id}"
    )


@click.command()
@json_option
@pass_session
def delegations(session: Session, as_json: bool) -> None:
    """List the roles that are lent now."""
    with session.store() as store:
        found = Approvals(store, AuditLog(store)).delegations()
        now = store.clock()
    if as_json:
        print_json([lent.as_json() for lent in found])
        return
    if not found:
        say("No role is lent.", "bold")
    for lent in found:
        roles = ", ".join(lent.roles)
        left = duration(lent.ends_at - now)
        flow(visible(f"{lent.id}  {lent.giver} to {lent.delegate}: {roles}, {left} left"), "    ")


@click.command("take-back")
@click.argument("delegation_id", metavar="ID")
@reviewer_option()
@json_option
@pass_session
def take_back(session: Session, delegation_id: str, reviewer: str, as_json: bool) -> None:
    """End a delegation now. Votes that were given with it stay."""
    with session.store() as store:
        lent = Approvals(store, AuditLog(store)).take_back(delegation_id, by=reviewer)
    if as_json:
        print_json(lent.as_json())
        return
    flow(visible(f"{lent.delegate} no longer has {', '.join(lent.roles)} from {lent.giver}."))

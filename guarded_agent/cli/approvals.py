"""`guarded-agent approvals`: see what waits for people, and decide on it."""

from __future__ import annotations

from typing import Any, Literal, cast

import click

from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.cli.approvals_later import delegate, delegations, snooze, take_back
from guarded_agent.cli.approvals_rule import propose_rule
from guarded_agent.cli.approvals_watch import watch
from guarded_agent.cli.card import progress, show_card, votes
from guarded_agent.cli.json_given import json_object
from guarded_agent.cli.notify import notify
from guarded_agent.cli.reviewer import json_option, reason_option, reviewer_option
from guarded_agent.cli.screen import command, flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.visible import visible
from guarded_agent.guards.pii.pseudonyms_shown import shown, with_values
from guarded_agent.server.card import duration
from guarded_agent.store import Entry, Ledger, Store

SHORTEST = 4
"""The shortest beginning of a digest that names an action."""


@click.group()
def approvals() -> None:
    """See what waits for people, and decide on it."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Also what was decided or has expired.")
@json_option
@pass_session
def list_(session: Session, everything: bool, as_json: bool) -> None:
    """List the requests that wait for a decision, the most urgent first.

    Also lists calls that began and whose end nobody knows: settle those.
    """
    with session.store() as store:
        queue = _queue(store)
        waiting = sorted(queue.pending(), key=lambda request: (request.decide_by, request.id))
        ended = [item for item in queue.list() if item.state != "pending"] if everything else []
        with store.read() as connection:
            uncertain = Ledger(store).uncertain(connection)
        now = store.clock()
    if as_json:
        print_json(
            {
                "requests": [request.as_json() for request in (*waiting, *ended)],
                "uncertain": [_entry(entry) for entry in uncertain],
            }
        )
        return
    _print_waiting(session, waiting, now)
    for entry in uncertain:
        say()
        say(f"{entry.digest[:12]}  {visible(entry.tool)}: it began, and nobody knows how it ended")
        say(command(session.command(*_settle_words(entry.digest[:12]))))
    if everything:
        say()
        say(f"{len(ended)} ended", "bold")
    for request in ended:
        line = f"{visible(request.id)}  {request.state:<9}  {visible(request.summary)}"
        flow(line, "    ", first="")


@approvals.command()
@click.argument("request_id", metavar="ID")
@click.option("--reveal", is_flag=True, help="Open the real arguments; who looked is recorded.")
@reviewer_option(required=False)
@json_option
@pass_session
def show(
    session: Session, request_id: str, reveal: bool, reviewer: str | None, as_json: bool
) -> None:
    """Show one request: all that is needed to decide on it.

    ID may be its beginning, at least 4 characters. Arguments are shown redacted.
    """
    if reveal and not reviewer:
        raise click.UsageError("--reveal is recorded: say who looks with --reviewer NAME.")
    with session.store() as store:
        queue = _queue(store)
        request = queue.get(request_id)
        opened = queue.arguments(request.id, reviewer=reviewer or "") if reveal else None
        opened = None if opened is None else with_values(store, request, opened)
        seen = shown(store, request)
        successor = queue.of(request.replaced_by).id if request.replaced_by else ""
    if as_json:
        extra = {} if opened is None else {"arguments": opened}
        print_json({**request.as_json(), **extra})
        return
    show_card(seen, session, arguments=opened, replaced_by=successor, reviewer=reviewer)


@approvals.command()
@click.argument("request_id", metavar="ID")
@reviewer_option()
@reason_option("Why; kept with the vote.")
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role you hold. Repeatable.")
@click.option("--digest", metavar="DIGEST", help="The digest that you saw, whole.")
@click.option(
    "--endorse",
    type=click.Choice(["thread", "always"]),
    help="Vouch for the values that nobody vouched for, in this thread or always: later calls "
    "do not ask about the same.",
)
@click.option("--yes", is_flag=True, help="Do not ask; approve what stands there now.")
@json_option
@pass_session
def approve(
    session: Session,
    request_id: str,
    reviewer: str,
    reason: str,
    roles: tuple[str, ...],
    digest: str | None,
    endorse: Literal["thread", "always"] | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Approve one request.

    On a terminal it shows the request and asks. A script gives the digest that was seen, so
    that nothing else is approved.
    """
    asks = digest is None and not yes
    if asks and (as_json or not session.terminal()):
        raise click.UsageError(
            "nobody can be asked here: give the digest that you saw with --digest "
            "(approvals show prints it), or --yes."
        )
    with session.store() as store:
        queue = _queue(store)
        request = queue.get(request_id)
        seen = shown(store, request)
    if digest is None and not as_json:
        show_card(seen, session, hints=False)
        say()
    question = "Take note of this?" if request.concern else "Approve this?"
    if asks and request.state == "pending" and not click.confirm(question, default=False):
        say("Nothing was changed.")
        return
    # Closed while the person reads: the vote carries what was shown, and the queue compares.
    with session.store() as store:
        request = _queue(store).vote(
            request.id,
            "approve",
            reviewer=reviewer,
            digest=digest or request.digest,
            reason=reason,
            roles=roles,
            method="cli",
            endorse=endorse,
        )
    _told(request, as_json, _after_approval(request))


@approvals.command()
@click.argument("request_id", metavar="ID")
@reviewer_option()
@reason_option("Why. The agent is told.", required=True)
@json_option
@pass_session
def reject(session: Session, request_id: str, reviewer: str, reason: str, as_json: bool) -> None:
    """Reject one request. One rejection decides."""
    with session.store() as store:
        queue = _queue(store)
        request = queue.get(request_id)
        request = queue.vote(
            request.id,
            "reject",
            reviewer=reviewer,
            digest=request.digest,
            reason=reason,
            method="cli",
        )
    words = "Rejected. The call will not run; the agent is told why."
    if request.about_agent:
        words = f"Rejected. The agent {visible(request.agent_id)} stays as it is."
    _told(request, as_json, _after_answer(request) if request.concern else words)


@approvals.command()
@click.argument("request_id", metavar="ID")
@reviewer_option()
@click.option(
    "--args",
    "new",
    metavar="JSON|@FILE",
    required=True,
    help="All arguments of the call as a JSON object, or @ and the file that holds it.",
)
@reason_option("Why; kept with the request.")
@json_option
@pass_session
def edit(
    session: Session, request_id: str, reviewer: str, new: str, reason: str, as_json: bool
) -> None:
    """Ask for other arguments instead. Approves nothing.

    The edited call is a new one: it passes every guard again when the thread is resumed, and
    somebody else has to approve it.
    """
    wanted = json_object(new, "--args")
    with session.store() as store:
        queue = _queue(store)
        request = queue.get(request_id)
        request = queue.edit(
            request.id, wanted, reviewer=reviewer, digest=request.digest, reason=reason
        )
    _told(
        request,
        as_json,
        f"Edited. Resume the thread {visible(request.thread_id)}: the new call is judged like any "
        "other, and you cannot approve it yourself.",
    )


@approvals.command()
@click.argument("name", metavar="DIGEST_OR_ID")
@click.option(
    "--outcome",
    type=click.Choice(["done", "failed"]),
    required=True,
    help="done: it took effect. failed: it did not.",
)
@reviewer_option()
@reason_option("How you know. Kept in the audit log, redacted.", required=True)
@json_option
@pass_session
def settle(
    session: Session, name: str, outcome: str, reviewer: str, reason: str, as_json: bool
) -> None:
    """Say how a call ended that began and was cut off.

    Give the digest of the call, its beginning, or the id of the request that allowed it. The
    call is not run again.
    """
    from guarded_agent.guards import Redactor  # it loads the recognisers
    from guarded_agent.monitor import settle_action

    with session.store() as store:
        entry = settle_action(
            store,
            AuditLog(store),
            _uncertain(store, name).digest,
            outcome=cast('Literal["done", "failed"]', outcome),
            by=reviewer,
            reason=Redactor().redact_text(reason),
        )
    if as_json:
        print_json(_entry(entry))
        return
    flow(
        f"Settled: {visible(entry.tool)} is {entry.state}. Resume the thread "
        f"{visible(entry.thread_id)} to go on."
    )


for more in (snooze, delegate, delegations, take_back, propose_rule, notify, watch):
    approvals.add_command(more)


def _queue(store: Store) -> Approvals:
    from guarded_agent.monitor.lifecycle import queue  # it loads the policy room

    return queue(store, AuditLog(store))


def _print_waiting(session: Session, waiting: list[Request], now: float) -> None:
    if not waiting:
        say("Nothing waits for a decision.", "bold")
        flow("What an agent's policy leaves to people is listed here. What was decided before:")
        say(command(session.command("approvals", "list", "--all")))
        return
    count = len(waiting)
    say(f"{count} request{'s wait' if count > 1 else ' waits'} for a decision", "bold")
    for request in waiting:
        say()
        left = duration(request.decide_by - now)
        say(f"{visible(request.id)}  {progress(request)} approvals  expires in {left}", "bold cyan")
        flow(visible(request.summary), "  ")
        for finding in request.reasons[:3]:
            flow(visible(finding.message), "    ", first="  - ")
    say()
    say("See one, and how to decide on it:")
    say(command(session.command("approvals", "show", waiting[0].id)))


def _after_approval(request: Request) -> str:
    if request.about_agent and request.state == "used":
        return f"Approved. The agent {visible(request.agent_id)} is active."
    if request.state == "pending":
        return f"Your approval counts: {visible(votes(request))}. Others have to approve too."
    if request.concern:
        return _after_answer(request)
    return (
        f"Approved. The call runs when the agent resumes the thread {visible(request.thread_id)}; "
        f"the approval is good for {duration(request.execute_within)}."
    )


def _after_answer(request: Request) -> str:
    return f"Answered. The agent is told when the thread {visible(request.thread_id)} is resumed."


def _told(request: Request, as_json: bool, words: str) -> None:
    if as_json:
        print_json(request.as_json())
    else:
        flow(words)


def _uncertain(store: Store, name: str) -> Entry:
    """Return the one uncertain action that `name` means."""
    with store.read() as connection:
        waiting = Ledger(store).uncertain(connection)
    found = [entry for entry in waiting if entry.digest.startswith(name)]
    if len(name) < SHORTEST:
        found = []
    if not found:
        wanted = {item.digest for item in _queue(store).list(limit=None) if item.id == name}
        found = [entry for entry in waiting if entry.digest in wanted]
    if len(found) != 1:
        many = "more than one action has" if found else "no action that waits to be settled has"
        raise VoteRefused(
            f"{many} a digest or request that begins with {name[:64]!r}: see approvals list"
        )
    return found[0]


def _settle_words(name: str) -> list[str]:
    return [
        "approvals",
        "settle",
        name,
        "--outcome",
        "done|failed",
        "--reviewer",
        "YOUR-NAME",
        "--reason",
        "HOW-YOU-KNOW",
    ]


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "digest": entry.digest,
        "agent_id": entry.agent_id,
        "thread_id": entry.thread_id,
        "tool": entry.tool,
        "access": entry.access,
        "preview": dict(entry.preview),
        "state": entry.state,
        "created_at": entry.created_at,
        "started_at": entry.started_at,
        "finished_at": entry.finished_at,
    }

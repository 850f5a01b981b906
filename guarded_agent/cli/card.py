"""One request on a terminal, in the order in which a person decides: ten seconds are enough.

What the agent wrote stands behind a bar or an indent, with nothing hidden in it, so that it
cannot pass for a part of the card.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guarded_agent.approvals import Request
from guarded_agent.cli.screen import command, flow, say
from guarded_agent.cli.session import Session
from guarded_agent.core import Label
from guarded_agent.core.visible import visible
from guarded_agent.server.card import duration

_HEAD = "bold cyan"


def show_card(
    request: Request,
    session: Session,
    *,
    arguments: Mapping[str, Any] | None = None,
    replaced_by: str = "",
    reviewer: str | None = None,
    hints: bool = True,
) -> None:
    """Print the card of `request`.

    Args:
        request: What is shown.
        session: Gives the time, and the store for the commands.
        arguments: The real arguments, where a reviewer opened them.
        replaced_by: The id of the request that an edit led to.
        reviewer: Who looks, for the commands.
        hints: Say what can be done.
    """
    flow(visible(request.summary), "  ", first="", style="bold")
    say()
    say("Why it was stopped", _HEAD)
    for finding in request.reasons:
        rule = finding.rule or finding.guard or finding.category
        flow(visible(f"{finding.message} [{rule}]"), "    ", first="  - ")
    if not request.reasons:
        say("  - the policy asks a person for every call of this tool")
    say()
    head = "Arguments, redacted" if arguments is None else "Arguments, as they are"
    say("What the agent is" if request.about_agent else head, _HEAD)
    _print_arguments(request.preview if arguments is None else arguments)
    say()
    facts = {
        "Data read": data(request.label),
        **(
            {"Read by": "; ".join(each.words for each in request.sources)}
            if request.sources
            else {}
        ),
        "Impact": request.impact or f"none declared; the tool does {request.access}",
        "Asked by": asker(request),
        "Votes": votes(request),
        "Clock": clock(request, session.clock()),
    }
    if request.state != "pending":
        facts["State"] = request.state + (f": {request.message}" if request.message else "")
    if request.state == "approved":
        if request.concern:
            facts["Next"] = f"the agent is told when the thread {request.thread_id} is resumed"
        else:
            facts["Next"] = f"it runs when the agent resumes the thread {request.thread_id}"
    if replaced_by:
        facts["Next"] = f"see request {replaced_by}, which the edit led to"
    for name, text in facts.items():
        flow(visible(text), " " * 11, first=f"{name:<11}")
    if hints and request.state == "pending":
        say()
        say("What you can do", _HEAD)
        for words in commands(request, reviewer):
            say(command(session.command(*words)))


def commands(request: Request, reviewer: str | None = None) -> list[list[str]]:
    """Return the commands that decide on `request`."""
    who = ["--reviewer", reviewer or "YOUR-NAME"]
    roles = [word for role in request.roles for word in ("--role", role)]
    base = [request.id, *who]
    if request.concern:
        answer = ["--reason", "YOUR-ANSWER"]
        return [
            ["approvals", "approve", *base, *roles, "--digest", request.digest, *answer],
            ["approvals", "reject", *base, *answer],
        ]
    edit = ["approvals", "edit", *base, "--args", "@new-arguments.json"]
    return [
        ["approvals", "approve", *base, *roles, "--digest", request.digest],
        ["approvals", "reject", *base, "--reason", "WHY"],
        *([] if request.about_agent else [edit]),
    ]


def data(label: Label) -> str:
    """Return what is known of the data that the thread has read, in words."""
    words = [str(label.confidentiality), *sorted(label.compartments)]
    words.append("trusted" if label.trusted else "untrusted: others may have written it")
    words += [f"from {source}" for source in sorted(label.sources)]
    return ", ".join(words)


def asker(request: Request) -> str:
    """Return who asks, for whom and where, in words."""
    if request.about_agent:
        person = str(request.preview.get("asked_by") or "its program, as it started")
        return f"{person}; neither they nor the owner of {request.agent_id} can decide"
    edited = f"; arguments edited by {request.edited_by}" if request.edited_by else ""
    user = f"for {request.user}" if request.user else "for no named person"
    return f"agent {request.agent_id}, {user}, in thread {request.thread_id}{edited}"


def progress(request: Request) -> str:
    """Return how far the approval is, such as `1 of 2`."""
    return f"{len(request.approvers)} of {request.quorum}"


def votes(request: Request) -> str:
    """Return the votes so far, and what is missing, in words."""
    given = [
        f"{vote.reviewer}: {vote.choice}" + (f" ({vote.reason})" if vote.reason else "")
        for vote in request.votes
    ]
    words = [f"{progress(request)} approvals", *given]
    if request.missing_roles and request.state == "pending":
        words.append(f"still needs: {', '.join(request.missing_roles)}")
    return "; ".join(words)


def clock(request: Request, now: float) -> str:
    """Return when it was asked, and what time is left, in words."""
    asked = f"asked {duration(now - request.created_at)} ago"
    if request.state == "pending" and request.concern:
        left = duration(request.decide_by - now)
        return f"{asked}; unless somebody answers in {left}, the agent is told that nobody has"
    if request.state == "pending" and request.about_agent:
        left = duration(request.decide_by - now)
        return f"{asked}; {left} left to decide; approval takes effect with the last vote"
    if request.state == "pending":
        return (
            f"{asked}; denied in {duration(request.decide_by - now)} unless decided; "
            f"an approval is good for {duration(request.execute_within)}"
        )
    if request.state == "approved" and request.execute_by is not None:
        return f"{asked}; the approval is good for {duration(request.execute_by - now)} more"
    return asked


def _print_arguments(arguments: Mapping[str, Any]) -> None:
    if not arguments:
        say("  | none")
    for name, value in arguments.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        first, *more = visible(text, keep="\n").split("\n")
        if not more:
            flow(f"{visible(name)}: {first}", "  |   ", first="  | ")
            continue
        say(f"  | {visible(name)}:")
        for line in (first, *more):
            flow(line or " ", "  |     ", first="  |   ")

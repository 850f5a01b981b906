"""`guarded-agent approvals propose-rule`: from a decision to a rule, and what it would change."""

from __future__ import annotations

from pathlib import Path

import click

from guarded_agent.audit import AuditLog
from guarded_agent.cli.policy_diff import calls_in, log_option, read_log
from guarded_agent.cli.policy_explain import untyped
from guarded_agent.cli.reviewer import json_option, reviewer_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session, pass_session
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.visible import visible


@click.command("propose-rule")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--policy", "file", metavar="FILE", required=True, help="The agent's policy.")
@click.option(
    "--any", "free", metavar="ARGUMENT", multiple=True, help="May be anything. Repeatable."
)
@reviewer_option()
@log_option
@json_option
@pass_session
def propose_rule(
    session: Session,
    ids: tuple[str, ...],
    file: str,
    free: tuple[str, ...],
    reviewer: str,
    log: str,
    as_json: bool,
) -> None:
    """Propose the narrowest rule that would have decided as people did, and try it on the log.

    Name one request or several of the same tool. What was rejected becomes a rule that denies. The
    rule holds the real arguments: that you looked is recorded. Nothing is changed: read
    the rule, and put it into the policy file yourself.
    """
    from guarded_agent.monitor.lifecycle import queue as open_queue  # it loads the policy room
    from guarded_agent.monitor.rule_proposal import Effect, propose
    from guarded_agent.policy import Engine, load
    from guarded_agent.policy.compare import compare

    with session.store() as store:
        queue = open_queue(store, AuditLog(store))
        requests = [queue.get(one) for one in ids]
        first = requests[0]
        if len({(one.tool, one.agent_id, one.state == "rejected") for one in requests}) > 1:
            raise VoteRefused("name requests of one agent and tool, with one kind of decision")
        if first.about_agent or first.concern or not all(one.intact for one in requests):
            raise VoteRefused(f"no rule follows from request {first.id}")
        calls = [queue.arguments(one.id, reviewer=reviewer) for one in requests]
    before = load(Path(file))
    if before.agent.id != first.agent_id:
        raise VoteRefused(f"{file} is the policy of {before.agent.id}, not of {first.agent_id}")
    effect: Effect = "deny" if first.state == "rejected" else "allow"
    found = propose(before, first.tool, first.access, calls, effect=effect, free=free)
    events = [event for event in read_log(session, log) if event.agent_id == first.agent_id]
    known = calls_in(events)
    known.setdefault(first.tool, {}).update(calls[0])
    old, new = (
        Engine(one, untyped(one, known), strict_tools=False) for one in (before, found.policy)
    )
    told = compare(old, new, events)
    if as_json:
        print_json(
            {
                "tool": found.tool,
                "effect": found.effect,
                "when": found.when,
                "yaml": found.to_yaml(),
                "calls": told.calls,
                "summary": told.summary,
                "not_replayed": told.unknown,
            }
        )
        return
    say(visible(found.to_yaml().rstrip(), keep="\n"))
    say()
    played = told.calls - sum(told.unknown.values())
    flow(
        f"{played} of {told.calls} calls in the log replayed. With this rule the policy "
        f"{told.summary}."
    )
    if free:
        flow(visible(f"Not held, so a call may have anything there: {', '.join(free)}."))
    flow(
        "Arguments that these calls did not have are not held. Nothing was changed; other rules, "
        "limits, sinks and guards still count."
    )

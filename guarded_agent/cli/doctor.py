"""`guarded-agent doctor`: whether an agent is guarded here, in one line for each check."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Literal, cast
from warnings import catch_warnings, simplefilter

import click

from guarded_agent.audit import AuditLog
from guarded_agent.audit import verify as verify_chain
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.session import Session
from guarded_agent.cli.target import load_target
from guarded_agent.core.errors import (
    AuditBroken,
    GuardedAgentError,
    PolicyError,
    StoreError,
    UnprovableGraph,
)
from guarded_agent.core.visible import visible
from guarded_agent.policy import load
from guarded_agent.store import Store
from guarded_agent.store.backends import find

if TYPE_CHECKING:
    from guarded_agent.agent.report import Report

State = Literal["ok", "problem", "skipped"]

_STYLES: dict[State, str] = {"ok": "green", "problem": "bold red", "skipped": "dim"}
_MEMORY = "sqlite://"
_FIRST = "the versions and the self-test come first"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        state: Whether it is as it should be.
        message: What was found.
        do: What to do now; empty where nothing is.
    """

    name: str
    state: State
    message: str
    do: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the check as plain JSON data."""
        return {"check": self.name, "state": self.state, "message": self.message, "do": self.do}


@click.command()
@click.argument("name", metavar="MODULE:NAME")
@click.option("--policy", "policy_file", metavar="FILE", help="The policy; without it the default.")
@json_option
@click.pass_context
def doctor(context: click.Context, name: str, policy_file: str | None, as_json: bool) -> None:
    """Check that an agent is guarded here: for a build, and for when something is odd.

    Imports the object, such as my_app:agent, and runs neither it nor its tools. Looks at
    versions, at what is read of LangGraph, at every node, at the policy, at the store and at
    its log. Exits with 1 if there is a problem.
    """
    session = context.ensure_object(Session)
    try:
        target = load_target(name)
    except GuardedAgentError as error:
        checks = [*_here(), _refused(name, error), *_stored(session, None)]
    else:
        checks = [*_here(), *_agent(name, target, policy_file), *_stored(session, target)]
    problems = sum(check.state == "problem" for check in checks)
    if as_json:
        print_json({"ok": not problems, "checks": [check.as_json() for check in checks]})
    else:
        for check in checks:
            _show(check)
        say()
        say(f"{_count(problems, 'problem')}." if problems else "No problem.")
    context.exit(1 if problems else 0)


def _here() -> Iterator[Check]:
    """Look at what is installed."""
    try:
        from guarded_agent.agent.versions import TESTED, versions  # raises where LangGraph is odd
    except UnprovableGraph as error:
        for name in ("versions", "self-test", "canary"):
            if name in error.reasons:
                yield Check(
                    name, "problem", error.reasons[name], "Install versions that were tested."
                )
            else:
                yield Check(name, "skipped", f"{next(iter(error.reasons))} comes first")
        return
    found = dict(versions())
    newer = [entry for entry in TESTED if entry.newer(found.get(entry.package, "0"))]
    tail = "".join(f"; tested up to {entry.package} {entry.newest}" for entry in newer)
    listed = ", ".join(f"{package} {number}" for package, number in found.items())
    yield Check("versions", "ok", f"{listed}{tail}")
    yield Check("self-test", "ok", "all that is read of LangGraph and LangChain is there")
    yield _canary()


def _canary() -> Check:
    from langgraph.prebuilt import ToolNode

    from guarded_agent.agent.canary import WAYS, flown

    why = flown(ToolNode)
    if why is not None:
        do = "Do not run agents with this LangGraph: its tools get past the monitor."
        return Check("canary", "problem", why, do)
    ways = ", ".join(WAYS)
    return Check("canary", "ok", f"a denied call did not run, an allowed one ran once: by {ways}")


def _agent(name: str, target: Any, policy_file: str | None) -> Iterator[Check]:
    """Look at the agent, and at the policy over its tools."""
    try:
        declared, fits = _guarded(target, policy_file)
    except UnprovableGraph as error:
        if "versions" in error.reasons or "self-test" in error.reasons:
            yield Check("prover", "skipped", _FIRST)
        else:
            yield _unproven(name, error)
        yield _policy_alone(policy_file)
        return
    except PolicyError as error:
        yield Check("prover", "ok", "every tool call passes the monitor")
        yield _wrong(error, policy_file)
        return
    but = f", but for what you declared: {', '.join(declared)}" if declared else ""
    yield Check("prover", "ok", f"every tool call passes the monitor{but}")
    yield Check("policy", "ok", fits)
    if _observes(target, policy_file):
        do = "Set mode: enforce once `guarded-agent policy observed` tells what you want."
        yield Check("mode", "problem", "mode: observe: nothing is stopped, asked or redacted", do)


def _refused(name: str, error: GuardedAgentError) -> Check:
    """Return what a module's own `guard()` said while it was imported."""
    match error:
        case UnprovableGraph(reasons=reasons) if "versions" in reasons or "self-test" in reasons:
            return Check("prover", "skipped", _FIRST)
        case UnprovableGraph():
            return _unproven(name, error)
        case PolicyError():
            return _wrong(error, None)
        case _:
            do = "Its module says so as it is imported: look there."
            return Check("prover", "problem", " ".join(str(error).split()), do)


def _guarded(target: Any, policy_file: str | None) -> tuple[list[str], str]:
    """Return what was declared in the agent, and how the policy fits its tools.

    Raises:
        UnprovableGraph: Something in it cannot be shown to be guarded.
        PolicyError: The policy is wrong, or does not fit its tools.
    """
    from guarded_agent.agent.guard import guard  # LangGraph

    if _monitor_of(target) is not None:
        if policy_file is not None:
            raise click.UsageError("this agent is guarded already: leave --policy out.")
        which, safe = "its own policy", target
    else:
        which = policy_file or "the default policy"
        # In memory: looking at an agent leaves nothing behind.
        with catch_warnings():
            simplefilter("ignore")  # a check of its own tells that it is only observed
            safe = cast("Any", guard(target, policy=policy_file, store=_MEMORY))
    if isinstance(safe, list):
        return [], f"{which} fits {_count(len(cast('list[Any]', safe)), 'tool')}"
    report: Report = safe.report()
    tools = sum(line.kind == "tool" for line in report.lines)
    return report.declared, f"{which} fits {_count(tools, 'tool')}"


def _observes(target: Any, policy_file: str | None) -> bool:
    monitor = _monitor_of(target)
    mode = load(policy_file).mode if monitor is None else monitor.engine.policy.mode
    return mode == "observe"


def _monitor_of(target: Any) -> Any:
    """Return the monitor of an agent that is guarded already."""
    from guarded_agent.agent.chain import GuardedChain  # LangGraph
    from guarded_agent.agent.graph import GuardedGraph

    return target.monitor if isinstance(target, (GuardedGraph, GuardedChain)) else None


def _unproven(name: str, error: UnprovableGraph) -> Check:
    keys = ", ".join(error.reasons)
    what = f"not shown to be guarded: {keys}"
    if len(error.reasons) == 1:
        why = error.reasons[keys]
        what = why if why.startswith(f"{keys}:") else f"{keys}: {why}"
    return Check("prover", "problem", what, f"See: guarded-agent graph {name}")


def _policy_alone(policy_file: str | None) -> Check:
    """Look at a policy whose tools are not known, because the prover comes first."""
    if policy_file is None:
        return Check("policy", "skipped", "what the default policy decides depends on the tools")
    try:
        load(Path(policy_file))
    except PolicyError as error:
        return _wrong(error, policy_file)
    return Check("policy", "skipped", f"{policy_file} can be read; its tools come after the prover")


def _wrong(error: PolicyError, policy_file: str | None) -> Check:
    more = len(error.problems) - 1
    tail = f" (and {more} more)" if more else ""
    do = f"See: guarded-agent policy check {policy_file}" if policy_file else ""
    return Check("policy", "problem", f"{error.problems[0]}{tail}", do)


def _stored(session: Session, target: Any) -> Iterator[Check]:
    """Look at the store, and at the log in it; leave both as they are."""
    try:
        own = None if session.said or target is None else _store_of(target)
        store = own or _existing(session.store_url)
        if store is None:
            yield _room_for(session.store_url)
            yield Check("audit", "ok", "there is no event to verify yet")
            return
        with ExitStack() as closing:
            if own is None:
                closing.callback(store.close)
            _write_and_undo(store)
            memory = store.url == _MEMORY
            lost = ", in memory: all is lost when the process ends" if memory else ""
            yield Check("store", "ok", f"{store.url} can be read and written{lost}")
            yield _verified(store)
    except StoreError as error:
        yield Check("store", "problem", str(error), "Name another one with --store, before doctor.")
        yield Check("audit", "skipped", "the store comes first")


def _store_of(target: Any) -> Store | None:
    with suppress(UnprovableGraph):
        monitor = _monitor_of(target)
        return None if monitor is None else cast("Store", monitor.store)
    return None


def _existing(url: str) -> Store | None:
    """Open the store, if it is there; a SQLite file is made by the agent, not by this."""
    backend = find(url)
    if backend.path is not None and not backend.path.exists():
        return None
    return Store.open(url)


def _room_for(url: str) -> Check:
    path = find(url).path
    assert path is not None
    if not path.parent.is_dir():
        do = f"Create {path.parent}, or name another place with --store, before doctor."
        return Check("store", "problem", f"{path}: its folder does not exist", do)
    try:
        TemporaryFile(dir=path.parent).close()
    except OSError as error:
        why = error.strerror or type(error).__name__
        do = "Let the agent's user write there, or name another place with --store."
        return Check("store", "problem", f"{path.parent} cannot be written: {why}", do)
    return Check("store", "ok", f"{path.name} is not there yet; its folder can be written")


class _Undo(Exception):
    """Ends a transaction without a trace."""


def _write_and_undo(store: Store) -> None:
    with suppress(_Undo), store.write(durable=True) as connection:
        AuditLog(store).append(connection, "doctor.looked", agent_id="doctor")
        raise _Undo


def _verified(store: Store) -> Check:
    try:
        verified = verify_chain(store)
    except AuditBroken as error:
        do = f"Keep a copy of it, and look at event {error.seq}: guarded-agent audit tail"
        return Check("audit", "problem", str(error), do)
    return Check("audit", "ok", f"verified {_count(verified.count, 'event')}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _show(check: Check) -> None:
    start = f"{check.state:<9}{check.name:<11}"
    for number, text in enumerate(filter(None, (check.message, check.do))):
        first = " " * len(start) if number else start
        flow(visible(text), " " * len(start), first=first, style=_STYLES[check.state])

"""From a policy and a store to a monitor: the one place where the rooms meet."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from guarded_agent.agent.made_of import profile
from guarded_agent.agent.passing import this_thread
from guarded_agent.agent.reloading import (
    Reloading,
    require_file,
    require_same,
    require_same_hiding,
)
from guarded_agent.approvals import BackOff, Rung, Target, Terms
from guarded_agent.audit import AuditLog
from guarded_agent.core import Guard, ToolSpec
from guarded_agent.core.errors import PolicyError
from guarded_agent.guards.building import build
from guarded_agent.guards.pii import Redactor
from guarded_agent.guards.pressure import PressureGuard
from guarded_agent.guards.streaming import Scrub, text_filter
from guarded_agent.monitor import Monitor
from guarded_agent.monitor.lifecycle import Lifecycle, queue
from guarded_agent.monitor.revealing import RevealingEngine
from guarded_agent.policy import Engine, Policy, load
from guarded_agent.policy.asking import ApprovalsEntry
from guarded_agent.policy.words import seconds
from guarded_agent.store import Store
from guarded_agent.store.vault import Vault

if TYPE_CHECKING:
    from guarded_agent.guards.hiding import Hidden
    from guarded_agent.guards.pii.pseudonyms import Pseudonyms

DEFAULT_STORE = "sqlite:///guarded_agent.db"

PolicySource = str | os.PathLike[str] | Mapping[str, Any] | Policy | None
"""What `policy=` takes: a path, data, a policy, or None for the default policy."""


def open_store(store: str | Store | None) -> Store:
    """Return the store itself, or open the one at a database URL.

    Raises:
        StoreError: It cannot be opened.
    """
    return store if isinstance(store, Store) else Store.open(store or DEFAULT_STORE)


def open_monitor(
    policy: PolicySource,
    store: str | Store | None,
    tools: Iterable[ToolSpec],
    guards: Iterable[Guard] = (),
    *,
    strict_tools: bool = True,
    models: Iterable[str] = (),
    prompts: Iterable[str] = (),
    whole: bool = True,
) -> Monitor:
    """Return the monitor of the policy's agent over `tools`; register the agent.

    Args:
        policy: See `PolicySource`.
        store: A database URL, an open store, or None for the default file.
        tools: What the tools say of themselves.
        guards: More guards, which run after those of the policy.
        strict_tools: Whether a tool that the policy names must be among `tools`.
        models: The agent's models, by `model_id`, where they were found.
        prompts: Its system prompts, where they were found.
        whole: Whether these are all its tools, and what else could be found; see `introduce`.

    Raises:
        PolicyError: The policy is wrong, or does not fit the tools.
        Denied: The agent was decommissioned.
        StoreError: The store cannot be opened.
    """
    loaded = load(policy)
    made_of = _MadeOf(
        list(tools), list(guards), strict_tools, list(models), list(prompts), whole=whole
    )
    ready = _Ready.of(loaded, made_of)
    if loaded.reload:
        require_file(loaded)
    monitor = ready.monitor(open_store(store))
    if monitor.observes:
        words = (
            f"the agent {loaded.agent.id} is only observed (mode: observe): its policy stops, asks "
            "and redacts nothing"
        )
        warnings.warn(words, stacklevel=2)
    if not loaded.reload:
        return monitor

    def make(changed: Policy, old: Monitor) -> Monitor:
        return _Ready.of(changed, made_of, instead_of=old).monitor(old.store)

    return cast("Monitor", Reloading(monitor, make))


@dataclass(frozen=True, slots=True)
class _MadeOf:
    """What an agent is made of besides its policy."""

    specs: list[ToolSpec]
    guards: list[Guard]
    strict_tools: bool
    models: list[str]
    prompts: list[str]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A policy that fits an agent; nothing is written down of it yet."""

    policy: Policy
    made_of: _MadeOf
    engine: Engine
    guards: list[Guard]
    pseudonyms: Hidden | Pseudonyms | None
    hider: Hidden | None

    @classmethod
    def of(cls, loaded: Policy, made_of: _MadeOf, instead_of: Monitor | None = None) -> _Ready:
        """Return it, made ready.

        Args:
            loaded: The policy.
            made_of: The agent.
            instead_of: The monitor whose place it is to take.

        Raises:
            PolicyError: The policy is wrong, does not fit the tools, or cannot take that place.
        """
        specs, strict = made_of.specs, made_of.strict_tools
        inside = frozenset(loaded.organisation.domains)
        inner = _pseudonyms(loaded, specs, inside)
        hider = _hider(loaded, inner)
        pseudonyms = hider or inner
        if instead_of is not None:
            was = instead_of.engine.policy
            require_same(was, loaded)
            require_same_hiding(loaded, _hiding(was), _hiding(loaded))
        engine = (
            Engine(loaded, specs, strict_tools=strict)
            if pseudonyms is None
            else RevealingEngine(loaded, specs, pseudonyms, strict_tools=strict)
        )
        chosen = [*_guards(loaded, inside, inner), *made_of.guards]
        return cls(loaded, made_of, engine, chosen, pseudonyms, hider)

    def monitor(self, database: Store) -> Monitor:
        """Register the agent, and return its monitor.

        Raises:
            Denied: The agent was decommissioned.
            StoreError: It cannot be written down.
        """
        made_of = self.made_of
        if self.pseudonyms is not None:
            self.pseudonyms.keep_in(Vault(database))
        audit = AuditLog(database)
        life = Lifecycle(database, audit)
        known = profile(
            self.policy,
            made_of.specs,
            models=made_of.models,
            prompts=made_of.prompts,
            whole=made_of.whole,
        )
        life.enter(known)
        return _monitor(self, database, audit, life, known.bound)


def _monitor(
    ready: _Ready, database: Store, audit: AuditLog, life: Lifecycle, bound: frozenset[str]
) -> Monitor:
    loaded, chosen = ready.policy, ready.guards
    granted = loaded.agent.scopes
    observes = loaded.mode == "observe"
    # What leaves in pieces is judged by these.
    leaving = [] if observes else chosen
    return Monitor(
        agent_id=loaded.agent.id,
        engine=ready.engine,
        guards=chosen,
        store=database,
        audit=audit,
        approvals=queue(database, audit, terms=_terms(loaded.approvals)),
        registry=life.registry,
        redact=Redactor().redact,
        text_filter=text_filter(leaving),
        scrubber=Scrub(leaving),
        hold_output=loaded.output.hold == "message" and not observes,
        sensor=PressureGuard(names=loaded.agent.names),
        inside=frozenset(loaded.organisation.domains),
        granted=None if granted is None else frozenset(granted),
        granted_until=loaded.agent.until,
        users=_users(loaded),
        issuer=loaded.agent.issuer,
        pseudonyms=ready.pseudonyms,
        hider=ready.hider,
        bound=bound,
    )


def _terms(entry: ApprovalsEntry) -> Terms:
    back_off = entry.back_off
    return Terms(
        decide_within=entry.decide_seconds,
        execute_within=entry.execute_seconds,
        separate_owner=entry.separate_owner,
        escalate=tuple(Rung(rung.part, rung.to) for rung in entry.escalate),
        most_pending=entry.most_pending,
        notify=tuple(
            Target(
                item.url, item.kind, item.secret or "", tuple(dict.fromkeys(item.on)), item.private
            )
            for item in entry.notify
        ),
        back_off=None
        if back_off.off
        else BackOff(back_off.rejections, seconds(back_off.within), seconds(back_off.wait)),
    )


def _users(policy: Policy) -> dict[str, frozenset[str]] | None:
    if policy.users is None:
        return None
    return {name: frozenset(entry.scopes) for name, entry in policy.users.items()}


def introduce(monitor: Monitor, models: Iterable[str] | None) -> None:
    """Register what is known of a monitor's agent once it runs: its tools, and its models.

    Args:
        monitor: The monitor.
        models: Its models, by `model_id`; None if they are not known yet.

    Raises:
        Denied: The agent was decommissioned.
    """
    engine = monitor.engine
    life = Lifecycle(monitor.store, monitor.audit)
    life.enter(profile(engine.policy, engine.specs, models=models))


def _hides(policy: Policy) -> bool:
    return any(entry.hide for entry in policy.tools.values())


def _hiding(policy: Policy) -> tuple[str, bool]:
    """Return whether a policy that loads gives pseudonyms, and whether it hides results."""
    from guarded_agent.guards.pii.pseudonyms_options import split

    section = policy.guards.get("pii")
    parts = split(section) if isinstance(section, Mapping) else None
    gives = "no" if parts is None else "restored" if parts.restores else "yes"
    return gives, _hides(policy)


def _hider(policy: Policy, pseudonyms: Pseudonyms | None) -> Hidden | None:
    """Return what hides results, if the policy asks for that."""
    if not _hides(policy):
        return None
    from guarded_agent.guards.hiding import Hidden

    return Hidden(None, policy.agent.id, pseudonyms)


def _pseudonyms(
    policy: Policy, tools: Iterable[ToolSpec], inside: frozenset[str]
) -> Pseudonyms | None:
    """Return what gives pseudonyms, if the policy asks for any."""
    from guarded_agent.guards.pii.pseudonyms_options import reveals, split

    section = policy.guards.get("pii")
    try:
        parts = split(section) if isinstance(section, Mapping) else None
        tells = reveals(policy, tools, on=parts is not None)
    except ValueError as error:
        raise _problem(policy, error) from None
    if parts is None:
        return None
    from guarded_agent.guards.pii.pseudonyms import Pseudonyms

    return Pseudonyms(
        None,
        policy.agent.id,
        reveals=tells,
        thread=this_thread,
        inside=inside,
        restores=parts.restores,
    )


def _guards(policy: Policy, inside: frozenset[str], pseudonyms: Pseudonyms | None) -> list[Guard]:
    options = {str(name): value for name, value in policy.guards.items()}
    try:
        return build(options, inside=inside, pseudonyms=pseudonyms)
    except ValueError as error:
        raise _problem(policy, error) from None


def _problem(policy: Policy, error: ValueError) -> PolicyError:
    # The guards name the key first: `guards.pii.regions: ...`
    where, _, what = str(error).partition(": ")
    return PolicyError([policy.source.problem(what, tuple(where.split(".")))])

"""What every part of the monitor works with: the rooms below, and the thread's memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import (
    UNLIMITED,
    Action,
    Authority,
    Context,
    Counts,
    Effect,
    Guard,
    Label,
    Pressure,
    PressureSensor,
    Scrubber,
    Seen,
    TextFilter,
    ThreadMemory,
    ToolSpec,
    Verdict,
)
from guarded_agent.core.addresses import texts
from guarded_agent.core.authority import both
from guarded_agent.core.errors import UnguardedCall
from guarded_agent.core.ports import Hider, Pseudonymizer
from guarded_agent.core.provenance import NOTHING, Provenance
from guarded_agent.identity import Registry
from guarded_agent.identity.running import RunningCall, let_in, running
from guarded_agent.identity.secrets import Secret
from guarded_agent.identity.spent import Spent
from guarded_agent.monitor.judge import Judge
from guarded_agent.monitor.lately import Lately
from guarded_agent.monitor.revealing import RevealingJudge
from guarded_agent.monitor.standing import Begun, Receipt
from guarded_agent.policy import Engine
from guarded_agent.store import Ledger, Store, family, memory, provenance

OTHERS = "*"
"""The user that stands for all whom a policy does not name."""

_NOTHING = ThreadMemory()
_OPEN = Label()


@dataclass
class Parts:
    """One agent identity, its policy, its guards, and where all is kept.

    Attributes:
        agent_id: The agent identity that acts.
        engine: Its policy over its tools.
        guards: Its guards, in the order in which they run.
        store: The database.
        audit: The log in it.
        approvals: The queue in it.
        registry: The agent identities in it.
        redact: Takes out of plain data what people and logs do not need.
        text_filter: Makes the filter of one streamed text.
        scrubber: Replaces what guards replace where no verdict is asked for.
        hold_output: Whether a model's message is held until every guard has judged it.
        sensor: Recognises pressure in what is read.
        inside: Mail domains of the organisation.
        granted: Scopes that the agent holds; None means not limited.
        granted_until: When that ends, in seconds since the epoch; None if it does not.
        issuer: Who issues the tokens of its calls.
        users: Scopes of each user, and of all others under `*`; None means not limited.
        pseudonyms: Knows what pseudonyms stand for, where the policy gives any.
        hider: Hides results from the model, where the policy says so.
        bound: Tools that run only as a person, or the first use, accepted them.
        worker: Names this monitor among all that share the store.
        family: Whose agents count as one.
        flows: Whether anything in the policy depends on labels.
        shares: Whether anybody may ask what the family has read.
    """

    agent_id: str
    engine: Engine
    guards: Sequence[Guard]
    store: Store
    audit: AuditLog
    approvals: Approvals
    registry: Registry
    redact: Callable[[Any], Any]
    text_filter: Callable[[], TextFilter]
    scrubber: Scrubber
    hold_output: bool = False
    sensor: PressureSensor | None = None
    inside: frozenset[str] = frozenset()
    granted: frozenset[str] | None = None
    granted_until: float | None = None
    users: Mapping[str, frozenset[str]] | None = None
    issuer: str = "guarded-agent"
    pseudonyms: Pseudonymizer | None = None
    hider: Hider | None = None
    bound: frozenset[str] = frozenset()
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)
    _asked: float = float("-inf")
    _running: set[str] = field(default_factory=set[str])
    _lately: Lately = field(default_factory=Lately)
    _begun: Begun = field(default_factory=Begun)
    _spent: Spent = field(default_factory=Spent)
    _latest: float = 0.0
    _judge: Judge = field(init=False)
    _ledger: Ledger = field(init=False)
    _way_out: str = field(init=False)
    _limits: bool = field(init=False)
    family: str = field(init=False)
    flows: bool = field(init=False)
    shares: bool = field(init=False)
    _hears: bool = field(init=False)

    def __post_init__(self) -> None:
        self._judge = (
            Judge(self.guards)
            if self.pseudonyms is None
            else RevealingJudge(self.guards, self.pseudonyms)
        )
        self._ledger = Ledger(self.store)
        self._limits = any(guard.name == "scope" for guard in self.guards)
        own = self.engine.policy.agent.family
        self.family = own or self.agent_id
        self._hears = self.engine.hears
        self.shares = own is not None or self.engine.window > 0
        self.flows = own is not None or self._hears or self.engine.flows
        self._way_out = next((spec.name for spec in self.engine.specs if spec.concern), "")

    def follow(self, old: Parts) -> None:
        """Go on where a monitor of the same agent was that had an older policy.

        What is running is running here as well: a call is started by one policy, and its body
        may ask for its receipt when the next one counts.
        """
        self.worker = old.worker
        self._running = old._running
        self._begun = old._begun
        self._spent = old._spent
        self._latest = old._latest

    @property
    def observes(self) -> bool:
        """Whether calls run as they are, and only what would have happened is written down."""
        return self.engine.policy.mode == "observe"

    def _watches(self, spec: ToolSpec, verdict: Verdict) -> bool:
        """Return whether a verdict is written down and not followed; a halt and a concern are."""
        return self.observes and not spec.concern and verdict.effect < Effect.HALT

    def _context(self, thread_id: str, tool: str | None = None) -> Context:
        with self.store.read() as connection:
            known = memory.load(connection, self.agent_id, thread_id)
            seen = self._seen(connection, tool)
        return self._around(known, thread_id, tool, seen=seen)

    def _given(self, action: Action) -> Label:
        """Return what is known of hidden texts that an action gives to its tool."""
        return _OPEN if self.pseudonyms is None else self.pseudonyms.label(action)

    def _seen(self, connection: Any, tool: str | None) -> tuple[Seen, ...]:
        """Return what the family has read lately, where that may decide about `tool`."""
        window = self.engine.window
        if not window or tool is None or self.engine.spec(tool).access == "read":
            return ()
        return family.since(connection, self.family, self.store.clock() - window)

    async def _acontext(self, thread_id: str, tool: str | None = None) -> Context:
        if self.store.reads_at_once:
            return self._context(thread_id, tool)
        return await asyncio.to_thread(self._context, thread_id, tool)

    def _vouchers(
        self, connection: Any, thread_id: str, tool: str, known: ThreadMemory
    ) -> Provenance:
        """Return what vouches for values in a thread, where the policy asks for it."""
        if not self.engine.asks_who_vouches(tool, known):
            return NOTHING
        return provenance.load(self.store, connection, self.family, self.agent_id, thread_id)

    def _around(
        self,
        known: ThreadMemory,
        thread_id: str,
        tool: str | None = None,
        action: Action | None = None,
        counts: Counts | None = None,
        vouchers: Provenance = NOTHING,
        seen: tuple[Seen, ...] = (),
    ) -> Context:
        outer = running() if action is not None else None
        return Context(
            agent_id=self.agent_id,
            thread_id=thread_id,
            user=None if action is None else action.user,
            inside=self.inside,
            memory=known,
            tool=self.engine.spec(tool) if tool else None,
            granted=self.granted,
            user_scopes=None if action is None else self._users_scopes(action),
            grant_over=self.granted_until is not None and self._grant_is_over(self.granted_until),
            handed=None if outer is None else outer.hands_on,
            way_out=self._way_out,
            counts=counts,
            provenance=vouchers,
            family=seen,
        )

    def _users_scopes(self, action: Action) -> frozenset[str] | None:
        """Return what the user of an action has: by the policy, and by what the app says."""
        said = action.user_scopes
        scopes = None if said is None else frozenset(said)
        if self.users is None:
            return scopes
        # Whom the policy does not name has what it gives to all others, or nothing.
        known = self.users.get(str(action.user)) if action.user is not None else None
        listed = self.users.get(OTHERS, frozenset[str]()) if known is None else known
        return both(scopes, listed)

    def _grant_is_over(self, until: float) -> bool:
        # A clock that is set back gives no time again.
        self._latest = max(self._latest, self.store.clock())
        return not self._latest < until

    def _authority(self, action: Action) -> Authority:
        """Return what an action may do; where the guard `scope` is off, nobody limits it."""
        if not self._limits or self.observes:
            return UNLIMITED
        return self._around(_NOTHING, action.thread_id, None, action).authority

    def _require(self, connection: Any, action: Action) -> None:
        """Return if the agent may act, and the tool is the one that was accepted.

        Raises:
            Denied: The message says what to do.
        """
        tool = action.tool if action.tool in self.bound else ""
        self.registry.require_active(connection, self.agent_id, tool, action.manifest)

    def _sense(self, payload: Any, source: str) -> tuple[Pressure, ...]:
        if self.sensor is None:
            return ()
        return self.sensor.sense("\n".join(texts(payload)), source)

    def refuse(self, tool: str, reason: str, *, thread_id: str, call_id: str = "") -> None:
        """Record a call that never became an action: unknown tool, bad arguments."""
        with self.store.write() as connection:
            self.audit.append(
                connection,
                "action.refused",
                agent_id=self.agent_id,
                thread_id=thread_id,
                data={"tool": tool, "call_id": call_id, "reason": str(self.redact(reason))},
            )

    def _receipt(self, action: Action, now: float, *, reserved: bool) -> Receipt:
        """Return the receipt for an action that was recorded as started."""
        spec = self.engine.spec(action.tool)
        self._running.add(action.digest)
        call = let_in(action, spec, self._authority(action), now)
        call.issue = self._issue
        return Receipt(action, spec, call.ticket, call, reserved=reserved)

    def _issue(self, call: RunningCall, audience: str, scopes: Iterable[str] | None) -> Secret:
        """Return a token of a running call, and record that it was given out."""
        from guarded_agent.identity.tokens import issue  # few tools need one

        token, claims = issue(call, audience, scopes, store=self.store, issuer=self.issuer)
        data = {name: claims[name] for name in ("aud", "exp", "jti", "scope")}
        with self.store.write(durable=True) as connection:
            self.registry.require_active(connection, self.agent_id)
            self._log(connection, "token.issued", call.action, data)
        return token

    def _log(self, connection: Any, kind: str, action: Action, data: dict[str, Any]) -> None:
        self._log_all(connection, action, [(kind, data)])

    def _log_all(
        self, connection: Any, action: Action, happened: Sequence[tuple[str, dict[str, Any]]]
    ) -> None:
        self.audit.append_all(
            connection,
            happened,
            agent_id=self.agent_id,
            thread_id=action.thread_id,
            digest=action.digest,
        )


def not_proposed(action: Action) -> UnguardedCall:
    return UnguardedCall(f"{action.tool} was not proposed to the monitor; it did not run")

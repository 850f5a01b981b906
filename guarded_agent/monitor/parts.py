"""What every part of the monitor works with: the rooms below, and the thread's memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import (
    Action,
    Context,
    Guard,
    Pressure,
    PressureSensor,
    Scrubber,
    TextFilter,
    ThreadMemory,
)
from guarded_agent.core.addresses import texts
from guarded_agent.core.errors import UnguardedCall
from guarded_agent.core.ports import Pseudonymizer
from guarded_agent.identity import Registry, mint
from guarded_agent.monitor.judge import Judge
from guarded_agent.monitor.lately import Lately
from guarded_agent.monitor.revealing import RevealingJudge
from guarded_agent.monitor.standing import Begun, Receipt
from guarded_agent.policy import Engine
from guarded_agent.store import Ledger, Store, memory


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
        pseudonyms: Knows what pseudonyms stand for, where the policy gives any.
        worker: Names this monitor among all that share the store.
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
    pseudonyms: Pseudonymizer | None = None
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)
    _running: set[str] = field(default_factory=set[str])
    _lately: Lately = field(default_factory=Lately)
    _begun: Begun = field(default_factory=Begun)
    _judge: Judge = field(init=False)
    _ledger: Ledger = field(init=False)
    _way_out: str = field(init=False)

    def __post_init__(self) -> None:
        self._judge = (
            Judge(self.guards)
            if self.pseudonyms is None
            else RevealingJudge(self.guards, self.pseudonyms)
        )
        self._ledger = Ledger(self.store)
        self._way_out = next((spec.name for spec in self.engine.specs if spec.concern), "")

    def _context(self, thread_id: str, tool: str | None = None, user: str | None = None) -> Context:
        with self.store.read() as connection:
            known = memory.load(connection, self.agent_id, thread_id)
        return self._around(known, thread_id, tool, user)

    async def _acontext(self, thread_id: str, tool: str | None = None) -> Context:
        if self.store.reads_at_once:
            return self._context(thread_id, tool)
        return await asyncio.to_thread(self._context, thread_id, tool)

    def _around(
        self, known: ThreadMemory, thread_id: str, tool: str | None, user: str | None
    ) -> Context:
        return Context(
            agent_id=self.agent_id,
            thread_id=thread_id,
            user=user,
            inside=self.inside,
            memory=known,
            tool=self.engine.spec(tool) if tool else None,
            granted=self.granted,
            way_out=self._way_out,
        )

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

    def _receipt(self, action: Action, now: float) -> Receipt:
        """Return the receipt for an action that was recorded as started."""
        spec = self.engine.spec(action.tool)
        self._running.add(action.digest)
        ticket = mint(
            self.store.keys.derive("ticket"),
            agent_id=self.agent_id,
            thread_id=action.thread_id,
            tool=action.tool,
            digest=action.digest,
            scopes=spec.scopes,
            now=now,
        )
        return Receipt(action, spec, ticket)

    def _log(self, connection: Any, kind: str, action: Action, data: dict[str, Any]) -> None:
        self.audit.append(
            connection,
            kind,
            agent_id=self.agent_id,
            thread_id=action.thread_id,
            digest=action.digest,
            data=data,
        )


def not_proposed(action: Action) -> UnguardedCall:
    return UnguardedCall(f"{action.tool} was not proposed to the monitor; it did not run")

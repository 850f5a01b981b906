"""The reference monitor: every action and every text passes here.

It runs the guards in order, asks the policy, folds their verdicts into one,
writes the verdict down before anything happens, and hands out the receipt
without which a guarded tool's body does not run. It knows nothing of LangChain;
the agent layer brings actions in and carries decisions out.

The life of a call:

    propose -> Standing (cleared, waiting or denied; stored, never recomputed)
    begin   -> Receipt  (re-checked, `started` is durable) or Replay (it ran before)
    end     -> the result, judged and redacted, recorded as done
    fail    -> the error, recorded as failed
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from guarded_agent.approvals import Approvals, Request, person, summarise
from guarded_agent.audit import AuditLog
from guarded_agent.core import (
    ALLOW,
    Action,
    AsyncGuard,
    Context,
    Effect,
    Finding,
    Guard,
    PressureSensor,
    Stage,
    Subject,
    TextFilter,
    ThreadMemory,
    ToolSpec,
    Verdict,
    merge,
)
from guarded_agent.core.addresses import addresses, texts
from guarded_agent.core.errors import Denied, OutcomeUncertain, UnguardedCall, VoteRefused
from guarded_agent.identity import Registry, Ticket, mint, verify
from guarded_agent.policy import Decision, Engine, release, reserve, settle
from guarded_agent.store import Entry, Ledger, Store, memory

WITHHELD = "[withheld by guarded_agent]"
"""What stands in place of a text that may not pass."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a proposed action stands.

    Attributes:
        action: The action; its arguments may have been redacted.
        state: `cleared` may begin, `waiting` needs people, `denied` will not run,
            `edited` was replaced by a person and must be proposed anew.
        message: For the model, where the action is denied.
        request: The request to people, where there is one.
    """

    action: Action
    state: Literal["cleared", "waiting", "denied", "edited"]
    message: str = ""
    request: Request | None = None


@dataclass(slots=True)
class Receipt:
    """Proof that the monitor cleared exactly this action. It admits one body."""

    action: Action
    spec: ToolSpec
    ticket: Ticket
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Replay:
    """The action ran before: its recorded result stands, and nothing runs again."""

    result: Any
    ok: bool


@dataclass(slots=True)
class Monitor:
    """The reference monitor of one agent identity.

    Safe to use from several threads, processes and event loops at once: all
    that must hold between them is decided in the store.
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
    sensor: PressureSensor | None = None
    inside: frozenset[str] = frozenset()
    granted: frozenset[str] | None = None
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)
    _running: set[str] = field(default_factory=set[str])

    # -- judging ---------------------------------------------------------------------

    def judge(self, subject: Subject) -> Verdict:
        """Run the guards of the subject's stage in order and fold their verdicts."""
        verdicts: list[Verdict] = []
        for guard in self._guards_at(subject.stage):
            verdict = self._ask(guard, subject)
            subject = _redacted(subject, verdict)
            verdicts.append(verdict)
            if verdict.effect is Effect.HALT:
                break
        return merge(verdicts) if verdicts else ALLOW

    async def ajudge(self, subject: Subject) -> Verdict:
        """Do what `judge` does, without blocking the loop on a guard that waits."""
        verdicts: list[Verdict] = []
        for guard in self._guards_at(subject.stage):
            if isinstance(guard, AsyncGuard):
                verdict = await self._aask(guard, subject)
            else:
                verdict = self._ask(guard, subject)
            subject = _redacted(subject, verdict)
            verdicts.append(verdict)
            if verdict.effect is Effect.HALT:
                break
        return merge(verdicts) if verdicts else ALLOW

    def _guards_at(self, stage: Stage) -> list[Guard]:
        return [guard for guard in self.guards if stage in guard.stages]

    def _ask(self, guard: Guard, subject: Subject) -> Verdict:
        try:
            return guard.check(subject)
        except Exception as error:
            return _failed(guard, error)

    async def _aask(self, guard: AsyncGuard, subject: Subject) -> Verdict:
        try:
            return await guard.acheck(subject)
        except Exception as error:
            return _failed(guard, error)

    # -- texts -----------------------------------------------------------------------

    def pass_text(self, stage: Stage, payload: Any, *, thread_id: str, source: str = "") -> Any:
        """Judge a text or nested data and return what may pass in its place.

        Raises:
            Denied: A guard halts the run.
        """
        context = self._context(thread_id)
        verdict = self.judge(Subject(stage, payload, context))
        return self._settle_text(stage, payload, verdict, context, source)

    async def apass_text(
        self, stage: Stage, payload: Any, *, thread_id: str, source: str = ""
    ) -> Any:
        """Do what `pass_text` does, from an event loop."""
        context = await asyncio.to_thread(self._context, thread_id)
        verdict = await self.ajudge(Subject(stage, payload, context))
        return await asyncio.to_thread(self._settle_text, stage, payload, verdict, context, source)

    def _settle_text(
        self, stage: Stage, payload: Any, verdict: Verdict, context: Context, source: str
    ) -> Any:
        pressure = self._sense(payload, source or str(stage)) if stage is Stage.INPUT else ()
        if verdict.findings or pressure or verdict.effect is not Effect.ALLOW:
            with self.store.write() as connection:
                if pressure:
                    memory.grow(
                        connection,
                        self.agent_id,
                        context.thread_id,
                        at=self.store.clock(),
                        pressure=pressure,
                    )
                self.audit.append(
                    connection,
                    f"text.{stage}",
                    agent_id=self.agent_id,
                    thread_id=context.thread_id,
                    data=verdict.as_json() | {"pressure": [item.kind for item in pressure]},
                )
        if verdict.effect is Effect.HALT:
            raise Denied(verdict.message or "A guard halted this run.")
        return passed(verdict, payload)

    def _sense(self, payload: Any, source: str) -> tuple[Any, ...]:
        if self.sensor is None:
            return ()
        return self.sensor.sense("\n".join(texts(payload)), source)

    # -- proposing -------------------------------------------------------------------

    def action(
        self,
        tool: str,
        args: dict[str, Any],
        *,
        call_id: str,
        thread_id: str,
        origin: str = "",
        user: str | None = None,
    ) -> Action:
        """Return the action of this agent that calls `tool`.

        Raises:
            ActionError: The arguments are too large, too deep or no plain data.
        """
        return Action.build(
            args=args,
            tool=tool,
            call_id=call_id,
            thread_id=thread_id,
            agent_id=self.agent_id,
            origin=origin,
            user=user,
            manifest=self.engine.spec(tool).manifest,
        )

    def propose(self, action: Action, *, edited_by: str | None = None) -> Standing:
        """Judge an action, store the verdict, and ask people where they must decide.

        Proposing the same action again returns the stored verdict.
        """
        standing, context = self._recall(action)
        if standing is not None:
            return standing
        verdict = self.judge(Subject(Stage.ACTION, action.args, context, action))
        return self._enter(action, verdict, context, edited_by)

    async def apropose(self, action: Action, *, edited_by: str | None = None) -> Standing:
        """Do what `propose` does, from an event loop."""
        standing, context = await asyncio.to_thread(self._recall, action)
        if standing is not None:
            return standing
        verdict = await self.ajudge(Subject(Stage.ACTION, action.args, context, action))
        return await asyncio.to_thread(self._enter, action, verdict, context, edited_by)

    def _context(self, thread_id: str, tool: str | None = None, user: str | None = None) -> Context:
        with self.store.read() as connection:
            known = memory.load(connection, self.agent_id, thread_id)
        return self._around(known, thread_id, tool, user)

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
        )

    def _recall(self, action: Action) -> tuple[Standing | None, Context]:
        with self.store.read() as connection:
            known = memory.load(connection, self.agent_id, action.thread_id)
            entry = Ledger(self.store).find(connection, action.digest)
        context = self._around(known, action.thread_id, action.tool, action.user)
        return (self._standing(action, entry) if entry else None), context

    def standing(self, action: Action) -> Standing:
        """Return how an action stands now, from the store alone.

        Raises:
            UnguardedCall: It was never proposed.
        """
        with self.store.read() as connection:
            entry = Ledger(self.store).find(connection, action.digest)
        if entry is None:
            raise _not_proposed(action)
        return self._standing(action, entry)

    def _standing(self, action: Action, entry: Entry) -> Standing:
        if entry.effect >= Effect.DENY:
            return Standing(action, "denied", entry.verdict.message)
        if entry.effect is not Effect.APPROVE:
            return Standing(action, "cleared")
        request = self.approvals.of(action.digest)
        match request.state:
            case "pending":
                return Standing(action, "waiting", request=request)
            case "approved" | "used":
                return Standing(action, "cleared", request=request)
            case "edited":
                return Standing(action, "edited", request=request)
            case _:
                return Standing(action, "denied", request.message, request)

    def _enter(
        self, action: Action, verdict: Verdict, context: Context, edited_by: str | None
    ) -> Standing:
        if verdict.payload is not None:
            action = Action.build(
                args=verdict.payload, **{name: getattr(action, name) for name in _IDENTITY}
            )
        now = self.store.clock()
        spec = self.engine.spec(action.tool)
        decision = self.engine.decide(action, context, now)
        whole = merge([_of(decision), verdict])
        preview: dict[str, Any] = self.redact(dict(action.args))
        ledger = Ledger(self.store)
        with self.store.write() as connection:
            whole = self._identity_verdict(connection, whole)
            entry = ledger.record(
                connection,
                action,
                access=spec.access,
                verdict=replace(whole, payload=None),
                policy_digest=self.engine.digest,
                preview=preview,
            )
            if entry.effect is Effect.APPROVE:
                self.approvals.submit(
                    connection,
                    action,
                    spec_access=spec.access,
                    impact=spec.impact,
                    summary=summarise(spec, preview),
                    reasons=entry.verdict.findings,
                    preview=preview,
                    label=context.memory.label,
                    policy_digest=self.engine.digest,
                    quorum=entry.verdict.quorum,
                    roles=entry.verdict.roles,
                    edited_by=edited_by,
                )
            self.audit.append(
                connection,
                "action.judged",
                agent_id=self.agent_id,
                thread_id=action.thread_id,
                digest=action.digest,
                data={"tool": action.tool, "args": preview, **entry.verdict.as_json()},
            )
        return self._standing(action, entry)

    def _identity_verdict(self, connection: Any, verdict: Verdict) -> Verdict:
        """Deny whatever the verdict says when the agent may not act at all."""
        try:
            self.registry.require_active(connection, self.agent_id)
        except Denied as error:
            return merge([_no("identity", str(error)), verdict])
        return verdict

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

    # -- running ---------------------------------------------------------------------

    def begin(self, action: Action) -> Receipt | Replay:
        """Re-check a cleared action and record, durably, that its body starts now.

        Returns:
            The receipt for one body, or what the action returned when it ran before.

        Raises:
            Denied: It is not cleared, or no longer.
            OutcomeUncertain: It started before and nobody knows how it ended.
            UnguardedCall: It was never proposed.
            StoreError: The start could not be recorded. The body must not run.
        """
        try:
            outcome = self._start(action)
        except Denied as error:
            self.refuse(action.tool, str(error), thread_id=action.thread_id, call_id=action.call_id)
            raise
        if outcome is None:
            raise OutcomeUncertain(
                f"{action.tool} was started before and it is not known whether it took effect. "
                "It was not run again; a person has to settle it."
            )
        return outcome

    def _start(self, action: Action) -> Receipt | Replay | None:
        spec = self.engine.spec(action.tool)
        ledger = Ledger(self.store)
        now = self.store.clock()
        with self.store.write(durable=spec.access != "read") as connection:
            self.registry.require_active(connection, self.agent_id)
            entry = ledger.find(connection, action.digest)
            if entry is None:
                raise UnguardedCall(
                    f"{action.tool} was not proposed to the monitor; it did not run"
                )
            if entry.effect >= Effect.DENY:
                raise Denied(entry.verdict.message)
            if entry.state in ("done", "failed"):
                if spec.access != "read":
                    return Replay(entry.result, entry.state == "done")
            elif entry.state in ("executing", "uncertain") and spec.access != "read":
                self._not_again(connection, ledger, action, entry)
                return None
            decision = self._recheck(connection, action, entry, now)
            repeatable = spec.access == "read" and entry.effect is not Effect.APPROVE
            started = (
                ledger.restart(connection, action.digest, self.worker)
                if repeatable
                else ledger.start(connection, action.digest, self.worker)
            )
            if not started:
                raise Denied("This call is already running.")
            if entry.effect is Effect.APPROVE and not entry.started_at:
                self.approvals.consume(connection, action.digest, self.engine.digest)
            exceeded = reserve(connection, action.digest, decision.limits, now)
            if exceeded:
                raise Denied(f"A limit of the policy is used up: {exceeded}.")
            self._log(connection, "action.started", action, {"tool": action.tool})
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

    def _recheck(self, connection: Any, action: Action, entry: Entry, now: float) -> Decision:
        """Ask the policy once more: policy, labels and limits may have changed."""
        if entry.policy_digest != self.engine.digest:
            raise Denied("The policy changed after this call was judged. Propose it again.")
        known = memory.load(connection, self.agent_id, action.thread_id)
        context = self._around(known, action.thread_id, action.tool, action.user)
        decision = self.engine.decide(action, context, now)
        if decision.effect > entry.effect:
            raise Denied("What this thread has read since changes the verdict. Propose it again.")
        return decision

    def _not_again(self, connection: Any, ledger: Ledger, action: Action, entry: Entry) -> None:
        """A write that started must not start twice: hand it to a person."""
        if entry.worker == self.worker and action.digest in self._running:
            raise Denied("This call is already running.")
        if ledger.mark_uncertain(connection, action.digest):
            self._log(connection, "action.uncertain", action, {"tool": action.tool})

    def admit(self, receipt: Receipt | None, tool: str) -> Receipt:
        """Let one body of `tool` run on its receipt.

        Raises:
            UnguardedCall: There is no receipt for this tool, or it was used.
            Denied: The ticket in it does not verify.
        """
        if receipt is None or receipt.entered or receipt.action.tool != tool:
            raise UnguardedCall(f"the body of {tool} was reached without a receipt; it did not run")
        verify(
            self.store.keys.derive("ticket"),
            receipt.ticket,
            tool=tool,
            digest=receipt.action.digest,
            scopes=receipt.spec.scopes,
            now=self.store.clock(),
        )
        receipt.entered = True
        return receipt

    def end(self, receipt: Receipt, result: Any) -> Any:
        """Judge a result, record the action as done, and return what may pass.

        Args:
            receipt: What `begin` returned.
            result: The result as a text or plain nested data.

        Raises:
            Denied: A guard halts the run. The action is recorded as done.
            StoreError: The outcome could not be recorded; it is uncertain.
        """
        context = self._context(receipt.action.thread_id, receipt.action.tool)
        verdict = self.judge(Subject(Stage.TOOL_RESULT, result, context, receipt.action))
        return self._close(receipt, result, verdict)

    async def aend(self, receipt: Receipt, result: Any) -> Any:
        """Do what `end` does, from an event loop."""
        context = await asyncio.to_thread(
            self._context, receipt.action.thread_id, receipt.action.tool
        )
        verdict = await self.ajudge(Subject(Stage.TOOL_RESULT, result, context, receipt.action))
        return await asyncio.to_thread(self._close, receipt, result, verdict)

    def _close(self, receipt: Receipt, result: Any, verdict: Verdict) -> Any:
        action, spec = receipt.action, receipt.spec
        allowed = passed(verdict, result)
        pressure = self._sense(result, action.tool)
        sent = frozenset[str]()
        if spec.access == "send":
            sent = addresses([action.args.get(sink.argument) for sink in spec.sinks])
        with self.store.write() as connection:
            memory.grow(
                connection,
                self.agent_id,
                action.thread_id,
                at=self.store.clock(),
                label=spec.label if spec.access == "read" else None,
                pressure=pressure,
                recipients=sent,
                correspondents=addresses(result) if spec.access == "read" else frozenset(),
                tools_read=frozenset({action.tool}) if spec.access == "read" else frozenset(),
            )
            mine = Ledger(self.store).finish(
                connection, action.digest, self.worker, ok=True, result=allowed
            )
            settle(connection, action.digest)
            data = {"tool": action.tool, **verdict.as_json()}
            # Late: a person settled it while it was still running.
            self._log(connection, "action.done" if mine else "action.late", action, data)
        self._running.discard(action.digest)
        if verdict.effect is Effect.HALT:
            raise Denied(verdict.message or "A guard halted this run.")
        return allowed

    def fail(self, receipt: Receipt, error: BaseException) -> str:
        """Record that the body raised; return the error's text, redacted."""
        action = receipt.action
        text = str(self.redact(f"{type(error).__name__}: {error}"))
        with self.store.write() as connection:
            mine = Ledger(self.store).finish(
                connection, action.digest, self.worker, ok=False, result=text
            )
            release(connection, action.digest)
            data = {"tool": action.tool, "error": text}
            self._log(connection, "action.failed" if mine else "action.late", action, data)
        self._running.discard(action.digest)
        return text

    def pause(self, receipt: Receipt) -> None:
        """Record that the body itself asked to wait and will be run again."""
        action = receipt.action
        with self.store.write() as connection:
            Ledger(self.store).pause(connection, action.digest, self.worker)
            release(connection, action.digest)
            self._log(connection, "action.paused", action, {"tool": action.tool})
        self._running.discard(action.digest)

    def lose(self, receipt: Receipt) -> None:
        """Record that the body was cut off: whether it took effect is not known."""
        action = receipt.action
        self._running.discard(action.digest)
        with self.store.write() as connection:
            Ledger(self.store).mark_uncertain(connection, action.digest)
            self._log(connection, "action.uncertain", action, {"tool": action.tool})

    def _log(self, connection: Any, kind: str, action: Action, data: dict[str, Any]) -> None:
        self.audit.append(
            connection,
            kind,
            agent_id=self.agent_id,
            thread_id=action.thread_id,
            digest=action.digest,
            data=data,
        )


def settle_action(
    store: Store,
    audit: AuditLog,
    digest: str,
    *,
    outcome: Literal["done", "failed"],
    by: str,
    reason: str,
) -> Entry:
    """Record what a person found out about an action that nobody knows the end of.

    Nothing runs: when its thread is resumed, the agent is told how the call ended.

    Args:
        store: Where the action is.
        audit: The log; it gets the settlement in the same transaction.
        digest: The action's digest, whole.
        outcome: `done` if it took effect, `failed` if it did not.
        by: The person who found out.
        reason: How they know. It goes into the log: give it redacted.

    Returns:
        The action as it now stands in the ledger.

    Raises:
        VoteRefused: It does not count, and nothing was changed.
    """
    name = person(by)
    if not reason.strip():
        raise VoteRefused("say how you know what came of it: the reason is kept")
    with store.write(durable=True) as connection:
        if name in {known.id.casefold() for known in Registry(store, audit).list()}:
            raise VoteRefused("an agent never settles: a person must")
        ledger = Ledger(store)
        if not ledger.settle(connection, digest, outcome=outcome):
            raise VoteRefused(f"the action {digest[:12]} does not wait to be settled")
        entry = ledger.find(connection, digest)
        assert entry is not None
        # What took effect counts against the limits; what did not gives its share back.
        (settle if outcome == "done" else release)(connection, digest)
        audit.append(
            connection,
            "action.settled",
            agent_id=entry.agent_id,
            thread_id=entry.thread_id,
            digest=digest,
            data={"tool": entry.tool, "outcome": outcome, "by": name, "reason": reason.strip()},
        )
    return entry


_IDENTITY = ("tool", "call_id", "thread_id", "agent_id", "origin", "user", "manifest")


def _not_proposed(action: Action) -> UnguardedCall:
    return UnguardedCall(f"{action.tool} was not proposed to the monitor; it did not run")


def passed(verdict: Verdict, payload: Any) -> Any:
    """Return what may stand in place of `payload` under `verdict`."""
    match verdict.effect:
        case Effect.ALLOW:
            return payload
        case Effect.REDACT:
            return verdict.payload
        case _:
            # Nobody can be asked about a text that is already here: it is withheld.
            return _blank(payload)


def _blank(payload: Any) -> Any:
    if isinstance(payload, dict):
        return {key: _blank(item) for key, item in payload.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(payload, list):
        return [_blank(item) for item in payload]  # pyright: ignore[reportUnknownVariableType]
    return WITHHELD if isinstance(payload, str) and payload else payload


def _redacted(subject: Subject, verdict: Verdict) -> Subject:
    return subject if verdict.payload is None else replace(subject, payload=verdict.payload)


def _no(guard: str, message: str) -> Verdict:
    return Verdict(Effect.DENY, (Finding(guard, message, guard),), message=message)


def _failed(guard: Guard, error: Exception) -> Verdict:
    """A guard that breaks stops the call; the error's text may hold anything."""
    message = f"The guard {guard.name} failed ({type(error).__name__}), so this was stopped."
    return Verdict(Effect.DENY, (Finding("error", message, guard.name),), message=message)


def _of(decision: Decision) -> Verdict:
    finding = Finding("policy", decision.because or decision.message, "policy", rule=decision.rule)
    return Verdict(
        effect=decision.effect,
        findings=(finding,) if decision.effect is not Effect.ALLOW else (),
        message=decision.message,
        quorum=decision.quorum,
        roles=decision.roles,
    )

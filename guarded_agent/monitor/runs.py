"""Cleared actions as they run: re-checked, started once, and recorded with their end."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, cast

from guarded_agent.core import ALLOW, Action, Effect, Label, Stage, Subject, Verdict
from guarded_agent.core.addresses import addresses
from guarded_agent.core.errors import Denied, OutcomeUncertain, StoreError, UnguardedCall
from guarded_agent.core.flow import Flow
from guarded_agent.core.provenance import fields
from guarded_agent.identity import verify
from guarded_agent.identity.running import digests_around
from guarded_agent.identity.tickets import process_key
from guarded_agent.monitor.alive import Alive
from guarded_agent.monitor.flow import CallFlow, label_of, notice
from guarded_agent.monitor.judge import passed
from guarded_agent.monitor.standing import Receipt, Replay
from guarded_agent.policy import Decision, release, reserve, settle
from guarded_agent.store import Entry, Ledger, memory, provenance


class Runs(Alive):
    """The monitor's side that lets bodies run."""

    def begin(self, action: Action) -> Receipt | Replay:
        """Re-check a cleared action and record, durably, that its body starts now.

        Returns:
            The receipt for one body, or what the action returned when it ran before.

        Raises:
            Denied: It is not cleared, or no longer.
            OutcomeUncertain: It started before and nobody knows how it ended.
            UnguardedCall: It was never proposed, or changed since.
            StoreError: The start could not be recorded. The body must not run.
        """
        if replace(action).digest != action.digest:
            raise UnguardedCall(f"{action.tool} was changed after it was judged; it did not run")
        receipt = self._begun.fresh(action.digest)
        if receipt is not None:
            return receipt
        self.drop(action)
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
        ledger = self._ledger
        now = self.store.clock()
        given = self._given(action)
        with self.store.write(durable=spec.access != "read") as connection:
            self._require(connection, action)
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
            approved = entry.effect is Effect.APPROVE
            if approved:
                self._use(connection, action)
            limits = decision.limits
            exceeded = limits and reserve(connection, action.digest, limits, now, approved=approved)
            if exceeded and not self.observes:
                raise Denied(f"A limit of the policy is used up: {exceeded}.")
            if given.sources and not spec.discreet:
                # The body may tell a model what it is given, now or in what it returns.
                thread = action.thread_id
                memory.grow(connection, self.agent_id, thread, at=now, label=given)
                notice(self, connection, thread, given, action.tool, action.digest)
            self._log(connection, "action.started", action, {"tool": action.tool})
        return self._receipt(action, now, reserved=bool(limits))

    def _use(self, connection: Any, action: Action) -> None:
        """Use the approval of an action, unless it was: claimed, or by a start that was paused.

        A concern needs none: how it ended is what the agent is told, whatever the policy
        has become since.

        Raises:
            Denied: There is no approval to use.
        """
        request = self.approvals.find(connection, action.digest)
        concern = self.engine.spec(action.tool).concern
        ended = request is not None and (request.state == "used" or (concern and request.ended))
        if ended and request is not None and request.intact:
            return
        policy = request.policy_digest if concern and request else self.engine.digest
        self.approvals.consume(connection, action.digest, policy)

    def _recheck(self, connection: Any, action: Action, entry: Entry, now: float) -> Decision:
        """Ask the policy once more: policy, labels and limits may have changed."""
        spec = self.engine.spec(action.tool)
        if entry.policy_digest != self.engine.digest and not spec.concern:
            raise Denied("The policy changed after this call was judged. Propose it again.")
        known = memory.load(connection, self.agent_id, action.thread_id)
        counts = self.engine.counted(connection, action, now)
        vouchers = self._vouchers(connection, action.thread_id, action.tool, known)
        seen = self._seen(connection, action.tool)
        context = self._around(known, action.thread_id, action.tool, action, counts, vouchers, seen)
        if self.observes and not spec.concern:
            return self.engine.decide(action, context, now)
        lacks = context.authority.lacks(spec.scopes) if self._limits else []
        if lacks:  # a grant may be over by now, or the call around does not hand it on any more
            raise Denied(" ".join(lack.words(action.tool, self.agent_id) for lack in lacks))
        decision = self.engine.decide(action, context, now)
        if decision.effect > entry.effect:
            since = "What this thread has read since" if counts is None else "What happened since"
            raise Denied(f"{since} changes the verdict. Propose it again.")
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
        unguarded = f"the body of {tool} was reached without a receipt; it did not run"
        if receipt is None or receipt.action.tool != tool:
            raise UnguardedCall(unguarded)
        now = self.store.clock()
        verify(
            process_key(),
            receipt.ticket,
            tool=tool,
            digest=receipt.action.digest,
            scopes=receipt.spec.scopes,
            now=now,
            user=receipt.action.user,
            around=digests_around(),
        )
        if not receipt.spend():
            raise UnguardedCall(unguarded)
        self._spent.use(receipt.ticket, now)
        return receipt

    def flow(self, receipt: Receipt, outer: Flow | None = None) -> CallFlow:
        """Return what listens to one body: where its data comes from and goes to.

        Args:
            receipt: Of the call whose body is about to run.
            outer: What listens to the body that runs around, if one does.
        """
        around = outer if isinstance(outer, CallFlow) else None
        given = self._given(receipt.action)
        return CallFlow(self, receipt.action, receipt.spec, around, given=given)

    def end(self, receipt: Receipt, result: Any, flow: CallFlow | None = None) -> Any:
        """Judge a result, record the action as done, and return what may pass.

        Args:
            receipt: What `begin` returned.
            result: The result as a text or plain nested data.
            flow: What listened to the body.

        Raises:
            Denied: A guard halts the run, or the agent was stopped meanwhile. The action is
                recorded as done, with its result.
            StoreError: The outcome could not be recorded; it is uncertain.
        """
        verdict = ALLOW
        if self._judge.looks(Stage.TOOL_RESULT):
            context = self._context(receipt.action.thread_id, receipt.action.tool)
            verdict = self._judge.judge(Subject(Stage.TOOL_RESULT, result, context, receipt.action))
        return self._close(receipt, result, verdict, flow)

    async def aend(self, receipt: Receipt, result: Any, flow: CallFlow | None = None) -> Any:
        """Do what `end` does, from an event loop."""
        verdict = ALLOW
        if self._judge.looks(Stage.TOOL_RESULT):
            context = await self._acontext(receipt.action.thread_id, receipt.action.tool)
            subject = Subject(Stage.TOOL_RESULT, result, context, receipt.action)
            verdict = await self._judge.ajudge(subject)
        return await asyncio.to_thread(self._close, receipt, result, verdict, flow)

    def _close(self, receipt: Receipt, result: Any, verdict: Verdict, flow: CallFlow | None) -> Any:
        action, spec = receipt.action, receipt.spec
        label = label_of(spec) if flow is None else flow.label()
        watched = self._watches(spec, verdict)
        allowed = result if watched else passed(verdict, result)
        seen = spec.access == "read"
        hide = None if watched else spec.hide
        if hide is not None:
            allowed, gone = self._hidden(receipt, allowed, label, hide)
            if gone and (flow is None or flow.plain):  # the model learns nothing of it
                seen, label = False, None
        pressure = self._sense(result, action.tool) if seen or hide is None else ()
        sent = frozenset[str]()
        if spec.access == "send":
            sent = addresses([action.args.get(sink.argument) for sink in spec.sinks])
        with self._ending(receipt), self.store.write() as connection:
            memory.grow(
                connection,
                self.agent_id,
                action.thread_id,
                at=self.store.clock(),
                label=label,
                pressure=pressure,
                recipients=sent,
                correspondents=addresses(result) if seen else frozenset(),
                tools_read=frozenset({action.tool}) if seen else frozenset(),
            )
            directory = self.engine.directory(action.tool)
            if directory and self._hears:
                parts = cast("list[Any]", result) if isinstance(result, list) else [result]
                provenance.add(
                    self.store,
                    connection,
                    self.family,
                    action.thread_id,
                    "listed",
                    [found for part in parts for found in fields(part, directory)],
                    source=action.tool,
                )
            notice(self, connection, action.thread_id, label, action.tool, action.digest)
            mine = self._ledger.finish(
                connection, action.digest, self.worker, ok=True, result=allowed, label=label
            )
            if receipt.reserved:
                settle(connection, action.digest)
            data = {"tool": action.tool, **verdict.as_json()}
            if watched and verdict.effect is not Effect.ALLOW:
                data["observed"] = True
            # Late: a person settled it while it was still running.
            self._log(connection, "action.done" if mine else "action.late", action, data)
            stopped = self._stopped(connection, action.tool)
        _hand_on(flow, label)
        if stopped:
            raise Denied(stopped)
        if verdict.effect is Effect.HALT:
            raise Denied(verdict.message or "A guard halted this run.")
        return allowed

    def _hidden(
        self, receipt: Receipt, parts: Any, label: Label | None, over: int
    ) -> tuple[Any, bool]:
        """Return a result with references in it, and whether it is hidden as a whole."""
        if self.hider is None or not isinstance(parts, list):
            raise StoreError("the result of a call is to be hidden, and nothing here can hide it")
        whole = (label or Label()) | self._given(receipt.action)
        named = replace(whole, sources=whole.sources | {receipt.action.tool})
        return self.hider.hide(receipt.action, cast("list[Any]", parts), named, over)

    def fail(self, receipt: Receipt, error: BaseException, flow: CallFlow | None = None) -> str:
        """Record that the body raised; return the error's text, redacted.

        The text may say what was read, so it has the label of a result.

        Raises:
            StoreError: The outcome could not be recorded; it is uncertain.
        """
        action = receipt.action
        text = str(self.redact(f"{type(error).__name__}: {error}"))
        label = label_of(receipt.spec) if flow is None else flow.label()
        with self._ending(receipt), self.store.write() as connection:
            if label is not None:
                at = self.store.clock()
                memory.grow(connection, self.agent_id, action.thread_id, at=at, label=label)
                notice(self, connection, action.thread_id, label, action.tool, action.digest)
            mine = self._ledger.finish(
                connection, action.digest, self.worker, ok=False, result=text, label=label
            )
            release(connection, action.digest)
            data = {"tool": action.tool, "error": text}
            self._log(connection, "action.failed" if mine else "action.late", action, data)
        _hand_on(flow, label)
        return f"{type(error).__name__}: {error}" if self.observes else text

    def drop(self, action: Action) -> None:
        """Take back that an action began as it was judged, if its body did not ask for it."""
        receipt = self._begun.take(action.digest)
        if receipt is not None:
            self.pause(receipt)

    def begun(self, action: Action) -> Receipt | None:
        """Return the receipt of an action that began as it was judged, a moment ago.

        It asks no database, so it may be called where nothing may wait. None says nothing:
        `begin` does.
        """
        unchanged = replace(action).digest == action.digest
        return self._begun.fresh(action.digest) if unchanged else None

    def pause(self, receipt: Receipt) -> None:
        """Record that the body did not run, or asked to wait and will be run again."""
        action = receipt.action
        with self._ending(receipt), self.store.write() as connection:
            self._ledger.pause(connection, action.digest, self.worker)
            release(connection, action.digest)
            self._log(connection, "action.paused", action, {"tool": action.tool})

    def lose(self, receipt: Receipt) -> None:
        """Record that the body was cut off: whether it took effect is not known."""
        action = receipt.action
        # Where this cannot be recorded either, `started` stands: who asks next finds it.
        with suppress(StoreError), self._ending(receipt), self.store.write() as connection:
            if self._ledger.mark_uncertain(connection, action.digest):
                self._log(connection, "action.uncertain", action, {"tool": action.tool})

    @contextmanager
    def _ending(self, receipt: Receipt) -> Generator[None]:
        """Whether or not it can be recorded: this process no longer runs the action."""
        try:
            yield
        finally:
            self._running.discard(receipt.action.digest)


def _hand_on(flow: CallFlow | None, label: Label | None) -> None:
    """What was read inside of another body is in that one's hands now, in whatever thread."""
    if flow is not None and flow.outer is not None and label is not None:
        flow.outer.joined |= label

"""Proposed actions: judged once, written down, and put before people where they must decide."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from guarded_agent.approvals import summarise
from guarded_agent.approvals.request import CONCERN
from guarded_agent.core import (
    ALLOW,
    Action,
    Context,
    Effect,
    Finding,
    Stage,
    Subject,
    ToolSpec,
    Verdict,
    merge,
)
from guarded_agent.core.errors import Denied
from guarded_agent.core.flow import current_flow
from guarded_agent.core.provenance import UNVOUCHED, UNVOUCHED_LINK
from guarded_agent.monitor.flow import CallFlow, inherit, sources_of
from guarded_agent.monitor.parts import not_proposed
from guarded_agent.monitor.runs import Runs
from guarded_agent.monitor.said import is_overtaken, said_by
from guarded_agent.monitor.standing import Standing
from guarded_agent.monitor.threads import kept
from guarded_agent.policy import Decision, exceeded, release, reserve
from guarded_agent.store import Entry, memory

_IDENTITY = (
    "tool",
    "call_id",
    "thread_id",
    "agent_id",
    "origin",
    "user",
    "manifest",
    "user_scopes",
)


class Proposals(Runs):
    """The monitor's side to which actions are proposed."""

    def action(
        self,
        tool: str,
        args: dict[str, Any],
        *,
        call_id: str,
        thread_id: str,
        origin: str = "",
        user: str | None = None,
        user_scopes: Iterable[str] | None = None,
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
            user_scopes=None if user_scopes is None else tuple(sorted(set(user_scopes))),
            manifest=self.engine.spec(tool).manifest,
        )

    def propose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        """Judge an action, store the verdict, and ask people where they must decide.

        Proposing the same action again returns the stored verdict.

        Args:
            action: The action.
            edited_by: The person who changed it.
            start: Whether its body follows at once. If nobody has to decide, it is recorded
                as started in the same transaction, and `begin` gives out its receipt.
                Whoever says so calls `drop` where the body does not follow after all.
        """
        if self._lately.take("cleared", action.digest):
            return Standing(action, "cleared")
        while True:
            standing, context = self._recall(action)
            if standing is not None:
                return standing
            verdict = self._judge.judge(Subject(Stage.ACTION, action.args, context, action))
            entered = self._enter(action, verdict, context, edited_by, start)
            if entered is not None:
                return entered

    async def apropose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        """Do what `propose` does, from an event loop."""
        if self._lately.take("cleared", action.digest):
            return Standing(action, "cleared")
        while True:
            standing, context = (
                self._recall(action)
                if self.store.reads_at_once and current_flow() is None
                else await asyncio.to_thread(self._recall, action)
            )
            if standing is not None:
                return standing
            verdict = await self._judge.ajudge(Subject(Stage.ACTION, action.args, context, action))
            entered = await kept(
                partial(self._enter, action, verdict, context, edited_by, start), self._drop
            )
            if entered is not None:
                return entered

    def _drop(self, entered: Standing | None) -> None:
        if entered is not None:
            self.drop(entered.action)

    def _recall(self, action: Action) -> tuple[Standing | None, Context]:
        around = current_flow()
        if isinstance(around, CallFlow):  # an agent inside of a tool acts on what that has read
            inherit(self, around, action.thread_id)
        with self.store.read() as connection:
            known = memory.load(connection, self.agent_id, action.thread_id)
            entry = self._ledger.find(connection, action.digest)
            counts = self.engine.counted(connection, action, self.store.clock())
            vouchers = self._vouchers(connection, action.thread_id, action.tool, known)
            seen = self._seen(connection, action.tool)
        context = self._around(known, action.thread_id, action.tool, action, counts, vouchers, seen)
        return (self._standing(action, entry) if entry else None), context

    def standing(self, action: Action) -> Standing:
        """Return how an action stands now, from the store alone.

        Raises:
            UnguardedCall: It was never proposed.
        """
        with self.store.read() as connection:
            entry = self._ledger.find(connection, action.digest)
        if entry is None:
            raise not_proposed(action)
        return self._standing(action, entry)

    def _standing(self, action: Action, entry: Entry) -> Standing:
        if entry.effect >= Effect.DENY:
            return Standing(action, "denied", entry.verdict.message)
        if entry.effect is not Effect.APPROVE:
            return Standing(action, "cleared")
        request = self.approvals.of(action.digest)
        if not request.intact:
            words = "The record of the request to people was changed: nothing on it counts."
            return Standing(action, "denied", words, request)
        match request.state:
            case "pending":
                return Standing(action, "waiting", request=request)
            case "approved" | "used":
                return Standing(action, "cleared", request=request)
            case "edited":
                return Standing(action, "edited", request=request)
            case _ if self.engine.spec(action.tool).concern:
                return Standing(action, "cleared", request=request)  # its end is an answer too
            case _:
                return Standing(action, "denied", request.message, request)

    def claim(self, standing: Standing) -> Standing:
        """Use the approval of a cleared action now; the action may begin a little later.

        The approval's clock runs while other calls of the same message still wait; once
        claimed it no longer does. Everything else is checked again when the call begins.
        """
        request = standing.request
        if standing.state != "cleared" or request is None or request.state != "approved":
            return standing
        try:
            with self.store.write() as connection:
                self._use(connection, standing.action)
        except Denied as error:
            return replace(standing, state="denied", message=str(error))
        return standing

    def _enter(
        self,
        action: Action,
        verdict: Verdict,
        context: Context,
        edited_by: str | None,
        start: bool,
    ) -> Standing | None:
        """Write down how an action was judged; None where that must be done once more."""
        spec = self.engine.spec(action.tool)
        if spec.concern:
            verdict = self._heard(action, verdict)
        if verdict.payload is not None and not self._watches(spec, verdict):
            action = Action.build(
                args=verdict.payload, **{name: getattr(action, name) for name in _IDENTITY}
            )
        now = self.store.clock()
        decision = self.engine.decide(action, context, now)
        whole = merge([_of(decision, spec), verdict])
        preview: dict[str, Any] = self.redact(dict(action.args))
        said = said_by(action, spec, preview)
        durable = start and spec.access != "read"
        started = False
        with self.store.write(durable=durable) as connection:
            entry = self._ledger.find(connection, action.digest)
            if entry is None:  # else somebody judged it meanwhile, and it may run already
                known = memory.load(connection, self.agent_id, action.thread_id)
                if said is not None and is_overtaken(said, known, context.memory):
                    return None  # two halves of one message were judged at once
                entry, judged = self._record(
                    connection, action, decision, whole, preview, context, edited_by
                )
                # What was read while the guards looked has to be looked at as well.
                same = known == context.memory
                started = start and same and self._starts(connection, action, entry, decision, now)
                also = [("action.started", {"tool": action.tool})] if started else []
                self._log_all(connection, action, [judged, *also])
                if said is not None and entry.effect < Effect.APPROVE:
                    memory.grow(connection, self.agent_id, action.thread_id, at=now, said=(said,))
        if started:
            self._begun.put(self._receipt(action, now, reserved=bool(decision.limits)))
        standing = self._standing(action, entry)
        if standing.state == "cleared":
            # The tool proposes it once more, right before it begins; only that reads again.
            self._lately.put("cleared", action.digest)
        return standing

    def _starts(
        self,
        connection: Any,
        action: Action,
        entry: Entry,
        decision: Decision,
        now: float,
    ) -> bool:
        """Start an action as it is judged, unless anything is left to check; the caller logs it."""
        if entry.effect >= Effect.APPROVE or self.pseudonyms is not None:
            return False  # what pseudonyms stand for is looked up before anything starts
        if self.engine.counts(action.tool):
            return False  # others may have started since they were counted
        if decision.limits and reserve(connection, action.digest, decision.limits, now):
            release(connection, action.digest)
            return False
        self._ledger.start(connection, action.digest, self.worker)
        return True

    def _record(
        self,
        connection: Any,
        action: Action,
        decision: Decision,
        whole: Verdict,
        preview: dict[str, Any],
        context: Context,
        edited_by: str | None,
    ) -> tuple[Entry, tuple[str, dict[str, Any]]]:
        """Write an action down; return its entry, and what the log has to say of it."""
        spec = self.engine.spec(action.tool)
        whole = self._within_limits(connection, action, decision, whole)
        watches = self._watches(spec, whole)
        if not watches:
            whole = self._identity_verdict(connection, action, whole)
        if spec.access != "read":
            whole = self._after_unknown(connection, action, preview, whole)
        would = whole
        if watches:  # an agent that may not act is stopped all the same
            whole = self._identity_verdict(connection, action, ALLOW)
        # Concerns are counted by themselves: no other requests can be in their way.
        only = action.tool if spec.concern else None
        if whole.effect is Effect.APPROVE and self.approvals.crowded(
            connection, self.agent_id, only
        ):
            words = "Too many requests of this agent wait for people already."
            whole = self._held_back(connection, action, whole, words, "crowded")
        elif whole.effect is Effect.APPROVE and not spec.concern:
            until = self.approvals.back_off(connection, self.agent_id)
            if until:
                left = max(1, round(until - self.store.clock()))
                words = f"People rejected too much of what this agent asked: wait {left} seconds."
                whole = self._held_back(connection, action, whole, words, "back-off")
        entry = self._ledger.record(
            connection,
            action,
            access=spec.access,
            verdict=replace(whole, payload=None),
            policy_digest=self.engine.digest,
            preview=preview,
            new=True,
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
                sources=sources_of(self._ledger, connection, self.agent_id, action.thread_id),
                policy_digest=self.engine.digest,
                quorum=entry.verdict.quorum,
                roles=entry.verdict.roles,
                edited_by=edited_by,
            )
        watched = watches and entry.effect is Effect.ALLOW
        said = would if watched else entry.verdict
        data: dict[str, Any] = {"tool": action.tool, "args": preview, **said.as_json()}
        if action.user is not None:
            data["user"] = self.redact(action.user)
        return entry, ("action.observed" if watched else "action.judged", data)

    def _held_back(
        self, connection: Any, action: Action, whole: Verdict, words: str, why: str
    ) -> Verdict:
        """Deny what would be one request too many, and say so in the log."""
        self._log(connection, "approval.held_back", action, {"tool": action.tool, "why": why})
        return merge([_no("approvals", words), whole])

    def _heard(self, action: Action, verdict: Verdict) -> Verdict:
        """A concern reaches people whatever guards say of it: redacted, with what they found."""
        if verdict.effect < Effect.DENY:
            return verdict
        args = action.args if verdict.payload is None else verdict.payload
        payload: dict[str, Any] = self.redact(dict(args))
        return replace(verdict, effect=Effect.APPROVE, payload=payload, message="")

    def _within_limits(
        self, connection: Any, action: Action, decision: Decision, verdict: Verdict
    ) -> Verdict:
        """Ask or deny where a limit would be exceeded now; it is reserved when the call begins."""
        if not decision.limits:
            return verdict
        name = exceeded(connection, action.digest, decision.limits, self.store.clock())
        if name is None:
            return verdict
        effect = next(limit.effect for limit in decision.limits if limit.name == name)
        words = f"a limit of the policy would be exceeded: {name}"
        finding = Finding("limit", words, "policy", rule=name)
        message = "A limit of the policy is used up." if effect >= Effect.DENY else ""
        return merge([Verdict(effect, (finding,), message=message), verdict])

    def _after_unknown(
        self, connection: Any, action: Action, preview: dict[str, Any], verdict: Verdict
    ) -> Verdict:
        """Ask where the same call of this thread was started and nobody knows how it ended.

        A process that died may have lost the conversation as well: the model then asks
        anew, as a new call, for what may have happened already.
        """
        for entry in self._ledger.unfinished(connection, self.agent_id, action.thread_id):
            mine = entry.worker == self.worker and entry.digest in self._running
            if mine or entry.tool != action.tool or entry.preview != preview:
                continue
            if self._ledger.mark_uncertain(connection, entry.digest):
                data = {"tool": entry.tool}
                self.audit.append(
                    connection,
                    "action.uncertain",
                    agent_id=self.agent_id,
                    thread_id=entry.thread_id,
                    digest=entry.digest,
                    data=data,
                )
            words = (
                "the same call was started before and nobody knows whether it took effect: "
                f"settle {entry.digest[:12]} first"
            )
            finding = Finding("uncertain", words, "monitor")
            return merge([Verdict(Effect.APPROVE, (finding,)), verdict])
        return verdict

    def _identity_verdict(self, connection: Any, action: Action, verdict: Verdict) -> Verdict:
        """Deny whatever the verdict says when the agent may not act, or its tool changed."""
        try:
            self._require(connection, action)
        except Denied as error:
            return merge([_no("identity", str(error)), verdict])
        return verdict


_GAPS = {
    "target": (UNVOUCHED, "neither the user nor a directory names what stands in {}"),
    "link": (
        UNVOUCHED_LINK,
        "neither the user nor a directory names an address, a link or an account in {}",
    ),
}


def _no(guard: str, message: str) -> Verdict:
    return Verdict(Effect.DENY, (Finding(guard, message, guard),), message=message)


def _of(decision: Decision, spec: ToolSpec) -> Verdict:
    words = decision.because or decision.message
    finding = (
        Finding(CONCERN, words, "monitor", rule=decision.rule)
        if spec.concern
        else Finding("policy", words, "policy", rule=decision.rule)
    )
    gaps = (
        Finding(_GAPS[kind][0], _GAPS[kind][1].format(path), "policy", path=f"args.{path}")
        for path, kind in decision.gaps
    )
    return Verdict(
        effect=decision.effect,
        findings=(finding, *gaps) if decision.effect is not Effect.ALLOW else (),
        message=decision.message,
        quorum=decision.quorum,
        roles=decision.roles,
    )

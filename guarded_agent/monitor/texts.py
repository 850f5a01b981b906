"""Texts on their way in and out: judged, redacted or withheld, and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict, digest
from guarded_agent.core.errors import ActionError, Denied
from guarded_agent.monitor.alive import Alive
from guarded_agent.monitor.judge import passed
from guarded_agent.store import memory, provenance


class Texts(Alive):
    """The monitor's side that texts pass."""

    def pass_text(self, stage: Stage, payload: Any, *, thread_id: str, source: str = "") -> Any:
        """Judge a text or nested data and return what may pass in its place.

        Raises:
            Denied: A guard halts the run, or the agent may not act.
        """
        self.require_active()
        mark = self._mark(stage, payload, thread_id)
        if self._needs_no_look(stage, mark):
            return payload
        context = self._context(thread_id)
        verdict = self._judge.judge(Subject(stage, payload, context))
        if self._is_silent(stage, verdict, mark):
            return payload
        return self._settle_text(stage, payload, verdict, context, source)

    async def apass_text(
        self, stage: Stage, payload: Any, *, thread_id: str, source: str = ""
    ) -> Any:
        """Do what `pass_text` does, from an event loop."""
        await self.arequire_active()
        mark = self._mark(stage, payload, thread_id)
        if self._needs_no_look(stage, mark):
            return payload
        context = await self._acontext(thread_id)
        verdict = await self._judge.ajudge(Subject(stage, payload, context))
        if self._is_silent(stage, verdict, mark):
            return payload
        return await asyncio.to_thread(self._settle_text, stage, payload, verdict, context, source)

    @property
    def hears(self) -> bool:
        """Whether any decision depends on what the user said."""
        return self._hears

    def hear(self, words: Sequence[str], *, thread_id: str) -> None:
        """Remember what the user said in a thread: it vouches for what stands in it.

        Args:
            words: The texts of the person for whom the agent acts, never of anything else.
            thread_id: In which conversation.
        """
        if not self._hears or not words:
            return
        with self.store.write() as connection:
            for text in words:
                provenance.add(
                    self.store,
                    connection,
                    self.family,
                    thread_id,
                    "asked",
                    [text],
                    source="user",
                )

    def just_passed(self, stage: Stage, payload: Any, *, thread_id: str) -> bool:
        """Return whether a text needs no look now: no guard looks, or all just did.

        What is known of it is used up, as if it had passed once more.
        """
        return self._needs_no_look(stage, self._mark(stage, payload, thread_id))

    def _mark(self, stage: Stage, payload: Any, thread_id: str) -> str:
        """Return what a text of the model is known by; empty for what is judged each time."""
        if stage is not Stage.MODEL_OUTPUT or not self._judge.looks(stage):
            return ""
        with suppress(ActionError):
            return digest([thread_id, payload])
        return ""

    def _needs_no_look(self, stage: Stage, mark: str) -> bool:
        """Return whether no guard looks, or all just did: inside the model, and behind it."""
        if mark:
            return self._lately.take("passed", mark)
        return stage is not Stage.INPUT and not self._judge.looks(stage)

    def _is_silent(self, stage: Stage, verdict: Verdict, mark: str) -> bool:
        """Return whether the text passes as it is and there is nothing to write down."""
        silent = verdict.effect is Effect.ALLOW and not verdict.findings
        if silent and mark:
            self._lately.put("passed", mark)
        return silent and stage is not Stage.INPUT

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
                    data=verdict.as_json()
                    | {"pressure": [item.kind for item in pressure]}
                    | ({"observed": True} if self.observes else {}),
                )
        if verdict.effect is Effect.HALT:
            raise Denied(verdict.message or "A guard halted this run.")
        return payload if self.observes else passed(verdict, payload)

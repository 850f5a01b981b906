"""Texts on their way in and out: judged, redacted or withheld, and recorded."""

from __future__ import annotations

import asyncio
from typing import Any

from guarded_agent.core import Context, Effect, Stage, Subject, Verdict
from guarded_agent.core.errors import Denied
from guarded_agent.monitor.judge import passed
from guarded_agent.monitor.parts import Parts
from guarded_agent.store import memory


class Texts(Parts):
    """The monitor's side that texts pass."""

    def pass_text(self, stage: Stage, payload: Any, *, thread_id: str, source: str = "") -> Any:
        """Judge a text or nested data and return what may pass in its place.

        Raises:
            Denied: A guard halts the run.
        """
        context = self._context(thread_id)
        verdict = self._judge.judge(Subject(stage, payload, context))
        return self._settle_text(stage, payload, verdict, context, source)

    async def apass_text(
        self, stage: Stage, payload: Any, *, thread_id: str, source: str = ""
    ) -> Any:
        """Do what `pass_text` does, from an event loop."""
        context = await asyncio.to_thread(self._context, thread_id)
        verdict = await self._judge.ajudge(Subject(stage, payload, context))
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

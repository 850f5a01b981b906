"""Wait for people in a script, or have a worker of this process go on for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from guarded_agent.agent.nodes import thread_of
from guarded_agent.agent.worker import NotYet, Patience, Worker
from guarded_agent.approvals import Approvals, Turn

_LOOK = 1.0


class UnknownThread(LookupError):
    """The checkpointer here does not keep a thread: another process may."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What can wait for the threads of one agent and have them go on.

    Attributes:
        approvals: The queue.
        agent_id: The agent.
        state: Returns the state of a thread, given a run's config.
        astate: The same from an event loop.
        resume: Has a thread go on.
        aresume: The same from an event loop.
        returned: Turns a state, and the config, into what `resume` returns.
        ours: Whether a state waits for the store.
    """

    approvals: Approvals
    agent_id: str
    state: Callable[[Any], Any]
    astate: Callable[[Any], Any]
    resume: Callable[[Any], Any]
    aresume: Callable[[Any], Any]
    returned: Callable[[Any, Any], Any]
    ours: Callable[[Any], bool]
    patience: Patience = field(default_factory=lambda: Patience(60.0))

    def worker(self, *, lease: float = 60.0, name: str | None = None) -> Worker:
        """Return a worker for all threads of the agent."""
        # A run that is still under way would have renewed a claim within a lease.
        mine = replace(self, patience=Patience(lease))
        return Worker(
            self.approvals,
            mine.go_on,
            mine.ago_on,
            agents=(self.agent_id,),
            lease=lease,
            name=name,
        )

    def go_on(self, turn: Turn) -> Any:
        """Have a thread go on, if it still waits.

        Raises:
            NotYet: A run of it may still be under way.
            UnknownThread: It is not kept here.
        """
        config = _config(turn)
        if self._may(turn, self.state(config)):
            return self.resume(config)
        return None

    async def ago_on(self, turn: Turn) -> Any:
        """Do what `go_on` does, from an event loop."""
        config = _config(turn)
        if self._may(turn, await self.astate(config)):
            return await self.aresume(config)
        return None

    def wait(self, config: Any, timeout: float | None) -> Any:
        """Return what the thread returns once nothing in it waits for people."""
        until = _until(timeout)
        worker = self._single(config)
        while True:
            seen = self.approvals.revision()
            turn = worker.claim()
            if turn is not None:
                try:
                    worker.take(turn)
                    continue
                except NotYet:
                    pass
            elif not self._open(config):
                state = self.state(config)
                return self.resume(config) if self.ours(state) else self.returned(state, config)
            self._pause(config, seen, until)

    async def await_(self, config: Any, timeout: float | None) -> Any:  # noqa: ASYNC109
        """Do what `wait` does, from an event loop."""
        until = _until(timeout)
        worker = self._single(config)
        while True:
            seen = await asyncio.to_thread(self.approvals.revision)
            turn = await asyncio.to_thread(worker.claim)
            if turn is not None:
                try:
                    await worker.atake(turn)
                    continue
                except NotYet:
                    pass
            elif not await asyncio.to_thread(self._open, config):
                state = await self.astate(config)
                if self.ours(state):
                    return await self.aresume(config)
                return await asyncio.to_thread(self.returned, state, config)
            await asyncio.to_thread(self._pause, config, seen, until)

    def _single(self, config: Any) -> Worker:
        """Return a worker for one thread, so that it and other workers do not both go on."""
        return Worker(
            self.approvals,
            self.go_on,
            self.ago_on,
            agents=(self.agent_id,),
            thread_id=thread_of(config),
        )

    def _may(self, turn: Turn, state: Any) -> bool:
        if not turn.thread_id:  # a call outside of a graph: its caller makes it again
            return False
        if state.created_at is None:
            raise UnknownThread(f"thread {turn.thread_id} is not kept by this checkpointer")
        busy = any(
            task.error is None and task.result is None and not task.interrupts
            for task in state.tasks
        )
        self.patience.heed(turn.thread_id, busy=busy)
        return bool(state.next)

    def _open(self, config: Any) -> bool:
        """Return whether people have to decide in a thread, or somebody has it go on now."""
        thread_id = thread_of(config)
        return self.approvals.due(self.agent_id, thread_id) or bool(self._pending(thread_id))

    def _pending(self, thread_id: str) -> list[str]:
        known = self.approvals.open_in(self.agent_id, thread_id)
        return [request.id for request in known if request.state == "pending"]

    def _pause(self, config: Any, seen: int, until: float | None) -> None:
        left = _LOOK if until is None else min(_LOOK, until - time.monotonic())
        if left <= 0:
            thread_id = thread_of(config)
            ids = ", ".join(self._pending(thread_id)) or "nobody any more, but has not gone on"
            raise TimeoutError(f"thread {thread_id} still waits for a decision on {ids}")
        changes = self.approvals.changes(seen, timeout=left)
        try:
            next(changes)
        finally:
            changes.close()


def _config(turn: Turn) -> dict[str, Any]:
    return {"configurable": {"thread_id": turn.thread_id}}


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout

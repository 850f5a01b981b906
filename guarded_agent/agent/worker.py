"""Wake agents: a worker takes threads in which something was decided, and has them go on.

The store says who may: a thread that is due is claimed by one worker at a time, and a
worker that dies loses its claim. How a thread goes on is the waker's matter: in this
process, by a call to another service, or by a LangGraph server.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from guarded_agent.approvals import Approvals, Turn

_log = logging.getLogger(__name__)

Wake = Callable[[Turn], Any]
"""Has the thread of a turn go on; raises where that failed, `NotYet` where it is too early."""

AWake = Callable[[Turn], Awaitable[Any]]

_LOOK = 1.0
"""Seconds after which a worker looks for claims that lapsed, and whether it should stop."""
_LONGEST = 300.0


class NotYet(Exception):
    """A thread cannot go on yet; another try comes soon."""


@dataclass(slots=True)
class _Held:
    """A claim while its thread is woken, and why that failed, if it did."""

    turn: Turn
    failed: BaseException | None = None


class Worker:
    """Takes due threads one after the other and wakes them, until it is told to stop.

    Each due thread is woken by exactly one worker, in whichever process, and by another one
    if that one dies. What already ran does not run again: the ledger sees to that. A wake that
    fails is tried again, after one second, two, four, and so on to five minutes.

    Args:
        approvals: The queue.
        wake: Has a thread go on.
        awake: The same from an event loop, for `arun`.
        agents: Only threads of these agents.
        lease: Seconds after which a worker that died has lost its thread. A worker that lives
            renews its claim for as long as the run takes.
        name: A name that no other worker has; one is made.
        thread_id: Only this thread.

    Example:
        >>> from guarded_agent.audit import AuditLog
        >>> from guarded_agent.store import Store
        >>> with Store.open("sqlite://") as store:
        ...     Worker(Approvals(store, AuditLog(store)), wake=print).step()
        False
    """

    def __init__(
        self,
        approvals: Approvals,
        wake: Wake,
        awake: AWake | None = None,
        *,
        agents: Sequence[str] = (),
        lease: float = 60.0,
        name: str | None = None,
        thread_id: str | None = None,
    ) -> None:
        if not lease > 0:
            raise ValueError("a worker needs a lease of more than 0 seconds")
        self._approvals = approvals
        self._wake = wake
        self._awake = awake
        self._agents = tuple(agents)
        self._only = thread_id
        self._lease = lease
        self._name = name or f"worker-{secrets.token_hex(8)}"
        self._stop = threading.Event()
        self._failed: dict[tuple[str, str], int] = {}
        self._thread: threading.Thread | None = None

    def step(self) -> bool:
        """Wake one thread that is due; return whether there was one.

        An error of the wake is logged, and the thread is tried again later.
        """
        turn = self.claim()
        if turn is None:
            return False
        try:
            self.take(turn)
        except Exception as error:
            self._put_off(turn, error)
        return True

    async def astep(self) -> bool:
        """Wake one thread that is due, from an event loop."""
        turn = await asyncio.to_thread(self.claim)
        if turn is None:
            return False
        try:
            await self.atake(turn)
        except Exception as error:
            self._put_off(turn, error)
        return True

    def claim(self) -> Turn | None:
        """Claim a thread that is due, to be given to `take`; None if there is none."""
        return self._approvals.claim(
            self._name, lease=self._lease, agents=self._agents, thread_id=self._only
        )

    def take(self, turn: Turn) -> Any:
        """Wake the thread of a claim; return what the wake returned, or raise what it raised."""
        with self._renewed(turn) as held:
            try:
                result = self._wake(turn)
            except BaseException as error:
                held.failed = error
                raise
        self._failed.pop((turn.agent_id, turn.thread_id), None)
        return result

    async def atake(self, turn: Turn) -> Any:
        """Do what `take` does, from an event loop."""
        if self._awake is None:
            return await asyncio.to_thread(self.take, turn)
        with self._renewed(turn) as held:
            try:
                result = await self._awake(turn)
            except BaseException as error:
                held.failed = error
                raise
        self._failed.pop((turn.agent_id, turn.thread_id), None)
        return result

    def run(self) -> None:
        """Wake what is due, and what becomes due, until `stop` is called."""
        while not self._stop.is_set():
            try:
                for _ in self._approvals.changes(timeout=_LOOK):
                    while not self._stop.is_set() and self.step():
                        pass
                    if self._stop.is_set():
                        return
            except Exception:
                # The database is away: what is due stays due.
                _log.exception("worker %s cannot look at the queue", self._name)
                self._stop.wait(_LOOK)

    async def arun(self) -> None:
        """Do what `run` does, from an event loop. Cancel it, or call `stop`."""
        while not self._stop.is_set():
            try:
                while not self._stop.is_set() and await self.astep():
                    pass
                await asyncio.to_thread(self._look)
            except Exception:
                _log.exception("worker %s cannot look at the queue", self._name)
                await asyncio.sleep(_LOOK)

    def stop(self) -> None:
        """Let the worker end once the thread that it wakes now has gone on."""
        self._stop.set()

    def __enter__(self) -> Self:
        """Run in a thread beside the caller's, until the block ends."""
        self._stop.clear()
        self._thread = threading.Thread(target=self.run, name=self._name, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _look(self) -> None:
        changes = self._approvals.changes(timeout=_LOOK)
        try:
            next(changes)
        finally:
            changes.close()

    def _put_off(self, turn: Turn, error: Exception) -> None:
        if isinstance(error, NotYet):
            return
        # The kind of error alone: its words may hold what the agent works with.
        _log.error(
            "thread %s of %s could not be woken (%s) and is tried again",
            turn.thread_id,
            turn.agent_id,
            type(error).__name__,
        )

    def _pause(self, turn: Turn, error: BaseException) -> float:
        """Return for how many seconds a thread whose wake failed is left alone."""
        if isinstance(error, NotYet):
            return _LOOK
        if not isinstance(error, Exception):  # the process ends: another one takes it
            return 0.0
        thread = turn.agent_id, turn.thread_id
        times = self._failed[thread] = self._failed.get(thread, 0) + 1
        return min(_LONGEST, 2.0 ** min(times - 1, 20))

    @contextmanager
    def _renewed(self, turn: Turn) -> Generator[_Held]:
        """Keep a claim for as long as the block runs, then finish it or give it back."""
        held, over = _Held(turn), threading.Event()

        def renew() -> None:
            while not over.wait(self._lease / 3):
                with suppress(Exception):  # tried again in a third of a lease
                    again = self._approvals.renew(held.turn, lease=self._lease)
                    if again is None:  # somebody else has it: what is done stands in the ledger
                        return
                    held.turn = again

        renewing = threading.Thread(target=renew, name=f"{self._name}-renews", daemon=True)
        renewing.start()
        try:
            yield held
        finally:
            over.set()
            renewing.join()
            if held.failed is None:
                self._approvals.finish(held.turn)
            else:
                seconds = self._pause(turn, held.failed)
                with suppress(Exception):  # the lease lapses by itself
                    self._approvals.release(held.turn, seconds=seconds)


class Patience:
    """Says how long a thread that seems to run has been seen so."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[str, float] = {}

    def heed(self, thread_id: str, *, busy: bool) -> None:
        """Return if the thread may go on.

        Raises:
            NotYet: Its run may still be under way, and was not seen so for long.
        """
        if not busy:
            self._since.pop(thread_id, None)
            return
        first = self._since.setdefault(thread_id, time.monotonic())
        if time.monotonic() - first < self._seconds:
            raise NotYet(thread_id)
        self._since.pop(thread_id, None)

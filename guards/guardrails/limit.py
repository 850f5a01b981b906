"""Give work that somebody else wrote a time limit.

Python cannot stop a thread. So each piece of work gets a thread of its own, and who
waits for it gives up after the limit. A thread that is given up keeps running until
its work ends; once a few of them hang, no more work is begun and each call fails at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotDone
from contextvars import copy_context
from typing import TypeVar

T = TypeVar("T")

MOST_STUCK = 4
"""How many threads may hang before no further one is started."""


class TimeLimit:
    """Runs work in a thread and waits no longer than a limit.

    Args:
        seconds: The limit.
        name: What works, for the message.

    Raises:
        ValueError: The limit is not a positive number.

    Example:
        >>> TimeLimit(5, "adding").run(lambda: 1 + 1)
        2
    """

    def __init__(self, seconds: float, name: str) -> None:
        if isinstance(seconds, bool) or not 0 < seconds < float("inf"):
            raise ValueError("write a positive number of seconds")
        self._seconds = seconds
        self._name = name
        self._stuck: list[threading.Thread] = []
        self._lock = threading.Lock()

    def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns.

        Raises:
            TimeoutError: It took too long, or too many before it still hang.
        """
        future, thread = self._start(work)
        try:
            return future.result(self._seconds)
        except NotDone:
            if future.done():  # the work itself raised a TimeoutError
                raise
            raise self._give_up(thread) from None

    async def arun(self, work: Callable[[], T]) -> T:
        """Do what `run` does, without blocking the event loop."""
        future, thread = self._start(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._seconds)
        except TimeoutError:
            if future.done():
                raise
            raise self._give_up(thread) from None
        except asyncio.CancelledError:  # who waits for us has given up first
            self._give_up(thread)
            raise

    def _start(self, work: Callable[[], T]) -> tuple[Future[T], threading.Thread]:
        with self._lock:
            self._stuck = [thread for thread in self._stuck if thread.is_alive()]
            if len(self._stuck) >= MOST_STUCK:
                raise TimeoutError(f"{self._name}: {MOST_STUCK} earlier calls still hang")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # what runs cannot be cancelled
        thread = threading.Thread(
            target=copy_context().run, args=(_work, work, future), name=self._name, daemon=True
        )
        thread.start()
        return future, thread

    def _give_up(self, thread: threading.Thread) -> TimeoutError:
        with self._lock:
            self._stuck.append(thread)
        return TimeoutError(f"{self._name} took longer than {self._seconds:g} seconds")


def _work(work: Callable[[], T], future: Future[T]) -> None:
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    except BaseException as error:  # a validator that wants to end the process ends this call
        future.set_exception(RuntimeError(f"it raised {type(error).__name__}"))

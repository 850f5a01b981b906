"""Work in a thread for a task that may be cancelled meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def kept(run: Callable[[], T], undo: Callable[[T], None]) -> T:
    """Return what `run` returns in a thread; if nobody waits for it any more, undo it.

    Args:
        run: The work. A thread cannot be stopped: it ends, whoever waits.
        undo: Takes back what it did.

    Raises:
        CancelledError: The task was cancelled; what was done is or will be undone.
    """
    lock = threading.Lock()
    done: list[T] = []
    cancelled = False

    def work() -> T:
        result = run()
        with lock:
            if not cancelled:
                done.append(result)
                return result
        undo(result)
        return result

    try:
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        with lock:
            cancelled = True
        if done:
            undo(done[0])
        raise

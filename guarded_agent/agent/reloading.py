"""A monitor whose policy file may change while the agent runs; `reload: true` in it asks for that.

There is one monitor for each policy that counted, and none of them ever changes: a call is
judged, from first to last, by the one that counted as it was proposed. So no call sees half
of one policy and half of another, and no lock is held while it is judged.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from guarded_agent.core import Action
from guarded_agent.core.errors import PolicyError, Problem, StoreError
from guarded_agent.monitor import Monitor, Standing
from guarded_agent.policy import Policy, load
from guarded_agent.policy.source import Path
from guarded_agent.policy.watch import Stamp

OFTEN = 1.0
"""Seconds for which one look at the file is good. No clock of the wall counts."""

_LOG = logging.getLogger("guarded_agent")
_MOST = 20
_LONGEST = 300

Make = Callable[[Policy, Monitor], Monitor]
"""Returns the monitor of a changed policy that takes another one's place."""


class Reloading:
    """Stands for the monitor of the last good policy. Safe for threads and event loops.

    Args:
        first: The monitor of the policy that was given.
        make: Makes the next one, or raises `PolicyError`.
        every: Seconds between two looks at the file.
    """

    __slots__ = ("_every", "_half", "_looked", "_make", "_now", "_seen", "_turn")

    def __init__(self, first: Monitor, make: Make, *, every: float | None = None) -> None:
        stamp = first.engine.policy.stamp
        assert stamp is not None  # `require_file` was asked
        self._now = first
        self._make = make
        self._every = OFTEN if every is None else every
        self._seen = stamp
        self._half: Stamp | None = None
        self._looked = time.monotonic()
        self._turn = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        if name in Reloading.__slots__ or name.startswith("__"):  # while it is made, or copied
            raise AttributeError(name)
        return getattr(self._now, name)

    def propose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        """Do what `Monitor.propose` does, by the policy that counts now."""
        if self._is_due():
            self._look()
        return self._now.propose(action, edited_by=edited_by, start=start)

    async def apropose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        """Do what `propose` does, from an event loop."""
        if self._is_due():
            await asyncio.to_thread(self._look)
        return await self._now.apropose(action, edited_by=edited_by, start=start)

    def _is_due(self) -> bool:
        return time.monotonic() - self._looked >= self._every

    def _look(self) -> None:
        """Take the file's policy, if it is another and good. Never raises.

        Who comes while another thread does this goes on with the policy that counts.
        """
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._looked = time.monotonic()
            found = self._seen.now()
            if found == self._seen:
                self._half = None
            elif found == self._half or found.rests(time.time()):
                self._take(found)
            else:  # somebody may be writing it: half of a policy may be a policy too
                self._half = found
        except StoreError:
            _LOG.warning("the policy file changed, and the store does not answer: later again")
        finally:
            self._turn.release()

    def _take(self, found: Stamp) -> None:
        old = self._now
        try:
            new = self._next(found, old)
        except StoreError:
            raise
        except PolicyError as error:
            self._refuse(old, [str(problem) for problem in error.problems])
        except Exception as error:  # a guard or an engine of another's making
            self._refuse(old, [f"{type(error).__name__}: {error}"])
        else:
            before, after = old.engine.digest, new.engine.digest
            if before != after:
                new.follow(old)
                self._record(new, "policy.reloaded", {"old": before, "new": after})
                self._now = new
        self._seen, self._half = found, None

    def _next(self, found: Stamp, old: Monitor) -> Monitor:
        file = old.engine.policy.source.file
        if not found.is_there:
            raise PolicyError([Problem("there is no such file, or it is no plain one", file=file)])
        return self._make(load(found.file), old)

    def _refuse(self, old: Monitor, problems: list[str]) -> None:
        said = [str(old.redact(problem))[:_LONGEST] for problem in problems[:_MOST]]
        data = {"digest": old.engine.digest, "problems": said}
        self._record(old, "policy.refused", data)
        _LOG.warning(
            "the policy file of the agent %s changed and is refused; the old policy counts: %s",
            old.agent_id,
            "; ".join(said),
        )

    def _record(self, monitor: Monitor, kind: str, data: dict[str, Any]) -> None:
        with monitor.store.write() as connection:
            monitor.audit.append(
                connection,
                kind,
                agent_id=monitor.agent_id,
                data={**data, "worker": monitor.worker},
            )


def require_file(policy: Policy) -> None:
    """Return if there is a file in which a policy can change.

    Raises:
        PolicyError: There is none.
    """
    if policy.stamp is None:
        words = "needs a policy that is what a file says: give the path, or take reload out"
        raise PolicyError([policy.source.problem(words, ("reload",))])


def require_same(old: Policy, new: Policy) -> None:
    """Return if a policy may take another one's place while the agent runs.

    Args:
        old: The policy that counts.
        new: The one that shall.

    Raises:
        PolicyError: It changes what is settled as an agent is wrapped.
    """
    changed = {
        ("agent", "id"): old.agent.id != new.agent.id,
        ("agent", "family"): old.agent.family != new.agent.family,
        ("mode",): old.mode != new.mode,
        ("concern", "off"): old.concern.off != new.concern.off,
        ("reload",): old.reload != new.reload,
    }
    _raise(new, {path: "is another now" for path, is_other in changed.items() if is_other})


def require_same_hiding(new: Policy, was: tuple[str, bool], now: tuple[str, bool]) -> None:
    """Return if pseudonyms and hiding are on in both policies, or off in both.

    Args:
        new: The policy that shall count.
        was: Whether the old one gives pseudonyms, and whether it hides results.
        now: The same of the new one.

    Raises:
        PolicyError: One of them is switched on or off.
    """
    found: dict[Path, str] = {}
    if was[0] != now[0]:
        found["guards", "pii"] = "pseudonyms are switched on, off, or restored otherwise"
    if was[1] != now[1]:
        found["tools",] = "hide is used now and was not, or the other way round"
    _raise(new, found)


def _raise(policy: Policy, found: Mapping[Path, str]) -> None:
    after = "that counts when the program starts again, and until then the old policy does"
    if found:
        raise PolicyError(
            [policy.source.problem(f"{words}: {after}", path) for path, words in found.items()]
        )

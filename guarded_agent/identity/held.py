"""What one call holds: its secrets, had before its body runs and given back after it.

A secret that cannot be had, or not in time, stops the call. One that its provider counts is
renewed while the body runs, and revoked as it ends. What a provider says in
an error is not repeated: it may be the secret.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from guarded_agent.core.errors import Denied
from guarded_agent.identity.leased import REGISTER
from guarded_agent.identity.providers import WAIT, Handed, SecretProvider, provider_of
from guarded_agent.identity.secrets import Secret, SecretRef

T = TypeVar("T")

_RENEW_AFTER = 2 / 3
_AT_ONCE = frozenset({"env", "file"})  # no thread of their own: they do not wait for others


@dataclass(slots=True)
class _Counted:
    """What a provider handed out and counts."""

    provider: SecretProvider
    handed: Handed
    timer: threading.Timer | None = None


class Held:
    """The secrets of one call, until they are given back.

    Attributes:
        secrets: By the names that the body uses.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, Secret] = {}
        self._counted: list[_Counted] = []
        self._lock = threading.Lock()
        self._ended = False
        self._lost = ""

    @property
    def ended(self) -> bool:
        """Whether they were given back."""
        return self._ended

    @property
    def counts(self) -> bool:
        """Whether a provider has to be asked to take anything back."""
        return bool(self._counted)

    @property
    def lost(self) -> str:
        """Why its secrets are good no longer, although the call still runs; empty if they are."""
        return self._lost

    def give_back(self) -> None:
        """Revoke what providers count. What cannot be revoked ends by itself, and is logged."""
        with self._lock:
            self._ended = True
            counted, self._counted = self._counted, []
        for each in counted:
            if each.timer is not None:
                each.timer.cancel()
            try:
                _in_time(partial(each.provider.revoke, each.handed), _nothing)
            except Denied as error:
                logging.getLogger("guarded_agent").warning(
                    "a leased secret could not be revoked, it ends by itself: %s", error
                )

    def _count(self, provider: SecretProvider, handed: Handed) -> None:
        if not handed.id:
            return
        each = _Counted(provider, handed)
        self._counted.append(each)
        self._arm(each)

    def _arm(self, each: _Counted) -> None:
        if not each.handed.renewable or not each.handed.seconds:
            return
        each.timer = threading.Timer(each.handed.seconds * _RENEW_AFTER, self._renew, [each])
        each.timer.daemon = True
        each.timer.start()

    def _renew(self, each: _Counted) -> None:
        problem = ""
        try:
            handed = _in_time(partial(each.provider.renew, each.handed), _nothing)
        except Denied as error:
            problem, handed = str(error), each.handed
        with self._lock:
            if self._ended:
                return
            if problem:
                self._lost = problem
            else:
                each.handed = handed
                self._arm(each)


def gather(
    refs: Mapping[str, SecretRef], environ: Mapping[str, str] = os.environ, *, wait: float = WAIT
) -> Held:
    """Have the secrets in `refs`. It may block, for at most `wait` seconds each.

    What several references find at one place is asked for once: they are one lease.

    Args:
        refs: What the tool calls each secret, and where it is found.
        environ: The environment to read from.
        wait: Seconds in which a provider has to answer.

    Raises:
        Denied: A secret cannot be had. What was had already is given back.
    """
    held = Held()
    places: dict[tuple[str, str], Handed] = {}
    problem = ""
    for name, ref in refs.items():
        try:
            handed = places.get((ref.kind, ref.place))
            if handed is None:
                handed = places[ref.kind, ref.place] = _ask(held, ref, environ, wait)
            value = handed.values.get(ref.field, "")
            if not value.strip():
                raise Denied("it is empty or not set")
        except Denied as error:
            problem = f"the secret {name!r} cannot be had from {ref}: {error}"
            break
        except Exception as error:
            problem = f"the secret {name!r} cannot be had from {ref} ({type(error).__name__})"
            break
        held.secrets[name] = Secret(name, value)
    if problem:  # out here, so that no error has another one behind it
        held.give_back()
        raise Denied(problem)
    REGISTER.add(held.secrets.values())
    return held


def _ask(held: Held, ref: SecretRef, environ: Mapping[str, str], wait: float) -> Handed:
    provider = provider_of(ref.kind, ref.place, environ)
    if ref.kind in _AT_ONCE:
        return provider.lease(ref.place)

    def late(handed: Handed) -> None:
        if handed.id:
            provider.revoke(handed)

    handed = _in_time(partial(provider.lease, ref.place), late, wait)
    held._count(provider, handed)  # pyright: ignore[reportPrivateUsage] - same module
    return handed


def _nothing(_: object) -> None:
    pass


def _in_time(run: Callable[[], T], late: Callable[[T], None], wait: float = WAIT) -> T:
    """Return what `run` returns within `wait` seconds; what comes later goes to `late`.

    Raises:
        Denied: It raised, or took longer.
    """
    lock, done = threading.Lock(), threading.Event()
    results: list[T] = []
    problems: list[str] = []
    given_up = False

    def work() -> None:
        result: T
        try:
            result = run()
        except Denied as error:
            problems.append(str(error))
        except BaseException as error:
            problems.append(f"its provider failed ({type(error).__name__})")
        else:
            with lock:
                if not given_up:
                    results.append(result)
            if not results:
                with suppress(Exception):
                    late(result)
        done.set()

    threading.Thread(target=work, name="guarded_agent-secret", daemon=True).start()
    done.wait(wait)
    with lock:
        given_up = True
    if results:
        return results[0]
    raise Denied(problems[0] if problems else f"its provider took longer than {wait:g} s")

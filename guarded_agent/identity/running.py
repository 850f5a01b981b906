"""The call whose body runs here: what it holds, and what it hands on.

A tool's body may call other tools, or a whole agent. Each of those calls gets a
ticket that is narrowed from the one around it. The chain travels in a context variable, as
leased secrets do: into event loops, tasks and the threads that asyncio and LangChain
make. A thread that a body starts itself begins without it, unless it is started with
`contextvars.copy_context().run`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from guarded_agent.core.action import Action
from guarded_agent.core.authority import Authority, Scopes
from guarded_agent.core.tool import ToolSpec
from guarded_agent.identity.secrets import Secret
from guarded_agent.identity.tickets import Ticket, bound, process_key, root


@dataclass(slots=True)
class RunningCall:
    """One call that was let in, as its body and what it calls see it.

    Attributes:
        action: What runs.
        ticket: The ticket of this very call.
        scopes: Its effective authority.
        handed: What it hands on; None means not limited.
        outer: The call whose body made this one.
        issue: Makes a token of this call; see `tokens`.
        open: Whether its body still runs.
    """

    action: Action
    ticket: Ticket = field(repr=False)
    scopes: frozenset[str]
    handed: Scopes
    chain: Ticket = field(repr=False)
    outer: RunningCall | None = None
    issue: Callable[[RunningCall, str, Iterable[str] | None], Secret] | None = field(
        default=None, repr=False
    )
    open: bool = True

    @property
    def hands_on(self) -> Scopes:
        """What it hands on now: where that is limited, nothing once its body has ended."""
        return self.handed if self.open or self.handed is None else frozenset()

    @property
    def chain_of_calls(self) -> tuple[RunningCall, ...]:
        """This call, the one around it, and so on outward."""
        found: list[RunningCall] = []
        call: RunningCall | None = self
        while call is not None:
            found.append(call)
            call = call.outer
        return tuple(found)


_running: ContextVar[RunningCall | None] = ContextVar("guarded_agent_running", default=None)


def running() -> RunningCall | None:
    """Return the call whose body runs here, or made what runs here.

    A call that has ended counts on only where it was limited: what it started and left
    behind must not have more than it had.
    """
    call = _running.get()
    while call is not None and not call.open and call.handed is None:
        call = call.outer
    return call


def digests_around() -> frozenset[str]:
    """Return the digests of the actions whose bodies run around what runs here."""
    call = _running.get()
    if call is None:
        return frozenset()
    return frozenset(each.action.digest for each in call.chain_of_calls if each.open)


@contextmanager
def inside(call: RunningCall | None) -> Generator[None]:
    """Let what runs inside be known as the body of `call`; without one, as it was."""
    if call is None:
        yield
        return
    token = _running.set(call)
    try:
        yield
    finally:
        call.open = False  # a task that outlives the body keeps this object in its context
        _running.reset(token)


def let_in(action: Action, spec: ToolSpec, authority: Authority, now: float) -> RunningCall:
    """Return a call that may run now: its ticket is narrowed from the call around, if any.

    Args:
        action: What is about to run.
        spec: Its tool.
        authority: Who lets it do what.
        now: Seconds since the epoch.
    """
    outer = running()
    key = process_key()
    if outer is None:
        chain = root(key, agent_id=action.agent_id, thread_id=action.thread_id, now=now)
    else:
        chain = outer.chain.narrow(parent=outer.action.digest, scopes=outer.hands_on)
    scopes = authority.of(spec.scopes)
    ticket = bound(
        chain,
        tool=action.tool,
        digest=action.digest,
        scopes=scopes,
        now=now,
        user=action.user if isinstance(action.user, str) else None,
    )
    return RunningCall(action, ticket, scopes, authority.handed_on(spec.delegates), chain, outer)

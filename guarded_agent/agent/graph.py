"""The guarded graph: the whole interface of the graph it wraps, and people's side of it."""

from __future__ import annotations

import asyncio
import functools
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from guarded_agent.agent.edge import Edge
from guarded_agent.agent.net import Net, under
from guarded_agent.agent.nodes import thread_of
from guarded_agent.agent.passing import athrough, through
from guarded_agent.agent.report import Report
from guarded_agent.agent.wait import is_ours
from guarded_agent.agent.waiting import Waiting
from guarded_agent.agent.words import inside_graph, said_by_user
from guarded_agent.agent.worker import Worker
from guarded_agent.approvals import Approvals, Request
from guarded_agent.core import Stage
from guarded_agent.core.errors import ApprovalPending
from guarded_agent.monitor import Monitor

Config = RunnableConfig | Mapping[str, Any] | None
T = TypeVar("T")


class Result(dict[str, Any]):
    """What a guarded graph returned: the graph's own values, and how to go on.

    Attributes:
        thread_id: The thread, also where the caller gave none.
        waiting: Requests that people have to decide before the run goes on.
    """

    thread_id: str
    waiting: tuple[Request, ...]

    @property
    def next_step(self) -> str:
        """What to do now, in words; empty where the run is done."""
        if not self.waiting:
            return ""
        ids = ", ".join(request.id for request in self.waiting)
        return (
            f"{len(self.waiting)} waiting for approval: {ids}. Decide with "
            f"`guarded-agent approvals approve ID` or `safe.approvals.vote(...)`, then call "
            f'safe.resume("{self.thread_id}").'
        )


@dataclass(frozen=True, slots=True)
class Guarding:
    """What a guarded graph carries."""

    monitor: Monitor
    report: Report
    net: Net
    nested: bool = False

    def watched(self, config: RunnableConfig) -> RunnableConfig:
        """Return a run's config with the net among its callbacks."""
        return {**config, "callbacks": under(self.net, config.get("callbacks"))}


if TYPE_CHECKING:
    _Base = CompiledStateGraph[Any, Any, Any, Any]
else:
    _Base = object


class GuardedGraph(_Base):
    """A compiled graph whose every tool call and output passes the monitor.

    `guard()` makes it. Everything that the wrapped graph could do works as before:
    `invoke`, `ainvoke`, `stream`, `astream`, `astream_events`, `batch`, `get_state`.

    Example:
        >>> from guarded_agent import guard
        >>> safe = guard(my_agent, policy="policy.yaml")  # doctest: +SKIP
        >>> out = safe.invoke({"messages": [("user", "Pay invoice 7")]})  # doctest: +SKIP
        >>> out.next_step  # doctest: +SKIP
        '1 waiting for approval: 3f9a...'
    """

    _guarding: Guarding

    @property
    def approvals(self) -> Approvals:
        """The queue of requests to people."""
        return self._guarding.monitor.approvals

    @property
    def monitor(self) -> Monitor:
        """The monitor itself: its engine, its guards, its store."""
        return self._guarding.monitor

    def report(self) -> Report:
        """Return how every node, edge and tool stands. `str()` of it is for a terminal."""
        return self._guarding.report

    def resume(self, thread: str | Config, **kwargs: Any) -> Any:
        """Go on with a thread whose requests were decided.

        What is passed in decides nothing: each waiting call reads the store again, and
        goes on waiting where people have not decided.

        Args:
            thread: The thread id, or the config of the run.
            **kwargs: As for `invoke`.

        Returns:
            As `invoke` does.

        Raises:
            Denied: The agent was suspended or decommissioned, or waits to be approved.
        """
        config = config_of(thread)
        self.monitor.require_active(fresh=True)
        state = self.get_state(config, subgraphs=True)
        if _waits_for_answers(state):
            return self._result(as_returned(state), config)
        return self.invoke(wake_up(state), config, **kwargs)

    async def aresume(self, thread: str | Config, **kwargs: Any) -> Any:
        """Go on with a thread whose requests were decided, from an event loop."""
        config = config_of(thread)
        await self.monitor.arequire_active(fresh=True)
        state = await self.aget_state(config, subgraphs=True)
        if _waits_for_answers(state):
            return await asyncio.to_thread(self._result, as_returned(state), config)
        return await self.ainvoke(wake_up(state), config, **kwargs)

    def wait(self, thread: str | Config, *, timeout: float | None = None) -> Any:
        """Wait until people have decided, have the thread go on, and return what it returns.

        After each decision the thread goes on; it waits again as long as something in it
        needs one. A worker of the same agent and this never go on with one thread at once.

        Args:
            thread: The thread id, or the config of the run.
            timeout: Seconds to wait at most; None: until the requests expire.

        Raises:
            TimeoutError: Nobody decided in time. The requests go on waiting.

        Example:
            >>> out = safe.invoke(hello, config)  # doctest: +SKIP
            >>> out = safe.wait(out.thread_id, timeout=600)  # doctest: +SKIP
        """
        return self._wakes.wait(config_of(thread), timeout)

    async def async_wait(self, thread: str | Config, *, timeout: float | None = None) -> Any:  # noqa: ASYNC109
        """Do what `wait` does, from an event loop."""
        return await self._wakes.await_(config_of(thread), timeout)

    def worker(self, *, lease: float = 60.0, name: str | None = None) -> Worker:
        """Return a worker that has every thread of this agent go on once people have decided.

        Start as many as you like, in as many processes: each thread is woken by one of them.
        While workers run, leave `resume` to them.

        Args:
            lease: Seconds after which the threads of a worker that died go to another.
            name: A name that no other worker has; one is made.

        Example:
            >>> with safe.worker():  # in a thread beside this one  # doctest: +SKIP
            ...     serve_forever()
        """
        return self._wakes.worker(lease=lease, name=name)

    @property
    def _wakes(self) -> Waiting:
        return Waiting(
            self.approvals,
            self.monitor.agent_id,
            lambda config: self.get_state(config, subgraphs=True),
            lambda config: self.aget_state(config, subgraphs=True),
            self.resume,
            self.aresume,
            lambda state, config: self._result(as_returned(state), config),
            lambda state: wake_up(state) is not None,
        )

    def invoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run the graph; a dict that it returns is a `Result`."""
        config = self._with_thread(config)
        return self._result(super().invoke(input, config, **kwargs), config)

    async def ainvoke(self, input: Any, config: Config = None, **kwargs: Any) -> Any:  # noqa: A002
        """Run the graph from an event loop; a dict that it returns is a `Result`."""
        config = self._with_thread(config)
        return self._result(await super().ainvoke(input, config, **kwargs), config)

    def stream(self, input: Any, config: Config = None, **kwargs: Any) -> Iterator[Any]:  # noqa: A002
        """Stream the run, as the wrapped graph does."""
        config = self._with_thread(config)
        if not self._guarding.nested:
            self.monitor.require_active(fresh=True)
        if _is_new(input) and (open_requests := self._open(config)):
            _heed(open_requests, self.get_state(_head(config)))
        admitted = self._admit(input, config)
        kwargs = self._lasting(kwargs)
        edge = self._edge
        if edge is None:
            yield from super().stream(admitted, self._guarding.watched(config), **kwargs)
            return
        if edge.takes(admitted):
            admitted = edge.taken(admitted, self.get_state(config, subgraphs=True), config)
        chunks = super().stream(admitted, self._guarding.watched(config), **kwargs)
        yield from edge.shown(chunks, lambda: self.get_state(_head(config), subgraphs=True))

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: Config = None,
        **kwargs: Any,
    ) -> AsyncIterator[Any]:
        """Stream the run from an event loop, as the wrapped graph does."""
        config = self._with_thread(config)
        if not self._guarding.nested:
            await self.monitor.arequire_active(fresh=True)
        if _is_new(input) and (open_requests := await asyncio.to_thread(self._open, config)):
            _heed(open_requests, await self.aget_state(_head(config)))
        admitted = await self._aadmit(input, config)
        kwargs = self._lasting(kwargs)
        edge = self._edge
        if edge is None:
            async for item in super().astream(admitted, self._guarding.watched(config), **kwargs):
                yield item
            return
        if edge.takes(admitted):
            state = await self.aget_state(config, subgraphs=True)
            admitted = await asyncio.to_thread(edge.taken, admitted, state, config)
        chunks = super().astream(admitted, self._guarding.watched(config), **kwargs)
        waiting = partial(self.aget_state, _head(config), subgraphs=True)
        async for item in edge.ashown(chunks, waiting):
            yield item

    @property
    def _edge(self) -> Edge | None:
        """What stands between the graph and its caller, if the policy wants anything there."""
        entry = self.monitor.engine.policy.approvals
        edge = None if self._guarding.nested else Edge(self.approvals, entry)
        return None if edge is None or edge.plain else edge

    def astream_events(
        self,
        input: Any,  # noqa: A002
        config: Config = None,
        *,
        version: Literal["v1", "v2", "v3"] = "v2",
        **kwargs: Any,
    ) -> Any:
        """Stream events from an event loop, as the wrapped graph does."""
        around = self._with_thread(config)
        if version == "v3":
            return super().astream_events(input, around, version=version, **kwargs)
        return self._events(input, around, version=version, **kwargs)

    async def _events(self, given: Any, config: RunnableConfig, **kwargs: Any) -> Any:
        admitted = await self._aadmit(given, config)  # the first event repeats the input as given
        base = cast("Any", super())
        async for event in base.astream_events(admitted, config, **kwargs):
            yield event

    def _admit(self, given: T, config: RunnableConfig) -> T:
        """Return what a person says, judged before the graph sees it."""
        monitor = self._guarding.monitor
        admitted = through(monitor, Stage.INPUT, given, thread_id=thread_of(config))
        if words := self._words(given):
            monitor.hear(words, thread_id=thread_of(config))
        return admitted

    async def _aadmit(self, given: T, config: RunnableConfig) -> T:
        monitor = self._guarding.monitor
        admitted = await athrough(monitor, Stage.INPUT, given, thread_id=thread_of(config))
        if words := self._words(given):
            await asyncio.to_thread(monitor.hear, words, thread_id=thread_of(config))
        return admitted

    def _words(self, given: Any) -> list[str]:
        """Return what the user said; what a graph around this one says is nobody's words."""
        hears = self._guarding.monitor.hears and not self._guarding.nested and not inside_graph()
        return said_by_user(given) if hears else []

    def _lasting(self, options: dict[str, Any]) -> dict[str, Any]:
        """Unless the caller says otherwise, what a model asked for is kept before it runs.

        A process that dies would otherwise ask its model again, and what ran already would
        run as a new call. Reads may run again.
        """
        # `invoke` hands on every option of its own, as None where the caller gave none.
        named = [options.get(name) for name in ("durability", "checkpoint_during")]
        if any(value is not None for value in named) or self._guarding.nested:
            return options
        if all(spec.access == "read" for spec in self._guarding.monitor.engine.specs):
            return options
        return {**options, "durability": "sync"}

    def copy(self, update: dict[str, Any] | None = None) -> Any:
        """Return a guarded copy; `with_config` makes one."""
        new = super().copy(update)
        new._guarding = self._guarding
        return new

    def _with_thread(self, config: Config) -> RunnableConfig:
        """A run that waits for people must be found again: it gets a thread id."""
        given = cast("RunnableConfig", dict(config or {}))
        around = given.get("configurable", {})
        if self._guarding.nested or "thread_id" in around:
            return given
        own = (self.config or {}).get("configurable", {})
        thread_id = own.get("thread_id", f"guarded-{uuid.uuid4().hex}")
        return {**given, "configurable": {**around, "thread_id": thread_id}}

    def bulk_update_state(self, config: RunnableConfig, supersteps: Any) -> RunnableConfig:
        """Change the state, unless that would drop a call that people decide on."""
        config = self._with_thread(config)
        open_requests = self._open(config)
        if open_requests and _is_head(config, state := self.get_state(_head(config))):
            _heed(open_requests, state)
        admitted = through(
            self._guarding.monitor, Stage.INPUT, supersteps, thread_id=thread_of(config)
        )
        return super().bulk_update_state(config, admitted)

    async def abulk_update_state(self, config: RunnableConfig, supersteps: Any) -> RunnableConfig:
        """Change the state, unless that would drop a call that people decide on."""
        config = self._with_thread(config)
        open_requests = await asyncio.to_thread(self._open, config)
        if open_requests and _is_head(config, state := await self.aget_state(_head(config))):
            _heed(open_requests, state)
        admitted = await athrough(
            self._guarding.monitor, Stage.INPUT, supersteps, thread_id=thread_of(config)
        )
        return await super().abulk_update_state(config, admitted)

    def _open(self, config: RunnableConfig) -> Sequence[Request]:
        """Return the requests of a thread whose calls it still has to act on."""
        if self._guarding.nested:
            return ()
        monitor = self._guarding.monitor
        return monitor.approvals.open_in(monitor.agent_id, thread_of(config))

    def _waiting(self, thread_id: str) -> tuple[Request, ...]:
        monitor = self._guarding.monitor
        return tuple(
            request
            for request in monitor.approvals.pending()
            if request.thread_id == thread_id and request.agent_id == monitor.agent_id
        )

    def _result(self, values: Any, config: RunnableConfig) -> Any:
        if not isinstance(values, dict) or self._guarding.nested:
            return cast("Any", values)
        result = Result(cast("dict[str, Any]", values))
        result.thread_id = thread_of(config)
        result.waiting = self._waiting(result.thread_id) if "__interrupt__" in result else ()
        return result


def config_of(thread: str | Config) -> RunnableConfig:
    if isinstance(thread, str):
        return {"configurable": {"thread_id": thread}}
    return cast("RunnableConfig", dict(thread or {}))


def _is_new(given: Any) -> bool:
    """Return whether an input begins anew. A `Command` goes on: what waits is kept."""
    return not (given is None or isinstance(given, Command))


def _head(config: RunnableConfig) -> RunnableConfig:
    """Return the config of a thread's newest state."""
    return {"configurable": {"thread_id": thread_of(config)}}


def _is_head(config: RunnableConfig, head: Any) -> bool:
    named = config.get("configurable", {}).get("checkpoint_id")
    return named in (None, head.config["configurable"].get("checkpoint_id"))


def _heed(open_requests: Sequence[Request], state: Any) -> None:
    """What is new would drop a call that people decide on: say so instead."""
    if not state.next:  # the thread has gone on without it
        return
    ids = [request.id for request in open_requests]
    raise ApprovalPending(
        f"thread {open_requests[0].thread_id} waits for a decision on {', '.join(ids)}, or has to "
        "act on it: decide and resume it first, or cancel the request, or use another thread.",
        ids,
    )


def _waits_for_answers(state: Any) -> bool:
    """Return whether all that a thread waits for are answers to questions of its own.

    Running it would answer them with whatever woke the thread last.
    """
    return bool(state.interrupts) and not any(is_ours(item.value) for item in state.interrupts)


def as_returned(state: Any) -> Any:
    """Return a paused state as `invoke` returned it."""
    values: Any = state.values
    if not (isinstance(values, dict) and state.interrupts):
        return cast("Any", values)
    return {**cast("dict[str, Any]", values), "__interrupt__": list(state.interrupts)}


def wake_up(state: Any) -> Command[Any] | None:
    """Wake every task that waits for the store; each one looks there, not at this."""
    ids = [item.id for item in state.interrupts if is_ours(item.value)]
    return Command(resume={key: {"type": "wake"} for key in ids}) if ids else None


@functools.cache
def _guarded_class(cls: type[Any]) -> type[Any]:
    return type(f"Guarded{cls.__name__}", (GuardedGraph, cls), {"__module__": cls.__module__})


def carry(graph: CompiledStateGraph[Any, Any, Any, Any], guarding: Guarding) -> GuardedGraph:
    """Return a rebuilt graph as a guarded one, with the people's side of it."""
    new = object.__new__(_guarded_class(type(graph)))
    new.__dict__.update(graph.__dict__)
    new._guarding = guarding
    return cast("GuardedGraph", new)

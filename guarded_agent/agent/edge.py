"""The edge of a guarded graph: what waits is shown, and answers come in, as the policy says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langgraph.types import Command

from guarded_agent.agent.answers import answered, presented
from guarded_agent.approvals import Approvals
from guarded_agent.policy.asking import ApprovalsEntry

_INTERRUPT = "__interrupt__"


@dataclass(frozen=True, slots=True)
class Edge:
    """What a guarded graph does with interrupts and resumes.

    Attributes:
        approvals: The queue.
        entry: What the policy says.
    """

    approvals: Approvals
    entry: ApprovalsEntry

    @property
    def plain(self) -> bool:
        """Whether interrupts are shown as they are, and every answer is a wake-up."""
        return self.entry.interrupts == "tool_approval" and self.entry.accept_resume is None

    def takes(self, given: Any) -> bool:
        """Return whether an input may hold answers."""
        return isinstance(given, Command) and given.resume is not None and not self.plain

    def taken(self, given: Any, state: Any, config: Mapping[str, Any]) -> Any:
        """Return a resume without its answers: they are counted, or they say nothing.

        Raises:
            VoteRefused: A vote does not count.
        """
        around = config.get("configurable", {})
        return answered(given, state.interrupts, self.approvals, self.entry, around)

    def shown(self, chunks: Iterator[Any], waiting: Callable[[], Any]) -> Iterator[Any]:
        """Yield a stream in which the interrupts of one turn stand as the policy wants them."""
        if self.entry.interrupts == "tool_approval":
            yield from chunks
            return
        held: Any = None
        for chunk in chunks:
            if _lone(chunk):
                held = chunk
            else:
                yield self._put(chunk, waiting()) if _has(chunk) else chunk
        if held is not None:
            yield self._put(held, waiting())

    async def ashown(
        self, chunks: AsyncIterator[Any], waiting: Callable[[], Awaitable[Any]]
    ) -> AsyncIterator[Any]:
        """Do what `shown` does, from an event loop."""
        held: Any = None
        async for chunk in chunks:
            if self.entry.interrupts == "tool_approval" or not _has(chunk):
                yield chunk
            elif _lone(chunk):
                held = chunk
            else:
                yield self._put(chunk, await waiting())
        if held is not None:
            yield self._put(held, await waiting())

    def _put(self, chunk: Any, state: Any) -> Any:
        shown = presented(state.interrupts, self.entry.interrupts)
        payload = {**_payload(chunk), _INTERRUPT: tuple(shown)}
        return (*chunk[:-1], payload) if isinstance(chunk, tuple) else payload


def _payload(chunk: Any) -> dict[str, Any]:
    payload: Any = cast("tuple[Any, ...]", chunk)[-1] if isinstance(chunk, tuple) else chunk
    return cast("dict[str, Any]", payload) if isinstance(payload, dict) else {}


def _has(chunk: Any) -> bool:
    return _INTERRUPT in _payload(chunk)


def _lone(chunk: Any) -> bool:
    return _payload(chunk).keys() == {_INTERRUPT}

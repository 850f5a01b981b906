"""What a running call reads and where it writes, said by the code that does it.

A tool's body knows best what it hands out: which record, which file. It says so here, and
whoever runs the body listens. Outside of a guarded call nobody does, and nothing happens.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from guarded_agent.core.label import ItemLabel, Label

NOTHING = Label()


class Flow(Protocol):
    """Listens to what one call reads and writes."""

    def read(self, kind: str, places: list[tuple[str, ...]], unknown: Label = NOTHING) -> None:
        """Take note that what lies at `places` was read: its labels join those of the call.

        `unknown` is the label of a place of which nothing is known.
        """
        ...

    def write(self, kind: str, places: list[tuple[str, ...]]) -> None:
        """Take note that something is about to be written at `places`."""
        ...

    def served(self, label: ItemLabel) -> None:
        """Take note of what an MCP server says of its result."""
        ...


_flow: ContextVar[Flow | None] = ContextVar("guarded_agent_flow", default=None)


@contextmanager
def flowing(flow: Flow) -> Generator[None]:
    """Let `flow` listen to what runs inside."""
    token = _flow.set(flow)
    try:
        yield
    finally:
        _flow.reset(token)


def current_flow() -> Flow | None:
    """Return who listens here; None outside of a guarded call."""
    return _flow.get()


def reading(kind: str, *places: str) -> None:
    """Say that what lies at `places` was read, before it is handed on.

    Example:
        >>> reading("file", "/srv/notes/a.txt")  # nobody listens outside of a guarded call
    """
    flow = _flow.get()
    if flow is not None:
        flow.read(kind, [(place,) for place in places])


def writing(kind: str, *places: str) -> None:
    """Say that something is about to be written at `places`.

    Example:
        >>> writing("file", "/srv/notes/a.txt")
    """
    flow = _flow.get()
    if flow is not None:
        flow.write(kind, [(place,) for place in places])

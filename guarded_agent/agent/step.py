"""What a task of a graph knows of the step that it runs in.

LangGraph runs a graph in steps: all that a step triggers runs side by side, and what
comes back early wakes the next node early. A task that is alone in its step has nobody to
keep in step with.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph._internal._constants import CONF, CONFIG_KEY_READ, TASKS
from langgraph.types import Send

_TRIGGERS = ("branch:to:", "join:")
"""How the channels are called by which a node is woken, other than by a `Send`."""

_CHANNELS, _TASK = 1, 3
"""Where LangGraph's reader keeps the channels, and the task that reads; `selftest` checks it."""


def alone(config: RunnableConfig) -> bool:
    """Return whether nothing else of its graph runs beside this task; if in doubt, no."""
    reader = _reader(config)
    if reader is None:
        return False
    running = 0
    for name, channel in reader.args[_CHANNELS].items():
        if name == TASKS:
            running += len(channel.get()) if channel.is_available() else 0
        elif name.startswith(_TRIGGERS):
            running += channel.is_available()
    return running == 1


def has_sent(config: RunnableConfig, node: str) -> bool:
    """Return whether this task has sent something to `node` already."""
    reader = _reader(config)
    writes = () if reader is None else reader.args[_TASK].writes
    return any(
        channel == TASKS and isinstance(value, Send) and value.node == node
        for channel, value in writes
    )


def _reader(config: RunnableConfig) -> partial[Any] | None:
    reader = config.get(CONF, {}).get(CONFIG_KEY_READ)
    return cast("partial[Any]", reader) if isinstance(reader, partial) else None

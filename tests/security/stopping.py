"""An agent in a process of its own, which acts or talks until somebody stops it.

    python stopping.py acts|talks URL FILE

It writes the time of each act, or of each piece that it shows, to FILE. As it is stopped it
prints why.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool

from guarded_agent import guard
from guarded_agent.core.errors import Denied
from guarded_agent.testing import ScriptedModel, call, say

POLICY = {
    "version": 1,
    "agent": {"id": "worker"},
    "tools": {"act": {"access": "write", "rules": [{"effect": "allow"}]}},
    "concern": {"off": True, "because": "a test"},
}
how, url, place = sys.argv[1:]
THREAD: Any = {"configurable": {"thread_id": "t1"}, "recursion_limit": 100_000}


def note() -> None:
    with Path(place).open("a") as times:
        times.write(f"{time.time()}\n")


@tool
def act(number: int) -> str:
    """Act."""
    note()
    return f"acted {number}"


class Talker(ScriptedModel):
    """A model that does not stop talking."""

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        while True:
            time.sleep(0.02)
            yield ChatGenerationChunk(message=AIMessageChunk(content="word and word. "))


if how == "acts":
    # Each turn is another call; a script of many turns is as good as no end.
    model = ScriptedModel(script=[say("", call("act", f"c{n}", number=n)) for n in range(5_000)])
else:
    model = Talker(script=[])
agent = guard(create_agent(model, [act]), policy=POLICY, store=url)
print("ready", flush=True)
try:
    if how == "acts":
        agent.invoke({"messages": [("user", "go")]}, THREAD)
    for _ in agent.stream({"messages": [("user", "go")]}, THREAD, stream_mode="messages"):
        note()
except Denied as error:
    print(error, flush=True)

"""Guarded chains: a Runnable of the same interface, over guarded models and tools.

A chain has no state to pause in. A call that people have to decide on raises
`ApprovalRequired`; once they decided, the same input is given again.
"""

# LangChain's generics meet here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import (
    Runnable,
    RunnableBinding,
    RunnableConfig,
    RunnableLambda,
    RunnableSequence,
)
from langchain_core.tools import BaseTool
from pydantic import Field

from guarded_agent.agent.graph import Guarding
from guarded_agent.agent.net import Net
from guarded_agent.agent.passing import athrough, this_thread, through
from guarded_agent.agent.rebuild import Rebuild
from guarded_agent.agent.report import Report
from guarded_agent.agent.words import inside_graph, said_by_user
from guarded_agent.approvals import Approvals
from guarded_agent.core import Stage
from guarded_agent.monitor import Monitor

CHAIN = "chain"
"""The key of a chain's own parts in a report and in `trust=`."""

# Tools of the executor's own, with which it tells the model that it made a mistake.
_EXECUTORS_OWN = frozenset({"_Exception", "invalid_tool"})


class GuardedChain(RunnableBinding[Any, Any]):
    """A chain whose every tool call and every word of a model passes the monitor.

    `guard()` makes it. It is used like the chain that it wraps: `invoke`, `ainvoke`,
    `batch`, `abatch`, `stream`, `astream`, `astream_events`.
    """

    guarding: Any = Field(default=None, exclude=True, repr=False)

    @property
    def approvals(self) -> Approvals:
        """The queue of requests to people."""
        return self._carried().monitor.approvals

    @property
    def monitor(self) -> Monitor:
        """The monitor itself: its engine, its guards, its store."""
        return self._carried().monitor

    def report(self) -> Report:
        """Return how every part and tool stands. `str()` of it is for a terminal."""
        return self._carried().report

    def get_input_schema(self, config: RunnableConfig | None = None) -> Any:
        """Return the input schema of the chain that is wrapped."""
        sequence = cast("RunnableSequence[Any, Any]", self.bound)
        return sequence.steps[1].get_input_schema(config)  # behind the input guard

    def bind(self, **kwargs: Any) -> GuardedChain:
        """Return a guarded chain with more arguments bound."""
        return self._kept(super().bind(**kwargs))

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> GuardedChain:
        """Return a guarded chain with its config changed."""
        return self._kept(super().with_config(config, **kwargs))

    def with_listeners(self, **kwargs: Any) -> GuardedChain:
        """Return a guarded chain with listeners."""
        return self._kept(super().with_listeners(**kwargs))

    def with_types(self, *args: Any, **kwargs: Any) -> GuardedChain:
        """Return a guarded chain with its types declared."""
        return self._kept(super().with_types(*args, **kwargs))

    def with_retry(self, **kwargs: Any) -> GuardedChain:
        """Return a guarded chain that is tried again when it fails."""
        return self._kept(super().with_retry(**kwargs))

    def batch(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Run many inputs, each with its own config around it."""
        return Runnable.batch(self, *args, **kwargs)

    async def abatch(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Run many inputs, each with its own config around it, from an event loop."""
        return await Runnable.abatch(self, *args, **kwargs)

    def _merge_configs(self, *configs: RunnableConfig | None) -> RunnableConfig:
        """Return the config of a run; every way to run a binding asks for it here."""
        return self._carried().watched(super()._merge_configs(*configs))

    def _carried(self) -> Guarding:
        return cast("Guarding", self.guarding)

    def _kept(self, new: Runnable[Any, Any]) -> GuardedChain:
        chain = cast("GuardedChain", new)
        chain.guarding = self.guarding
        return chain


def look_chain(rebuild: Rebuild, chain: Runnable[Any, Any]) -> None:
    """Classify the parts of a chain."""
    if is_executor(chain):
        rebuild.answers = True
        for part, value in _executor_parts(chain).items():
            rebuild.look_code(part, value)
        for tool in cast("list[BaseTool]", cast("Any", chain).tools):
            rebuild.look_tool(tool)
            if tool.name in _EXECUTORS_OWN:
                rebuild.unproven(f"tool:{tool.name}", "has the name of one of the executor's own")
    else:
        rebuild.look_code(CHAIN, chain)
    if rebuild.graphs:
        rebuild.unproven(
            CHAIN, "runs a graph, which cannot wait for people in a chain: guard the graph itself"
        )


def build_chain(rebuild: Rebuild, chain: Runnable[Any, Any], monitor: Monitor) -> GuardedChain:
    """Return a guarded copy of a chain that was looked at."""
    if is_executor(chain):
        inner = _built_executor(rebuild, chain, monitor)
    else:
        inner = rebuild.code(CHAIN, chain, monitor)
    net = Net(
        monitor,
        rebuild.trust,
        own=_EXECUTORS_OWN if is_executor(chain) else (),
        outside=any(not key.startswith("tool:") for key in rebuild.trust),
    )
    return GuardedChain(
        bound=RunnableSequence(_input_guard(monitor), inner),
        guarding=Guarding(monitor, rebuild.report, net),
    )


def is_executor(value: Any) -> bool:
    """Return whether `value` is the classic executor itself, around an agent of known kind."""
    kind = type(value)
    return (
        (kind.__module__, kind.__name__) == ("langchain_classic.agents.agent", "AgentExecutor")
        and type(value.agent).__module__ == kind.__module__
        and type(value.agent).__name__ in ("RunnableAgent", "RunnableMultiActionAgent")
    )


def _executor_parts(executor: Any) -> dict[str, Any]:
    """Return what an executor runs beside its tools, as keys mapped to live objects."""
    parts = {
        "agent": executor.agent.runnable,
        "memory": executor.memory,
        "handle_parsing_errors": executor.handle_parsing_errors,
        "trim_intermediate_steps": executor.trim_intermediate_steps,
    }
    return {
        key: value
        for key, value in parts.items()
        if callable(value) or key == "agent" or (key == "memory" and value is not None)
    }


def _built_executor(rebuild: Rebuild, executor: Any, monitor: Monitor) -> Runnable[Any, Any]:
    made = {
        part: rebuild.code(part, value, monitor)
        for part, value in _executor_parts(executor).items()
    }
    runnable = made.pop("agent")
    agent = executor.agent.model_copy(update={"runnable": runnable})
    tools = [rebuild.tool(tool, monitor) for tool in executor.tools]
    return cast(
        "Runnable[Any, Any]",
        executor.model_copy(update={**made, "agent": agent, "tools": tools}),
    )


def _input_guard(monitor: Monitor) -> RunnableLambda[Any, Any]:
    """Return the first step: it judges what the chain is given, whichever way it is run."""

    def judge(given: Any) -> Any:
        if not isinstance(given, _READABLE):
            return given
        admitted = through(monitor, Stage.INPUT, given)
        if words := _words(monitor, given):
            monitor.hear(words, thread_id=this_thread())
        return admitted

    async def ajudge(given: Any) -> Any:
        if not isinstance(given, _READABLE):
            return given
        admitted = await athrough(monitor, Stage.INPUT, given)
        if words := _words(monitor, given):
            await asyncio.to_thread(monitor.hear, words, thread_id=this_thread())
        return admitted

    return RunnableLambda(judge, ajudge, name="input")


def _words(monitor: Monitor, given: Any) -> list[str]:
    """Return what the user said to a chain: a text, or what stands under `input`."""
    return said_by_user(given, plain=True) if monitor.hears and not inside_graph() else []


_READABLE = (dict, list, str, BaseMessage)

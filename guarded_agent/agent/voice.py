"""What the code of a node or a tool says by itself while it runs, judged before it leaves.

Beside its result, code can write to the `custom` stream, send partial output of a
tool, ask a question with `interrupt()`, and raise. None of that passes a model or
a result, so it is caught where the code runs: its config carries a stream writer
that judges first, and what it raises is looked at on the way out.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config, var_child_runnable_config
from langgraph._internal._constants import CONF, CONFIG_KEY_RUNTIME
from langgraph._internal._runnable import RunnableCallable
from langgraph.errors import GraphBubbleUp
from langgraph.prebuilt import ToolRuntime
from langgraph.pregel._tools import _tool_call_writer
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore

from guarded_agent.agent.failure import again, words
from guarded_agent.agent.longterm import labelling
from guarded_agent.agent.passing import through
from guarded_agent.agent.result import rebuild
from guarded_agent.agent.reveal import covered
from guarded_agent.core import Stage
from guarded_agent.core.errors import GuardedAgentError
from guarded_agent.core.flow import current_flow
from guarded_agent.identity.leases import holds, leased_here, scrub
from guarded_agent.monitor import Monitor
from guarded_agent.monitor.flow import ThreadFlow

Write = Callable[[Any], None]
_OURS = frozenset({"tool_approval", "outcome_unknown"})
"""Types of the questions that the monitor asks itself: they were redacted for reviewers."""


def heard(runnable: Runnable[Any, Any], monitor: Monitor, name: str) -> RunnableCallable:
    """Return a node whose code can say nothing that the monitor has not judged."""

    def run(state: Any, config: RunnableConfig) -> Any:
        failure: Exception
        with speaking(monitor, config) as around:
            try:
                return runnable.invoke(state, around)
            except GraphBubbleUp as signal:
                raise asked(monitor, signal) from None
            except Exception as error:
                failure = told(monitor, error)
        raise failure

    async def arun(state: Any, config: RunnableConfig) -> Any:
        failure: Exception
        with speaking(monitor, config) as around:
            try:
                return await runnable.ainvoke(state, around)
            except GraphBubbleUp as signal:
                raise asked(monitor, signal) from None
            except Exception as error:
                failure = told(monitor, error)
        raise failure

    return RunnableCallable(run, arun, name=name, trace=False)


@contextmanager
def speaking(monitor: Monitor, config: RunnableConfig | None = None) -> Generator[RunnableConfig]:
    """Let everything that is written to a stream inside be judged first.

    Yields:
        The config for the code that runs inside.
    """
    around = ensure_config() if config is None else config
    conf = around.get(CONF, {})
    runtime = conf.get(CONFIG_KEY_RUNTIME)
    if isinstance(runtime, Runtime):
        writer = judging(runtime.stream_writer, monitor)
        store = _listened(runtime.store, monitor, around, node=config is not None)
        changed = dataclasses.replace(runtime, stream_writer=writer, store=store)
        around = cast("RunnableConfig", {**around, CONF: {**conf, CONFIG_KEY_RUNTIME: changed}})
    partial = _tool_call_writer.get()
    outer = var_child_runnable_config.set(around)
    token = _tool_call_writer.set(None if partial is None else judging(partial, monitor))
    try:
        yield around
    finally:
        _tool_call_writer.reset(token)
        var_child_runnable_config.reset(outer)


def _listened(
    store: BaseStore | None, monitor: Monitor, around: RunnableConfig, *, node: bool
) -> BaseStore | None:
    """Return a long-term store whose items keep their labels."""
    if store is None:
        return None
    flow = current_flow()
    if node or flow is None:
        flow = ThreadFlow(monitor, str(around.get(CONF, {}).get("thread_id", "")), flow)
    return labelling(store, flow)


def judging(write: Write, monitor: Monitor) -> Write:
    """Return a writer that writes what may pass."""

    def judged(payload: Any) -> None:
        write(through(monitor, Stage.MODEL_OUTPUT, without_leased(payload)))

    return judged


def injected(kwargs: Mapping[str, Any], around: RunnableConfig, monitor: Monitor) -> dict[str, Any]:
    """Return a tool body's arguments with the config and the writers of `speaking` in them."""
    return {name: _injected(item, around, monitor) for name, item in kwargs.items()}


def _injected(item: Any, around: RunnableConfig, monitor: Monitor) -> Any:
    if isinstance(item, ToolRuntime):
        writer = judging(item.stream_writer, monitor)
        store = _listened(item.store, monitor, around, node=False)
        return dataclasses.replace(item, config=around, stream_writer=writer, store=store)
    if isinstance(item, BaseStore):
        return _listened(item, monitor, around, node=False)
    if isinstance(item, dict) and isinstance(item.get(CONF), dict) and "callbacks" in item:
        runtime = around.get(CONF, {}).get(CONFIG_KEY_RUNTIME)
        return {**item, CONF: {**item[CONF], CONFIG_KEY_RUNTIME: runtime}} if runtime else item
    return item


def without_leased(value: Any) -> Any:
    """Return `value` without what only the call around was given: secrets, revealed values."""
    opaque = _printed if leased_here() else None
    return rebuild(value, _scrubbed, lambda _name, args, _swap: _scrubbed(args), opaque)


def _printed(value: Any) -> Any:
    """Return an object, or only what it prints if a secret can be reached from it."""
    return str(value) if holds(value) else value


def _scrubbed(part: Any) -> Any:
    return _unleased(covered(part))


def _unleased(part: Any) -> Any:
    if isinstance(part, str):
        return scrub(part)
    if isinstance(part, list):
        return [_unleased(item) for item in cast("list[Any]", part)]
    if isinstance(part, dict):
        return {scrub(key): _unleased(item) for key, item in cast("dict[str, Any]", part).items()}
    return part


def asked(monitor: Monitor, signal: GraphBubbleUp) -> GraphBubbleUp:
    """Return a signal to the graph with what may pass of a question or an update in it."""
    for item in signal.args:
        values = item if isinstance(item, (list, tuple)) else (item,)
        if any(_is_ours(getattr(each, "value", None)) for each in values):
            return signal
    args = through(monitor, Stage.MODEL_OUTPUT, without_leased(signal.args))
    if args is not signal.args:
        signal.args = args
    return signal


def _is_ours(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in _OURS and "digest" in value


def told(monitor: Monitor, error: Exception, stage: Stage = Stage.TOOL_RESULT) -> Exception:
    """Return what to raise in place of an error, outside of the handler that caught it."""
    said = words(error)
    try:
        passed = through(monitor, stage, _scrubbed(said))
    except GuardedAgentError as stop:
        return stop
    if isinstance(error, GuardedAgentError):  # its own words are redacted where it is raised
        if passed != said:
            error.__cause__ = error.__context__ = None
        return error
    return again(error, said, passed)

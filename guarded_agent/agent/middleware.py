"""`GuardMiddleware`: the same monitor as LangChain middleware, over public API only.

Put it last in `middleware=[...]`: last is innermost, so no other middleware can
change a call or swap a model behind it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from langchain.agents.middleware import AgentMiddleware, ModelRequest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.runtime import Runtime
from langgraph.types import Command

from guarded_agent.agent.bound import ORIGIN
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.graph import Config, as_returned, config_of, wake_up
from guarded_agent.agent.made_of import model_id
from guarded_agent.agent.model import guard_model
from guarded_agent.agent.nodes import last_ai, origin_in, stage_of, thread_of
from guarded_agent.agent.notice import noticed, way_out
from guarded_agent.agent.origin import require_one_of_a_name
from guarded_agent.agent.passing import athrough, through
from guarded_agent.agent.result import pieces, put_back
from guarded_agent.agent.runtime import PolicySource, introduce, open_monitor, open_store
from guarded_agent.agent.tool import guard_tool
from guarded_agent.agent.waiting import Waiting
from guarded_agent.agent.words import inside_graph, said_by_user
from guarded_agent.agent.worker import Worker
from guarded_agent.approvals import Approvals
from guarded_agent.core import Guard, Stage
from guarded_agent.core.errors import ApprovalPending
from guarded_agent.monitor import Monitor
from guarded_agent.policy import Engine, load
from guarded_agent.store import Store

T = TypeVar("T")


_MOST_MADE = 256


class GuardMiddleware(AgentMiddleware[Any, Any, Any]):
    """Guards an agent made by `langchain.agents.create_agent`.

    What the agent reads is judged as it comes in, each tool call before its body runs,
    its result before anybody sees it, and what the model says inside the model itself.
    A call that people must decide on pauses the agent with `interrupt()`. Unless the policy
    has `concern` off, the agent also gets the tool `raise_concern`, and its system prompt
    says so.

    Args:
        policy: As for `guard()`.
        tools: The agent's tools, so that the policy can be checked against them now. What
            is not listed is described when it is first called, and counts as unlisted.
        store: As for `guard()`.
        guards: As for `guard()`.

    Raises:
        PolicyError: The policy is wrong, or does not fit the tools.
        StoreError: The store cannot be opened.
    """

    def __init__(
        self,
        policy: PolicySource = None,
        *,
        tools: Iterable[BaseTool] = (),
        store: str | Store | None = None,
        guards: Iterable[Guard] = (),
    ) -> None:
        super().__init__()
        self._policy = load(policy)
        listed = list(tools)
        require_one_of_a_name(listed)
        self.tools = way_out(self._policy, listed)
        self._database = open_store(store)
        self._more_guards = tuple(guards)
        self._lock = threading.Lock()
        # Where not all tools are known, one of another's making may have the way out's name.
        known = [*listed, *self.tools] if listed else []
        self._shapes = {tool.name: Shape.of(tool) for tool in known}
        self._strict = bool(self._shapes)
        self._made: dict[int, tuple[Any, Monitor, Any]] = {}
        self._introduced: tuple[Engine | None, bool] = None, False
        self._monitor = self._open(self._shapes)

    @property
    def monitor(self) -> Monitor:
        """The monitor itself: its engine, its guards, its store."""
        return self._monitor

    @property
    def approvals(self) -> Approvals:
        """The queue of requests to people."""
        return self._monitor.approvals

    def resume(self, agent: Any, thread: str | Config, **kwargs: Any) -> Any:
        """Go on with a thread of `agent` whose requests were decided."""
        config = config_of(thread)
        self._monitor.require_active(fresh=True)
        state = agent.get_state(config, subgraphs=True)
        if _left_behind(state):
            paused = (item for item in agent.get_state_history(config) if item.interrupts)
            state = next(paused, state)
            config = _at(config, state)
        return agent.invoke(wake_up(state), config, **kwargs)

    async def aresume(self, agent: Any, thread: str | Config, **kwargs: Any) -> Any:
        """Go on with a thread whose requests were decided, from an event loop."""
        config = config_of(thread)
        await self._monitor.arequire_active(fresh=True)
        state = await agent.aget_state(config, subgraphs=True)
        if _left_behind(state):
            async for item in agent.aget_state_history(config):
                if item.interrupts:
                    state = item
                    break
            config = _at(config, state)
        return await agent.ainvoke(wake_up(state), config, **kwargs)

    def wait(self, agent: Any, thread: str | Config, *, timeout: float | None = None) -> Any:
        """Wait until people have decided in a thread of `agent`; see `GuardedGraph.wait`.

        Raises:
            TimeoutError: Nobody decided in time.
        """
        return self._wakes(agent).wait(config_of(thread), timeout)

    async def async_wait(
        self,
        agent: Any,
        thread: str | Config,
        *,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> Any:
        """Do what `wait` does, from an event loop."""
        return await self._wakes(agent).await_(config_of(thread), timeout)

    def worker(self, agent: Any, *, lease: float = 60.0, name: str | None = None) -> Worker:
        """Return a worker that has the threads of `agent` go on; see `GuardedGraph.worker`."""
        return self._wakes(agent).worker(lease=lease, name=name)

    def _wakes(self, agent: Any) -> Waiting:
        return Waiting(
            self.approvals,
            self._monitor.agent_id,
            lambda config: agent.get_state(config, subgraphs=True),
            lambda config: agent.aget_state(config, subgraphs=True),
            lambda config: self.resume(agent, config),
            lambda config: self.aresume(agent, config),
            lambda state, _: as_returned(state),
            lambda state: wake_up(state) is not None,
        )

    # -- what the agent reads ----------------------------------------------------------

    def admit(self, given: T, thread: str) -> T:
        """Return input as it may pass: `agent.invoke(middleware.admit(given, "t1"), config)`.

        LangGraph stores and announces an agent's input before any middleware runs. Where
        what people say must not stand in checkpoints and traces, let it through here first.
        """
        admitted = through(self._monitor, Stage.INPUT, given, thread_id=thread)
        if words := self._words(given):
            self._monitor.hear(words, thread_id=thread)
        return admitted

    async def aadmit(self, given: T, thread: str) -> T:
        """Do what `admit` does, from an event loop."""
        admitted = await athrough(self._monitor, Stage.INPUT, given, thread_id=thread)
        if words := self._words(given):
            await asyncio.to_thread(self._monitor.hear, words, thread_id=thread)
        return admitted

    def before_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Judge the new messages from outside.

        Raises:
            ApprovalPending: They came while people decide on a call. They are not taken:
                `resume` goes on from the call.
        """
        self._heed_waiting(state["messages"])
        new = _unanswered(state["messages"])
        passed = self._monitor.pass_text(Stage.INPUT, pieces(new), thread_id=_thread())
        if words := self._words(new):
            self._monitor.hear(words, thread_id=_thread())
        return _changed(new, put_back(new, passed))

    async def abefore_agent(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Judge the new messages from outside, from an event loop."""
        await asyncio.to_thread(self._heed_waiting, state["messages"])
        new = _unanswered(state["messages"])
        passed = await self._monitor.apass_text(Stage.INPUT, pieces(new), thread_id=_thread())
        if words := self._words(new):
            await asyncio.to_thread(self._monitor.hear, words, thread_id=_thread())
        return _changed(new, put_back(new, passed))

    def _words(self, new: Any) -> list[str]:
        """Return what the user said; this runs in one step, of the agent itself."""
        hears = self._monitor.hears and not inside_graph(steps=1)
        return said_by_user(new) if hears else []

    def _heed_waiting(self, messages: list[BaseMessage]) -> None:
        waiting = _dangling(messages) and self.approvals.open_in(self._monitor.agent_id, _thread())
        if waiting:
            ids = [request.id for request in waiting]
            raise ApprovalPending(
                f"thread {_thread()} waits for a decision on {', '.join(ids)}, or has to act on "
                "it, so the new message was not taken. Decide first, then call resume(agent, "
                "thread) of the middleware; or cancel the request.",
                ids,
            )

    # -- what the model says -----------------------------------------------------------

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Let the model be the guarded one, whichever it is."""
        self._meet((item for item in request.tools if isinstance(item, BaseTool)), request.model)
        request = self._noticed(request)
        return handler(request.override(model=self._guarded(request.model, guard_model)))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Let the model be the guarded one, from an event loop."""
        tools = [item for item in request.tools if isinstance(item, BaseTool)]
        await self._ameet(tools, request.model)
        request = self._noticed(request)
        return await handler(request.override(model=self._guarded(request.model, guard_model)))

    def _noticed(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        return request if self._policy.concern.off else noticed(request)

    def after_model(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Judge the whole message before anything acts on it."""
        message = last_ai(state["messages"])
        if message is None:
            return None
        passed = self._monitor.pass_text(stage_of(message), pieces(message), thread_id=_thread())
        return _changed([message], [put_back(message, passed)])

    async def aafter_model(self, state: Any, runtime: Runtime[Any]) -> dict[str, Any] | None:  # noqa: ARG002
        """Judge the whole message before anything acts on it, from an event loop."""
        message = last_ai(state["messages"])
        if message is None:
            return None
        passed = await self._monitor.apass_text(
            stage_of(message), pieces(message), thread_id=_thread()
        )
        return _changed([message], [put_back(message, passed)])

    # -- what the agent does -----------------------------------------------------------

    def wrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], ToolMessage | Command[Any]],
    ) -> ToolMessage | Command[Any]:
        """Run the guarded tool in the tool's place."""
        if request.tool is None:  # LangGraph answers that there is no such tool
            return handler(request)
        self._meet([*(request.runtime.tools or ()), request.tool])
        token = ORIGIN.set(_origin(request))
        try:
            return handler(request.override(tool=self._guarded(request.tool, guard_tool)))
        finally:
            ORIGIN.reset(token)

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run the guarded tool in the tool's place, from an event loop."""
        if request.tool is None:
            return await handler(request)
        await self._ameet([*(request.runtime.tools or ()), request.tool])
        token = ORIGIN.set(_origin(request))
        try:
            return await handler(request.override(tool=self._guarded(request.tool, guard_tool)))
        finally:
            ORIGIN.reset(token)

    # -- tools that the constructor did not know -----------------------------------------

    def _meet(self, tools: Iterable[BaseTool], model: Any = None) -> None:
        """Check the policy against tools seen for the first time, and register the agent."""
        seen = list(tools)
        if self._is_known(seen, model):
            return
        with self._lock:
            new = {item.name: item for item in seen if item.name not in self._shapes}
            if new:
                shapes = {**self._shapes, **{name: Shape.of(item) for name, item in new.items()}}
                # A name counts as known only when the monitor that knows it is in place: a
                # thread beside this one goes by the names, and a refused tool stays unknown.
                self._policy = self._monitor.engine.policy  # its file may have changed since
                self._monitor = self._open(shapes)
                self._shapes = shapes
            engine = self._monitor.engine  # a policy that is reloaded makes it another agent
            introduce(self._monitor, None if model is None else [model_id(model)])
            self._introduced = engine, model is not None

    async def _ameet(self, tools: Sequence[BaseTool], model: Any = None) -> None:
        if not self._is_known(tools, model):
            await asyncio.to_thread(self._meet, tools, model)

    def _is_known(self, tools: Sequence[BaseTool], model: Any) -> bool:
        """Return whether these tools are known, and all of the agent is written down."""
        engine, with_model = self._introduced
        written = engine is self._monitor.engine and (with_model or model is None)
        return written and all(item.name in self._shapes for item in tools)

    def _guarded(self, thing: Any, make: Callable[[Any, Monitor], Any]) -> Any:
        """Return a tool or model guarded; the same one comes with every call."""
        monitor = self._monitor
        known = self._made.get(id(thing))
        if known is None or known[0] is not thing or known[1] is not monitor:
            if len(self._made) >= _MOST_MADE:  # an agent that makes its tools anew each time
                self._made.clear()
            known = self._made[id(thing)] = thing, monitor, make(thing, monitor)
        return known[2]

    def _open(self, shapes: Mapping[str, Shape]) -> Monitor:
        specs = [shape.spec for shape in shapes.values()]
        # What the agent is made of is known once its model is asked for the first time.
        return open_monitor(
            self._policy,
            self._database,
            specs,
            self._more_guards,
            strict_tools=self._strict,
            whole=False,
        )


def _thread() -> str:
    return thread_of(ensure_config())


def _origin(request: ToolCallRequest) -> str:
    return origin_in(request.state, "messages", request.tool_call["id"] or "")


def _dangling(messages: Sequence[BaseMessage]) -> bool:
    """Return whether the last message of the model asked for a call that has no answer."""
    answered: set[str | None] = set()
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            answered.add(message.tool_call_id)
        elif isinstance(message, AIMessage):
            return any(call["id"] not in answered for call in message.tool_calls)
    return False


def _left_behind(state: Any) -> bool:
    """Return whether a refused message stands in front of a call that waits."""
    return not state.interrupts and _dangling(state.values.get("messages", []))


def _at(config: RunnableConfig, state: Any) -> RunnableConfig:
    """Return a run's config at a state that the thread was in."""
    return {
        **config,
        "configurable": {**config.get("configurable", {}), **state.config["configurable"]},
    }


def _unanswered(messages: list[BaseMessage]) -> list[BaseMessage]:
    """The messages behind the last one of the model."""
    new: list[BaseMessage] = []
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            break
        new.insert(0, message)
    return new


def _changed(old: Sequence[BaseMessage], new: Sequence[BaseMessage]) -> dict[str, Any] | None:
    update = [item for before, item in zip(old, new, strict=True) if item is not before]
    return {"messages": update} if update else None

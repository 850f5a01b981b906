"""The guard nodes of a graph: gate, approval, exec and output.

A tool node `X` becomes three. `X` is the gate: it judges every call. One that needs nobody,
and is alone in its step, it runs itself. Any others it sends down a lane each: `X.approval`
waits for people, one task for each call; a call that needs nobody runs at once, so that it
does not wait for its neighbours. `X.exec` runs what was approved, and hands on what ran
already. Every lane takes the same number of steps: one that came back early would wake
the model before the others are done.
What travels between the nodes is plain data; none of it decides anything, since
the guarded tool asks the store again before its body runs.
"""

# LangGraph's generics and private parts meet here; `selftest` checks each private name used.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnnecessaryCast=false

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Token
from dataclasses import dataclass, replace
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph._internal._runnable import RunnableCallable
from langgraph.prebuilt import ToolNode
from langgraph.prebuilt.tool_node import ToolCallRequest
from langgraph.types import Command, Send

from guarded_agent.agent.acting import acting
from guarded_agent.agent.bound import ORIGIN
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.result import pieces, put_back
from guarded_agent.agent.step import alone
from guarded_agent.agent.wait import aresolve, resolve
from guarded_agent.core import Action, Stage
from guarded_agent.core.errors import ActionError
from guarded_agent.monitor import Monitor, Standing

SKIP = "__guarded_agent_skip"
DONE = "__guarded_agent_done"
GUARD = "guard"


@dataclass(frozen=True, slots=True)
class Lane:
    """One call on its way from the gate to its tool, as it travels.

    Attributes:
        call: The model's tool call; its arguments are those that were judged.
        origin: The id of the model message that asked for it.
        refusal: What the model is told instead of a result, or None.
        waits: Whether people have to decide first.
        known: False for a tool that this node does not have.
        state: The state that came along with the call, where one did.
    """

    call: dict[str, Any]
    origin: str
    refusal: str | None
    waits: bool = False
    known: bool = True
    state: Any = None

    def payload(self) -> dict[str, Any]:
        """Return the lane as plain data for a `Send`."""
        return {
            "call": self.call,
            "origin": self.origin,
            "refusal": self.refusal,
            "waits": self.waits,
            "known": self.known,
            "state": self.state,
        }

    def exec_input(self) -> Any:
        """Return what the tool node is given: the shape that the graph gave the gate."""
        call = {
            **self.call,
            "type": "tool_call",
            GUARD: {"origin": self.origin, "refusal": self.refusal},
        }
        if self.state is not None:
            return {"__type": "tool_call_with_context", "tool_call": call, "state": self.state}
        return [call]


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges every call of a model message, and opens one lane for each.

    Attributes:
        monitor: Judges the calls.
        node: The tool node as it was: it reads the calls from a state.
        shapes: The arguments of its tools.
        approval: The node in which calls wait.
        exec_name: The node in which they run.
        guarded: The tool node over guarded tools, if a call alone may run here.
    """

    monitor: Monitor
    node: ToolNode
    shapes: Mapping[str, Shape]
    approval: str
    exec_name: str
    guarded: Runnable[Any, Any] | None = None

    def runnable(self, name: str) -> RunnableCallable:
        """Return the node."""
        return RunnableCallable(self.run, self.arun, name=name)

    def run(self, state: Any, config: RunnableConfig) -> Any:
        """Judge the calls in `state`; run one that is alone and waits for nobody."""
        lanes = self._lanes(state, config)
        here = self._here(lanes, config)
        standing: Standing | None = None
        opened: list[Lane] = []
        for lane in lanes:
            action = self._action(lane, config)
            if isinstance(action, ActionError):
                opened.append(self._refused(lane, action, config))
            else:
                standing = self.monitor.propose(action, start=here is not None)
                opened.append(_judged(lane, standing))
        if here is None or opened[0].waits:
            return self._open(opened)
        try:
            return here.invoke(opened[0].exec_input(), config)
        finally:  # a wrapper of the user's may have answered in the tool's place
            if standing is not None:
                self.monitor.drop(standing.action)

    async def arun(self, state: Any, config: RunnableConfig) -> Any:
        """Do what `run` does, from an event loop."""
        lanes = self._lanes(state, config)
        here = self._here(lanes, config)
        standing: Standing | None = None
        opened: list[Lane] = []
        for lane in lanes:
            action = self._action(lane, config)
            if isinstance(action, ActionError):
                opened.append(await asyncio.to_thread(self._refused, lane, action, config))
            else:
                standing = await self.monitor.apropose(action, start=here is not None)
                opened.append(_judged(lane, standing))
        if here is None or opened[0].waits:
            return self._open(opened)
        try:
            return await here.ainvoke(opened[0].exec_input(), config)
        finally:
            if standing is not None:
                self.monitor.drop(standing.action)

    def _here(self, lanes: Sequence[Lane], config: RunnableConfig) -> Runnable[Any, Any] | None:
        """Return what runs a call without a lane: it is the only one of its message, and no
        other task of the graph is under way that it would have to keep in step with.
        """
        return self.guarded if len(lanes) == 1 and alone(config) else None

    def _lanes(self, state: Any, config: RunnableConfig) -> list[Lane]:
        calls, kind = self.node._parse_input(state)
        whole = self.node._extract_state(state, config)
        messages = _messages(whole, self.node._messages_key)
        answered = set[str]() if kind == "tool_calls" else _answered(messages)
        came_with = cast("Any", state["state"]) if _has_context(state) else None
        return [
            Lane(dict(call), _origin(messages, call["id"] or ""), None, state=came_with)
            for call in calls
            if call["id"] not in answered
        ]

    def _action(self, lane: Lane, config: RunnableConfig) -> Action | ActionError:
        """Return the action that a call is, or what is wrong with it."""
        call = lane.call
        shape = self.shapes.get(call["name"])
        if shape is None:
            return ActionError("there is no such tool")
        try:
            args = shape.validate(call["args"])
            return action_of(self.monitor, {**call, "args": args}, lane.origin, config)
        except ActionError as error:
            return error

    def _refused(self, lane: Lane, error: ActionError, config: RunnableConfig) -> Lane:
        call, reason = lane.call, str(error)
        self.monitor.refuse(
            call["name"], reason, thread_id=thread_of(config), call_id=call["id"] or ""
        )
        known = call["name"] in self.shapes
        return replace(lane, refusal=reason if known else None, known=known)

    def _open(self, lanes: Sequence[Lane]) -> Command[Any]:
        if not lanes:  # the graph goes on as if the tool node had nothing to do
            return Command(goto=[Send(self.exec_name, {SKIP: True})])
        return Command(goto=[Send(self.approval, lane.payload()) for lane in lanes])


def _judged(lane: Lane, standing: Standing) -> Lane:
    call = {**lane.call, "args": dict(standing.action.args)}
    refusal = (standing.message or "This is not allowed.") if standing.state == "denied" else None
    waits = standing.state in ("waiting", "edited")
    return Lane(call, lane.origin, refusal, waits, state=lane.state)


@dataclass(frozen=True, slots=True)
class Approval:
    """Waits until people have decided; runs at once what needs nobody."""

    monitor: Monitor
    shapes: Mapping[str, Shape]
    node: Runnable[Any, Any]
    exec_name: str

    def runnable(self, name: str) -> RunnableCallable:
        """Return the node."""
        return RunnableCallable(self.run, self.arun, name=name)

    def run(self, payload: dict[str, Any], config: RunnableConfig) -> Command[Any]:
        """Wait for the call in `payload`, or run it."""
        lane = Lane(**payload)
        if lane.waits:
            action = action_of(self.monitor, lane.call, lane.origin, config)
            standing = resolve(
                self.monitor, self.monitor.standing(action), self.shapes[action.tool]
            )
            standing = self.monitor.claim(standing)
            return self._onward(_judged(lane, standing).exec_input())
        return self._onward({DONE: self.node.invoke(lane.exec_input(), config)})

    async def arun(self, payload: dict[str, Any], config: RunnableConfig) -> Command[Any]:
        """Wait for the call in `payload`, or run it, from an event loop."""
        lane = Lane(**payload)
        if lane.waits:
            action = action_of(self.monitor, lane.call, lane.origin, config)
            standing = await aresolve(
                self.monitor,
                await asyncio.to_thread(self.monitor.standing, action),
                self.shapes[action.tool],
            )
            standing = await asyncio.to_thread(self.monitor.claim, standing)
            return self._onward(_judged(lane, standing).exec_input())
        return self._onward({DONE: await self.node.ainvoke(lane.exec_input(), config)})

    def _onward(self, given: Any) -> Command[Any]:
        return Command(goto=[Send(self.exec_name, given)])


def exec_node(node: ToolNode, name: str, *, messages_key: str) -> RunnableCallable:
    """Return the node that runs a guarded tool node, or hands on what it gave already."""

    def early(given: Any) -> dict[str, Any] | None:
        return given if isinstance(given, dict) and not given.keys().isdisjoint(_EARLY) else None

    def run(given: Any, config: RunnableConfig) -> Any:
        known = early(given)
        return node.invoke(given, config) if known is None else known.get(DONE, {messages_key: []})

    async def arun(given: Any, config: RunnableConfig) -> Any:
        known = early(given)
        if known is None:
            return await node.ainvoke(given, config)
        return known.get(DONE, {messages_key: []})

    return RunnableCallable(run, arun, name=name, trace=False)


_EARLY = frozenset({SKIP, DONE})


Execute = Callable[[ToolCallRequest], Any]
AExecute = Callable[[ToolCallRequest], Awaitable[Any]]


def lane_wrapper(inner: Callable[..., Any] | None) -> Callable[[ToolCallRequest, Execute], Any]:
    """Return the sync wrapper of the exec node's calls around the user's own, if any."""

    def wrap(request: ToolCallRequest, execute: Execute) -> Any:
        answer, token = _arrive(request)
        if token is None:
            return answer
        try:
            return execute(request) if inner is None else inner(request, execute)
        finally:
            ORIGIN.reset(token)

    return wrap


def alane_wrapper(
    inner: Callable[..., Awaitable[Any]] | None,
) -> Callable[[ToolCallRequest, AExecute], Awaitable[Any]]:
    """Return the async wrapper of the exec node's calls around the user's own, if any."""

    async def wrap(request: ToolCallRequest, execute: AExecute) -> Any:
        answer, token = _arrive(request)
        if token is None:
            return answer
        try:
            return await (execute(request) if inner is None else inner(request, execute))
        finally:
            ORIGIN.reset(token)

    return wrap


def _arrive(request: ToolCallRequest) -> tuple[ToolMessage | None, Token[str] | None]:
    call = cast("dict[str, Any]", request.tool_call)
    guard = cast("dict[str, Any] | None", call.get(GUARD))
    if guard is None:
        return _refusal(call, "This call did not pass the gate, so it did not run."), None
    if guard["refusal"] is not None:
        return _refusal(call, guard["refusal"]), None
    return None, ORIGIN.set(guard["origin"])


def _refusal(call: Mapping[str, Any], message: str) -> ToolMessage:
    return ToolMessage(message, name=call["name"], tool_call_id=call["id"], status="error")


@dataclass(frozen=True, slots=True)
class Output:
    """Judges what the model said before anything acts on it or the run ends with it."""

    monitor: Monitor
    messages_key: str
    carried: tuple[str, ...] = ()

    def runnable(self, name: str) -> RunnableCallable:
        """Return the node."""
        return RunnableCallable(self.run, self.arun, name=name)

    def run(self, state: Any, config: RunnableConfig) -> dict[str, Any]:
        """Judge the last message in `state`."""
        message = last_ai(_messages(state, self.messages_key))
        if message is None:
            return self._carry(state)
        passed = self.monitor.pass_text(
            stage_of(message), pieces(message), thread_id=thread_of(config)
        )
        return self._update(state, message, put_back(message, passed))

    async def arun(self, state: Any, config: RunnableConfig) -> dict[str, Any]:
        """Judge the last message in `state`, from an event loop."""
        message = last_ai(_messages(state, self.messages_key))
        if message is None:
            return self._carry(state)
        passed = await self.monitor.apass_text(
            stage_of(message), pieces(message), thread_id=thread_of(config)
        )
        return self._update(state, message, put_back(message, passed))

    def judged(self, state: Any, config: RunnableConfig) -> bool:
        """Return whether the last message in `state` asks for calls, and needs no look here."""
        message = last_ai(_messages(state, self.messages_key))
        return (
            message is not None
            and bool(message.tool_calls)
            and self.monitor.just_passed(
                Stage.MODEL_OUTPUT, pieces(message), thread_id=thread_of(config)
            )
        )

    def _update(self, state: Any, old: AIMessage, new: AIMessage) -> dict[str, Any]:
        changed = {} if new is old else {self.messages_key: [new]}
        return {**changed, **self._carry(state)}

    def _carry(self, state: Any) -> dict[str, Any]:
        """Write again what lives for one step only: this node is one step more."""
        kept = {name: _get(state, name) for name in self.carried}
        return {name: value for name, value in kept.items() if value is not None}


def wrapped_model_node(inner: Runnable[Any, Any], monitor: Monitor, name: str) -> RunnableCallable:
    """Return a model node that judges all it returns, for models that could not be swapped."""

    def run(state: Any, config: RunnableConfig) -> Any:
        result = inner.invoke(state, config)
        passed = monitor.pass_text(
            Stage.MODEL_OUTPUT, pieces(result), thread_id=thread_of(config), source=name
        )
        return put_back(result, passed)

    async def arun(state: Any, config: RunnableConfig) -> Any:
        result = await inner.ainvoke(state, config)
        passed = await monitor.apass_text(
            Stage.MODEL_OUTPUT, pieces(result), thread_id=thread_of(config), source=name
        )
        return put_back(result, passed)

    return RunnableCallable(run, arun, name=name, trace=False)


def action_of(
    monitor: Monitor, call: Mapping[str, Any], origin: str, config: RunnableConfig
) -> Action:
    """Return the action that a validated tool call is.

    Raises:
        ActionError: The arguments are too large, too deep or no plain data, or the config
            does not say clearly for whom this runs.
    """
    return monitor.action(
        call["name"],
        dict(call["args"]),
        call_id=call["id"] or "",
        thread_id=thread_of(config),
        origin=origin,
        **acting(config),
    )


def thread_of(config: RunnableConfig) -> str:
    """Return the thread id in `config`, or an empty text."""
    return str(config.get("configurable", {}).get("thread_id", ""))


def last_ai(messages: Sequence[BaseMessage]) -> AIMessage | None:
    """Return the last message if the model said it."""
    return messages[-1] if messages and isinstance(messages[-1], AIMessage) else None


def stage_of(message: AIMessage) -> Stage:
    """Return the stage at which a message of the model is judged."""
    return Stage.MODEL_OUTPUT if message.tool_calls else Stage.FINAL_OUTPUT


def _origin(messages: Sequence[BaseMessage], call_id: str) -> str:
    for message in reversed(messages):
        if isinstance(message, AIMessage) and any(
            call["id"] == call_id for call in message.tool_calls
        ):
            return message.id or ""
    return ""


def origin_in(state: Any, messages_key: str, call_id: str) -> str:
    """Return the id of the message in `state` that asked for a call."""
    return _origin(_messages(state, messages_key), call_id)


def _answered(messages: Sequence[BaseMessage]) -> set[str]:
    """Calls that already have an answer behind the last message of the model."""
    found: set[str] = set()
    for message in reversed(messages):
        if isinstance(message, AIMessage):
            break
        if isinstance(message, ToolMessage):
            found.add(message.tool_call_id)
    return found


def _has_context(state: Any) -> bool:
    return isinstance(state, dict) and state.get("__type") == "tool_call_with_context"


def _get(state: Any, name: str) -> Any:
    return state.get(name) if isinstance(state, dict) else getattr(state, name, None)


def _messages(state: Any, key: str) -> list[BaseMessage]:
    found = state if isinstance(state, list) else _get(state, key)
    return [item for item in (found or []) if isinstance(item, BaseMessage)]

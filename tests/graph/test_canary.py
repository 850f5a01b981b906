"""The canary sees a tool node that gets past the monitor, before an agent with one acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ClassVar

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.tracers.context import register_configure_hook
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt
from langsmith import utils as tracing

from guarded_agent import UnprovableGraph, guard
from guarded_agent.agent import canary
from guarded_agent.agent.canary import WAYS, flown
from guarded_agent.audit import AuditLog
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, ScriptedModel, call, recording_tool, say


@pytest.fixture(autouse=True)
def _not_flown_yet() -> Iterator[None]:
    flown.cache_clear()
    yield
    flown.cache_clear()


def agent_of(node: ToolNode) -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node("tools", node)
    builder.add_edge(START, "tools")
    builder.add_edge("tools", END)
    return builder


def past_our_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let LangGraph keep the tools that a node was made with, and call those."""
    plain = ToolNode.__init__

    def init(self: Any, tools: Any, **options: Any) -> None:
        plain(self, tools, **options)
        self.kept = dict(self.tools_by_name)

    monkeypatch.setattr(ToolNode, "__init__", init)


def called(node: Any, item: Any) -> ToolMessage:
    plain: BaseTool = node.kept[item["name"]]
    return ToolMessage(plain.invoke(item["args"]), tool_call_id=item["id"])


def sync_past(monkeypatch: pytest.MonkeyPatch) -> None:
    past_our_objects(monkeypatch)
    monkeypatch.setattr(ToolNode, "_run_one", lambda self, item, *_: called(self, item))


def async_past(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(self: Any, item: Any, *_: Any) -> ToolMessage:
        return called(self, item)

    past_our_objects(monkeypatch)
    monkeypatch.setattr(ToolNode, "_arun_one", run)


def only_allowed_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let LangGraph run the plain tool wherever our wrapper of calls lets a call through."""
    past_our_objects(monkeypatch)
    monkeypatch.setattr(
        ToolNode, "_execute_tool_sync", lambda self, asked, *_: called(self, asked.tool_call)
    )


def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = ToolNode._execute_tool_sync

    def execute(self: Any, asked: Any, *rest: Any) -> Any:
        called(self, asked.tool_call)
        return plain(self, asked, *rest)

    past_our_objects(monkeypatch)
    monkeypatch.setattr(ToolNode, "_execute_tool_sync", execute)


def never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        ToolNode, "_run_one", lambda self, item, *_: ToolMessage("", tool_call_id=item["id"])
    )


BREAKS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "past the gate": (sync_past, "run by invoke, ran a tool that the policy denies"),
    "past the gate in a loop": (async_past, "run by ainvoke, ran a tool that the policy denies"),
    "past the object": (only_allowed_past, "run by invoke, ran a tool past the monitor"),
    "twice": (twice, "ran an allowed tool 2 times instead of once"),
    "never": (never, "ran an allowed tool 0 times instead of once"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_langgraph_that_calls_tools_past_our_objects_is_refused(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it, why = BREAKS[name]
    recorder = Recorder()
    builder = agent_of(ToolNode([recording_tool(recorder, "wire", {"amount": int})]))
    break_it(monkeypatch)
    with pytest.raises(UnprovableGraph) as caught:
        guard(builder, store=store)
    assert why in caught.value.reasons["tools"]
    assert recorder.names == ()


@pytest.mark.parametrize("way", WAYS)
def test_each_way_of_running_a_graph_shows_it(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_past(monkeypatch)
    async_past(monkeypatch)
    monkeypatch.setattr(canary, "WAYS", {way: WAYS[way]})
    assert flown(ToolNode) == (
        f"the canary of ToolNode, run by {way}, ran a tool that the policy denies"
    )


def test_an_unbroken_langgraph_passes() -> None:
    assert flown(ToolNode) is None


def test_a_class_is_looked_at_once_in_a_process(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    flights: list[type] = []
    plain = canary._flown
    monkeypatch.setattr(canary, "_flown", lambda kind: flights.append(kind) or plain(kind))

    class Mine(ToolNode):
        pass

    for node in (ToolNode, Mine, ToolNode, Mine):
        guard(agent_of(node([recording_tool(Recorder(), "wire")])), store=store)
    assert flights == [ToolNode, Mine]


def test_a_class_that_runs_its_tools_in_its_own_way_is_refused(store: Store) -> None:
    recorder = Recorder()

    class Own(ToolNode):
        def invoke(self, input: Any, config: Any = None, **rest: Any) -> Any:  # noqa: A002
            item = input[0] if isinstance(input, list) else input["tool_call"]
            return {"messages": [called(self, item)]}

    node = Own([recording_tool(recorder, "wire", {"amount": int})])
    node.kept = dict(node.tools_by_name)
    with pytest.raises(UnprovableGraph, match="the canary of Own failed in invoke"):
        guard(agent_of(node), store=store)
    assert recorder.names == ()


def test_the_constructor_of_a_class_is_not_run(store: Store) -> None:
    made: list[str] = []

    class Audited(ToolNode):
        def __init__(self, tools: Any, where: str) -> None:
            super().__init__(tools)
            made.append(where)

    guard(agent_of(Audited([recording_tool(Recorder(), "wire")], "by hand")), store=store)
    assert made == ["by hand"]


def test_what_the_canary_saw_can_be_declared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    never(monkeypatch)
    builder = agent_of(ToolNode([recording_tool(Recorder(), "wire")]))
    safe = guard(builder, store=store, trust={"tools": "a node for tests"})
    [line] = [line for line in safe.report().lines if line.key == "tools"]
    assert line.status == "trusted"


def test_the_canary_touches_nothing_of_the_users(store: Store) -> None:
    recorder, saver, asked = Recorder(), InMemorySaver(), list[str]()

    def turn(_: Any) -> Any:
        asked.append("the model")
        return say("")

    model = ScriptedModel(script=[turn])
    builder = agent_of(ToolNode([recording_tool(recorder, "wire")]))
    builder.add_node("model", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_edge("tools", "model")
    safe = guard(builder.compile(checkpointer=saver), store=store)
    assert flown.cache_info().currsize == 1
    assert recorder.names == ()
    assert asked == []
    assert list(saver.list(None)) == []
    assert {event.agent_id for event in AuditLog(store).events()} == {safe.monitor.agent_id}


async def test_the_canary_flies_inside_of_an_event_loop(store: Store) -> None:
    assert flown(ToolNode) is None


def test_neither_callbacks_nor_traces_hear_the_canary(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listener(BaseCallbackHandler):
        heard: ClassVar[list[str]] = []

        def on_tool_start(self, *_: Any, **__: Any) -> None:
            self.heard.append("a tool")

        def on_chain_start(self, *_: Any, **__: Any) -> None:
            self.heard.append("a chain")

    listening: ContextVar[Any] = ContextVar("listening", default=None)
    register_configure_hook(listening, inheritable=True)
    traced: list[bool] = []
    plain = canary._rebuilt

    def rebuilt(*given: Any) -> Any:
        traced.append(bool(tracing.tracing_is_enabled()))
        return plain(*given)

    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(canary, "_rebuilt", rebuilt)
    tracing.get_env_var.cache_clear()
    token = listening.set(Listener())
    try:
        assert tracing.tracing_is_enabled()
        assert flown(ToolNode) is None
    finally:
        listening.reset(token)
        monkeypatch.undo()
        tracing.get_env_var.cache_clear()
    assert Listener.heard == []
    assert traced == [False, False]


def test_a_tools_own_question_passes_a_node_that_handles_errors(store: Store) -> None:
    """This is what the lowest version of langgraph-prebuilt is for."""
    tool = recording_tool(Recorder(), "ask", result=lambda: str(interrupt("who?")))
    policy = {"version": 1, "tools": {"ask": {"access": "read"}}}
    builder = agent_of(ToolNode([tool], handle_tool_errors=True))
    safe = guard(builder, policy=policy, store=store)
    out = safe.invoke({"messages": [say("", call("ask", "c1"))]})
    assert [item.value for item in out["__interrupt__"]] == ["who?"]

"""What cannot be proven is refused, with a report that says what to declare."""

from __future__ import annotations

import collections
import enum
import functools
import itertools
import json
import subprocess
import types
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.func import task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from guarded_agent import UnprovableGraph, guard
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, say

HELLO = {"messages": [("user", "hello")]}


@tool
def wipe(disk: str) -> str:
    """Wipe a disk."""
    return f"wiped {disk}"


def graph_of(node: Any, name: str = "work") -> StateGraph[Any, Any, Any, Any]:
    builder = StateGraph(MessagesState)
    builder.add_node(name, node)
    builder.add_edge(START, name)
    builder.add_edge(name, END)
    return builder


def refused(target: Any, store: Store, **options: Any) -> dict[str, str]:
    with pytest.raises(UnprovableGraph) as caught:
        guard(target, store=store, **options)
    assert "trust=" in caught.value.report or "takes a" in caught.value.report
    return caught.value.reasons


def test_a_node_that_reaches_out_by_itself(store: Store) -> None:
    def work(state: MessagesState) -> dict[str, Any]:
        subprocess.run(["true"], check=True)
        return {"messages": []}

    assert "module subprocess" in refused(graph_of(work), store)["work"]


def test_a_node_that_opens_files(store: Store) -> None:
    def work(state: MessagesState) -> dict[str, Any]:
        with open("notes") as file:
            return {"messages": [("user", file.read())]}

    assert refused(graph_of(work), store)["work"] == "work calls open()"


def test_a_node_that_imports_inside(store: Store) -> None:
    def work(state: MessagesState) -> dict[str, Any]:
        import os

        os.system("true")
        return {"messages": []}

    assert refused(graph_of(work), store)["work"] == "work imports os"


def test_a_node_that_holds_an_object_of_unknown_kind(store: Store) -> None:
    class Client:
        def send(self, text: str) -> None: ...

    client = Client()

    def work(state: MessagesState) -> dict[str, Any]:
        client.send("hello")
        return {"messages": []}

    assert "Client" in refused(graph_of(work), store)["work"]


def test_an_edge_that_acts(store: Store) -> None:
    def route(state: MessagesState) -> str:
        wipe.invoke({"disk": "a"})
        return END

    builder = StateGraph(MessagesState)
    builder.add_node("work", lambda state: {"messages": []})
    builder.add_edge(START, "work")
    builder.add_conditional_edges("work", route, [END])
    assert "a condition only chooses" in refused(builder, store)["work:route"]


def test_a_tool_node_that_changes_how_tools_run(store: Store) -> None:
    class Faster(ToolNode):
        def _run_one(self, *args: Any) -> Any:
            return super()._run_one(*args)

    assert "_run_one" in refused(graph_of(Faster([wipe]), "tools"), store)["tools"]


def test_two_tools_of_one_name(store: Store) -> None:
    other = wipe.model_copy(update={"description": "Something else."})
    builder = graph_of(ToolNode([wipe]), "one")
    builder.add_node("two", ToolNode([other]))
    builder.add_edge("one", "two")
    assert "two different tools" in refused(builder, store)["tool:wipe"]


@pytest.mark.parametrize(
    "target", [ScriptedModel(script=[]), wipe, ToolNode([wipe]), "agent", None]
)
def test_what_is_no_graph(store: Store, target: Any) -> None:
    refused(target, store)


def test_a_declared_node_is_trusted_and_reported(store: Store) -> None:
    def work(state: MessagesState) -> dict[str, Any]:
        subprocess.run(["true"], check=True)
        return {"messages": []}

    safe = guard(graph_of(work), store=store, trust={"work": "runs `true`, reviewed"})
    [line] = [line for line in safe.report().lines if line.key == "work"]
    assert line.status == "trusted"
    assert "reviewed" in line.why


def test_a_declaration_that_fits_nothing_is_refused(store: Store) -> None:
    builder = graph_of(lambda state: {"messages": []})
    assert "nothing has this name" in refused(builder, store, trust={"wrok": "typo"})["wrok"]


MODEL = ScriptedModel(script=[say("card 4111 1111 1111 1111")])


def speak(state: MessagesState) -> dict[str, Any]:
    return {"messages": [MODEL.invoke(state["messages"])]}


def test_a_model_in_a_module_global_is_guarded(store: Store) -> None:
    safe = guard(graph_of(speak, "speak"), store=store)
    chunks = list(safe.stream(HELLO, {"configurable": {"thread_id": "t"}}, stream_mode="messages"))
    said = "".join(str(chunk.content) for chunk, _ in chunks)
    assert "4111" not in said
    assert "[CARD]" in said


def test_the_functions_that_were_read_are_left_alone(store: Store) -> None:
    guard(graph_of(speak, "speak"), store=store)
    assert type(MODEL) is ScriptedModel
    assert speak.__globals__["MODEL"] is MODEL


def test_a_list_of_tools_guards_itself(store: Store) -> None:
    policy = {"version": 1, "tools": {"wipe": {"access": "write", "rules": [{"effect": "deny"}]}}}
    [safe] = guard([wipe], policy=policy, store=store)
    assert isinstance(safe, BaseTool)
    from guarded_agent.core.errors import Denied

    with pytest.raises(Denied):
        safe.invoke({"disk": "a"})


def test_a_tool_outside_of_a_graph_says_that_a_person_must_decide(store: Store) -> None:
    from guarded_agent.core.errors import ApprovalRequired

    [safe] = guard([wipe], store=store)
    with pytest.raises(ApprovalRequired) as caught:
        safe.invoke({"disk": "a"})
    approvals = safe._guard.monitor.approvals
    request = approvals.get(caught.value.request_id)
    approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    assert safe.invoke({"disk": "a"}) == "wiped a"
    with pytest.raises(ApprovalRequired):
        safe.invoke({"disk": "a"})


def test_a_guarded_tools_body_does_not_run_without_a_receipt(store: Store) -> None:
    from guarded_agent.core.errors import UnguardedCall

    [safe] = guard([wipe], store=store)
    with pytest.raises(UnguardedCall):
        safe._run(disk="a", config={})


def test_a_guarded_tools_function_cannot_be_called_directly(store: Store) -> None:
    from guarded_agent.core.errors import UnguardedCall

    [safe] = guard([wipe], store=store)
    with pytest.raises(UnguardedCall, match="called directly"):
        safe.func(disk="a")


def test_a_body_may_not_call_another_tools_function(store: Store) -> None:
    from guarded_agent.core.errors import UnguardedCall

    @tool
    def tidy(disk: str) -> str:
        """Tidy a disk."""
        return str(tools["wipe"].func(disk=disk))

    policy = {
        "version": 1,
        "tools": {"tidy": {"access": "read"}, "wipe": {"access": "write"}},
    }
    tools = {item.name: item for item in guard([tidy, wipe], policy=policy, store=store)}
    with pytest.raises(UnguardedCall, match="wipe was called directly"):
        tools["tidy"].invoke({"disk": "a"})


def test_a_body_that_calls_another_guarded_tool_is_judged_again(store: Store) -> None:
    from guarded_agent.core.errors import ApprovalRequired

    @tool
    def tidy(disk: str) -> str:
        """Tidy a disk."""
        return str(tools["wipe"].invoke({"disk": disk}))

    policy = {
        "version": 1,
        "tools": {"tidy": {"access": "read"}, "wipe": {"access": "write"}},
    }
    tools = {item.name: item for item in guard([tidy, wipe], policy=policy, store=store)}
    with pytest.raises(ApprovalRequired):
        tools["tidy"].invoke({"disk": "a"})


# -- what a node can hold without its code saying so --------------------------------------


def runs(held: Any) -> Any:
    def work(state: MessagesState) -> dict[str, Any]:
        str(held)
        return {"messages": []}

    return work


class Held(enum.Enum):
    TOOL = (wipe,)


@pytest.mark.parametrize(
    "held",
    [
        collections.deque([wipe]),
        types.MappingProxyType({"wipe": wipe}),
        types.SimpleNamespace(wipe=wipe),
        functools.lru_cache(lambda: wipe.invoke({"disk": "a"})),
        iter([wipe]),
        itertools.cycle([wipe]),
        {"wipe": wipe}.values(),
        Held.TOOL,
    ],
    ids=lambda held: type(held).__name__,
)
def test_a_tool_in_a_holder_that_cannot_be_copied_is_refused(held: Any, store: Store) -> None:
    with pytest.raises(UnprovableGraph, match="wipe"):
        guard(graph_of(runs(held)), store=store)


def test_a_task_of_the_functional_interface_is_read_like_a_function(store: Store) -> None:
    @task
    def act() -> Any:
        subprocess.run(["true"], check=True)

    assert "module subprocess" in refused(graph_of(runs(act)), store)["work"]


def test_a_function_that_says_it_is_of_a_library_is_read_all_the_same(store: Store) -> None:
    @functools.wraps(json.dumps)
    def work(state: MessagesState) -> dict[str, Any]:
        subprocess.run(["true"], check=True)
        return {"messages": []}

    assert "module subprocess" in refused(graph_of(work), store)["work"]


def test_a_chain_may_not_hold_what_a_node_may_not(store: Store) -> None:
    chain = RunnableLambda(lambda text: subprocess.run([text], check=True)) | RunnableLambda(str)
    assert "module subprocess" in refused(chain, store)["chain"]


def test_what_is_known_in_a_declared_chain_is_still_guarded(store: Store) -> None:
    from guarded_agent.core.errors import ApprovalRequired

    def work(disk: str) -> Any:
        subprocess.run(["true"], check=True)
        return wipe.invoke({"disk": disk})

    chain = RunnableLambda(work) | RunnableLambda(str)
    safe = guard(chain, store=store, trust={"chain": "runs `true`, reviewed"})
    with pytest.raises(ApprovalRequired):
        safe.invoke("a")


def test_a_guarded_chain_is_not_wrapped_again(store: Store) -> None:
    safe = guard(RunnableLambda(str) | RunnableLambda(str), store=store)
    assert "once, not twice" in refused(safe, store)["chain"]


@pytest.mark.parametrize("part", ["handle_parsing_errors", "trim_intermediate_steps"])
@pytest.mark.filterwarnings("ignore")
def test_a_function_that_a_classic_executor_calls_is_read_too(part: str, store: Store) -> None:
    agents = pytest.importorskip("langchain_classic.agents")

    def reaches(given: Any) -> Any:
        subprocess.run(["true"], check=True)
        return given

    planner = RunnableLambda(lambda given: given)
    executor = agents.AgentExecutor(agent=planner, tools=[wipe], **{part: reaches})
    assert "module subprocess" in refused(executor, store)[part]

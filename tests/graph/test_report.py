"""The report: every node, edge, tool and surface, for people and for scripts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda, RunnableSequence
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from guarded_agent import UnprovableGraph, guard
from guarded_agent.agent.report import Report
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, say

POLICY = {"version": 1, "unlisted": {"read": "allow", "write": "approve", "send": "approve"}}


def published(state: MessagesState) -> dict[str, Any]:
    with open("board", "w") as board:
        board.write(str(state["messages"][-1].content))
    return {"messages": []}


def with_a_board(bank: Any) -> StateGraph[Any, Any, Any, Any]:
    """A graph with everything that can be declared: a node, a wrapper, an edge."""

    def watched(request: Any, execute: Any) -> Any:
        with open("watch", "a") as watch:
            watch.write(str(request))
        return execute(request)

    def chosen(state: MessagesState) -> str:
        return open("choice").read()

    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode(bank.tools(), wrap_tool_call=watched))
    builder.add_node("publish_on_the_public_board", published)
    builder.add_edge(START, "tools")
    builder.add_conditional_edges("tools", chosen, ["publish_on_the_public_board", END])
    return builder


def shown(report: object) -> str:
    return str(report) + "\n"


def test_a_plain_agent(bank: Any, store: Store) -> None:
    safe = guard(bank.agent("hand_written", [say("Hi.")]), policy=POLICY, store=store)
    assert shown(safe.report()) == dedent("""\
        LangGraph: every tool call passes the monitor.

        Nodes
           guarded       agent               calls a model; an output guard follows
           guarded       tools               gate, approval and exec for: balance, wire

        Edges
           plain         agent:tools_condition
                           only chooses where to go
           plain         __start__ -> agent, tools -> agent
                           is fixed: it runs nothing

        Tools
           guarded       tool:balance, tool:wire
                           runs only with a receipt

        What tools do inside
           runtime-only  tool:balance, tool:wire
                           code of its own: the net sees the tools that it starts, and
                           nothing else

        Surfaces
           guarded       return value, stream values, stream updates, stream messages,
                         stream debug, stream tasks, stream checkpoints, events,
                         callbacks, checkpoints
                           models and tools are judged inside themselves, before
                           anything leaves them
           guarded       stream custom, stream tools, errors
                           judged as it is written or raised, whichever node does
        """)


def test_what_is_unproven_stands_out_with_what_to_write(bank: Any, store: Store) -> None:
    with pytest.raises(UnprovableGraph) as caught:
        guard(with_a_board(bank), policy=POLICY, store=store)
    assert shown(caught.value.report) == dedent("""\
        LangGraph: cannot prove that every tool call is guarded.

        Nodes
           guarded       tools               gate, approval and exec for: balance, wire
        !! unproven      tools:wrapper       a wrapper of tool calls calls open()
        !! unproven      publish_on_the_public_board
                           publish_on_the_public_board calls open()

        Edges
        !! unproven      tools:chosen        its condition calls open()
           plain         __start__ -> tools  is fixed: it runs nothing

        Tools
           guarded       tool:balance, tool:wire
                           runs only with a receipt

        What tools do inside
           runtime-only  tool:balance, tool:wire
                           code of its own: the net sees the tools that it starts, and
                           nothing else

        Remove what is marked !!, or declare it and say why:
          guard(..., trust={
              "tools:wrapper": "why it is safe",
              "publish_on_the_public_board": "why it is safe",
              "tools:chosen": "why it is safe",
          })
        """)


def test_what_was_declared_shows_its_reason_and_the_surfaces_that_it_reaches(
    bank: Any, store: Store
) -> None:
    trust = {
        "publish_on_the_public_board": "the board is public; reviewed on 2026-03-01",
        "tools:wrapper": "writes a log",
        "tools:chosen": "reads one word",
    }
    safe = guard(with_a_board(bank), policy=POLICY, store=store, trust=trust)
    lines = {line.key: line for line in safe.report().lines}
    assert str(safe.report()).splitlines()[0] == (
        "LangGraph: every tool call passes the monitor, but for what you declared."
    )
    for key, reason in trust.items():
        assert lines[key].status == "trusted"
        assert lines[key].why.startswith(f"{reason} [")
    assert lines["tools"].status == "guarded"
    told = "judged, but for what these return, as you declared: "
    assert lines["return value"].why == f"{told}tools:wrapper, publish_on_the_public_board"
    assert lines["checkpoints"].status == "trusted"
    assert lines["errors"].status == "guarded"


def test_a_script_gets_every_line(bank: Any, store: Store) -> None:
    safe = guard(bank.agent("create_agent", [say("Hi.")]), policy=POLICY, store=store)
    data = json.loads(json.dumps(safe.report().as_json()))
    assert (data["name"], data["proven"]) == ("LangGraph", True)
    assert [(line["kind"], line["key"], line["status"]) for line in data["lines"]] == [
        ("node", "model", "guarded"),
        ("node", "tools", "guarded"),
        ("edge", "tools:tools_to_model", "plain"),
        ("edge", "model:model_to_tools", "plain"),
        ("edge", "__start__ -> model", "plain"),
        ("tool", "tool:balance", "guarded"),
        ("tool", "tool:wire", "guarded"),
        ("body", "tool:balance:body", "runtime-only"),
        ("body", "tool:wire:body", "runtime-only"),
        *[("surface", name, "guarded") for name in SURFACES],
    ]
    assert all(line["why"] for line in data["lines"])


SURFACES = [
    "return value",
    *(f"stream {mode}" for mode in ("values", "updates", "messages", "debug")),
    *("stream tasks", "stream checkpoints", "events", "callbacks", "checkpoints"),
    *("stream custom", "stream tools", "errors"),
]


def test_every_stream_mode_of_langgraph_is_a_surface() -> None:
    from typing import get_args

    from langgraph.types import StreamMode

    assert {f"stream {mode}" for mode in get_args(StreamMode)} <= set(SURFACES)


def test_a_chain_has_the_surfaces_of_a_chain(store: Store) -> None:
    model = ScriptedModel(script=[say("Hi.")])
    chain = RunnableSequence(RunnableLambda(lambda text: [("user", text)]), model)
    lines = guard(chain, policy=POLICY, store=store).report().lines
    surfaces = [line.key for line in lines if line.kind == "surface"]
    assert surfaces == ["return value", "stream", "events", "callbacks"]


def test_a_tools_own_code_is_told_apart_from_its_call(store: Store) -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    @tool
    def save(text: str) -> str:
        """Save."""
        with open("notes", "w") as notes:
            notes.write(text)
        return "saved"

    builder = StateGraph(MessagesState)
    builder.add_node("tools", ToolNode([add, save]))
    builder.add_edge(START, "tools")
    lines = guard(builder, policy=POLICY, store=store).report().lines
    assert [line.key for line in lines if line.status == "runtime-only"] == ["tool:save:body"]


def test_a_body_or_a_surface_cannot_be_declared(bank: Any, store: Store) -> None:
    agent = bank.agent("hand_written", [say("Hi.")])
    for key in ("tool:wire:body", "return value"):
        with pytest.raises(UnprovableGraph) as caught:
            guard(agent, policy=POLICY, store=store, trust={key: "fine"})
        assert caught.value.reasons == {key: "is declared in trust=, but nothing has this name"}


def test_of_two_things_about_one_key_the_worse_one_stays() -> None:
    report = Report("a")
    report.add("tools", "guarded", "gate")
    report.add("tools", "unproven", "the canary died")
    report.add("tools", "plain", "nothing")
    assert [(line.status, line.why) for line in report.lines] == [("unproven", "the canary died")]


@pytest.mark.filterwarnings("ignore")
def test_no_line_is_wider_than_a_terminal(store: Store) -> None:
    deepagents = pytest.importorskip("deepagents")
    agent = deepagents.create_deep_agent(model=ScriptedModel(script=[say("Hi.")]), tools=[])
    report = guard(agent, policy=POLICY, store=store).report()
    assert max(map(len, str(report).splitlines())) <= 80
    assert len(report.lines) > 30


MANY = """
import json, sys, warnings
warnings.simplefilter("ignore")
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from guarded_agent import guard

def named(name):
    def body() -> str:
        "Do it."
        return open(name).read()
    return tool(name)(body)

builder = StateGraph(MessagesState)
for number in range(9):
    builder.add_node(f"tools_{number}", ToolNode([named(f"tool_{number}")]))
    builder.add_edge(START, f"tools_{number}")
print(json.dumps(guard(builder, store="sqlite://").report().as_json()))
"""


def test_the_order_is_the_same_in_every_process() -> None:
    def run(seed: str) -> str:
        environ = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", MANY]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout

    assert run("1") == run("2")

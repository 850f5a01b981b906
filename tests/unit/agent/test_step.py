"""What a task knows of its step, in real graphs."""

from __future__ import annotations

import operator
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send

from guarded_agent.agent.step import alone, has_sent


class State(TypedDict):
    seen: Annotated[list[tuple[str, bool]], operator.add]


def note(name: str) -> Any:
    def node(state: Any, config: RunnableConfig) -> dict[str, Any]:
        return {"seen": [(name, alone(config))]}

    return node


def seen(builder: Any) -> dict[str, set[bool]]:
    found: dict[str, set[bool]] = {}
    for name, answer in builder.compile().invoke({"seen": []})["seen"]:
        found.setdefault(name, set()).add(answer)
    return found


def graph(*names: str) -> Any:
    builder = StateGraph(State)
    for name in names:
        builder.add_node(name, note(name))
    builder.add_edge(START, names[0])
    return builder


def test_a_node_is_alone_unless_others_run_in_its_step() -> None:
    builder = graph("first", "left", "right", "last")
    for side in ("left", "right"):
        builder.add_edge("first", side)
        builder.add_edge(side, "last")
    assert seen(builder) == {"first": {True}, "left": {False}, "right": {False}, "last": {True}}


def test_a_node_behind_a_join_is_alone_and_one_beside_it_is_not() -> None:
    builder = graph("first", "left", "right", "joined", "later", "beside")
    builder.add_edge("first", "left")
    builder.add_edge("first", "right")
    builder.add_edge(["left", "right"], "joined")
    builder.add_edge("right", "beside")
    builder.add_edge("joined", "later")
    found = seen(builder)
    assert found["joined"] == found["beside"] == {False}
    assert found["later"] == {True}


def test_sends_count_each() -> None:
    for count, answer in ((1, True), (2, False)):
        builder = graph("first", "work")
        sends = [Send("work", {"seen": []})] * count
        builder.add_conditional_edges("first", lambda _, to=sends: to, ["work"])
        assert seen(builder)["work"] == {answer}


def test_a_graph_inside_has_steps_of_its_own() -> None:
    inner = graph("inside").compile()
    builder = graph("first", "beside")
    builder.add_node("inner", inner)
    builder.add_edge("first", "inner")
    builder.add_edge("first", "beside")
    found = seen(builder)
    assert found["inside"] == {True}
    assert found["beside"] == {False}


def test_a_branch_knows_what_its_task_has_sent() -> None:
    def choose(state: Any, config: RunnableConfig) -> str:
        return "last" if has_sent(config, "work") else END

    def send(_: Any) -> Command[Any]:
        return Command(goto=[Send("work", {"seen": []})])

    builder = graph("sends", "work", "last")
    builder.nodes.pop("sends")
    builder.add_node("sends", send)
    builder.add_conditional_edges("sends", choose, ["last", END])
    assert set(seen(builder)) == {"work", "last"}


def test_outside_of_a_graph_nothing_is_known() -> None:
    assert not alone({})
    assert not has_sent({}, "work")

"""What a node's code holds is read by allow-list; what is replaced is replaced everywhere."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from pydantic import BaseModel

from guarded_agent.agent.code import holdings
from guarded_agent.agent.swap import swapped
from guarded_agent.testing import ScriptedModel, say

OLD = ScriptedModel(script=[say("old")])
NEW = ScriptedModel(script=[say("new")])
COUNT = 0


@tool
def wipe(disk: str) -> str:
    """Wipe a disk."""
    return disk


class State(BaseModel):
    text: str = ""


class Reaches:
    def act(self) -> None:
        subprocess.run(["true"], check=True)


def helper_that_reaches() -> None:
    subprocess.run(["true"], check=True)


def uses_helper() -> None:
    helper_that_reaches()


def uses_class() -> None:
    Reaches().act()


def changes_a_global() -> None:
    global COUNT
    COUNT += 1


def uses_what_is_not_defined() -> None:
    not_there()  # type: ignore[name-defined]  # noqa: F821


def evaluates() -> None:
    eval("1")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (uses_helper, "module subprocess"),
        (uses_class, "module subprocess"),
        (changes_a_global, "changes the global COUNT"),
        (uses_what_is_not_defined, "not defined yet"),
        (evaluates, "calls eval()"),
        (functools.partial(uses_helper), "module subprocess"),
        (Reaches().act, "module subprocess"),
        ([uses_helper], "module subprocess"),
        ({"a": uses_helper}, "module subprocess"),
        (lambda: [uses_helper() for _ in ()], "module subprocess"),
    ],
)
def test_what_reaches_further_is_reported(function: Any, says: str) -> None:
    assert says in "; ".join(holdings(function).unknown)


def plain(state: State) -> dict[str, Any]:
    words = [word.upper() for word in state.text.split() if len(word) > 1]
    return {"messages": [HumanMessage(" ".join(words))], "copy": State(text=state.text)}


@pytest.mark.parametrize("function", [plain, lambda x: x, len, ChatPromptTemplate.from_template])
def test_what_only_shapes_data_is_plain(function: Any) -> None:
    held = holdings(function)
    assert (held.unknown, held.tools, held.models, held.graphs) == ([], [], [], [])


def closure(model: Any) -> Callable[[], str]:
    def ask() -> str:
        return str(model.invoke("hello").content)

    return ask


def from_global() -> str:
    return str(OLD.invoke("hello").content)


def through_another() -> str:
    return from_global()


def in_a_comprehension() -> str:
    return "".join(str(OLD.invoke(word).content) for word in ["hello"])


class Asks:
    def ask(self) -> str:
        return from_global()


PLACES: dict[str, Callable[[], Any]] = {
    "closure": closure(OLD),
    "global": from_global,
    "another function": through_another,
    "comprehension": in_a_comprehension,
    "partial": functools.partial(closure(OLD)),
    "nested closure": closure(RunnableLambda(lambda _: OLD.invoke("hello"))),
    "binding": closure(OLD.bind(stop=["x"])),
    "sequence": closure(ChatPromptTemplate.from_template("{x}") | OLD),
    "fallback list": lambda: [OLD][0].invoke("hello").content,
    "method": Asks().ask,
}


@pytest.mark.parametrize("place", PLACES)
def test_a_model_is_found_and_replaced_wherever_it_is_held(place: str) -> None:
    function = PLACES[place]
    assert any(model is OLD for model in holdings(function).models)
    new, hits = swapped(function, lambda value: NEW if value is OLD else value)
    assert hits
    assert all(model is NEW for model in holdings(new).models)
    assert new() == "new"


@pytest.mark.parametrize("place", PLACES)
def test_the_original_still_uses_the_old_model(place: str) -> None:
    swapped(PLACES[place], lambda value: NEW if value is OLD else value)
    assert PLACES[place]() == "old"


def test_a_copy_reads_other_globals_live() -> None:
    copy, _ = swapped(reads_count, lambda value: NEW if value is OLD else value)
    globals()["COUNT"] = 41
    assert copy() == 41


def reads_count() -> int:
    assert OLD
    return COUNT


def test_tools_that_are_called_outside_a_tool_node_are_reported() -> None:
    held = holdings(lambda: wipe.invoke({"disk": "a"}))
    assert [tool.name for tool in held.tools] == ["wipe"]


def test_functions_that_hold_each_other_in_a_circle_are_replaced_whole() -> None:
    def first(n: int) -> str:
        return second(n - 1) if n else str(OLD.invoke("hello").content)

    def second(n: int) -> str:
        return first(n - 1) if n else str(OLD.invoke("hello").content)

    for start in (first, second):
        new, _ = swapped(start, lambda value: NEW if value is OLD else value)
        assert [new(0), new(1), new(2)] == ["new"] * 3
        assert [start(0), start(1), start(2)] == ["old"] * 3


def test_functions_that_refer_to_each_other_end() -> None:
    assert holdings(ping).unknown == []
    assert swapped(ping, lambda value: value) == (ping, 0)


def ping(n: int) -> int:
    return pong(n - 1) if n else 0


def pong(n: int) -> int:
    return ping(n - 1) if n else 1


class NamesALaterOne(BaseModel):
    later: Later | None = None

    def reach(self) -> None:
        subprocess.run(["true"], check=True)


class Later(BaseModel):
    text: str = ""


def test_a_class_that_changes_while_it_is_looked_at_is_read_whole() -> None:
    # pydantic completes a class that names a later one when anything of it is asked for.
    def body() -> NamesALaterOne:
        return NamesALaterOne()

    assert "module subprocess" in "; ".join(holdings(body).unknown)

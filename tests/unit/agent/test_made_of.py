"""What an agent is made of: each part named, and what was not found `unknown`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import BaseTool, tool

from guarded_agent import GuardMiddleware, guard
from guarded_agent.agent.made_of import model_id
from guarded_agent.audit import AuditLog
from guarded_agent.identity import AgentIdentity, Registry
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, say

POLICY: dict[str, Any] = {
    "version": 1,
    "agent": {"id": "desk", "owner": "ann", "version": "2", "review": "2027-01-31"},
    "unlisted": {"send": "allow"},
    "concern": {"off": True, "because": "a test"},
}


class Named(ScriptedModel):
    """A model that says which one it is."""

    model_name: str = "acme-1"


@tool
def look(name: str) -> str:
    """Look somebody up."""
    return name


def looking(words: str) -> BaseTool:
    return look.model_copy(update={"description": words})


def known(store: Store) -> AgentIdentity:
    return Registry(store, AuditLog(store)).get("desk")


def changes(store: Store) -> list[Any]:
    return [event.data for event in AuditLog(store).events() if event.kind == "agent.changed"]


def start(
    store: Store,
    *,
    model: str = "acme-1",
    prompt: str | None = "Be kind.",
    words: str = "Look.",
    policy: dict[str, Any] = POLICY,
) -> None:
    talks = Named(script=[say("Hi.")], model_name=model)
    guard(create_agent(talks, [looking(words)], system_prompt=prompt), policy=policy, store=store)


def test_a_change_of_each_part_is_named(memory_store: Store) -> None:
    start(memory_store)
    first = known(memory_store)
    assert first.parts["model"] == ["Named acme-1"]
    assert (first.family, first.version, first.review) == ("desk", "2", "2027-01-31")
    for change, words in [
        ({"prompt": "Be cruel."}, "the system prompt"),
        ({"model": "acme-2"}, "the model"),
        ({"words": "Look deeper."}, "the tools"),
        ({"policy": {**POLICY, "unlisted": {"send": "deny"}}}, "the policy"),
    ]:
        start(memory_store)
        before = len(changes(memory_store))
        start(memory_store, **change)  # type: ignore[arg-type]
        told = changes(memory_store)[before:]
        assert [item["changed"] for item in told] == [[words]]
    start(memory_store)
    assert known(memory_store).fingerprint == first.fingerprint


def test_the_same_agent_is_registered_once(memory_store: Store) -> None:
    start(memory_store)
    start(memory_store)
    assert [event.kind for event in AuditLog(memory_store).events()] == [
        "agent.registered",
        "agent.tools",
    ]


def test_what_is_not_found_is_unknown_and_not_guessed(memory_store: Store) -> None:
    model = ScriptedModel(script=[say("Hi.")])
    guard(create_agent(model, [look]), policy=POLICY, store=memory_store)
    parts = known(memory_store).parts
    assert (parts["model"], parts["prompt"]) == (["ScriptedModel unknown"], "unknown")
    guard([look], policy=POLICY, store=memory_store)
    assert known(memory_store).parts["model"] == ["unknown"]


def test_a_chain_names_its_model_and_its_prompt(memory_store: Store) -> None:
    def chain(words: str) -> Any:
        prompt = ChatPromptTemplate.from_messages([("system", words), ("user", "{question}")])
        return prompt | Named(script=[say("Hi.")]) | StrOutputParser()

    guard(chain("Be kind."), policy=POLICY, store=memory_store)
    assert known(memory_store).parts["model"] == ["Named acme-1"]
    guard(chain("Be cruel."), policy=POLICY, store=memory_store)
    assert changes(memory_store)[-1]["changed"] == ["the system prompt"]


def test_the_middleware_learns_the_model_once_it_is_asked(memory_store: Store) -> None:
    def run() -> None:
        middleware = GuardMiddleware(POLICY, tools=[look], store=memory_store)
        agent: Any = create_agent(Named(script=[say("Hi.")]), [look], middleware=[middleware])
        agent.invoke({"messages": [("user", "hi")]}, {"configurable": {"thread_id": "t"}})

    run()
    assert known(memory_store).parts["model"] == ["Named acme-1"]
    before = len(changes(memory_store))
    run()
    assert len(changes(memory_store)) == before


def test_a_tool_of_the_program_follows_its_release_unless_the_policy_pins_all(
    memory_store: Store,
) -> None:
    start(memory_store)
    start(memory_store, words="Look deeper.")
    [pin] = Registry(memory_store, AuditLog(memory_store)).tools("desk")
    assert (pin.waits, pin.served) == (False, False)
    careful = {**POLICY, "agent": {**POLICY["agent"], "pins": "all"}}
    start(memory_store, words="Look away.", policy=careful)
    [pin] = Registry(memory_store, AuditLog(memory_store)).tools("desk")
    assert (pin.waits, pin.changed) == (True, "description")


def test_a_model_that_says_nothing_is_unknown() -> None:
    kinds: list[Callable[[], Any]] = [object, dict]
    assert [model_id(kind()) for kind in kinds] == ["object unknown", "dict unknown"]

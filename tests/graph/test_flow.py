"""Labels of results: who may say what, and where they go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from sqlalchemy import text

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.core import Confidentiality, Label
from guarded_agent.store import Store, memory
from guarded_agent.testing import Recorder, ScriptedModel, call, recording_tool, say
from guarded_agent.tools import FileTools, declaration, labelled, mcp_labels

ASK = {"messages": [HumanMessage("go")]}
OUTSIDE = "eve@evil.example"


def agent(tools: list[BaseTool], *turns: Any, **options: Any) -> Any:
    bound = ScriptedModel(script=list(turns)).bind_tools(tools)

    def model(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    async def amodel(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await bound.ainvoke(state["messages"])]}

    from langgraph._internal._runnable import RunnableCallable

    builder = StateGraph(MessagesState)
    builder.add_node("agent", RunnableCallable(model, amodel))
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder.compile(**options)


def mail(recorder: Recorder) -> BaseTool:
    return recording_tool(recorder, "mail", {"to": str, "text": str})


MAIL: dict[str, Any] = {
    "access": "send",
    "sink": {"argument": "to", "clearance": "internal"},
    "rules": [{"effect": "allow"}],
}


def policy(**tools: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "untrusted": {"effect": "allow", "because": "these tests are about labels"},
        "agent": {"id": "clerk"},
        "organisation": {"domains": ["acme.com"]},
        "tools": {"mail": MAIL, **tools},
    }


def thread_label(safe: GuardedGraph, store: Store, thread: str = "t") -> Label:
    with store.read() as connection:
        return memory.load(connection, safe.monitor.agent_id, thread).label


def run(safe: GuardedGraph, thread: str = "t") -> Any:
    return safe.invoke(ASK, {"configurable": {"thread_id": thread}})


def finder(result: Any, **declared: Any) -> BaseTool:
    @tool
    def find() -> Any:
        """Find it."""
        return result() if callable(result) else result

    if declared:
        find.metadata = declaration(access="read", **declared)
    return find


def found(store: Store, result: Any, entry: dict[str, Any], **declared: Any) -> tuple[Label, str]:
    """Return the thread's label after one read, and what the model saw of it."""
    tools = [finder(result, **declared), mail(Recorder())]
    graph = agent(tools, say("", call("find", "c1")), say("Done."))
    safe = guard(graph, policy=policy(find={"access": "read", **entry}), store=store)
    messages = run(safe)["messages"]
    return thread_label(safe, store), str(messages[2].content)


def test_a_label_of_an_item_raises_that_of_the_tool_and_the_model_never_sees_it(
    store: Store,
) -> None:
    rows = lambda: [labelled("pay", confidentiality="secret", compartments=["hr"]), "menu"]  # noqa: E731
    label, seen = found(store, rows, {})
    assert label.confidentiality is Confidentiality.SECRET
    assert label.compartments == {"hr"}
    assert label.sources == {"find"}
    assert "pay" in seen
    assert "abelled" not in seen


def test_a_label_of_an_item_says_less_only_where_the_policy_lets_items_decide(
    store: Store,
) -> None:
    rows = lambda: [labelled("menu", confidentiality="public", compartments=[], trusted=True)]  # noqa: E731
    hr = {"confidentiality": "confidential", "compartments": ["hr"]}
    kept, _ = found(store, rows, {"label": hr})
    assert (kept.compartments, kept.trusted) == ({"hr"}, False)


def test_where_items_decide_a_public_one_leaves_the_thread_as_it_was(store: Store) -> None:
    rows = lambda: [labelled("menu", confidentiality="public", compartments=[], trusted=True)]  # noqa: E731
    hr = {"confidentiality": "confidential", "compartments": ["hr"], "items": True}
    assert found(store, rows, {"label": hr})[0] == Label()


def test_a_piece_without_a_label_has_that_of_the_tool_also_where_items_decide(
    store: Store,
) -> None:
    rows = lambda: [labelled("menu", confidentiality="public", trusted=True), "pay"]  # noqa: E731
    hr = {"confidentiality": "confidential", "compartments": ["hr"], "items": True}
    assert found(store, rows, {"label": hr})[0].compartments == {"hr"}


def test_the_author_lets_items_decide_until_the_policy_gives_a_label(store: Store) -> None:
    rows = lambda: labelled("menu", confidentiality="public", compartments=[], trusted=True)  # noqa: E731
    own = Label(Confidentiality.SECRET, frozenset({"hr"}))
    assert found(store, rows, {}, label=own, items=True)[0] == Label()


def test_a_label_of_the_policy_comes_before_the_authors_word_that_items_decide(
    store: Store,
) -> None:
    rows = lambda: labelled("menu", confidentiality="public", compartments=[], trusted=True)  # noqa: E731
    own = Label(Confidentiality.SECRET, frozenset({"hr"}))
    entry = {"label": {"compartments": ["hr"]}}
    assert found(store, rows, entry, label=own, items=True)[0].compartments == {"hr"}


def test_an_error_of_a_read_has_the_label_of_its_result(store: Store) -> None:
    def fail() -> None:
        raise ValueError("no such person; did you mean ann, who earns 5000?")

    tools = [finder(fail), mail(Recorder())]
    node = ToolNode(tools, handle_tool_errors=True)
    bound = ScriptedModel(script=[say("", call("find", "c1")), say("Done.")]).bind_tools(tools)
    builder = StateGraph(MessagesState)
    builder.add_node("agent", lambda state: {"messages": [bound.invoke(state["messages"])]})
    builder.add_node("tools", node)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    entry = {"access": "read", "label": {"compartments": ["hr"]}}
    safe = guard(builder.compile(), policy=policy(find=entry), store=store)
    run(safe)
    assert thread_label(safe, store).compartments == {"hr"}


@pytest.mark.parametrize(
    ("label", "compartments"), [({"compartments": ["hr"]}, {"hr"}), (None, set[str]())]
)
def test_what_a_write_returns_has_a_label_if_anybody_says_so(
    store: Store, label: dict[str, Any] | None, compartments: set[str]
) -> None:
    recorder = Recorder()
    tools = [recording_tool(recorder, "book", {"day": str}), mail(recorder)]
    entry: dict[str, Any] = {"access": "write", "rules": [{"effect": "allow"}]}
    entry |= {} if label is None else {"label": label}
    graph = agent(tools, say("", call("book", "c1", day="monday")), say("Done."))
    safe = guard(graph, policy=policy(book=entry), store=store)
    run(safe)
    assert thread_label(safe, store).compartments == compartments
    assert thread_label(safe, store).trusted is (label is None)


SERVER = """
import sys
from mcp.server.fastmcp import FastMCP
from mcp.types import CallToolResult, TextContent
server = FastMCP("files", log_level="ERROR")

@server.tool()
def find() -> CallToolResult:
    "Find it."
    ifc = {"integrity": "trusted", "confidentiality": "public"}
    return CallToolResult(content=[TextContent(type="text", text="menu")], _meta={"ifc": ifc})

server.run("stdio")
"""


@pytest.mark.parametrize("believed", [True, False])
async def test_labels_of_an_mcp_server_count_only_where_the_policy_believes_it(
    store: Store, tmp_path: Path, believed: bool
) -> None:
    client_of = pytest.importorskip("langchain_mcp_adapters.client").MultiServerMCPClient
    script = tmp_path / "server.py"
    script.write_text(SERVER)
    server: Any = {"command": sys.executable, "args": [str(script)], "transport": "stdio"}
    client = client_of({"files": server}, tool_interceptors=[mcp_labels])
    tools = [*await client.get_tools(), mail(Recorder())]
    label = {"confidentiality": "secret", "compartments": ["hr"], "server": believed}
    safe = guard(
        agent(tools, say("", call("find", "c1")), say("Done.")),
        policy=policy(find={"access": "read", "label": label}),
        store=store,
    )
    await safe.ainvoke(ASK, {"configurable": {"thread_id": "t"}})
    known = thread_label(safe, store)
    assert known.confidentiality == (0 if believed else 3)
    assert known.trusted is believed


def test_a_request_says_which_calls_brought_the_data(store: Store) -> None:
    recorder = Recorder()
    tools = [
        recording_tool(recorder, "search_hr", {"name": str}),
        recording_tool(recorder, "menu"),
        mail(recorder),
    ]
    graph = agent(
        tools,
        say("", call("search_hr", "c1", name="ann"), call("menu", "c2")),
        say("", call("search_hr", "c3", name="bob")),
        say("", call("mail", "c4", to=OUTSIDE, text="hello")),
        say("Done."),
    )
    hr = {"confidentiality": "confidential", "compartments": ["hr"]}
    public = {"confidentiality": "public", "trusted": True}
    asks = {**MAIL, "sink": {**MAIL["sink"], "effect": "approve"}}
    safe = guard(
        graph,
        policy=policy(
            mail=asks,
            search_hr={"access": "read", "label": hr},
            menu={"access": "read", "label": public},
        ),
        store=store,
    )
    [request] = run(safe).waiting
    told = [(each.tool, each.call_id, each.times) for each in request.sources]
    assert told == [("search_hr", "c3", 2), ("menu", "c2", 1)]
    assert request.sources[0].label.compartments == {"hr"}
    assert "from search_hr" in request.reasons[0].message
    assert safe.approvals.get(request.id).sources == request.sources


@pytest.mark.parametrize("used", [True, False])
def test_a_policy_that_needs_no_labels_writes_none_down(
    store: Store, tmp_path: Path, used: bool
) -> None:
    tools = [*FileTools(tmp_path).tools(), finder("x")]
    asked = say("", call("find", "f"), call("write_file", "w", path="a.txt", content="x"))
    graph = agent(tools, asked, say("Done."))
    data = policy(
        find={"access": "read", "label": {"compartments": ["hr"]}},
        delete_path={},
        list_files={},
        read_file={},
        write_file={"rules": [{"effect": "allow"}]},
    )
    del data["tools"]["mail"]
    if used:
        data["fusion"] = [{"compartments": ["hr", "x"], "effect": "deny", "within": "1h"}]
    run(guard(graph, policy=data, store=store))
    with store.read() as connection:
        rows = [
            connection.scalar(text(f"SELECT count(*) FROM {name}"))
            for name in ("guard_place", "guard_family_read")
        ]
    assert all(rows) if used else not any(rows)

"""Every shape of agent, in every way to run it: guarded, or refused before it runs.

Each agent is asked to wire 500 to Bob, which a person has to approve, and 5000 to Eve, which
the policy denies. `docs/reference/shapes.md` is made from the tables here:

    WRITE_SHAPES=1 python -m pytest tests/graph/test_shapes.py -k page
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableBranch, RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import Send

from guarded_agent import GuardMiddleware, UnprovableGraph, create_guarded_agent, guard
from guarded_agent.core.errors import ApprovalRequired
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

pytestmark = pytest.mark.filterwarnings("ignore")
PAGE = Path(__file__).parents[2] / "docs/reference/shapes.md"
HELLO: dict[str, Any] = {"messages": [("user", "hello")]}
POLICY: dict[str, Any] = {
    "version": 1,
    "tools": {
        "balance": {"access": "read"},
        "wire": {
            "access": "write",
            "rules": [
                {"effect": "deny", "when": "args.amount > 1000", "message": "Too much."},
                {"effect": "approve"},
            ],
        },
    },
    "unlisted": {"read": "allow", "write": "approve", "send": "approve"},
}
CALLS = say("", call("wire", "c1", to="bob", amount=500), call("wire", "c2", to="eve", amount=5000))
TURNS = [CALLS, say("Done.")]
APPROVED = ("wire", "bob", 500.0)


# -- the agents ------------------------------------------------------------------------


def model(*turns: AIMessage) -> ScriptedModel:
    return ScriptedModel(script=turns or TURNS)


def hand_written(bank: Any) -> Any:
    return bank.agent("hand_written", TURNS)


def not_compiled(bank: Any) -> Any:
    return bank.agent("hand_written", TURNS).builder


def agent(bank: Any) -> Any:
    return bank.agent("create_agent", TURNS)


def react_v1(bank: Any) -> Any:
    return bank.agent("react_v1", TURNS)


def react_v2(bank: Any) -> Any:
    return bank.agent("react_v2", TURNS)


def of_one_node(node: Any, name: str = "work", **options: Any) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node(name, node, **options)
    builder.add_edge(START, name)
    builder.add_edge(name, END)
    return builder.compile()


def subgraph(bank: Any) -> Any:
    return of_one_node(hand_written(bank), "worker")


def closure(bank: Any) -> Any:
    inner = react_v2(bank)

    def work(state: MessagesState, config: RunnableConfig) -> dict[str, Any]:
        return {"messages": inner.invoke({"messages": state["messages"]}, config)["messages"][1:]}

    return of_one_node(work)


def by_hand(bank: Any) -> Any:
    tools = {item.name: item for item in bank.tools()}
    talks = model()

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [talks.invoke(state["messages"])]}

    def run(state: MessagesState) -> dict[str, Any]:
        calls = state["messages"][-1].tool_calls
        return {"messages": [tools[item["name"]].invoke(item) for item in calls]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_node("run", run)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", _calls_or_end("run"), ["run", END])
    builder.add_edge("run", "ask")
    return builder.compile()


def _calls_or_end(name: str) -> Callable[[MessagesState], str]:
    def route(state: MessagesState) -> str:
        return name if state["messages"][-1].tool_calls else END

    return route


def fan_out(bank: Any) -> Any:
    talks = model()

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [talks.invoke(state["messages"])]}

    def spread(state: MessagesState) -> list[Send] | str:
        calls = state["messages"][-1].tool_calls
        return [Send("tools", [item]) for item in calls] or END

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_node("tools", ToolNode(bank.tools()))
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", spread, ["tools", END])
    builder.add_edge("tools", "ask")
    return builder.compile()


def agent_as_tool(bank: Any) -> Any:
    inner = agent(bank)

    @tool
    def ask(question: str) -> str:
        """Ask a colleague."""
        return str(inner.invoke({"messages": [("user", question)]})["messages"][-1].content)

    from langchain.agents import create_agent

    return create_agent(model(say("", call("ask", "o1", question="pay")), say("Done.")), [ask])


def deep_agent(bank: Any) -> Any:
    deepagents = pytest.importorskip("deepagents")
    order = call("task", "o1", description="pay bob", subagent_type="payer")
    payer = {
        "name": "payer",
        "description": "pays",
        "system_prompt": "Pay.",
        "tools": bank.tools(),
        "model": model(),
    }
    boss = model(say("", order), say("Done."))
    return deepagents.create_deep_agent(model=boss, tools=[], subagents=[payer])


def supervisor(bank: Any) -> Any:
    pytest.importorskip("langgraph_supervisor")
    from langgraph_supervisor import create_supervisor

    # Each model's turn is the number of AI messages that it sees, those of others included.
    done = say("Done.")
    clerk = bank.agent("react_v2", [done, *TURNS], name="clerk")
    boss = model(say("", call("transfer_to_clerk", "h1")), *[done] * 4)
    return create_supervisor([clerk], model=boss).compile()


def swarm(bank: Any) -> Any:
    pytest.importorskip("langgraph_swarm")
    from langgraph_swarm import create_swarm

    members = [bank.agent("react_v2", TURNS, name=name) for name in ("one", "two")]
    return create_swarm(members, default_active_agent="one").compile()


def middlewares(bank: Any) -> Any:
    from langchain.agents import create_agent
    from langchain.agents.middleware import AgentMiddleware

    class Mine(AgentMiddleware[Any, Any, Any]):
        def before_agent(self, state: Any, runtime: Any) -> None:
            return None

        def after_agent(self, state: Any, runtime: Any) -> None:
            return None

        def wrap_tool_call(self, request: Any, handler: Any) -> Any:
            return handler(request)

        async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
            return await handler(request)

    return create_agent(model(), bank.tools(), middleware=[Mine()])


def workflow(bank: Any) -> Any:
    tools = {item.name: item for item in bank.tools()}
    talks = model()

    @task
    def ask(messages: list[AnyMessage]) -> Any:
        return talks.invoke(messages)

    @task
    def act(item: dict[str, Any]) -> Any:
        return tools[item["name"]].invoke(item)

    @entrypoint()
    def pay(given: dict[str, Any]) -> dict[str, Any]:
        messages: list[Any] = [*given["messages"], ask(given["messages"]).result()]
        while messages[-1].tool_calls:
            answers = [act(item) for item in messages[-1].tool_calls]
            messages += [answer.result() for answer in answers]
            messages.append(ask(messages).result())
        return {"messages": messages}

    return pay


def async_workflow(bank: Any) -> Any:
    tools = {item.name: item for item in bank.tools()}
    talks = model()

    @task
    async def act(item: dict[str, Any]) -> Any:
        return await tools[item["name"]].ainvoke(item)

    @entrypoint()
    async def pay(given: dict[str, Any]) -> dict[str, Any]:
        messages: list[Any] = [*given["messages"], await talks.ainvoke(given["messages"])]
        answers = [await act(item) for item in messages[-1].tool_calls]
        return {"messages": messages + answers}

    return pay


def workflow_in_a_node(bank: Any) -> Any:
    inner = workflow(bank)

    def work(state: MessagesState) -> dict[str, Any]:
        return {"messages": inner.invoke({"messages": state["messages"]})["messages"][1:]}

    return of_one_node(work)


def mcp(bank: Any) -> Any:
    from langchain.agents import create_agent

    _ledger().write_text("")
    return create_agent(model(), _mcp_tools())


_CACHE: dict[str, Any] = {}


def _ledger() -> Path:
    if "ledger" not in _CACHE:
        import tempfile

        _CACHE["ledger"] = Path(tempfile.mkdtemp()) / "ledger"
    return _CACHE["ledger"]


def ran(shape: Shape, bank: Any) -> list[tuple[Any, ...]]:
    """What ran, as the tools themselves wrote it down."""
    if shape.make is not mcp:
        return bank.ran
    lines = [line.split() for line in _ledger().read_text().splitlines()]
    return [("wire", to, float(amount)) for to, amount in lines]


def _mcp_tools() -> list[BaseTool]:
    """The tools of a real MCP server; each of their calls starts it anew."""
    adapters = pytest.importorskip("langchain_mcp_adapters.client")
    if "tools" not in _CACHE:
        server = {
            "command": sys.executable,
            "args": [str(Path(__file__).with_name("mcp_bank.py")), str(_ledger())],
            "transport": "stdio",
        }
        client = adapters.MultiServerMCPClient({"bank": server})
        _CACHE["tools"] = asyncio.run(client.get_tools())
    return _CACHE["tools"]


PROMPT = ChatPromptTemplate.from_messages([("user", "{input}")])


def chain(bank: Any) -> Any:
    tools = {item.name: item for item in bank.tools()}

    def run(message: AIMessage) -> list[Any]:
        return [tools[item["name"]].invoke(item) for item in message.tool_calls]

    return PROMPT | model().bind_tools(list(tools.values())) | run


def chain_that_routes(bank: Any) -> Any:
    balance, wire = bank.tools()

    def calls(message: AIMessage) -> list[Any]:
        return list(message.tool_calls)

    def any_calls(message: AIMessage) -> bool:
        return bool(message.tool_calls)

    route: Any = RunnableBranch(
        (any_calls, RunnableLambda(calls) | wire.map()),
        (lambda message: message.content == "balance?", balance),
        lambda _: [],
    )
    return PROMPT | {"said": model()} | (lambda parts: parts["said"]) | route


def executor(bank: Any) -> Any:
    agents = pytest.importorskip("langchain_classic.agents")
    prompt = ChatPromptTemplate.from_messages(
        [("user", "{input}"), ("placeholder", "{agent_scratchpad}")]
    )
    tools = bank.tools()
    planner = agents.create_tool_calling_agent(model(), tools, prompt)
    return agents.AgentExecutor(agent=planner, tools=tools)


def loop_of_ones_own(bank: Any, store: Store) -> Any:
    tools = {item.name: item for item in guard(bank.tools(), policy=POLICY, store=store)}

    def run(_: Any, config: RunnableConfig) -> list[Any]:
        return [tools[item["name"]].invoke(item, config) for item in CALLS.tool_calls]

    return _Watched(RunnableLambda(run), tools["wire"]._guard.monitor)


def with_middleware(bank: Any, store: Store) -> Any:
    from langchain.agents import create_agent

    ours = GuardMiddleware(POLICY, store=store)
    made = create_agent(model(), bank.tools(), middleware=[ours], checkpointer=InMemorySaver())
    return _Watched(made, ours.monitor)


def guarded_from_the_start(bank: Any, store: Store) -> Any:
    return create_guarded_agent(model(), bank.tools(), policy=POLICY, store=store)


class _Watched:
    """An agent that `guard()` did not wrap, with the queue of what guards it."""

    def __init__(self, inner: Any, monitor: Any) -> None:
        self.inner, self.monitor, self.approvals = inner, monitor, monitor.approvals

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


# -- the tables ------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """One row of the page."""

    words: str
    make: Callable[..., Any]
    asks: str | None = None  # the tool by which an outer agent turns to an inner one
    pauses: bool = True  # False: raises ApprovalRequired, and is run again
    wraps: bool = True  # False: `make` gives the guarded agent itself
    modes: str = "sync async"

    @property
    def given(self) -> Any:
        return HELLO if self.pauses else {"input": "hello"}


GUARDED = (
    Shape("`StateGraph` with a `ToolNode`", hand_written),
    Shape("`StateGraph`, not compiled", not_compiled),
    Shape("`create_agent`", agent),
    Shape("`create_agent` with middleware of one's own", middlewares),
    Shape("`create_agent` with `GuardMiddleware`", with_middleware, wraps=False),
    Shape("`create_guarded_agent`", guarded_from_the_start, wraps=False),
    Shape("`create_react_agent`, v1", react_v1),
    Shape("`create_react_agent`, v2", react_v2),
    Shape("a graph as a node", subgraph),
    Shape("a graph that a node's function runs", closure),
    Shape("tools that a node's function runs", by_hand),
    Shape("fan-out with `Send` to the tool node", fan_out),
    Shape("an agent as a tool", agent_as_tool, "ask"),
    Shape("deep agents with `task`", deep_agent, "task"),
    Shape("`langgraph_supervisor`", supervisor, "transfer_to_*"),
    Shape("`langgraph_swarm`", swarm),
    Shape("`@entrypoint` with `@task`", workflow),
    Shape("`@entrypoint`, `async def`", async_workflow, modes="async"),
    Shape("an `@entrypoint` that a node runs", workflow_in_a_node),
    Shape("tools of an MCP server", mcp, modes="async"),
    Shape("a chain whose function runs tools", chain, pauses=False),
    Shape("a chain with branches and a tool as a step", chain_that_routes, pauses=False),
    Shape("classic `AgentExecutor`", executor, pauses=False),
    Shape("a list of tools in a loop of one's own", loop_of_ones_own, pauses=False, wraps=False),
)
MODES = ("invoke", "ainvoke", "stream", "astream", "astream_events", "batch", "abatch")
BY_NAME = {shape.make.__name__: shape for shape in GUARDED}


def policy_of(shape: Shape) -> dict[str, Any]:
    asks = {shape.asks: {"access": "read"}} if shape.asks else {}
    return POLICY | {"tools": POLICY["tools"] | asks}


def made(shape: Shape, bank: Any, store: Store) -> Any:
    if not shape.wraps:
        return shape.make(bank, store)
    return guard(shape.make(bank), policy=policy_of(shape), store=store)


# -- the ways to run them ----------------------------------------------------------------

THREADS: list[RunnableConfig] = [{"configurable": {"thread_id": name}} for name in ("t1", "t2")]


def run(agent: Any, mode: str, given: Any) -> None:
    """Run an agent once, or for two threads at once."""
    one, two = THREADS[0], [given, given]
    match mode:
        case "invoke":
            agent.invoke(given, one)
        case "ainvoke":
            asyncio.run(agent.ainvoke(given, one))
        case "stream":
            for _ in agent.stream(given, one):
                pass
        case "astream":
            asyncio.run(_drain(agent.astream(given, one)))
        case "astream_events":
            asyncio.run(_drain(agent.astream_events(given, one)))
        case "batch":
            _raise(agent.batch(two, THREADS, return_exceptions=True))
        case _:
            _raise(asyncio.run(agent.abatch(two, THREADS, return_exceptions=True)))


async def _drain(items: Any) -> None:
    async for _ in items:
        pass


def _raise(outcomes: Sequence[Any]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


@contextmanager
def pausing(shape: Shape) -> Iterator[None]:
    """A chain cannot pause: it raises what a graph would wait for."""
    if shape.pauses:
        yield
    else:
        with pytest.raises(ApprovalRequired):
            yield


def approve(agent: Any) -> int:
    pending = agent.approvals.pending()
    for request in pending:
        agent.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    return len(pending)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", BY_NAME)
def test_nothing_runs_before_approval_what_was_approved_runs_once_and_the_denied_never(
    name: str, mode: str, bank: Any, store: Store
) -> None:
    shape = BY_NAME[name]
    safe = made(shape, bank, store)
    if "sync" not in shape.modes.split() and not mode.startswith("a"):
        _has_no_sync_side(shape, safe, mode)
        assert ran(shape, bank) == []
        return
    runs = 2 if mode in ("batch", "abatch") else 1
    again = shape.given if not shape.pauses else None
    with pausing(shape):
        run(safe, mode, shape.given)
    assert ran(shape, bank) == []
    with pausing(shape):  # nobody decided: it still waits
        run(safe, mode, again)
    assert ran(shape, bank) == []
    assert approve(safe) == runs
    run(safe, mode, again)
    assert ran(shape, bank) == [APPROVED] * runs
    _once_more(shape, safe, mode, again)
    assert ran(shape, bank) == [APPROVED] * runs


def _has_no_sync_side(shape: Shape, safe: Any, mode: str) -> None:
    """Not even what was approved runs: it raises, at the start or when the tool would run."""

    def all_of_it() -> None:
        run(safe, mode, shape.given)
        approve(safe)
        run(safe, mode, None)

    with pytest.raises((NotImplementedError, TypeError), match="sync"):
        all_of_it()


def _once_more(shape: Shape, safe: Any, mode: str, given: Any) -> None:
    """What ran is not run again; a new call asks again."""
    try:
        run(safe, mode, given)
    except ApprovalRequired:
        assert not shape.pauses


# -- what is refused -----------------------------------------------------------------------


def pregel_by_hand(bank: Any) -> Any:
    from langgraph.channels import EphemeralValue

    node = NodeBuilder().subscribe_only("a").do(lambda text: text).write_to("b")
    channels = {"a": EphemeralValue(str), "b": EphemeralValue(str)}
    return Pregel(nodes={"one": node}, channels=channels, input_channels="a", output_channels="b")


def own_tool_node(bank: Any) -> Any:
    class Faster(ToolNode):
        def _run_one(self, *args: Any) -> Any:
            return super()._run_one(*args)

    return of_one_node(Faster(bank.tools()), "tools")


def list_state(bank: Any) -> Any:
    from typing import Annotated

    from langgraph.graph.message import add_messages

    builder = StateGraph(Annotated[list, add_messages])
    builder.add_node("tools", ToolNode(bank.tools()))
    builder.add_edge(START, "tools")
    return builder.compile()


def side_effect(bank: Any) -> Any:
    def work(state: MessagesState) -> dict[str, Any]:
        with open("notes") as file:
            return {"messages": [("user", file.read())]}

    return of_one_node(work)


def acting_edge(bank: Any) -> Any:
    _, wire = bank.tools()

    def route(state: MessagesState) -> str:
        wire.invoke({"to": "eve", "amount": 1})
        return END

    builder = StateGraph(MessagesState)
    builder.add_node("work", lambda state: {"messages": []})
    builder.add_edge(START, "work")
    builder.add_conditional_edges("work", route, [END])
    return builder.compile()


def late_model(bank: Any) -> Any:
    from langgraph.prebuilt import create_react_agent

    return create_react_agent(lambda state, runtime: model(), bank.tools())


def providers_tool(bank: Any) -> Any:
    from langchain.agents import create_agent

    return create_agent(model(), [*bank.tools(), {"type": "web_search_preview"}])


def agent_in_a_field(bank: Any) -> Any:
    class Ask(BaseTool):
        name: str = "ask"
        description: str = "Ask a colleague."
        agent: Any = None

        def _run(self, question: str) -> str:
            return str(self.agent.invoke({"messages": [("user", question)]}))

    return of_one_node(ToolNode([Ask(agent=react_v2(bank))]), "tools")


def unknown_step(bank: Any) -> Any:
    class Found(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Any]:
            return []

    return Found() | RunnableLambda(lambda found: found)


def graph_in_a_chain(bank: Any) -> Any:
    return hand_written(bank) | RunnableLambda(lambda out: out)


def runnable_of_ones_own(bank: Any) -> Any:
    class Mine(Runnable[Any, Any]):
        def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:  # noqa: A002
            return input

    return Mine()


def model_alone(bank: Any) -> Any:
    return model()


def remote_graph(bank: Any) -> Any:
    from langgraph.pregel.remote import RemoteGraph

    return RemoteGraph("agent", url="http://127.0.0.1:9")


def guarded_twice(bank: Any) -> Any:
    return guard(hand_written(bank), policy=POLICY, store="sqlite://")


@dataclass(frozen=True)
class Refusal:
    """One row of the page's second table."""

    words: str
    make: Callable[[Any], Any]
    key: str
    says: str
    instead: str


REFUSED = (
    Refusal(
        "`Pregel` put together by hand",
        pregel_by_hand,
        "Pregel",
        "takes a compiled",
        "build it with `StateGraph` or `@entrypoint`",
    ),
    Refusal(
        "`RemoteGraph`",
        remote_graph,
        "RemoteGraph",
        "takes a compiled",
        "guard it where it runs",
    ),
    Refusal(
        "a `ToolNode` that changes how tools run",
        own_tool_node,
        "tools",
        "changes _run_one",
        'use `wrap_tool_call=`, or `trust={"tools": ...}`',
    ),
    Refusal(
        "a state that is a bare list",
        list_state,
        "tools",
        "bare list",
        "use `MessagesState`",
    ),
    Refusal(
        "a node with side effects of its own",
        side_effect,
        "work",
        "calls open()",
        'make it a tool, or `trust={"work": ...}`',
    ),
    Refusal(
        "an edge that runs tools, models or graphs",
        acting_edge,
        "work:route",
        "only chooses",
        "let a node do it",
    ),
    Refusal(
        "`create_react_agent` that chooses its model while it runs",
        late_model,
        "agent",
        "while it runs",
        "use `create_agent` with `GuardMiddleware`",
    ),
    Refusal(
        "a tool that the model's provider runs",
        providers_tool,
        "tool:web_search_preview",
        "provider",
        '`trust={"tool:NAME": ...}`',
    ),
    Refusal(
        "a tool that keeps an agent in a field",
        agent_in_a_field,
        "tool:ask",
        "in its fields",
        "keep it in a plain variable",
    ),
    Refusal(
        "a chain with a step of unknown kind",
        unknown_step,
        "chain",
        "is a Found",
        'make the step a function, or `trust={"chain": ...}`',
    ),
    Refusal(
        "a graph inside a chain",
        graph_in_a_chain,
        "chain",
        "cannot wait for people in a chain",
        "guard the graph, and chain the guarded one",
    ),
    Refusal(
        "a Runnable class of one's own",
        runnable_of_ones_own,
        "Mine",
        "takes a compiled",
        "use `RunnableLambda`",
    ),
    Refusal(
        "a model alone",
        model_alone,
        "ScriptedModel",
        "runs no tools",
        "guard the agent that uses it",
    ),
    Refusal(
        "what is guarded already",
        guarded_twice,
        "graph",
        "once, not twice",
        "guard it once",
    ),
)


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.make.__name__)
def test_what_cannot_be_guarded_is_refused_with_a_report(
    row: Refusal, bank: Any, store: Store
) -> None:
    with pytest.raises(UnprovableGraph) as caught:
        guard(row.make(bank), policy=POLICY, store=store)
    assert row.says in caught.value.reasons[row.key]
    assert row.key in caught.value.report
    assert bank.ran == []


# -- the page ------------------------------------------------------------------------------


def page() -> str:
    """Return the page that shows what the tables say and the tests check."""
    head = [
        "# Agent shapes",
        "",
        (
            "After this page you know whether `guard()` takes an agent of yours, and what to do "
            "where it does not."
        ),
        "",
        (
            "Made from `tests/graph/test_shapes.py`, which runs every cell: nothing runs before a "
            "person approved it, what was approved runs once, and what was denied never runs."
        ),
        "",
        "## Guarded",
        "",
        f"| Shape | {' | '.join(f'`{mode}`' for mode in MODES)} | Waits by |",
        f"| --- |{' --- |' * (len(MODES) + 1)}",
    ]
    rows = [f"| {shape.words} | {' | '.join(_cells(shape))} |" for shape in GUARDED]
    notes = [
        "",
        "*refused*: an async tool or workflow has no sync side, so it raises and nothing runs.",
        "",
        (
            "What waits by *pausing* goes on with `resume()`. A chain has no state to pause in: it "
            "raises `ApprovalRequired` with the request's id, and is run again with the same input "
            "in the same process once people decided. Where more than one call may need people, "
            "use a graph."
        ),
        "",
        "## Refused",
        "",
        (
            "`guard()` raises `UnprovableGraph` before anything runs. Its report names each part "
            "and the key to declare it with in `trust=`."
        ),
        "",
        "| Shape | What to do |",
        "| --- | --- |",
    ]
    refused = [f"| {row.words} | {row.instead} |" for row in REFUSED]
    return "\n".join([*head, *rows, *notes, *refused, ""])


def _cells(shape: Shape) -> list[str]:
    known = shape.modes.split()
    cells = [
        "guarded" if ("async" if mode.startswith("a") else "sync") in known else "refused"
        for mode in MODES
    ]
    return [*cells, "pausing" if shape.pauses else "raising"]


def test_the_page_says_what_these_tests_check() -> None:
    if os.environ.get("WRITE_SHAPES"):
        PAGE.write_text(page(), "utf-8")
    assert PAGE.read_text("utf-8") == page(), (
        "run: WRITE_SHAPES=1 pytest tests/graph/test_shapes.py"
    )

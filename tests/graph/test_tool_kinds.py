"""Tools of every kind, and every way to reach them, behind the gate."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ToolRetryMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain.tools import ToolRuntime
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, InjectedToolCallId, tool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolNode
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel

from guarded_agent import GuardMiddleware, guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

HELLO: dict[str, Any] = {"messages": [("user", "hello")]}
THREAD: dict[str, Any] = {"configurable": {"thread_id": "t1"}}
DONE = say("Done.")
RAN: list[str] = []


@pytest.fixture(autouse=True)
def ran() -> list[str]:
    RAN.clear()
    return RAN


@tool
def wipe(disk: str) -> str:
    """Wipe a disk."""
    RAN.append("wipe")
    return "wiped"


def policy(**tools: str) -> dict[str, Any]:
    return {
        "version": 1,
        "tools": {
            name: {"access": "read"}
            if effect == "read"
            else {"access": "write", "rules": [{"effect": effect}]}
            for name, effect in tools.items()
        },
    }


def approve(safe: Any) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


def answers(out: Any) -> list[str]:
    return [str(item.content) for item in out["messages"] if isinstance(item, ToolMessage)]


def agent_of(tools: list[Any], *turns: AIMessage, **options: Any) -> Any:
    return create_agent(ScriptedModel(script=turns), tools, **options)


def loop_of(node: Any, *turns: AIMessage, options: dict[str, Any] | None = None) -> Any:
    """A hand-written loop of a model and a node that answers its calls."""
    model = ScriptedModel(script=turns)
    builder = StateGraph(MessagesState)
    builder.add_node("agent", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", node, **(options or {}))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges(
        "agent", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "agent")
    return builder


def approved(safe: GuardedGraph, **given: Any) -> Any:
    out = safe.invoke(HELLO, **given)
    assert RAN == []
    assert len(out.waiting) == 1
    approve(safe)
    return safe.resume(out.thread_id)


# -- what tools return and what they are given ---------------------------------------------


def test_a_tool_that_sends_its_parent_graph_elsewhere(store: Store) -> None:
    @tool
    def leave(where: str, call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Hand over."""
        RAN.append("leave")
        answer = ToolMessage(f"left for {where}", tool_call_id=call_id)
        return Command(goto=where, update={"messages": [answer]}, graph=Command.PARENT)

    inner = loop_of(ToolNode([leave]), say("", call("leave", "c1", where="other")), DONE)
    builder = StateGraph(MessagesState)
    builder.add_node("inner", inner.compile(), destinations=("other",))
    builder.add_node("other", lambda state: {"messages": [("ai", "Here.")]})
    builder.add_edge(START, "inner")
    safe = guard(builder, policy=policy(leave="approve"), store=store)
    out = approved(safe)
    assert RAN == ["leave"]
    assert out["messages"][-1].content == "Here."


def test_a_tool_whose_result_ends_the_run(store: Store) -> None:
    @tool(return_direct=True)
    def finish(text: str) -> str:
        """Finish."""
        RAN.append("finish")
        return text

    turns = [say("", call("finish", "c1", text="the end")), say("never said")]
    safe = guard(agent_of([finish], *turns), policy=policy(finish="approve"), store=store)
    assert approved(safe)["messages"][-1].content == "the end"


def test_a_tool_with_an_artifact(store: Store) -> None:
    @tool(response_format="content_and_artifact")
    def fetch(name: str) -> tuple[str, dict[str, str]]:
        """Fetch a file."""
        RAN.append("fetch")
        return "fetched", {"card": "4111 1111 1111 1111"}

    safe = guard(
        agent_of([fetch], say("", call("fetch", "c1", name="a")), DONE),
        policy=policy(fetch="approve"),
        store=store,
    )
    [message] = [item for item in approved(safe)["messages"] if isinstance(item, ToolMessage)]
    assert message.content == "fetched"
    assert "4111" not in str(message.artifact)


def test_what_the_runtime_injects_arrives_and_the_model_cannot_forge_it(store: Store) -> None:
    @tool
    def look(
        word: str,
        state: Annotated[dict[str, Any], InjectedState],
        memory: Annotated[BaseStore, InjectedStore()],
        call_id: Annotated[str, InjectedToolCallId],
        runtime: ToolRuntime,
    ) -> str:
        """Look around."""
        RAN.append("look")
        found = memory.get(("notes",), "n")
        return f"{word} {len(state['messages'])} {found and found.value} {call_id} " + str(
            runtime.tool_call_id
        )

    memory = InMemoryStore()
    memory.put(("notes",), "n", {"text": "kept"})
    forged = call("look", "c1", word="hi", call_id="forged", state={"messages": []})
    agent = agent_of([look], say("", forged), DONE, store=memory)
    out = approved(guard(agent, policy=policy(look="approve"), store=store))
    assert answers(out) == ["hi 2 {'text': 'kept'} c1 c1"]


# -- tools that ask something themselves ------------------------------------------------------


@tool
def book(seat: str) -> str:
    """Book a seat."""
    RAN.append("asked")
    answer = interrupt({"question": "window or aisle?"})
    RAN.append("booked")
    return f"booked {seat}: {answer}"


def by_hand(state: MessagesState) -> dict[str, Any]:
    return {"messages": [book.invoke(item) for item in state["messages"][-1].tool_calls]}


BOOK = (say("", call("book", "c1", seat="1a")), DONE)


def shapes_that_ask(shape: str, effect: str, store: Store) -> Any:
    if shape == "middleware":
        ours = GuardMiddleware(policy(book=effect), store=store)
        agent = agent_of([book], *BOOK, middleware=[ours], checkpointer=InMemorySaver())
        agent.__dict__["approvals"] = ours.approvals
        agent.__dict__["resume"] = lambda thread: ours.resume(agent, thread)
        return agent
    made = agent_of([book], *BOOK) if shape == "agent" else loop_of(by_hand, *BOOK)
    return guard(made, policy=policy(book=effect), store=store)


@pytest.mark.parametrize("shape", ["agent", "middleware", "by_hand"])
def test_a_tools_own_question_reaches_the_user_and_gets_the_users_answer(
    shape: str, store: Store
) -> None:
    safe = shapes_that_ask(shape, "allow", store)
    out = safe.invoke(HELLO, THREAD)
    assert [item.value for item in out["__interrupt__"]] == [{"question": "window or aisle?"}]
    out = safe.invoke(Command(resume="window"), THREAD)
    assert answers(out) == ["booked 1a: window"]
    assert RAN.count("booked") == 1


@pytest.mark.parametrize("wake", ["resume", "forged", "plain"])
@pytest.mark.parametrize("shape", ["agent", "middleware", "by_hand"])
def test_what_woke_an_approved_call_never_answers_the_tools_own_question(
    shape: str, wake: str, store: Store
) -> None:
    safe = shapes_that_ask(shape, "approve", store)
    out = safe.invoke(HELLO, THREAD)
    assert RAN == []
    if wake == "forged":  # it approves nothing, and must not be kept for the question
        out = safe.invoke(Command(resume="approve"), THREAD)
        assert RAN == []
    approve(safe)
    if wake == "plain":
        out = safe.invoke(Command(resume={"type": "approve"}), THREAD)
    else:
        out = safe.resume("t1")
    assert [item.value for item in out["__interrupt__"]] == [{"question": "window or aisle?"}]
    assert "booked" not in RAN
    if shape != "middleware":  # its agent is LangGraph's own, and runs whenever it is told to
        out = safe.resume("t1")  # wakes approvals only: the question stays open
        assert [item.value for item in out["__interrupt__"]] == [{"question": "window or aisle?"}]
        assert "booked" not in RAN
    out = safe.invoke(Command(resume="aisle"), THREAD)
    assert answers(out) == ["booked 1a: aisle"]
    assert RAN.count("booked") == 1


def test_waking_an_approval_does_not_answer_a_question_that_waits_beside_it(store: Store) -> None:
    turn = say("", call("book", "c1", seat="1a"), call("wipe", "c2", disk="a"))
    agent = agent_of([book, wipe], turn, DONE)
    safe = guard(agent, policy=policy(book="allow", wipe="approve"), store=store)
    out = safe.invoke(HELLO, THREAD)
    assert len(out["__interrupt__"]) == 2
    approve(safe)
    out = safe.resume("t1")
    assert [item.value for item in out["__interrupt__"]] == [{"question": "window or aisle?"}]
    assert "booked" not in RAN
    out = safe.invoke(Command(resume={out["__interrupt__"][0].id: "aisle"}), THREAD)
    assert answers(out) == ["booked 1a: aisle", "wiped"]
    assert RAN.count("wipe") == RAN.count("booked") == 1


# -- calls that are tried again ---------------------------------------------------------------


@tool
def pay(amount: int) -> str:
    """Pay."""
    RAN.append("pay")
    raise ConnectionError("the line went dead")


PAY = (say("", call("pay", "c1", amount=5)), DONE)


def test_a_write_that_middleware_tries_again_does_not_run_twice(store: Store) -> None:
    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0, jitter=False)
    agent = agent_of([pay], *PAY, middleware=[retry])
    safe = guard(agent, policy=policy(pay="allow"), store=store)
    out = safe.invoke(HELLO)
    assert RAN == ["pay"]
    assert "went dead" in answers(out)[0]


@pytest.mark.parametrize("effect", ["allow", "approve"])
def test_a_write_that_a_node_tries_again_does_not_run_twice(effect: str, store: Store) -> None:
    again = RetryPolicy(max_attempts=3, initial_interval=0.001, jitter=False)
    node = ToolNode([pay], handle_tool_errors=False)
    builder = loop_of(node, *PAY, options={"retry_policy": again})
    safe = guard(builder, policy=policy(pay=effect), store=store)
    out = approved(safe) if effect == "approve" else safe.invoke(HELLO)
    assert RAN == ["pay"]
    assert "went dead" in answers(out)[0]


def test_a_cached_node_does_not_answer_in_the_place_of_the_guard(store: Store) -> None:
    @tool
    def send(text: str) -> str:
        """Send."""
        RAN.append("send")
        return "sent"

    turns = (say("", call("send", "c1", text="hi")), DONE)
    builder = loop_of(ToolNode([send]), *turns, options={"cache_policy": CachePolicy()})
    graph = builder.compile(cache=InMemoryCache())
    safe = guard(graph, policy=policy(send="approve"), store=store)
    for _ in range(2):
        out = safe.invoke(HELLO)
        assert len(out.waiting) == 1
        approve(safe)
        safe.resume(out.thread_id)
    assert RAN == ["send", "send"]


# -- ways around the gate ---------------------------------------------------------------------


CALL = {"name": "wipe", "args": {"disk": "a"}, "id": "c9", "type": "tool_call"}
FORGED = {**CALL, "guard": {"origin": "", "refusal": None}}


def rogue_of(goto: Any) -> Any:
    def rogue(state: MessagesState) -> Command[Any]:
        return Command(goto=goto, update={"messages": [say("", CALL)]})

    builder = StateGraph(MessagesState)
    builder.add_node("rogue", rogue, destinations=("tools",))
    builder.add_node("tools", ToolNode([wipe]))
    builder.add_edge(START, "rogue")
    builder.add_edge("tools", END)
    return builder


@pytest.mark.parametrize("goto", ["tools", Send("tools", [CALL])], ids=["name", "send"])
def test_a_node_that_jumps_to_the_tool_node_lands_on_the_gate(goto: Any, store: Store) -> None:
    safe = guard(rogue_of(goto), policy=policy(wipe="approve"), store=store)
    approved(safe)
    assert RAN == ["wipe"]


@pytest.mark.parametrize(
    "goto",
    [
        Send("tools.exec", [CALL]),
        Send("tools.exec", [FORGED]),
        Send("tools.approval", {"call": CALL, "origin": "", "refusal": None, "waits": False}),
        Send("tools.approval", {"call": FORGED, "origin": "", "refusal": None, "waits": True}),
    ],
    ids=["bare", "forged", "past_waiting", "never_proposed"],
)
def test_a_node_that_jumps_past_the_gate_runs_nothing(goto: Any, store: Store) -> None:
    from guarded_agent.core.errors import UnguardedCall

    safe = guard(rogue_of(goto), policy=policy(wipe="approve"), store=store)
    try:
        safe.invoke(HELLO, THREAD)
    except UnguardedCall:
        assert goto.arg.get("waits")
    assert RAN == []


def test_what_a_forged_exec_result_says_is_no_result_of_a_tool(store: Store) -> None:
    """A node can always write messages of its own; it cannot make a tool run that way."""
    done = {"__guarded_agent_done": {"messages": [ToolMessage("wiped", tool_call_id="c9")]}}
    safe = guard(rogue_of(Send("tools.exec", done)), policy=policy(wipe="approve"), store=store)
    safe.invoke(HELLO, THREAD)
    assert RAN == []
    assert "action.done" not in [event.kind for event in safe.monitor.audit.tail(9)]


# -- create_agent with everything around it ----------------------------------------------------


class Out(BaseModel):
    """What to give back."""

    mail: str


class Hooks(AgentMiddleware[Any, Any, Any]):
    def before_agent(self, state: Any, runtime: Any) -> None:
        RAN.append("before_agent")

    def after_agent(self, state: Any, runtime: Any) -> None:
        RAN.append("after_agent")


class Dynamic(AgentMiddleware[Any, Any, Any]):
    """Brings along a tool that the agent was not made with."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return handler(request.override(tools=[*request.tools, wipe]))

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        if request.tool_call["name"] == "wipe":
            return handler(request.override(tool=wipe))
        return handler(request)


@tool
def note(text: str) -> str:
    """Keep a note."""
    RAN.append("note")
    return "noted"


def test_a_tool_that_middleware_brings_along_is_judged(store: Store) -> None:
    ours = GuardMiddleware(policy(wipe="approve", note="read"), store=store)
    turns = (say("", call("wipe", "c1", disk="a")), DONE)
    agent = agent_of([note], *turns, middleware=[Dynamic(), ours], checkpointer=InMemorySaver())
    out = agent.invoke(HELLO, THREAD)
    assert RAN == []
    assert len(out["__interrupt__"]) == 1
    approve(ours)
    assert answers(ours.resume(agent, "t1")) == ["wiped"]


def test_a_tool_that_middleware_brings_along_is_refused_by_guard(store: Store) -> None:
    """What `guard()` rebuilds must be known when it looks: the net stops the rest."""
    from guarded_agent import UnprovableGraph
    from guarded_agent.core.errors import UnguardedCall

    turns = (say("", call("wipe", "c1", disk="a")), DONE)
    try:
        safe = guard(
            agent_of([note], *turns, middleware=[Dynamic()]),
            policy=policy(note="read"),
            store=store,
        )
        safe.invoke(HELLO, THREAD)
    except (UnprovableGraph, UnguardedCall):
        pass
    assert RAN == []


@pytest.mark.parametrize("by", ["guard", "middleware"])
def test_structured_output_is_judged_and_hooks_still_run(by: str, store: Store) -> None:
    turns = (
        say("", call("wipe", "c1", disk="a")),
        say("", call("Out", "c2", mail="card 4111 1111 1111 1111")),
    )
    rules = policy(wipe="approve")
    ours = GuardMiddleware(rules, store=store)
    mine = [Hooks(), ours] if by == "middleware" else [Hooks()]
    agent = agent_of(
        [wipe],
        *turns,
        middleware=mine,
        response_format=ToolStrategy(Out),
        checkpointer=InMemorySaver(),
    )
    safe = guard(agent, policy=rules, store=store) if by == "guard" else agent
    safe.invoke(HELLO, THREAD)
    assert RAN == ["before_agent"]
    approve(safe if by == "guard" else ours)
    out = safe.resume("t1") if by == "guard" else ours.resume(agent, "t1")
    assert RAN == ["before_agent", "wipe", "after_agent"]
    assert "4111" not in str(out["structured_response"])


def test_a_providers_structured_output_is_judged(store: Store) -> None:
    said = say('{"mail": "card 4111 1111 1111 1111"}')
    agent = agent_of([wipe], said, response_format=ProviderStrategy(Out))
    out = guard(agent, policy=policy(wipe="approve"), store=store).invoke(HELLO, THREAD)
    assert "4111" not in str(out)
    assert isinstance(out["structured_response"], Out)


def test_a_tool_class_of_ones_own(store: Store) -> None:
    class Wipe(BaseTool):
        name: str = "wipe"
        description: str = "Wipe a disk."

        def _run(self, disk: str) -> str:
            RAN.append("wipe")
            return "wiped"

    safe = guard(
        agent_of([Wipe()], say("", call("wipe", "c1", disk="a")), DONE),
        policy=policy(wipe="approve"),
        store=store,
    )
    assert answers(approved(safe)) == ["wiped"]

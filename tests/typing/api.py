"""Code as users write it. mypy and pyright must accept it, both in strict mode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType] - theirs
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from guarded_agent import (
    GuardMiddleware,
    Policy,
    PolicyError,
    UnprovableGraph,
    create_guarded_agent,
    guard,
)
from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog, Verified, verify
from guarded_agent.core import ALLOW, Effect, Finding, Guard, Stage, Subject, Verdict
from guarded_agent.server import create_app, serve
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


MODEL = ScriptedModel(script=[say("", call("add", "c1", a=1, b=2)), say("3")])


def wrap_a_compiled_graph(path: Path) -> str:
    builder = StateGraph(MessagesState)
    builder.add_node("noop", lambda state: state)
    builder.add_edge(START, "noop")
    safe = guard(builder.compile(), policy=path, store="sqlite://", trust={"noop": "does nothing"})

    config: RunnableConfig = {"configurable": {"thread_id": "t1"}}
    result = safe.invoke({"messages": []}, config)
    for request in safe.approvals.pending():
        decided: Request = safe.approvals.vote(
            request.id, "approve", reviewer="ann@acme.example", digest=request.digest, reason="ok"
        )
        print(decided.state)
    safe.resume(config)
    safe.resume("t1")
    print(safe.report(), safe.report().as_json(), result)
    return safe.get_graph().draw_mermaid()


def wrap_a_builder_and_read_why_not() -> dict[str, str]:
    try:
        guard(StateGraph(MessagesState), policy=Policy.default())
    except UnprovableGraph as refused:
        return refused.reasons
    except PolicyError as wrong:
        return {str(problem.line): problem.message for problem in wrong.problems}
    return {}


def wrap_tools() -> Sequence[BaseTool]:
    safe: list[BaseTool] = guard([add], policy={"version": 1, "tools": {"add": {"access": "read"}}})
    return safe


async def make_a_new_agent() -> None:
    agent = create_guarded_agent(MODEL, [add], policy="policy.yaml", system_prompt="Be brief.")
    await agent.ainvoke({"messages": [("user", "1 + 2?")]})
    async for _ in agent.astream({"messages": [("user", "1 + 2?")]}, stream_mode="updates"):
        pass
    await agent.aresume("t1")


def use_middleware() -> Approvals:
    middleware = GuardMiddleware("policy.yaml", tools=[add])
    create_agent(MODEL, [add], middleware=[middleware], checkpointer=InMemorySaver())
    return middleware.approvals


class NoShouting:
    """A guard of one's own needs no base class."""

    name = "no-shouting"
    stages = frozenset({Stage.FINAL_OUTPUT})

    def check(self, subject: Subject) -> Verdict:
        if isinstance(subject.payload, str) and subject.payload.isupper():
            return Verdict(Effect.DENY, (Finding("shouting", "all in capitals", self.name),))
        return ALLOW


def use_a_guard_of_ones_own() -> None:
    mine: Guard = NoShouting()
    guard([add], guards=[mine])


def look_after_the_store() -> Verified:
    with Store.open() as store:
        log = AuditLog(store)
        queue: list[Request] = Approvals(store, log).pending()
        print(queue, [event.kind for event in log.tail(5)])
        create_app(store)
        return verify(store)


def show_the_queue() -> None:
    serve("sqlite:///guarded_agent.db", port=0)

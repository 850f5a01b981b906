"""Secrets that a policy hands to a tool: there while the body of an admitted call runs."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.types import Command, interrupt

from guarded_agent import guard
from guarded_agent.core.errors import Denied, PolicyError, UnguardedCall
from guarded_agent.identity import provide_secret, secret
from guarded_agent.policy import Policy
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

VALUE = "tool~Xk29!vbnQ"
HELLO = {"messages": [("user", "hello")]}
AT: Any = {"configurable": {"thread_id": "t1"}}


def policy(place: str = "call:crm_key", **entry: Any) -> dict[str, Any]:
    tools = {"ask_crm": {"access": "read", "secrets": {"crm": place}} | entry}
    return {"version": 1, "tools": tools}


@pytest.fixture(autouse=True)
def asked() -> list[str]:
    """How often the secret was had."""
    asked: list[str] = []

    def give(place: str) -> str:
        asked.append(place)
        return VALUE

    provide_secret("crm_key", give)
    return asked


def agent(body: BaseTool) -> Any:
    from langchain.agents import create_agent

    turns = [say("", call("ask_crm", "c1")), say("Done.")]
    return create_agent(ScriptedModel(script=turns), [body])


def tool_of(work: Callable[[], str], how: str = "sync") -> BaseTool:
    async def awork() -> str:
        await asyncio.sleep(0)
        return work()

    return StructuredTool.from_function(
        func=None if how == "async" else work,
        coroutine=awork if how == "async" else None,
        name="ask_crm",
        description="Ask the CRM.",
    )


def run(safe: Any, how: str = "sync") -> str:
    out = asyncio.run(safe.ainvoke(HELLO, AT)) if how != "sync" else safe.invoke(HELLO, AT)
    return "\n".join(str(m.content) for m in out["messages"] if isinstance(m, ToolMessage))


def here() -> str:
    return f"{len(secret('crm').reveal())} characters"


def in_a_thread() -> str:
    answers: list[str] = []
    context = contextvars.copy_context()
    work = threading.Thread(target=lambda: answers.append(context.run(here)))
    work.start()
    work.join()
    return answers[0]


def in_a_loop_of_its_own() -> str:
    async def inner() -> str:
        return await asyncio.to_thread(here)

    answers: list[str] = []
    run = contextvars.copy_context().run
    work = threading.Thread(target=lambda: answers.append(run(asyncio.run, inner())))
    work.start()
    work.join()
    return answers[0]


@pytest.mark.parametrize("how", ["sync", "async", "sync tool in a loop"])
@pytest.mark.parametrize("work", [here, in_a_thread, in_a_loop_of_its_own])
def test_the_body_has_its_secret_wherever_it_runs(
    store: Store, work: Callable[[], str], how: str, asked: list[str]
) -> None:
    safe = guard(agent(tool_of(work, how)), policy=policy(), store=store)
    assert run(safe, how) == "14 characters"
    assert asked == [""]


@pytest.mark.parametrize("how", ["sync", "async"])
def test_a_secret_that_cannot_be_had_stops_the_call_before_its_body(store: Store, how: str) -> None:
    ran: list[int] = []
    body = tool_of(lambda: ran.append(1) or "ran", how)
    safe = guard(agent(body), policy=policy("env:NOT_SET_ANYWHERE"), store=store)
    told = run(safe, how)
    assert told == "A secret that ask_crm needs cannot be had, so it did not run."
    assert ran == []
    events = [each for each in safe.monitor.audit.events() if each.kind == "action.refused"]
    assert [each.data["reason"] for each in events] == [
        "the secret 'crm' cannot be had from env:NOT_SET_ANYWHERE: it is empty or not set"
    ]


def test_nothing_is_had_for_a_call_that_waits_or_is_denied(store: Store, asked: list[str]) -> None:
    asks = policy(rules=[{"effect": "approve"}])
    safe = guard(agent(tool_of(here)), policy=asks, store=store)
    safe.invoke(HELLO, AT)
    assert asked == []
    [request] = safe.approvals.pending()
    safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)
    safe.resume("t1")
    assert asked == [""]
    denied = guard(agent(tool_of(here)), policy=policy(rules=[{"effect": "deny"}]), store=store)
    denied.invoke(HELLO, {"configurable": {"thread_id": "t2"}})
    assert asked == [""]


def test_a_body_that_asks_a_question_gives_its_secret_back_and_has_it_anew(
    store: Store, asked: list[str]
) -> None:
    def ask() -> str:
        found = here()
        return f"{found}, {interrupt('really?')}"

    safe = guard(agent(tool_of(ask)), policy=policy(), store=store)
    safe.invoke(HELLO, AT)
    assert asked == [""]
    out = safe.invoke(Command(resume="yes"), AT)
    assert asked == ["", ""]
    assert "14 characters, yes" in [m.content for m in out["messages"]]


def test_a_tool_has_only_the_secrets_that_the_policy_hands_to_it(store: Store) -> None:
    def other() -> str:
        return secret("hr").reveal()

    safe = guard(agent(tool_of(other)), policy=policy(), store=store)
    with pytest.raises(Denied, match="holds no secret 'hr'"):
        run(safe)


def test_a_tool_that_is_called_past_its_guard_has_no_secret() -> None:
    with pytest.raises(UnguardedCall):
        here()


def test_a_nested_tool_does_not_have_the_secret_of_the_one_around_it(store: Store) -> None:
    @tool
    def inner() -> str:
        """Look."""
        return here()

    [guarded] = guard(
        [inner], policy={"version": 1, "tools": {"inner": {"access": "read"}}}, store=store
    )

    def work() -> str:
        return str(guarded.invoke({}))

    trust = {"tool:inner": "guarded under a policy of its own"}
    safe = guard(agent(tool_of(work)), policy=policy(), store=store, trust=trust)
    with pytest.raises(Denied, match="holds no secret 'crm'"):
        run(safe)


async def test_a_task_that_is_cancelled_gives_its_secret_back(store: Store) -> None:
    from guarded_agent.identity import Handed

    started, asked = asyncio.Event(), list[str]()

    class Counting:
        def lease(self, place: str) -> Handed:
            return Handed({"": VALUE}, "id-1")

        def renew(self, handed: Handed) -> Handed:
            return handed

        def revoke(self, handed: Handed) -> None:
            asked.append(f"revoke {handed.id}")

    provide_secret("counting", Counting())

    async def wait() -> str:
        """Wait."""
        secret("crm").reveal()
        started.set()
        await asyncio.sleep(60)
        return "never"

    body = StructuredTool.from_function(coroutine=wait, name="ask_crm", description="Ask.")
    safe = guard(agent(body), policy=policy("call:counting"), store=store)
    task = asyncio.create_task(safe.ainvoke(HELLO, AT))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asked == ["revoke id-1"]


@pytest.mark.parametrize("place", ["hunter2-the-password", "vault:x", 7, None])
def test_a_policy_holds_no_value_and_does_not_repeat_one(place: Any) -> None:
    with pytest.raises(PolicyError) as caught:
        Policy.from_mapping(policy(place))
    assert "hunter2" not in str(caught.value)
    assert "tools.ask_crm.secrets.crm" in str(caught.value)

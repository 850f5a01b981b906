"""Confused deputies and widened delegation: nobody does through an agent what they may not.

18: a weak user through a strong agent. 19: a sub-agent that gives itself more than it got.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, tool

from guarded_agent import guard
from guarded_agent.core.errors import Denied, GuardedAgentError
from guarded_agent.store import Store
from guarded_agent.testing import Recorder, call, recording_tool, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}


def policy(**more: Any) -> dict[str, Any]:
    allow = [{"effect": "allow"}]
    tools = {
        "pay": {"access": "write", "scopes": ["pay"], "rules": allow},
        "look": {"access": "read", "scopes": ["look"]},
    }
    # Whom a payment is about is asked elsewhere: here only who may pay.
    off = {"effect": "allow", "because": "only the scopes are asked about"}
    return {"version": 1, "agent": {"id": "teller"}, "tools": tools, "untrusted": off, **more}


def config(user: str | None = None, scopes: Any = None, thread: str = "t1") -> dict[str, Any]:
    said = {"user": user, "user_scopes": scopes, "thread_id": thread}
    return {"configurable": {name: item for name, item in said.items() if item is not None}}


@pytest.fixture
def pay(recorder: Recorder) -> BaseTool:
    return recording_tool(recorder, "pay", {"amount": (int, 1)})


@pytest.fixture
def look(recorder: Recorder) -> BaseTool:
    return recording_tool(recorder, "look", {"what": (str, "")})


PAYS = (say("", call("pay", "c1", amount=5)), say("Done."))
USERS = {
    "users": {"ann@acme.com": {"scopes": ["pay", "look"]}, "bob@acme.com": {"scopes": ["look"]}}
}


def run(safe: Any, where: dict[str, Any], how: str) -> str:
    """Run an agent; return what its model was told."""
    out = asyncio.run(safe.ainvoke(HELLO, where)) if how == "async" else safe.invoke(HELLO, where)
    return "\n".join(str(m.content) for m in out["messages"] if isinstance(m, ToolMessage))


# -- 18: the confused deputy ----------------------------------------------------------------------


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize(
    ("where", "runs"),
    [
        (config("ann@acme.com"), True),
        (config("bob@acme.com"), False),
        (config("eve@acme.com"), False),
        (config("ANN@acme.com"), False),
        (config("*"), False),
        (config(""), False),
        (config(), False),
        (config("ann@acme.com", ["look"]), False),
        (config("ann@acme.com", []), False),
        (config("ann@acme.com", ["pay", "look"]), True),
        (config("bob@acme.com", ["pay"]), False),
    ],
    ids=str,
)
def test_a_weak_user_does_nothing_through_a_strong_agent(
    store: Store,
    agent_of: AgentOf,
    pay: BaseTool,
    look: BaseTool,
    recorder: Recorder,
    where: dict[str, Any],
    runs: bool,
    how: str,
) -> None:
    """Attack 18. Defence: the user's scopes in `Parts._users_scopes` and the guard `scope`."""
    safe = guard(agent_of([pay, look], *PAYS), policy=policy(**USERS), store=store)
    told = run(safe, where, how)
    assert recorder.names == (("pay",) if runs else ())
    if not runs:
        assert told == "pay needs the scope pay, which the user it acts for does not have."


def test_all_other_users_have_what_the_policy_gives_them(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    users = {"users": {"bob": {"scopes": []}, "*": {"scopes": ["pay"]}}}
    safe = guard(agent_of([pay, look], *PAYS), policy=policy(**users), store=store)
    run(safe, config("bob", thread="t1"), "sync")
    assert recorder.names == ()
    run(safe, config("anybody", thread="t2"), "sync")
    run(safe, config(thread="t3"), "sync")
    assert recorder.names == ("pay", "pay")


@pytest.mark.parametrize("scopes", ["pay", {"pay": 1}, [1], ["pay", None], 7])
def test_scopes_that_are_no_list_of_words_let_nothing_run(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder, scopes: Any
) -> None:
    safe = guard(agent_of([pay, look], *PAYS), policy=policy(), store=store)
    run(safe, config("ann@acme.com", scopes), "sync")
    assert recorder.names == ()


def test_an_approval_gives_a_weak_user_nothing(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    """What the app says of a user is part of the action: it was approved for those scopes."""
    asks = policy()
    asks["tools"]["pay"]["rules"] = [{"effect": "approve"}]
    safe = guard(agent_of([pay, look], *PAYS), policy=asks, store=store)
    safe.invoke(HELLO, config("ann", ["pay"]))
    [request] = safe.approvals.pending()
    safe.approvals.vote(request.id, "approve", reviewer="zoe", digest=request.digest)
    with pytest.raises(GuardedAgentError):
        safe.resume(config("ann", []))
    assert recorder.names == ()
    safe.resume(config("ann", ["pay"]))
    assert recorder.names == ("pay",)


def test_a_grant_that_ends_while_people_decide_ends_the_call(
    tmp_path: Any, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    """The authority is asked again as the call starts. Defence: `Runs._recheck`."""
    now = [1_900_000_000.0]
    agent = {"id": "teller", "scopes": ["pay", "look"], "scopes_until": "2030-03-17T17:47:40Z"}
    asks = policy(agent=agent)
    asks["tools"]["pay"]["rules"] = [{"effect": "approve"}]
    with Store.open(f"sqlite:///{tmp_path}/g.db", environ={}, clock=lambda: now[0]) as store:
        safe = guard(agent_of([pay, look], *PAYS), policy=asks, store=store)
        safe.invoke(HELLO, config("ann"))
        [request] = safe.approvals.pending()
        safe.approvals.vote(request.id, "approve", reviewer="zoe", digest=request.digest)
        now[0] += 60
        safe.resume(config("ann"))
        assert recorder.names == ()
        now[0] -= 30  # set back: no time is given again
        told = run(safe, config("ann", thread="t2"), "sync")
        assert told == "pay needs the scope pay, which teller was granted for a time that is over."


# -- 19: delegation that widens -------------------------------------------------------------------


INNER: dict[str, Any] = {"name": "pay", "args": {"amount": 5}, "id": "i1", "type": "tool_call"}


def asking(pay: BaseTool, *, name: str = "ask", way: str = "sync") -> BaseTool:
    """A tool whose body calls a tool of another agent, and says nothing of the user."""
    nobody: Any = {"configurable": {"thread_id": "inner"}}
    given = INNER | {"name": pay.name, "args": {"amount": 5} if pay.name == "pay" else {}}

    def ask() -> str:
        if way == "sync":
            return str(pay.invoke(given, nobody).content)
        answers: list[Any] = []
        run = contextvars.copy_context().run
        work = threading.Thread(target=lambda: answers.append(run(pay.invoke, given, nobody)))
        work.start()
        work.join()
        return str(answers[0].content)

    async def aask() -> str:
        return str((await pay.ainvoke(given, nobody)).content)

    return StructuredTool.from_function(
        func=None if way == "async" else ask,
        coroutine=aask if way == "async" else None,
        name=name,
        description="Ask a colleague.",
    )


TRUST = {"tool:pay": "guarded under a policy of its own"}
ASKS = (say("", call("ask", "o1")), say("Done."))


def outer_policy(delegates: Any, **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"access": "read"}
    if delegates is not None:
        entry["delegates"] = delegates
    return {"version": 1, "agent": {"id": "front", **more}, "tools": {"ask": entry}}


@pytest.mark.parametrize("way", ["sync", "async", "thread"])
@pytest.mark.parametrize(
    ("delegates", "more", "runs"),
    [
        (None, {}, True),  # as before there was `delegates`
        (["pay", "look"], {}, True),
        (["look"], {}, False),
        ([], {}, False),
        (["pay"], {"scopes": ["look"]}, False),  # it does not have what it hands on
        (["pay"], {"scopes": ["pay"]}, True),
    ],
)
def test_a_sub_agent_has_no_more_than_it_was_handed(
    store: Store,
    agent_of: AgentOf,
    pay: BaseTool,
    look: BaseTool,
    recorder: Recorder,
    delegates: Any,
    more: dict[str, Any],
    runs: bool,
    way: str,
) -> None:
    """Attack 19. Defence: `Context.handed`, which `running()` carries into the body."""
    inner, _ = guard([pay, look], policy=policy(), store=store)
    front = agent_of([asking(inner, way=way)], *ASKS)
    safe = guard(front, policy=outer_policy(delegates, **more), store=store, trust=TRUST)
    told = run(safe, config("ann"), "async" if way == "async" else "sync")
    assert recorder.names == (("pay",) if runs else ())
    if not runs:
        assert "the call around it does not hand on" in told


def test_a_user_stays_weak_behind_two_agents_that_do_not_know_them(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    """Attacks 18 and 19 at once: the inner agents limit nobody and are told of no user."""
    last, _ = guard([pay, look], policy=policy(), store=store)
    passes = {"pass_on": {"access": "read"}}
    middle_policy = {"version": 1, "agent": {"id": "middle"}, "tools": passes}
    [middle] = guard([asking(last, name="pass_on")], policy=middle_policy, store=store, trust=TRUST)
    front_policy = outer_policy(None) | {"users": {"bob": {"scopes": ["look"]}}}
    trust = {**TRUST, "tool:pass_on": "guarded under a policy of its own"}
    front = agent_of([asking(middle)], *ASKS)
    safe = guard(front, policy=front_policy, store=store, trust=trust)
    run(safe, config("bob"), "sync")
    assert recorder.names == ()


def test_a_tool_that_says_what_it_delegates_is_held_to_it_by_its_own_declaration(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    from guarded_agent.tools import declaration

    inner, _ = guard([pay, look], policy=policy(), store=store)
    ask = asking(inner)
    ask.metadata = declaration(access="read", delegates=["look"])
    front = {"version": 1, "tools": {"ask": {"delegates": ["look", "pay"]}}}
    safe = guard(agent_of([ask], *ASKS), policy=front, store=store, trust=TRUST)
    run(safe, config("ann"), "sync")
    assert recorder.names == ()


def test_what_a_limited_call_leaves_behind_does_nothing_after_it(
    store: Store, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    """A task that outlives the body keeps the context of the body, and not its rights."""
    kept: list[contextvars.Context] = []

    @tool
    def ask() -> str:
        """Ask."""
        kept.append(contextvars.copy_context())
        return "asked"

    inner = guard([pay, look], policy=policy(), store=store)
    [safe] = guard([ask], policy=outer_policy(["pay"]), store=store)
    safe.invoke({})
    with pytest.raises(Denied, match="does not hand on"):
        kept[0].run(inner[0].invoke, {"amount": 5})
    assert recorder.names == ()
    inner[0].invoke({"amount": 6})
    assert recorder.names == ("pay",)


def test_an_agent_inside_a_tool_of_the_same_policy_is_held_to_what_the_tool_delegates(
    store: Store, agent_of: AgentOf, pay: BaseTool, look: BaseTool, recorder: Recorder
) -> None:
    inner = agent_of([pay, look], *PAYS)

    @tool
    def ask() -> str:
        """Ask a colleague."""
        return str(inner.invoke(HELLO)["messages"][-2].content)

    for number, (delegates, names) in enumerate([(["look"], ()), (["pay"], ("pay",))]):
        tools = {"ask": {"access": "read", "delegates": delegates}} | policy()["tools"]
        safe = guard(agent_of([ask], *ASKS), policy=policy(tools=tools), store=store)
        run(safe, config("ann", thread=f"t{number}"), "sync")
        assert recorder.names == names

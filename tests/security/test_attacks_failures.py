"""Whatever breaks, and wherever: nothing takes effect without a record, and nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import EmptyInputError

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.core import ALLOW, Stage, Subject, Verdict
from guarded_agent.core.errors import (
    GuardedAgentError,
    OutcomeUncertain,
    StoreError,
    UnguardedCall,
)
from guarded_agent.monitor import Receipt, settle_action
from guarded_agent.store import Ledger, Store
from guarded_agent.testing import Recorder, call, recording_tool, say

AgentOf = Callable[..., Any]
HELLO = {"messages": [("user", "hello")]}
THREAD: dict[str, Any] = {"configurable": {"thread_id": "t1"}}
RULES = {"allowed": {"effect": "allow"}, "approved": {"effect": "approve"}}
TURNS = (say("", call("wire", "c1", to="bob")), say("Done."))


def policy(kind: str = "allowed") -> dict[str, Any]:
    wire = {"access": "write", "rules": [RULES[kind]]}
    return {"version": 1, "agent": {"id": "teller"}, "tools": {"wire": wire}}


@pytest.fixture
def quick_store(tmp_path: Path) -> Iterator[Store]:
    """A store that does not wait long for another writer."""
    with Store.open(f"sqlite:///{tmp_path}/guard.db", timeout=0.02, environ={}) as store:
        yield store


def states(store: Store) -> list[str]:
    with closing(sqlite3.connect(str(store.path))) as connection:
        return [row[0] for row in connection.execute("SELECT state FROM guard_action")]


def lost(store: Store) -> list[Any]:
    with store.read() as connection:
        return Ledger(store).uncertain(connection)


def approve(safe: GuardedGraph) -> None:
    for request in safe.approvals.pending():
        safe.approvals.vote(request.id, "approve", reviewer="ann", digest=request.digest)


# -- the store --------------------------------------------------------------------------------


class Refusing:
    """Lets another program hold the database's lock during some of the store's writes."""

    def __init__(self, store: Store, refuses: Callable[[int], bool]) -> None:
        self.writes = 0
        self._store, self._plain, self._refuses = store, store.write, refuses
        store.write = self.write  # type: ignore[method-assign]

    @contextmanager
    def write(self, *, durable: bool = False) -> Generator[Any]:
        self.writes += 1
        if not self._refuses(self.writes):
            with self._plain(durable=durable) as connection:
                yield connection
            return
        with closing(sqlite3.connect(str(self._store.path), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with self._plain(durable=durable) as connection:
                yield connection

    def stop(self) -> None:
        del self._store.write


def watched(recorder: Recorder, store: Store) -> BaseTool:
    """A tool whose body finds its own start in the database, or counts as unrecorded."""

    def body(to: str) -> str:
        if "executing" not in states(store):
            recorder.add("unrecorded", {})
        return f"wired to {to}"

    return recording_tool(recorder, "wire", {"to": str}, result=body)


WRITES = 9
"""More than a whole run makes; there is a test of that."""


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
@pytest.mark.parametrize("kind", RULES)
def test_a_store_that_refuses_at_any_write_leaves_no_effect_without_a_record(
    quick_store: Store,
    recorder: Recorder,
    agent_of: AgentOf,
    kind: str,
    number: int,
    for_good: bool,
) -> None:
    safe = guard(
        agent_of([watched(recorder, quick_store)], *TURNS, checkpointer=InMemorySaver()),
        policy=policy(kind),
        store=quick_store,
    )
    refusing = Refusing(quick_store, (lambda n: n >= number) if for_good else number.__eq__)
    with suppress(GuardedAgentError):
        safe.invoke(HELLO, THREAD)
    with suppress(GuardedAgentError):
        approve(safe)
    # Nothing to resume where the very first write was refused: what the user said is kept first.
    with suppress(GuardedAgentError, EmptyInputError):
        safe.resume(THREAD)
    happened = recorder.count("wire")
    refusing.stop()
    assert recorder.count("unrecorded") == 0
    assert len(states(quick_store)) >= happened
    ended = finish(safe, quick_store)
    assert ended == "Done."
    assert recorder.count("wire") <= 1
    assert recorder.count("unrecorded") == 0


def finish(safe: GuardedGraph, store: Store) -> str:
    """Go on as people would: approve what waits, settle what is lost, resume."""
    for _ in range(6):
        head = safe.get_state(THREAD)
        if not head.next and head.values:
            return str(head.values["messages"][-1].content)
        if head.next:
            safe.resume(THREAD)
        else:
            safe.invoke(HELLO, THREAD)
        for entry in lost(store):
            settle_action(
                store, safe.monitor.audit, entry.digest, outcome="done", by="ann", reason="asked"
            )
        approve(safe)
    return "never"


def test_the_writes_of_a_whole_run_are_fewer_than_were_refused(
    quick_store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    tools = [watched(recorder, quick_store)]
    safe = guard(agent_of(tools, *TURNS), policy=policy("approved"), store=quick_store)
    counting = Refusing(quick_store, lambda _: False)
    out = safe.invoke(HELLO, THREAD)
    approve(safe)
    out = safe.resume(THREAD)
    assert out["messages"][-1].content == "Done."
    assert 3 < counting.writes < WRITES


def test_a_database_that_was_emptied_clears_nothing(
    quick_store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy("approved"), store=quick_store)
    safe.invoke(HELLO, THREAD)
    approve(safe)
    with closing(sqlite3.connect(str(quick_store.path))) as connection:
        connection.execute("DELETE FROM guard_vote")
        connection.execute("DELETE FROM guard_approval")
        connection.execute("DELETE FROM guard_action")
        connection.commit()
    with pytest.raises(GuardedAgentError):
        safe.resume(THREAD)
    assert recorder.names == ()


def test_a_database_without_its_tables_clears_nothing(
    quick_store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy("allowed"), store=quick_store)
    with closing(sqlite3.connect(str(quick_store.path))) as connection:
        connection.execute("DROP TABLE guard_action")
        connection.commit()
    with pytest.raises(StoreError):
        safe.invoke(HELLO, THREAD)
    assert recorder.names == ()


def test_an_outcome_that_cannot_be_recorded_is_told_to_people_and_not_to_the_model(
    quick_store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    """A model that reads of an error calls again, and what happened would happen twice."""
    refusing = Refusing(quick_store, lambda _: "wire" in recorder.names and armed.is_set())
    armed = threading.Event()
    armed.set()
    tools = [recording_tool(recorder, "wire", {"to": str})]
    agent = agent_of(tools, *TURNS, checkpointer=InMemorySaver(), handle_tool_errors=True)
    safe = guard(agent, policy=policy(), store=quick_store)
    out = safe.invoke(HELLO, THREAD)
    [asked] = out["__interrupt__"]
    assert asked.value["type"] == "outcome_unknown"
    armed.clear()
    refusing.stop()
    assert "__interrupt__" in safe.resume(THREAD)
    [entry] = lost(quick_store)
    settle_action(
        quick_store, safe.monitor.audit, entry.digest, outcome="done", by="ann", reason="asked"
    )
    assert safe.resume(THREAD)["messages"][-1].content == "Done."
    assert recorder.names == ("wire",)


def test_an_error_that_cannot_be_recorded_leaks_no_words_of_it(
    quick_store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    def fails(**_: Any) -> str:
        raise ValueError("card 4111 1111 1111 1111")

    tools = [recording_tool(recorder, "wire", {"to": str}, result=fails)]
    [safe] = guard(tools, policy=policy(), store=quick_store)
    Refusing(quick_store, lambda _: "wire" in recorder.names)
    with pytest.raises(OutcomeUncertain) as caught:
        safe.invoke({"to": "bob"})
    assert "4111" not in trace_of(caught.value)


def trace_of(error: BaseException | None) -> str:
    """Return the words of an error and of everything that it carries along."""
    words: list[str] = []
    while error is not None:
        words.append(f"{error!r} {error.args!r} {getattr(error, '__notes__', '')}")
        error = error.__cause__ or error.__context__
    return "\n".join(words)


# -- guards, redaction --------------------------------------------------------------------------


class Breaks:
    """A guard that breaks at one stage."""

    name = "breaks"

    def __init__(self, stage: Stage, error: BaseException) -> None:
        self.stages = frozenset({stage})
        self._error = error

    def check(self, subject: Subject) -> Verdict:
        raise self._error


ERRORS = [ValueError("x"), MemoryError(), RecursionError(), SystemExit(1), KeyboardInterrupt()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("stage", [Stage.INPUT, Stage.MODEL_OUTPUT, Stage.ACTION])
def test_a_guard_that_breaks_before_a_call_stops_it(
    store: Store, recorder: Recorder, agent_of: AgentOf, stage: Stage, error: BaseException
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str})]
    turns = (say("I pay.", call("wire", "c1", to="bob")), say("Done."))
    guards = [Breaks(stage, error)]
    safe = guard(agent_of(tools, *turns), policy=policy(), store=store, guards=guards)
    # What it says is withheld where it can be; a call is answered with a refusal.
    with suppress(SystemExit, KeyboardInterrupt, GuardedAgentError):
        safe.invoke(HELLO, THREAD)
    if stage is Stage.ACTION:
        assert recorder.names == ()
    assert set(states(store)) <= ({"done"} if recorder.names else {"judged"})


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_guard_that_breaks_after_a_call_leaves_a_record_of_it(
    store: Store, recorder: Recorder, agent_of: AgentOf, error: BaseException
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str}, result="secret words")]
    guards = [Breaks(Stage.TOOL_RESULT, error)]
    safe = guard(agent_of(tools, *TURNS), policy=policy(), store=store, guards=guards)
    with suppress(SystemExit, KeyboardInterrupt):
        out = safe.invoke(HELLO, THREAD)
        assert "secret words" not in str(out)
    assert recorder.names == ("wire",)
    assert states(store) == ["done" if isinstance(error, Exception) else "uncertain"]


@pytest.mark.parametrize("how", ["sync", "async"])
@pytest.mark.parametrize("said", [None, True, "allow", {"effect": "allow"}], ids=repr)
async def test_a_guard_that_says_no_verdict_lets_nothing_pass(
    store: Store, recorder: Recorder, agent_of: AgentOf, how: str, said: Any
) -> None:
    class Vague:
        name = "vague"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Any:
            return said

    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy(), store=store, guards=[Vague()])
    if how == "async":
        out = await safe.ainvoke(HELLO, THREAD)
    else:
        out = safe.invoke(HELLO, THREAD)
    assert recorder.names == ()
    assert "The guard vague failed" in str(out["messages"][-2].content)


def test_redaction_that_breaks_stops_the_call(
    store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy(), store=store)

    def breaks(_: Any) -> Any:
        raise ValueError("no")

    safe.monitor.redact = breaks
    with pytest.raises(ValueError, match="no"):
        safe.invoke(HELLO, THREAD)
    assert recorder.names == ()
    assert states(store) == []


# -- cancellation ---------------------------------------------------------------------------------


def waiting_tool(recorder: Recorder, inside: asyncio.Event) -> BaseTool:
    async def body(to: str) -> str:
        """Wire money."""
        recorder.add("wire", {"to": to})
        inside.set()
        await asyncio.Event().wait()
        return "never"

    return StructuredTool.from_function(coroutine=body, name="wire")


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("kind", RULES)
async def test_a_call_that_is_cancelled_in_its_body_is_uncertain_and_never_runs_again(
    store: Store, recorder: Recorder, agent_of: AgentOf, kind: str
) -> None:
    inside = asyncio.Event()
    tools = [waiting_tool(recorder, inside)]
    safe = guard(agent_of(tools, *TURNS), policy=policy(kind), store=store)
    if kind == "approved":
        await safe.ainvoke(HELLO, THREAD)
        approve(safe)
        run = safe.aresume(THREAD)
    else:
        run = safe.ainvoke(HELLO, THREAD)
    task = asyncio.create_task(run)
    await inside.wait()
    await cancelled(task)
    [entry] = lost(store)
    for _ in range(2):
        out = await safe.aresume(THREAD)
        assert out["__interrupt__"][0].value["type"] == "outcome_unknown"
    settle_action(store, safe.monitor.audit, entry.digest, outcome="done", by="ann", reason="saw")
    out = await safe.aresume(THREAD)
    assert out["messages"][-1].content == "Done."
    assert recorder.names == ("wire",)


@pytest.mark.parametrize(("kind", "step"), [("allowed", "_enter"), ("approved", "begin")])
async def test_a_call_that_is_cancelled_while_it_begins_has_not_begun(
    store: Store,
    recorder: Recorder,
    agent_of: AgentOf,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    step: str,
) -> None:
    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy(kind), store=store)
    if kind == "approved":
        await safe.ainvoke(HELLO, THREAD)
        approve(safe)
    begins, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    plain, pause = getattr(safe.monitor, step), safe.monitor.pause

    def slowly(*given: Any) -> Any:
        outcome = plain(*given)
        begins.set()
        go_on.wait(30)
        return outcome

    def paused(receipt: Receipt) -> None:
        pause(receipt)
        ended.set()

    with monkeypatch.context() as patch:
        patch.setattr(safe.monitor, step, slowly)
        patch.setattr(safe.monitor, "pause", paused)
        run = safe.aresume(THREAD) if kind == "approved" else safe.ainvoke(HELLO, THREAD)
        task = asyncio.create_task(run)
        await asyncio.to_thread(begins.wait, 30)
        assert states(store) == ["executing"]
        await cancelled(task)
        go_on.set()
        assert await asyncio.to_thread(ended.wait, 30)
    assert recorder.names == ()
    assert states(store) == ["judged"]
    out = await safe.aresume(THREAD)
    assert out["messages"][-1].content == "Done."
    assert recorder.names == ("wire",)


async def test_a_call_that_is_cancelled_while_its_result_is_judged_is_uncertain(
    store: Store, recorder: Recorder, agent_of: AgentOf
) -> None:
    inside = asyncio.Event()

    class Waits:
        name = "waits"
        stages = frozenset({Stage.TOOL_RESULT})

        def check(self, subject: Subject) -> Verdict:
            return ALLOW

        async def acheck(self, subject: Subject) -> Verdict:
            inside.set()
            await asyncio.Event().wait()
            return ALLOW

    tools = [recording_tool(recorder, "wire", {"to": str})]
    safe = guard(agent_of(tools, *TURNS), policy=policy(), store=store, guards=[Waits()])
    task = asyncio.create_task(safe.ainvoke(HELLO, THREAD))
    await inside.wait()
    await cancelled(task)
    assert [entry.tool for entry in lost(store)] == ["wire"]
    out = await safe.aresume(THREAD)
    assert out["__interrupt__"][0].value["type"] == "outcome_unknown"
    assert recorder.names == ("wire",)


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_tool_that_does_not_know_how_it_ended_asks_people(
    store: Store, recorder: Recorder, agent_of: AgentOf, how: str
) -> None:
    def times_out(**_: Any) -> str:
        raise OutcomeUncertain("the bank did not answer")

    tools = [recording_tool(recorder, "wire", {"to": str}, result=times_out)]
    safe = guard(agent_of(tools, *TURNS), policy=policy(), store=store)
    run = (
        safe.ainvoke(HELLO, THREAD)
        if how == "async"
        else asyncio.to_thread(safe.invoke, HELLO, THREAD)
    )
    out = await run
    assert out["__interrupt__"][0].value["type"] == "outcome_unknown"
    assert len(lost(store)) == 1
    assert recorder.names == ("wire",)


def test_a_receipt_that_was_taken_back_admits_no_body(store: Store) -> None:
    """A thread that was to run the body may start after its task was given up."""
    monitor = guard_monitor(store)
    receipt = begun(monitor)
    assert receipt.spend()
    monitor.pause(receipt)
    with pytest.raises(UnguardedCall):
        monitor.admit(receipt, "wire")


def test_of_many_threads_with_one_receipt_one_gets_in(store: Store) -> None:
    monitor = guard_monitor(store)
    receipt = begun(monitor)
    start, won = threading.Barrier(16), []

    def enter() -> None:
        start.wait()
        with suppress(UnguardedCall):
            won.append(monitor.admit(receipt, "wire"))

    threads = [threading.Thread(target=enter) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [receipt]


def guard_monitor(store: Store) -> Any:
    @tool
    def wire(to: str) -> str:
        """Wire money."""
        return to

    [safe] = guard([wire], policy=policy(), store=store)
    bound: Any = safe
    return bound._guard.monitor


def begun(monitor: Any) -> Receipt:
    action = monitor.action("wire", {"to": "bob"}, call_id="c1", thread_id="t1")
    monitor.propose(action)
    receipt = monitor.begin(action)
    assert isinstance(receipt, Receipt)
    return receipt


# -- a conversation that was lost ---------------------------------------------------------------


@pytest.mark.parametrize("took_effect", [True, False])
def test_a_call_made_anew_after_one_that_was_lost_is_put_before_people(
    store: Store, recorder: Recorder, agent_of: AgentOf, took_effect: bool
) -> None:
    """The process died and took the conversation along: the model asks again."""

    def dies(**_: Any) -> str:
        raise SystemExit

    def agent(result: Any) -> GuardedGraph:
        tools = [recording_tool(recorder, "wire", {"to": str}, result=result)]
        compiled = agent_of(tools, *TURNS, checkpointer=InMemorySaver())
        return guard(compiled, policy=policy(), store=store)

    with pytest.raises(SystemExit):
        agent(dies).invoke(HELLO, THREAD)
    safe = agent("")
    out = safe.invoke(HELLO, THREAD)
    [request] = out.waiting
    assert "nobody knows whether it took effect" in request.reasons[0].message
    assert recorder.names == ("wire",)
    safe.approvals.vote(
        request.id,
        "reject" if took_effect else "approve",
        reviewer="ann",
        digest=request.digest,
        reason="asked the bank",
    )
    out = safe.resume(THREAD)
    assert out["messages"][-1].content == "Done."
    assert recorder.count("wire") == (1 if took_effect else 2)
    assert len(lost(store)) == 1


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_a_result_that_cannot_be_read_leaves_no_call_that_seems_to_have_failed(
    store: Store, agent_of: AgentOf, recorder: Recorder, how: str
) -> None:
    """A model that reads of a failure calls again, and what happened would happen twice."""

    class Unreadable:
        def __str__(self) -> str:
            raise ValueError("no words")

    tools = [recording_tool(recorder, "wire", {"to": str}, result=lambda **_: Unreadable())]
    agent = agent_of(tools, *TURNS, handle_tool_errors=True)
    safe = guard(agent, policy=policy(), store=store)
    if how == "async":
        out = await safe.ainvoke(HELLO, THREAD)
    else:
        out = safe.invoke(HELLO, THREAD)
    assert out["__interrupt__"][0].value["type"] == "outcome_unknown"
    assert [entry.tool for entry in lost(store)] == ["wire"]
    assert recorder.names == ("wire",)

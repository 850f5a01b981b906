"""Threads go on once people have decided: in a script that waits, and by workers that die."""

from __future__ import annotations

import random
import runpy
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command, interrupt

from guarded_agent import GuardMiddleware
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.audit import AuditLog, verify
from guarded_agent.monitor import settle_action
from guarded_agent.store import Ledger, Store
from guarded_agent.testing import call, say

SCRIPT = Path(__file__).with_name("waking.py")
build = runpy.run_path(str(SCRIPT))["build"]
HELLO = {"messages": [("user", "hello")]}
Make = Callable[..., GuardedGraph]


def decide(safe: Any, choice: Any = "approve", count: int | None = None) -> None:
    for request in safe.approvals.pending()[:count]:
        safe.approvals.vote(
            request.id, choice, reviewer="ann", digest=request.digest, reason="looked at it"
        )


def in_a_moment(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Timer(0.2, work)
    thread.start()
    return thread


# -- scripts that wait --------------------------------------------------------------------


def test_a_script_waits_for_people_and_gets_the_result(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    voter = in_a_moment(lambda: decide(wire_500))
    out = wire_500.wait(out.thread_id, timeout=30)
    voter.join()
    assert (out["messages"][-1].content, out.waiting) == ("Done.", ())
    assert bank.wired == [("wire", "bob", 500.0)]


@pytest.mark.anyio
async def test_a_script_waits_in_an_event_loop(wire_500: GuardedGraph, bank: Any) -> None:
    out = await wire_500.ainvoke(HELLO)
    voter = in_a_moment(lambda: decide(wire_500))
    out = await wire_500.async_wait(out.thread_id, timeout=30)
    voter.join()
    assert (out["messages"][-1].content, bank.wired) == ("Done.", [("wire", "bob", 500.0)])


def test_a_script_that_waits_too_long_is_told_for_whom(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    with pytest.raises(TimeoutError, match=out.waiting[0].id):
        wire_500.wait(out.thread_id, timeout=0.1)
    decide(wire_500, "reject")
    out = wire_500.wait(out.thread_id, timeout=30)
    assert bank.wired == []
    assert out.waiting == ()


def test_a_script_waits_for_every_call_of_a_thread_and_for_what_an_edit_led_to(
    make: Make, bank: Any
) -> None:
    two = [call("wire", f"c{number}", to=f"p{number}", amount=500) for number in range(2)]
    safe = make(say("", *two), say("Done."))
    out = safe.invoke(HELLO)

    def people() -> None:
        _, second = safe.approvals.pending()
        decide(safe, count=1)
        safe.approvals.edit(
            second.id, {**second.preview, "amount": 600}, reviewer="bo", digest=second.digest
        )
        while not safe.approvals.pending():
            time.sleep(0.05)
        decide(safe)

    voter = in_a_moment(people)
    out = safe.wait(out.thread_id, timeout=60)
    voter.join()
    assert sorted(item[2] for item in bank.wired) == [500.0, 600.0]
    assert out["messages"][-1].content == "Done."


def test_what_waits_for_nobody_is_returned_as_it_is(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    decide(wire_500)
    done = wire_500.resume(out.thread_id)
    again = wire_500.wait(out.thread_id, timeout=30)
    assert again["messages"] == done["messages"]
    assert len(bank.wired) == 1


def test_a_question_of_a_tools_own_is_not_answered_by_waiting(store: Store) -> None:
    from langchain_core.tools import tool
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    from guarded_agent import guard

    @tool
    def ask() -> str:
        """Ask the user something."""
        return f"you said {interrupt('colour?')}"

    def agent(_: MessagesState) -> dict[str, Any]:
        return {"messages": [say("", call("ask", "c1"))]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([ask]))
    builder.add_edge(START, "agent")
    builder.add_edge("agent", "tools")
    policy = {"version": 1, "tools": {"ask": {"access": "write", "rules": [{"effect": "approve"}]}}}
    safe = guard(builder.compile(), policy=policy, store=store)
    out = safe.invoke(HELLO)
    decide(safe)
    out = safe.wait(out.thread_id, timeout=30)
    assert out["__interrupt__"][0].value == "colour?"
    worker = safe.worker()
    assert not worker.step()
    done = safe.invoke(Command(resume="red"), {"configurable": {"thread_id": out.thread_id}})
    assert done["messages"][-1].content == "you said red"


# -- workers ------------------------------------------------------------------------------


def test_a_worker_beside_a_script_has_its_thread_go_on(wire_500: GuardedGraph, bank: Any) -> None:
    out = wire_500.invoke(HELLO)
    with wire_500.worker():
        decide(wire_500)
        # `wait` leaves the thread to the worker where that has claimed it, and the other way.
        out = wire_500.wait(out.thread_id, timeout=30)
    assert (out["messages"][-1].content, bank.wired) == ("Done.", [("wire", "bob", 500.0)])


def test_a_wake_that_fails_is_tried_again_later_and_logs_no_content(
    wire_500: GuardedGraph, bank: Any, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    from guarded_agent.agent.worker import Worker

    wire_500.invoke(HELLO)
    decide(wire_500)
    told: list[Any] = []

    def wake(turn: Any) -> None:
        told.append(turn.thread_id)
        if len(told) == 1:
            raise OSError("bob's account number")

    now = store.clock()
    store.clock = lambda: now
    worker = Worker(wire_500.approvals, wake)
    assert worker.step()
    assert not worker.step()  # not before its time
    store.clock = lambda: now + 1.5
    assert worker.step()
    assert not worker.step()
    assert len(told) == 2
    assert "OSError" in caplog.text
    assert "account" not in caplog.text


def test_a_thread_that_another_process_keeps_is_left_to_it(make: Make, store: Store) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    turns = (say("", call("wire", "c1", to="bob", amount=500)), say("Done."))
    mine = make(*turns, checkpointer=InMemorySaver())
    other = make(*turns, checkpointer=InMemorySaver())
    out = mine.invoke(HELLO)
    decide(mine)
    now = store.clock()
    assert other.worker().step()
    assert mine.approvals.due("teller", out.thread_id)
    store.clock = lambda: now + 1.5
    assert mine.worker().step()
    assert not mine.approvals.due("teller", out.thread_id)
    assert mine.get_state({"configurable": {"thread_id": out.thread_id}}).next == ()


def started(url: str, folder: Path, how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "work", url, str(folder), how]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(folder: Path, name: str = "effects") -> list[str]:
    file = folder / name
    return file.read_text().splitlines() if file.exists() else []


THREADS = 40


@pytest.mark.slow
@pytest.mark.parametrize("how", ["sync", "async"])
def test_of_three_workers_of_which_one_is_killed_each_thread_goes_on_once(
    store_url: str, tmp_path: Path, how: str
) -> None:
    command = [sys.executable, "-W", "ignore", str(SCRIPT), "pause", store_url, str(tmp_path)]
    subprocess.run([*command, str(THREADS)], check=True, timeout=300)
    safe = build(store_url, tmp_path)
    assert len(safe.approvals.pending()) == THREADS
    workers = [started(store_url, tmp_path, how) for _ in range(3)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", worker.communicate()[1]
    decide(safe)
    moment = random.randint(1, THREADS // 2)
    names = [f"t{number}" for number in range(THREADS)]
    until = time.monotonic() + 240
    killed = False
    settled: dict[str, str] = {}
    ends: dict[str, list[str]] = {}
    while len(ends) < THREADS and time.monotonic() < until:
        if not killed and len(lines(tmp_path)) >= moment:
            workers[0].kill()
            killed = True
        with safe.monitor.store.read() as connection:
            lost = Ledger(safe.monitor.store).uncertain(connection)
        for entry in lost:
            state = safe.get_state({"configurable": {"thread_id": entry.thread_id}})
            asked = [item.value["type"] for item in state.interrupts]
            if asked != ["outcome_unknown"]:  # it runs, or its worker died and no other has it yet
                continue
            took = "done" if entry.thread_id in lines(tmp_path) else "failed"
            settled[entry.thread_id] = took
            log = AuditLog(safe.monitor.store)
            settle_action(
                safe.monitor.store, log, entry.digest, outcome=took, by="ann", reason="looked"
            )
        for name in names:
            if name in ends or safe.approvals.due("teller", name):
                continue
            state = safe.get_state({"configurable": {"thread_id": name}})
            if not state.next:
                ends[name] = [str(message.type) for message in state.values["messages"]]
        time.sleep(0.1)
    told: list[str] = []
    for worker in workers[1:]:
        _, errors = worker.communicate("end\n", timeout=60)
        told.append(errors)
        assert worker.returncode == 0, errors
    workers[0].communicate(timeout=60)
    assert killed
    assert len(settled) <= 1  # a process does one thing at a time
    assert sorted(ends) == sorted(names), told
    # What the agent said stands there once: no thread went through its end twice.
    assert {tuple(said) for said in ends.values()} == {("human", "ai", "tool", "ai")}
    counted = Counter(lines(tmp_path))
    assert counted == {name: 1 for name in names if settled.get(name) != "failed"}
    # One worker at a time: only what the killed one was at ran to its end twice, if anything.
    ran = lines(tmp_path, "ends")
    assert set(ran) == set(names)
    assert len(ran) <= THREADS + 1
    verify(safe.monitor.store)
    safe.monitor.store.close()


def test_the_middleware_has_the_same(store: Store) -> None:
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langgraph.checkpoint.memory import InMemorySaver

    from guarded_agent.testing import ScriptedModel

    ran: list[str] = []

    @tool
    def wire(to: str) -> str:
        """Wire money."""
        ran.append(to)
        return "wired"

    policy = {
        "version": 1,
        "agent": {"id": "teller"},
        "tools": {"wire": {"access": "write", "rules": [{"effect": "approve"}]}},
    }
    middleware = GuardMiddleware(policy, tools=[wire], store=store)
    model = ScriptedModel(script=[say("", call("wire", "c1", to="bob")), say("Done.")])
    agent = create_agent(model, [wire], middleware=[middleware], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t1"}}
    theirs: Any = agent
    theirs.invoke(HELLO, config)
    decide(middleware)
    assert middleware.worker(agent).step()
    assert ran == ["bob"]
    out = middleware.wait(agent, "t1", timeout=30)
    assert out["messages"][-1].content == "Done."

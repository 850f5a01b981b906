"""The kill switch: it reaches other processes, and every place at which an agent may be."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.tools import tool

from guarded_agent import guard
from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import Denied
from guarded_agent.identity import Registry
from guarded_agent.monitor.lifecycle import Lifecycle
from guarded_agent.store import Store
from guarded_agent.testing import ScriptedModel, call, say

SOON = 2.0
"""Seconds within which a stop reaches every process: what we promise."""

WHO = {"by": "bo@acme.example", "reason": "odd"}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
HELLO: Any = {"messages": [("user", "go")]}


def times(place: Path) -> list[float]:
    return [float(line) for line in place.read_text().splitlines()] if place.exists() else []


@pytest.mark.parametrize("how", ["acts", "talks"])
def test_a_stop_reaches_a_process_that_runs_within_two_seconds(
    how: str, store_url: str, tmp_path: Path
) -> None:
    """The defence: each call, and at short intervals each text, asks the store."""
    place = tmp_path / "times"
    command = [sys.executable, str(Path(__file__).with_name("stopping.py")), how, store_url]
    child = subprocess.Popen([*command, str(place)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        while len(times(place)) < 5:
            assert child.poll() is None
            time.sleep(0.05)
        with Store.open(store_url) as store:
            Registry(store, AuditLog(store)).suspend("worker", **WHO)
        stopped = time.time()
        said, _ = child.communicate(timeout=60)
    finally:
        child.kill()
    assert "the agent 'worker' is suspended" in said
    late = max(times(place)) - stopped
    print(f"{how}: the last sign of it came {late:.3f} s after the stop")
    assert late < SOON


class Teller:
    """An agent whose one tool does something while it runs."""

    def __init__(self, store: Store, meanwhile: Callable[[], Any], effect: str = "allow") -> None:
        self.ran = 0

        @tool
        def wire(to: str) -> str:
            """Wire money."""
            self.ran += 1
            meanwhile()
            return f"wired to {to}, balance 7"

        policy = {
            "version": 1,
            "agent": {"id": "teller"},
            "tools": {"wire": {"access": "write", "rules": [{"effect": effect}]}},
            "concern": {"off": True, "because": "a test"},
        }
        model = ScriptedModel(script=[say("", call("wire", "c1", to="bob")), say("Done.")])
        self.agent: GuardedGraph = guard(create_agent(model, [wire]), policy=policy, store=store)


def stop(store: Store) -> None:
    Registry(store, AuditLog(store)).suspend("teller", **WHO)


def answers(out: Any) -> list[str]:
    return [item.content for item in out["messages"] if item.type == "tool"]


RUNS: dict[str, Callable[[GuardedGraph], Any]] = {
    "invoke": lambda agent: agent.invoke(HELLO, THREAD),
    "ainvoke": lambda agent: asyncio.run(agent.ainvoke(HELLO, THREAD)),
    "stream": lambda agent: list(agent.stream(HELLO, THREAD)),
}


@pytest.mark.parametrize("how", RUNS)
def test_what_a_body_returns_after_the_stop_reaches_nobody(how: str, store: Store) -> None:
    """Kill switch during `executing`. The defence: the state is read as the result is recorded."""
    teller = Teller(store, lambda: stop(store))
    with pytest.raises(Denied, match="the agent 'teller' is suspended"):
        RUNS[how](teller.agent)
    assert "action.done" in [event.kind for event in AuditLog(store).events()]
    assert "balance" not in str(teller.agent.get_state(THREAD).values)
    assert teller.ran == 1


def test_once_it_acts_again_it_gets_that_result_and_nothing_runs_twice(store: Store) -> None:
    teller = Teller(store, lambda: stop(store))
    with pytest.raises(Denied, match="is suspended"):
        teller.agent.invoke(HELLO, THREAD)
    Registry(store, AuditLog(store)).resume("teller", by="bo", reason="fine")
    assert answers(teller.agent.resume("t1")) == ["wired to bob, balance 7"]
    assert teller.ran == 1


@pytest.mark.parametrize("end", ["suspend", "decommission"])
def test_a_thread_does_not_resume_with_what_was_approved_before(end: str, store: Store) -> None:
    """Kill switch between approval and execution, and at resume. The defence: each run asks."""
    teller = Teller(store, lambda: None, "approve")
    teller.agent.invoke(HELLO, THREAD)
    [request] = teller.agent.approvals.pending()
    teller.agent.approvals.vote(request.id, "approve", reviewer="cy", digest=request.digest)
    if end == "suspend":
        stop(store)
    else:
        Lifecycle(store, AuditLog(store)).decommission("teller", **WHO)
    for attempt in (
        lambda: teller.agent.resume("t1"),
        lambda: asyncio.run(teller.agent.aresume("t1")),
        lambda: teller.agent.invoke(None, THREAD),
        lambda: teller.agent.invoke(HELLO, {"configurable": {"thread_id": "t2"}}),
    ):
        with pytest.raises(Denied, match=r"is suspended|is decommissioned"):
            attempt()
    assert teller.ran == 0


def test_a_retired_agent_is_not_registered_again(store: Store) -> None:
    Teller(store, lambda: None)
    Lifecycle(store, AuditLog(store)).decommission("teller", **WHO)
    with pytest.raises(Denied, match="Choose another id in the policy"):
        Teller(store, lambda: None)


def test_a_model_is_not_even_asked_for_a_stopped_agent(store: Store) -> None:
    """The defence: the guarded model asks before it calls its provider."""
    asked: list[int] = []

    def turn(_: Any) -> Any:
        asked.append(1)
        return say("Hi.")

    policy = {"version": 1, "agent": {"id": "teller"}, "concern": {"off": True, "because": "t"}}
    agent = guard(create_agent(ScriptedModel(script=[turn]), []), policy=policy, store=store)
    stop(store)
    with pytest.raises(Denied, match="is suspended"):
        agent.invoke(HELLO, THREAD)
    assert asked == []

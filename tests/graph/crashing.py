"""Processes that die by SIGKILL around a tool's effect, and processes that race for it.

The first process imports everything, then starts no thread and opens no database. Each
scenario runs in two children that it forks: a victim, which dies at one point, and a
survivor, which finds what was left, asks people, goes on, and travels back in time.

    python crashing.py die  FOLDER SAVER HOW KIND DURABILITY...   prints what was found, as JSON
    python crashing.py race FOLDER SAVER                          prints what was found, as JSON
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.audit import AuditLog, verify
from guarded_agent.guards.pii import Redactor
from guarded_agent.monitor import Monitor, settle_action
from guarded_agent.policy import Engine, Policy
from guarded_agent.store import Ledger
from guarded_agent.testing import ScriptedModel, call, say

POINTS = (
    "in the gate, its verdict stored",
    "in the approval node, the vote read",
    "before the body",
    "in the body, before the effect",
    "in the body, after the effect",
    "after the body, before it is recorded",
    "in the next model call",
)
RULES = {"allowed": {"effect": "allow"}, "approved": {"effect": "approve"}}
HELLO = {"messages": [("user", "pay bob")]}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Scenario:
    """One agent in its own folder and thread, as one process has it."""

    def __init__(self, folder: Path, saver: str, durability: str, how: str, kind: str) -> None:
        self.folder = folder
        self.thread = {"configurable": {"thread_id": folder.name}}
        kept = {} if durability == "default" else {"durability": durability}
        self.options: dict[str, Any] = kept
        self.saver, self.how, self.kind = saver, how, kind
        self.open = ExitStack()

    def build(self, point: str) -> None:
        effects = self.folder / "effects"

        @tool
        def wire(to: str) -> str:
            """Wire money."""
            if point == "in the body, before the effect":
                die()
            with effects.open("a") as file:
                file.write(f"{to}\n")
            if point == "in the body, after the effect":
                die()
            return f"wired to {to}"

        def last_turn(_: object) -> AIMessage:
            if point == "in the next model call":
                die()
            return say("Done.")

        model = ScriptedModel(script=[say("", call("wire", "c1", to="bob")), last_turn])
        bound = model.bind_tools([wire])

        def agent(state: MessagesState) -> dict[str, object]:
            return {"messages": [bound.invoke(state["messages"])]}

        builder = StateGraph(MessagesState)
        builder.add_node("agent", agent)
        builder.add_node("tools", ToolNode([wire]))
        builder.add_edge(START, "agent")
        builder.add_conditional_edges("agent", tools_condition, ["tools", END])
        builder.add_edge("tools", "agent")
        policy = {
            "version": 1,
            "tools": {"wire": {"access": "write", "rules": [RULES[self.kind]]}},
        }
        self.safe = guard(
            builder.compile(checkpointer=self.checkpointer()), policy=policy, store=self.store_url()
        )
        self.store = self.safe.monitor.store

    def store_url(self) -> str:
        if self.saver == "postgres":
            return os.environ["CRASHING_DATABASE_URL"]
        return f"sqlite:///{self.folder}/guard.db"

    def checkpointer(self) -> Any:
        if self.saver == "langgraph":
            from langgraph.checkpoint.sqlite import SqliteSaver

            place = self.folder / "checkpoints.db"
            return SqliteSaver(sqlite3.connect(place, check_same_thread=False))
        if self.saver == "postgres":
            from langgraph.checkpoint.postgres import PostgresSaver

            address = self.store_url().replace("postgresql+psycopg://", "postgresql://")
            return self.open.enter_context(PostgresSaver.from_conn_string(address))
        return None  # guard() takes the one in the store's own file

    def run(self, given: Any, config: Any = None) -> Any:
        config = config or self.thread
        if self.how == "async":
            return asyncio.run(self.safe.ainvoke(given, config, **self.options))
        return self.safe.invoke(given, config, **self.options)

    def go_on(self) -> Any:
        if not self.safe.get_state(self.thread).values:
            return self.run(HELLO)
        if self.how == "async":
            return asyncio.run(self.safe.aresume(self.thread, **self.options))
        return self.safe.resume(self.thread, **self.options)

    @property
    def effects(self) -> int:
        file = self.folder / "effects"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def pending(self) -> list[Any]:
        found = self.safe.approvals.pending()
        return [request for request in found if request.thread_id == self.folder.name]

    def lost(self) -> list[Any]:
        with self.store.read() as connection:
            found = Ledger(self.store).uncertain(connection)
        return [entry for entry in found if entry.thread_id == self.folder.name]

    def vote(self) -> None:
        """Approve, but not what people are told may have happened already."""
        for request in self.pending():
            again = any(finding.category == "uncertain" for finding in request.reasons)
            choice = "reject" if again and self.effects else "approve"
            self.safe.approvals.vote(
                request.id, choice, reviewer="ann", digest=request.digest, reason="looked at it"
            )


def arm(point: str) -> None:
    """Let this process die where the monitor comes by."""

    def wrapped(name: str, when: str) -> None:
        plain: Callable[..., Any] = getattr(Monitor, name)

        def around(*args: Any, **kwargs: Any) -> Any:
            if when == "before":
                die()
            plain(*args, **kwargs)
            die()

        async def aaround(*args: Any, **kwargs: Any) -> Any:
            await plain(*args, **kwargs)
            die()

        setattr(Monitor, name, aaround if name == "apropose" else around)

    match point:
        case "in the gate, its verdict stored":
            wrapped("propose", "after")
            wrapped("apropose", "after")
        case "in the approval node, the vote read":
            wrapped("claim", "after")
        case "before the body":
            wrapped("admit", "before")
        case "after the body, before it is recorded":
            wrapped("_close", "before")


def victim(scenario: Scenario, point: str) -> None:
    scenario.build(point)
    if point != "in the approval node, the vote read":
        arm(point)
    scenario.run(HELLO)
    arm(point)
    scenario.vote()
    scenario.go_on()


def survivor(scenario: Scenario) -> dict[str, Any]:
    scenario.build("never")
    said = scenario.safe.get_state(scenario.thread).values.get("messages", [])
    found: dict[str, Any] = {
        "remembered": any(isinstance(message, AIMessage) for message in said),
        "effects at first": scenario.effects,
        "lost": 0,
        "in doubt": True,
    }
    out = scenario.go_on()
    for _ in range(5):
        asked = [item.value for item in out.get("__interrupt__", ())]
        lost = scenario.lost()
        unknown = {item["digest"] for item in asked if item["type"] == "outcome_unknown"}
        if lost or unknown:
            found["in doubt"] &= unknown <= {entry.digest for entry in lost}
            found["lost"] += len(lost)
            before = scenario.effects
            again = scenario.go_on()
            found["in doubt"] &= scenario.effects == before and "__interrupt__" in again
            for entry in lost:
                outcome = "done" if before else "failed"
                log = AuditLog(scenario.store)
                settle_action(
                    scenario.store, log, entry.digest, outcome=outcome, by="ann", reason="asked"
                )
        if not asked:
            break
        scenario.vote()
        out = scenario.go_on()
    found["effects"] = scenario.effects
    found["ends"] = out["messages"][-1].content
    found["still lost"] = len(scenario.lost())
    travel(scenario)
    found["effects after time travel"] = scenario.effects
    found["unapproved"] = unapproved(scenario)
    verify(scenario.store)
    return found


def travel(scenario: Scenario) -> None:
    """Run again from every state between the call and its answer, and from forks of it."""
    history = list(scenario.safe.get_state_history(scenario.thread))
    for state in history:
        if not any(name.startswith("tools") for name in state.next):
            continue
        scenario.run(None, state.config)
        said = state.values["messages"][-1]
        if state.next == ("tools",):
            fork = scenario.safe.update_state(state.config, {"messages": [said]}, "agent.output")
            scenario.run(None, fork)


def unapproved(scenario: Scenario) -> int:
    """Count the starts of calls that nobody approved though somebody had to."""
    if scenario.kind == "allowed":
        return 0
    events = [
        event
        for event in AuditLog(scenario.store).tail(10_000)
        if event.thread_id == scenario.folder.name
    ]
    used = {event.digest for event in events if event.kind == "approval.used"}
    voted = {event.digest for event in events if event.kind == "approval.voted"}
    started = {event.digest for event in events if event.kind == "action.started"}
    return len(started - (used & voted))


def child(work: Callable[[], Any], output: Path) -> int:
    """Start `work` in a process of its own; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        output.write_text(json.dumps(work()))
        code = 0
    except BaseException as error:
        output.write_text(json.dumps({"error": repr(error)}))
    finally:
        os._exit(code)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def crash(folder: Path, saver: str, how: str, kind: str, *durabilities: str) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for durability in durabilities:
        for number, point in enumerate(POINTS):
            if kind == "allowed" and point == "in the approval node, the vote read":
                continue
            place = folder / f"{kind}-{durability}-{number}"
            place.mkdir()
            scenario = Scenario(place, saver, durability, how, kind)
            code = ended(child(lambda: victim(scenario, point), place / "victim"))  # noqa: B023
            result: dict[str, Any] = {"died": code == -signal.SIGKILL}
            if not result["died"]:
                result["victim"] = (place / "victim").read_text()
            ended(child(lambda: survivor(scenario), place / "survivor"))  # noqa: B023
            result |= json.loads((place / "survivor").read_text())
            results[f"{durability}: {point}"] = result
    return results


RACERS = 4


def race(folder: Path, saver: str) -> dict[str, Any]:
    """Resume one thread from several processes at once, while another one votes."""
    scenario = Scenario(folder, saver, "sync", "sync", "approved")

    def start() -> None:
        scenario.build("never")
        scenario.run(HELLO)

    def resume(gate: int) -> str:
        scenario.build("never")
        os.read(gate, 1)  # returns when the last writer closes
        for _ in range(20):
            out = scenario.go_on()
            if not out.get("__interrupt__"):
                return str(out["messages"][-1].content)
            if out["__interrupt__"][0].value["type"] == "outcome_unknown":
                return "outcome_unknown"
        return "waits"

    def vote(gate: int) -> None:
        scenario.build("never")
        os.read(gate, 1)
        scenario.vote()

    ended(child(start, folder / "start"))
    gate, opener = os.pipe()

    def behind_gate(work: Callable[[int], Any]) -> Callable[[], Any]:
        def run() -> Any:
            os.close(opener)
            return work(gate)

        return run

    names = [f"racer{number}" for number in range(RACERS)]
    pids = [child(behind_gate(resume), folder / name) for name in names]
    pids.append(child(behind_gate(vote), folder / "voter"))
    os.close(opener)
    for pid in pids:
        ended(pid)
    found = [json.loads((folder / name).read_text()) for name in names]

    def finish() -> str:
        scenario.build("never")
        return str(scenario.go_on()["messages"][-1].content)

    ended(child(finish, folder / "finish"))
    return {
        "racers": found,
        "effects": scenario.effects,
        "ends": json.loads((folder / "finish").read_text()),
    }


def main() -> None:
    warm_up()
    command, folder, *rest = sys.argv[1:]
    work: Callable[..., dict[str, Any]] = {"die": crash, "race": race}[command]
    print(json.dumps(work(Path(folder), *rest)))


def warm_up() -> None:
    """Load what loads late, so that children need not; and make sure that forking is sound."""
    Redactor().redact({"to": "bob"})
    Engine(Policy.default(), [])
    threads = Path("/proc/self/task")
    if threads.exists() and len(list(threads.iterdir())) > 1:
        raise SystemExit("a thread runs before the fork")


if __name__ == "__main__":
    main()

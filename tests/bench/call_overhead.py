"""Measure what the monitor adds to one tool call, beside the same agent without it.

    python tests/bench/call_overhead.py [--rounds 21] [--calls 8] [--size 1024] [--write FILE]

Every contender plays the same script: the model asks for one tool with `size` characters
of text in its arguments, the tool answers with as many, and so on; no two texts are the same.
In each round all contenders run once, in rotated order, in a new thread. What is reported is
the difference to the unguarded agent of the same round: the median and the middle half.
Time of the processor counts all threads of this process; the time on the clock also holds
what else the machine does, and waiting for the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware, PIIMiddleware
from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from guarded_agent import guard
from guarded_agent.agent.middleware import GuardMiddleware
from guarded_agent.core import Action, Stage
from guarded_agent.identity import Ticket
from guarded_agent.monitor import Monitor, Receipt, Standing
from guarded_agent.store import Store
from guarded_agent.store.checkpoints import checkpointer
from guarded_agent.testing import ScriptedModel, call, say

WORDS = """
    the quarterly report for our northern region is ready and the team would like to discuss
    delivery dates prices open tickets travel plans budget questions hiring lunch parking the
    new office printer contract renewal customer feedback meeting notes agenda items shipment
    warehouse invoice draft review version schedule training weather holiday project milestone
""".split()  # noqa: SIM905 - it is prose

OFF = {"off": True, "because": "measured without"}
# The texts are words at random, of which the coercion guard would hold one in fifty.
ALL_GUARDS: dict[str, Any] = {"coercion": {"text_only": "allow"}}
NO_GUARDS = dict.fromkeys(("scope", "media", "impact", "secrets", "pii", "coercion"), OFF)
BARS = {
    "guard(): guards off": 1.0,
    "guard(): all guards, read": 3.0,
    "guard(): all guards, send": 3.0,
    "GuardMiddleware: guards off": 1.0,
    "GuardMiddleware: all guards, send": 3.0,
}
"""What a call may cost at the median, in milliseconds of the processor."""


def prose(size: int, chance: random.Random) -> str:
    """Return `size` characters of harmless business mail; numbers and an address stand in it."""
    text = "Dear Ann,\n"
    while len(text) < size:
        words = chance.choices(WORDS, k=chance.randint(6, 16))
        if chance.random() < 0.2:
            words.append(f"on {chance.randint(1, 28)} May at {chance.randint(8, 18)}:30")
        if chance.random() < 0.1:
            words.append(f"with {chance.choice(WORDS)}@acme.example")
        text += " ".join(words).capitalize() + ". "
    return text[:size]


def policy(access: str, guards: dict[str, Any]) -> dict[str, Any]:
    """Return a policy that allows the tool."""
    entry: dict[str, Any] = {"access": access}
    if access != "read":
        entry |= {"sink": {"argument": "to"}, "rules": [{"effect": "allow"}]}
    return {
        "version": 1,
        "agent": {"id": "clerk"},
        "organisation": {"domains": ["acme.example"]},
        "tools": {"work": entry},
        "guards": guards,
    }


@dataclass(frozen=True, slots=True)
class Play:
    """One script, and how it is to be played."""

    calls: int
    size: int
    chance: random.Random

    def script(self) -> list[AIMessage]:
        """Return the model's turns."""
        turns = [
            say(
                prose(40, self.chance),
                call(
                    "work",
                    f"c{index}",
                    to="ann@acme.example",
                    subject=prose(40, self.chance),
                    body=prose(self.size - 56, self.chance),
                ),
            )
            for index in range(self.calls)
        ]
        return [*turns, say(prose(200, self.chance))]

    def tools(self) -> list[BaseTool]:
        """Return the one tool; it answers with new text each time."""
        answers = itertools.cycle([prose(self.size, self.chance) for _ in range(self.calls * 7)])

        @tool
        def work(to: str, subject: str, body: str) -> str:
            """Do some work."""
            del to, subject, body
            return next(answers)

        return [work]


def hand_written(model: Any, tools: Sequence[BaseTool], saver: Any) -> Any:
    """Return the graph that tutorials build."""
    bound = model.bind_tools(tools)

    def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [bound.invoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode(tools))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition, ["tools", END])
    builder.add_edge("tools", "agent")
    return builder.compile(checkpointer=saver)


def langchains_own() -> list[Any]:
    """Return what LangChain itself offers: five kinds of personal data, and people's approval."""
    kinds = ("email", "credit_card", "ip", "mac_address", "url")
    every = {"apply_to_input": True, "apply_to_output": True, "apply_to_tool_results": True}
    return [
        *(PIIMiddleware(kind, strategy="redact", **every) for kind in kinds),
        HumanInTheLoopMiddleware({"another_tool": True}),
    ]


class Scriptable(ScriptedModel):
    """A model whose script is changed between runs."""


@dataclass(frozen=True, slots=True)
class Contender:
    """An agent that is measured, and the one that it is compared with."""

    name: str
    beside: str
    make: Callable[[Any, list[BaseTool], Any, Store], Any]


def guarded(access: str, guards: dict[str, Any]) -> Callable[..., Any]:
    def make(model: Any, tools: list[BaseTool], saver: Any, store: Store) -> Any:
        return guard(hand_written(model, tools, saver), policy=policy(access, guards), store=store)

    return make


class Idle(Monitor):
    """A monitor that does nothing: what is left is LangGraph's own work for the guard nodes."""

    def propose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        return Standing(action, "cleared")

    async def apropose(
        self, action: Action, *, edited_by: str | None = None, start: bool = False
    ) -> Standing:
        return Standing(action, "cleared")

    def begin(self, action: Action) -> Receipt:
        return Receipt(action, self.engine.spec(action.tool), NO_TICKET)

    begun = begin

    def just_passed(self, stage: Stage, payload: Any, *, thread_id: str) -> bool:
        return True

    def admit(self, receipt: Receipt | None, tool: str) -> Receipt:
        assert receipt is not None
        receipt.spend()
        return receipt

    def end(self, receipt: Receipt, result: Any, flow: Any = None) -> Any:
        return result

    async def aend(self, receipt: Receipt, result: Any, flow: Any = None) -> Any:
        return result

    def pass_text(self, stage: Stage, payload: Any, **where: Any) -> Any:
        return payload

    async def apass_text(self, stage: Stage, payload: Any, **where: Any) -> Any:
        return payload


NO_TICKET = Ticket("", "", 0.0, (), b"")


def idle(model: Any, tools: list[BaseTool], saver: Any, store: Store) -> Any:
    safe = guarded("read", NO_GUARDS)(model, tools, saver, store)
    safe.monitor.__class__ = Idle
    return safe


def with_middleware(access: str, guards: dict[str, Any]) -> Callable[..., Any]:
    def make(model: Any, tools: list[BaseTool], saver: Any, store: Store) -> Any:
        ours = GuardMiddleware(policy(access, guards), tools=tools, store=store)
        return create_agent(model, tools, middleware=[ours], checkpointer=saver)

    return make


PLAIN = "hand-written graph, unguarded"
AGENT = "`create_agent`, unguarded"
CONTENDERS = (
    Contender(PLAIN, PLAIN, lambda model, tools, saver, _: hand_written(model, tools, saver)),
    Contender("guard(): a monitor that does nothing", PLAIN, idle),
    Contender("guard(): guards off", PLAIN, guarded("read", NO_GUARDS)),
    Contender("guard(): all guards, read", PLAIN, guarded("read", ALL_GUARDS)),
    Contender("guard(): all guards, send", PLAIN, guarded("send", ALL_GUARDS)),
    Contender(
        AGENT, AGENT, lambda model, tools, saver, _: create_agent(model, tools, checkpointer=saver)
    ),
    Contender("GuardMiddleware: guards off", AGENT, with_middleware("read", NO_GUARDS)),
    Contender("GuardMiddleware: all guards, send", AGENT, with_middleware("send", ALL_GUARDS)),
    Contender(
        "LangChain: PII, five kinds, and human in the loop",
        AGENT,
        lambda model, tools, saver, _: create_agent(
            model, tools, middleware=langchains_own(), checkpointer=saver
        ),
    ),
)


@dataclass(slots=True)
class Times:
    """Milliseconds for each call, one of each for each round."""

    processor: list[float]
    clock: list[float]


def run_once(agent: Any, thread: str, *, asynchronous: bool) -> tuple[float, float, int]:
    """Play the script once; return time of processor and clock, and how many results came."""
    config = {"configurable": {"thread_id": thread}, "recursion_limit": 1000}
    given = {"messages": [("user", "Please work through the list.")]}

    async def on_a_loop() -> tuple[float, float, Any]:
        cpu, clock = time.process_time(), time.perf_counter()
        out = await agent.ainvoke(given, config)
        return time.process_time() - cpu, time.perf_counter() - clock, out

    gc.collect()
    if asynchronous:
        processor, elapsed, out = asyncio.run(on_a_loop())
    else:
        cpu, clock = time.process_time(), time.perf_counter()
        out = agent.invoke(given, config)
        processor, elapsed = time.process_time() - cpu, time.perf_counter() - clock
    done = sum(item.type == "tool" and item.status == "success" for item in out["messages"])
    return processor, elapsed, done


def measure(
    folder: Path, play: Play, rounds: int, *, asynchronous: bool, sqlite: bool
) -> dict[str, Times]:
    """Return the times of every contender."""
    agents: dict[str, tuple[Any, Any]] = {}
    times = {contender.name: Times([], []) for contender in CONTENDERS}
    stores: list[Store] = []
    for number, contender in enumerate(CONTENDERS):
        store = Store.open(f"sqlite:///{folder}/{asynchronous}-{sqlite}-{number}.db", environ={})
        stores.append(store)
        saver = checkpointer(store) if sqlite else InMemorySaver()
        model = Scriptable(script=[])
        agents[contender.name] = (model, contender.make(model, play.tools(), saver, store))
    # A model that is copied keeps the list itself: so the script is changed in place.
    for number in range(-1, rounds):  # the first round warms up and does not count
        script = play.script()
        first = number % len(CONTENDERS)
        for contender in (*CONTENDERS[first:], *CONTENDERS[:first]):
            model, agent = agents[contender.name]
            model.script[:] = script
            processor, elapsed, done = run_once(agent, f"round-{number}", asynchronous=asynchronous)
            if done != play.calls:
                raise RuntimeError(f"{contender.name}: {done} of {play.calls} calls succeeded")
            if number >= 0:
                times[contender.name].processor.append(processor * 1000 / play.calls)
                times[contender.name].clock.append(elapsed * 1000 / play.calls)
    for store in stores:
        store.close()
    return times


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median and quartiles."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return middle, low, high


def rows(times: dict[str, Times]) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield the cells of a table."""
    for contender in CONTENDERS:
        own, base = times[contender.name], times[contender.beside]
        if own is base:
            yield contender.name, f"{spread(own.processor)[0]:.2f}", "", "", ""
            continue
        more = [a - b for a, b in zip(own.processor, base.processor, strict=True)]
        wait = [a - b for a, b in zip(own.clock, base.clock, strict=True)]
        ratio = [a / b for a, b in zip(own.processor, base.processor, strict=True)]
        middle, low, high = spread(more)
        late, late_low, late_high = spread(wait)
        yield (
            contender.name,
            f"{spread(own.processor)[0]:.2f}",
            f"**{middle:+.2f}** ({low:+.2f} to {high:+.2f})",
            f"{late:+.2f} ({late_low:+.2f} to {late_high:+.2f})",
            f"{spread(ratio)[0]:.1f}",
        )


def table(times: dict[str, Times]) -> str:
    """Return a Markdown table."""
    head = "| agent | processor | more processor | more on the clock | times |\n"
    head += "| --- | ---: | ---: | ---: | ---: |\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows(times))


def bars(times: dict[str, Times]) -> Iterator[str]:
    """Yield whether each bar is met."""
    for contender in CONTENDERS:
        bar = BARS.get(contender.name)
        if bar is not None:
            own, base = times[contender.name].processor, times[contender.beside].processor
            middle = spread([a - b for a, b in zip(own, base, strict=True)])[0]
            word = "met" if middle < bar else "**not met**"
            yield f"* {contender.name}: {middle:.2f} ms, and the bar is {bar:.0f} ms: {word}."


FIRST, LAST = "<!-- figures begin -->", "<!-- figures end -->"
"""What stands around the figures in the page."""

SETTINGS = (
    ("Sync, checkpoints in memory", False, False),
    ("Async, checkpoints in memory", True, False),
    ("Sync, checkpoints in SQLite", False, True),
    ("Async, checkpoints in SQLite", True, True),
)


def main(arguments: Sequence[str]) -> None:
    """Measure, print, and write the page where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--calls", type=int, default=8)
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--only", default="", help="the beginning of a setting's name")
    parser.add_argument("--write", type=Path, help="the page whose figures are written anew")
    options = parser.parse_args(arguments)
    play = Play(options.calls, options.size, random.Random(7))
    parts: list[str] = []
    for title, asynchronous, sqlite in SETTINGS:
        if not title.startswith(options.only):
            continue
        with tempfile.TemporaryDirectory() as folder:
            times = measure(
                Path(folder), play, options.rounds, asynchronous=asynchronous, sqlite=sqlite
            )
        parts.append(f"### {title}\n\n{table(times)}\n" + "\n".join(bars(times)))
        print(f"\n{parts[-1]}", flush=True)
    names = ("langchain", "langchain-core", "langgraph", "sqlalchemy", "presidio-analyzer")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    about = (
        f"Measured on {datetime.now(UTC).date()}, Python {platform.python_version()} on "
        f"{platform.system()}, {os.cpu_count()} shared virtual cores, {libraries}; "
        f"{options.rounds} rounds of {options.calls} calls with {options.size} characters in and "
        "out; at the end the load average of the machine, which others used as well, was "
        f"{os.getloadavg()[1]:.1f}. Milliseconds for one call: medians, and in brackets the "
        "middle half."
    )
    if options.write is not None:
        page = options.write.read_text(encoding="utf-8")
        head, _, rest = page.partition(FIRST)
        figures = "\n\n".join([about, *parts])
        page = f"{head}{FIRST}\n\n{figures}\n\n{LAST}{rest.partition(LAST)[2]}"
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])

"""A message in parts is judged as one, also where its parts come at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from guarded_agent.agent.runtime import open_monitor
from guarded_agent.core import ALLOW, Action, Effect, Sink, Stage, Subject, ToolSpec, Verdict
from guarded_agent.core.context import MOST_SAID
from guarded_agent.monitor import Monitor
from guarded_agent.store import Store, memory

SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "body": {"type": "string"}},
    "required": ["to", "body"],
}
SEND = ToolSpec("send", "send", schema=SCHEMA, declared=True, sinks=(Sink("to"),))
POLICY: dict[str, Any] = {"version": 1, "tools": {"send": {"rules": [{"effect": "allow"}]}}}
PARTS = ("Cancel my deletion", "or HR reads your chats.")


class Whole:
    """Asks where both parts were written to one person, whatever their order."""

    name = "whole"
    stages = frozenset({Stage.ACTION})

    def __init__(self, meet: Callable[[], object] = lambda: None) -> None:
        self._meet = meet

    def check(self, subject: Subject) -> Verdict:
        self._meet()
        to = subject.payload["to"]
        texts = [said.text for said in subject.context.memory.said if to in said.to]
        whole = " ".join([*texts, subject.payload["body"]])
        return Verdict(Effect.APPROVE) if all(part in whole for part in PARTS) else ALLOW


@pytest.fixture
def monitor(any_store: Store) -> Monitor:
    return open_monitor(POLICY, any_store, [SEND])


def guarded(monitor: Monitor, *guards: Any) -> Monitor:
    return replace(monitor, guards=guards)


def send(monitor: Monitor, body: str, call: str, to: str = "kim@x.example") -> Action:
    return monitor.action("send", {"to": to, "body": body}, call_id=call, thread_id="t1")


def test_the_second_part_is_judged_with_the_first(monitor: Monitor) -> None:
    monitor = guarded(monitor, Whole())
    states = [monitor.propose(send(monitor, part, part)).state for part in PARTS]
    assert states == ["cleared", "waiting"]


def test_parts_for_different_people_are_different_messages(monitor: Monitor) -> None:
    monitor = guarded(monitor, Whole())
    assert monitor.propose(send(monitor, PARTS[0], "1")).state == "cleared"
    assert monitor.propose(send(monitor, PARTS[1], "2", "bo@x.example")).state == "cleared"


def test_of_two_parts_judged_at_once_one_is_judged_again(monitor: Monitor) -> None:
    meeting = threading.Barrier(2)
    met = threading.local()

    def meet() -> None:
        if not getattr(met, "once", False):
            met.once = True
            meeting.wait(10)  # neither is written down before both were judged

    monitor = guarded(monitor, Whole(meet))
    states: list[str] = []

    def propose(part: str) -> None:
        states.append(monitor.propose(send(monitor, part, part)).state)

    threads = [threading.Thread(target=propose, args=(part,)) for part in PARTS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["cleared", "waiting"]


def test_the_same_holds_in_an_event_loop(monitor: Monitor) -> None:
    monitor = guarded(monitor, Whole())

    async def both() -> list[str]:
        proposed = [monitor.apropose(send(monitor, part, part)) for part in PARTS]
        return [standing.state for standing in await asyncio.gather(*proposed)]

    assert sorted(asyncio.run(both())) == ["cleared", "waiting"]


def test_what_was_held_or_denied_is_no_part_of_the_next(monitor: Monitor) -> None:
    class Never:
        name = "never"
        stages = frozenset({Stage.ACTION})

        def check(self, subject: Subject) -> Verdict:
            return Verdict(Effect.DENY if "chats" in subject.payload["body"] else ALLOW.effect)

    monitor = guarded(monitor, Never(), Whole())
    assert monitor.propose(send(monitor, PARTS[1], "1")).state == "denied"
    assert monitor.propose(send(monitor, PARTS[0], "2")).state == "cleared"


def test_only_the_end_of_a_message_is_kept_and_redacted(monitor: Monitor) -> None:
    monitor.propose(send(monitor, "x" * 3 * MOST_SAID + " card 4111 1111 1111 1111", "1"))
    with monitor.store.read() as connection:
        said = memory.load(connection, monitor.agent_id, "t1").said
    assert [item.to for item in said] == [frozenset({"kim@x.example"})]
    assert len(said[0].text) <= MOST_SAID
    assert "4111" not in said[0].text


def test_an_erased_address_takes_what_was_said_to_it_along(monitor: Monitor) -> None:
    monitor.propose(send(monitor, "Hello there", "1"))
    with monitor.store.write() as connection:
        memory.drop(connection, monitor.agent_id, "t1", ["kim@x.example"], 1.0)
    with monitor.store.read() as connection:
        assert memory.load(connection, monitor.agent_id, "t1").said == ()

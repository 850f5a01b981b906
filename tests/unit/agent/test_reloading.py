"""`reload: true`: a changed policy file counts for new calls, a broken one never does."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent  # pyright: ignore[reportUnknownVariableType]
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from sqlalchemy import select

from guarded_agent import GuardMiddleware, Policy, guard
from guarded_agent.agent import reloading
from guarded_agent.agent.runtime import open_monitor
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, ToolSpec
from guarded_agent.core.errors import Denied, PolicyError
from guarded_agent.monitor import Monitor
from guarded_agent.store import Store
from guarded_agent.store.schema import action as actions
from guarded_agent.testing import ScriptedModel

SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
PAY = ToolSpec("pay", "write", schema=SCHEMA, declared=True)
ALLOWS = """\
version: 1
reload: true
agent: {id: payer}
tools:
  pay:
    access: write
    rules: [{id: all, effect: allow}]
"""
DENIES = ALLOWS.replace("effect: allow", "effect: deny")
ASKS = ALLOWS.replace("effect: allow", "effect: approve")
CARD = "4111 1111 1111 1111"


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "OFTEN", 0.0)


class File:
    """A policy file that rests: each text that is put there is older than it looks."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._at = path, 1_000_000_000
        self.put(text)

    def put(self, text: str) -> None:
        self._at += 1
        new = self.path.with_suffix(".new")
        new.write_text(text)
        os.utime(new, (self._at, self._at))
        new.replace(self.path)


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "policy.yaml", ALLOWS)


def opened(file: File, store: Store, **how: Any) -> Monitor:
    return open_monitor(file.path, store, [PAY], **how)


def act(monitor: Monitor, call: str, to: str = "bob") -> Action:
    return monitor.action("pay", {"to": to}, call_id=call, thread_id="t1")


def state(monitor: Monitor, call: str) -> str:
    return monitor.propose(act(monitor, call)).state


def log(store: Store, prefix: str = "policy.") -> list[tuple[str, Mapping[str, Any]]]:
    return [(e.kind, e.data) for e in AuditLog(store).events() if e.kind.startswith(prefix)]


def test_a_changed_file_counts_for_the_next_call_and_is_written_down(
    file: File, store: Store
) -> None:
    monitor = opened(file, store)
    assert state(monitor, "c1") == "cleared"
    before = monitor.engine.digest
    file.put(DENIES)
    assert state(monitor, "c2") == "denied"
    assert state(monitor, "c3") == "denied"
    [(kind, data)] = log(store)
    assert kind == "policy.reloaded"
    assert (data["old"], data["new"]) == (before, monitor.engine.digest)


async def test_it_counts_in_an_event_loop_as_well(file: File, store: Store) -> None:
    monitor = opened(file, store)
    file.put(DENIES)
    assert (await monitor.apropose(act(monitor, "c1"))).state == "denied"


def test_all_that_hangs_on_the_policy_changes_with_it(file: File, store: Store) -> None:
    monitor = opened(file, store)
    more = ALLOWS.replace("{id: payer}", "{id: payer, scopes: [a], issuer: acme}") + (
        "organisation: {domains: [acme.com]}\n"
        "users: {ann: {scopes: [a]}}\n"
        "output: {hold: message}\n"
        "approvals: {decide_within: 1m}\n"
        "guards: {pii: {tool_arguments: block}}\n"
    )
    file.put(more)
    assert monitor.propose(act(monitor, "c1", CARD)).state == "denied"
    assert monitor.granted == {"a"}
    assert monitor.inside == {"acme.com"}
    assert monitor.users == {"ann": frozenset({"a"})}
    assert monitor.hold_output
    assert monitor.issuer == "acme"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 1\ntools: {pay: [", "is not valid YAML"),
        ("", "is empty"),
        (ALLOWS.replace("  pay:", "  payy:"), 'there is no tool "payy"'),
        (ALLOWS.replace("effect: allow", "effect: allow, when: args.nothing == 1"), "nothing"),
        (ALLOWS + "guards: {pii: {preset: none}}\n", "preset"),
        (ALLOWS.replace("id: payer", "id: other"), "agent.id: is another now"),
        (ALLOWS.replace("id: payer", "id: payer, family: f"), "agent.family: is another now"),
        (ALLOWS.replace("reload: true", "reload: false"), "reload: is another now"),
        (ALLOWS + "mode: observe\n", "mode: is another now"),
        (ALLOWS + "concern: {off: true, because: x}\n", "concern.off: is another now"),
        (ALLOWS + "guards: {pii: {tool_arguments: pseudonymize}}\n", "pseudonyms are switched"),
        (ALLOWS.replace("rules:", "hide: true\n    rules:"), "hide is used now"),
    ],
)
def test_a_file_that_cannot_count_leaves_the_last_good_policy(
    file: File, store: Store, text: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = opened(file, store)
    before = monitor.engine
    file.put(text)
    for call in ("c1", "c2", "c3"):
        assert state(monitor, call) == "cleared"
    assert monitor.engine is before
    [(kind, data)] = log(store)
    assert kind == "policy.refused"
    assert data["digest"] == before.digest
    assert problem in " ".join(data["problems"])
    assert len(caplog.records) == 1
    file.put(DENIES)  # and it goes on from there
    assert state(monitor, "c4") == "denied"


def test_a_file_that_is_gone_leaves_the_last_good_policy(file: File, store: Store) -> None:
    monitor = opened(file, store)
    file.path.unlink()
    for call in ("c1", "c2", "c3"):
        assert state(monitor, call) == "cleared"
    assert [kind for kind, _ in log(store)] == ["policy.refused"]
    file.put(DENIES)
    assert state(monitor, "c4") == "denied"


def test_a_pipe_in_its_place_is_not_waited_for(file: File, store: Store) -> None:
    monitor = opened(file, store)
    file.path.unlink()
    os.mkfifo(file.path)
    os.utime(file.path, (1, 1))
    for call in ("c1", "c2", "c3"):
        assert state(monitor, call) == "cleared"
    assert [kind for kind, _ in log(store)] == ["policy.refused"]


def test_what_a_broken_file_holds_is_redacted_in_the_log(
    file: File, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    monitor = opened(file, store)
    file.put(ALLOWS + f'"{CARD}": 1\n')
    assert state(monitor, "c1") == "cleared"
    [(_, data)] = log(store)
    assert data["problems"]
    assert CARD not in json.dumps(dict(data)) + caplog.text


def test_half_of_a_policy_does_not_count_while_it_is_written(file: File, store: Store) -> None:
    careful = ALLOWS + "guards: {pii: {tool_arguments: block}}\n"
    file.put(careful)
    monitor = opened(file, store)
    file.path.write_text(ALLOWS)  # loads, and lacks the guards that stand further below
    assert monitor.propose(act(monitor, "c1", CARD)).state == "denied"
    file.path.write_text(ALLOWS + "guards: {pii: {tool_arguments: block, input: redact}}\n")
    for call in ("c2", "c3"):
        assert monitor.propose(act(monitor, call, CARD)).state == "denied"
    assert [kind for kind, _ in log(store)] == ["policy.reloaded"]


def test_a_comment_is_no_change(file: File, store: Store) -> None:
    monitor = opened(file, store)
    file.put(f"# of ours\n{ALLOWS}")
    assert state(monitor, "c1") == "cleared"
    assert log(store) == []


@pytest.mark.parametrize("asked", [False, True])
def test_what_the_old_policy_cleared_does_not_start_under_the_new_one(
    file: File, store: Store, asked: bool
) -> None:
    if asked:
        file.put(ASKS)
    monitor = opened(file, store)
    call = act(monitor, "c1")
    standing = monitor.propose(call)
    if standing.request is not None:
        monitor.approvals.vote(
            standing.request.id,
            "approve",
            reviewer="ann@acme.com",
            digest=standing.request.digest,
            reason="fine",
        )
        assert monitor.propose(call).state == "cleared"
    file.put(ALLOWS.replace("id: all", "id: some"))
    state(monitor, "c2")
    with pytest.raises(Denied, match="The policy changed"):
        monitor.begin(call)


def test_a_call_that_began_goes_on(file: File, store: Store) -> None:
    monitor = opened(file, store)
    call = act(monitor, "c1")
    monitor.propose(call, start=True)
    file.put(DENIES)
    assert state(monitor, "c2") == "denied"
    receipt = monitor.begin(call)
    monitor.admit(receipt, "pay")  # type: ignore[arg-type]  # it is a receipt
    assert monitor.end(receipt, "paid") == "paid"  # type: ignore[arg-type]
    kinds = [kind for kind, _ in log(store, "action.")]
    assert kinds == ["action.judged", "action.started", "action.judged", "action.done"]


def test_without_reload_the_file_is_not_looked_at(file: File, store: Store) -> None:
    file.put(ALLOWS.replace("reload: true\n", ""))
    monitor = opened(file, store)
    assert type(monitor) is Monitor
    file.put(DENIES)
    assert state(monitor, "c1") == "cleared"


def test_only_a_file_can_be_reloaded(file: File, store: Store) -> None:
    changed = Policy.from_file(file.path).model_copy(update={"version": 1})
    for policy in (changed, Policy.from_text(ALLOWS), Policy.from_text(ALLOWS).model_dump()):
        with pytest.raises(PolicyError, match="reload: needs a policy that is what a file says"):
            open_monitor(policy, store, [PAY])


@tool
def pay(to: str) -> str:
    """Pay."""
    return f"paid {to}"


@tool
def look(to: str) -> str:
    """Look."""
    return f"saw {to}"


def test_guarded_tools_follow_the_file(file: File, store: Store) -> None:
    file.put(ALLOWS)
    [safe] = guard([pay], policy=file.path, store=store)
    config: Any = {"configurable": {"thread_id": "t"}}
    assert safe.invoke({"to": "bob"}, config) == "paid bob"
    file.put(DENIES)
    with pytest.raises(Denied):
        safe.invoke({"to": "bob"}, config)


def test_the_middleware_follows_the_file(file: File, store: Store) -> None:
    middleware = GuardMiddleware(file.path, store=store)

    def run(name: str, thread: str) -> str:
        call = {"name": name, "args": {"to": "bob"}, "id": f"call-{thread}"}
        model = ScriptedModel(script=[AIMessage("", tool_calls=[call]), AIMessage("done")])
        agent: Any = create_agent(model, [pay, look], middleware=[middleware])
        given = {"messages": [("user", "pay bob")]}
        messages = agent.invoke(given, {"configurable": {"thread_id": thread}})["messages"]
        return str(messages[-2].content)

    assert run("pay", "t1") == "paid bob"
    file.put(DENIES)
    assert "does not allow" in run("pay", "t2")
    file.put(ALLOWS + "  look: {access: read}\n")
    assert run("look", "t3") == "saw bob"
    assert [kind for kind, _ in log(store)] == ["policy.reloaded"] * 2


def test_each_call_is_judged_by_one_good_policy_while_the_file_flips(
    file: File, store: Store
) -> None:
    redacts = ALLOWS + "guards: {pii: {tool_arguments: redact}}\n"
    blocks = ASKS.replace("id: all", "id: ask") + "guards: {pii: {tool_arguments: block}}\n"
    file.put(redacts)
    monitor = opened(file, store)
    first = monitor.engine.digest
    second = open_monitor(Policy.from_text(blocks.replace("reload: true\n", "")), store, [PAY])
    assert second.engine.digest != first
    ended = threading.Event()
    broke: list[BaseException] = []

    def call(name: int) -> None:
        try:
            for number in range(25):
                one = act(monitor, f"{name}-{number}", CARD)
                if name % 2:
                    asyncio.run(_propose(monitor, one))
                else:
                    monitor.propose(one)
        except BaseException as error:
            broke.append(error)

    def flip() -> None:
        while not ended.is_set():
            for text in (blocks, "version: 1\ntools: {", redacts):
                file.put(text)
                ended.wait(0.02)

    flipper = threading.Thread(target=flip)
    threads = [threading.Thread(target=call, args=(name,)) for name in range(8)]
    flipper.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    flipper.join()
    assert broke == []
    with store.read() as connection:
        columns = (actions.c.policy_digest, actions.c.effect, actions.c.verdict_json)
        rows = connection.execute(select(*columns)).all()
    assert len(rows) == 200
    digests = {data["new"] for kind, data in log(store) if kind == "policy.reloaded"} | {first}
    assert len(digests) == 2
    seen: dict[tuple[str, str, bool], int] = {}
    for digest, effect, verdict in rows:
        asks = any(one.get("rule") == "ask" for one in json.loads(verdict)["findings"])
        seen[digest, effect, asks] = seen.get((digest, effect, asks), 0) + 1
    other = next(iter(digests - {first}))
    assert set(seen) == {(first, "redact", False), (other, "deny", True)}


async def _propose(monitor: Monitor, action: Action) -> None:
    await monitor.apropose(action)

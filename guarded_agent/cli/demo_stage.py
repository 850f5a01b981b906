"""The demo's stage: a folder with the same company twice, and both runs of the assistant."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import click
from sqlalchemy import func, select

from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.agent.guard import guard
from guarded_agent.approvals import Approvals, Request
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import Denied, MissingExtra
from guarded_agent.policy import load
from guarded_agent.redteam.insider import (
    POLICY,
    Episode,
    Outcome,
    World,
    build_agent,
    episodes,
)
from guarded_agent.store import Ledger, Store
from guarded_agent.store.schema import approval

MARKER = ".guarded-agent-demo"
UNGUARDED, GUARDED, STORE = "unguarded", "guarded", "guard.db"
"""What the demo makes in its folder, and deletes from it when it is run again."""

_STORE_FILES = ("", "-wal", "-shm", ".key")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A call that the monitor stopped.

    Attributes:
        tool: The tool.
        thread_id: The conversation.
        args: The arguments, redacted.
        reasons: Why, in the findings' own words.
    """

    tool: str
    thread_id: str
    args: Mapping[str, Any]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What became of both worlds.

    Attributes:
        unguarded: What happened with nothing in between; None where it was not played.
        guarded: What happened behind the monitor.
        stopped: What the monitor stopped.
        requests: What people were asked, oldest first, whatever became of it.
        ended: How the calls of those requests ended in the ledger, by digest.
        resumed: The threads that went on.
    """

    unguarded: Outcome | None
    guarded: Outcome
    stopped: tuple[Stopped, ...]
    requests: tuple[Request, ...]
    ended: Mapping[str, str]
    resumed: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[Request, ...]:
        """What still waits for people."""
        return tuple(request for request in self.requests if request.state == "pending")


@dataclass(frozen=True, slots=True)
class Stage:
    """The demo's folder.

    Attributes:
        folder: Where, as the user named it.
        model: The live model that plays, or None for the script.
    """

    folder: Path
    model: str | None = None

    @classmethod
    def found(cls, folder: Path) -> Stage:
        """Return the stage that an earlier run made in `folder`.

        Raises:
            click.UsageError: There is none.
        """
        try:
            known = json.loads((folder / MARKER).read_text("utf-8"))
            return cls(folder, cast("str | None", known["model"]))
        except (OSError, ValueError, KeyError, TypeError):
            raise click.UsageError(
                f"no demo was run in {folder}: run guarded-agent demo first."
            ) from None

    @property
    def store_url(self) -> str:
        """The store of the guarded run, as a command line names it."""
        return f"sqlite:///{self.folder / STORE}"

    def clear(self) -> None:
        """Make the folder ready for a new run; only what an earlier run made is deleted.

        Raises:
            click.UsageError: Something else is in the folder.
        """
        marker = self.folder / MARKER
        if self.folder.is_dir() and any(self.folder.iterdir()) and not marker.is_file():
            raise click.UsageError(
                f"{self.folder} holds files that the demo did not make: name another folder with "
                "--folder."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps({"model": self.model}) + "\n", "utf-8")
        for name in (UNGUARDED, GUARDED):
            if (self.folder / name).exists():
                shutil.rmtree(self.folder / name)
        for ending in _STORE_FILES:
            (self.folder / f"{STORE}{ending}").unlink(missing_ok=True)

    def play(self, model: Any = None) -> Played:
        """Play the three conversations unguarded, then guarded.

        Args:
            model: A live chat model, or None for the script.
        """
        with World.build(self.folder / UNGUARDED) as world:
            answers = {
                episode.name: _answer(build_agent(episode.model, episode.tools), episode)
                for episode in _cast(world, model)
            }
            unguarded = world.outcome(answers)
        with World.build(self.folder / GUARDED) as world, self._store() as store:
            answers = {
                episode.name: _answer(_guarded(episode, store), episode)
                for episode in _cast(world, model)
            }
            return _played(store, world.outcome(answers), unguarded=unguarded)

    def resume(self, model: Any = None) -> Played:
        """Go on with the conversations whose requests were decided; see `play`."""
        resumed: list[str] = []
        answers: dict[str, str] = {}
        with World.open(self.folder / GUARDED) as world, self._store() as store:
            for episode in _cast(world, model):
                safe = _guarded(episode, store)
                state = safe.get_state(_config(episode))
                if _decided(safe.approvals, state.interrupts):
                    answers[episode.name] = _last(safe.resume, episode.thread_id)
                    resumed.append(episode.thread_id)
                elif state.values and not state.interrupts:
                    answers[episode.name] = state.values["messages"][-1].text
            return _played(store, world.outcome(answers), resumed=tuple(resumed))

    @contextmanager
    def _store(self) -> Generator[Store]:
        with Store.open(self.store_url) as store:
            yield store


def live_model(name: str | None) -> Any:
    """Return the live model of that name, or None for the script.

    Raises:
        MissingExtra: LangChain is not installed.
        click.UsageError: There is no such model, or its package is not installed.
    """
    if name is None:
        return None
    try:
        from langchain.chat_models import init_chat_model  # an extra
    except ImportError:
        raise MissingExtra("--model", "langchain") from None
    try:
        return init_chat_model(name)
    except (ImportError, ValueError) as error:
        raise click.UsageError(f"--model {name}: {error}") from None


def _cast(world: World, model: Any) -> list[Episode]:
    scripted = episodes(world)
    return [replace(episode, model=model) for episode in scripted] if model else scripted


def _guarded(episode: Episode, store: Store) -> GuardedGraph:
    """Return the assistant behind the monitor: this line is all that guards it."""
    safe = guard(build_agent(episode.model, episode.tools), policy=POLICY, store=store)
    safe.monitor.approvals = _countable(safe, store)
    return safe


def _countable(safe: GuardedGraph, store: Store) -> Approvals:
    """Return the same queue with ids that are the same in every run, so that the page is."""
    clocks = load(POLICY).approvals
    rows = select(func.count()).select_from(approval)

    def next_id() -> str:
        with store.read() as connection:
            number = connection.scalar(rows)
        return hashlib.sha256(f"guarded-agent demo {number}".encode()).hexdigest()[:8]

    return Approvals(
        store,
        safe.monitor.audit,
        decide_within=clocks.decide_seconds,
        execute_within=clocks.execute_seconds,
        ids=next_id,
    )


def _config(episode: Episode) -> Any:
    return {"configurable": {"thread_id": episode.thread_id}}


def _answer(agent: Any, episode: Episode) -> str:
    """Return what the assistant says at the end of an episode."""
    given = {"messages": [("user", episode.prompt)]}
    return _last(agent.invoke, given, _config(episode))


def _last(run: Callable[..., Any], *given: Any) -> str:
    try:
        return str(run(*given)["messages"][-1].text)
    except Denied as error:  # a guard halted the run
        return str(error)


def _decided(queue: Approvals, interrupts: tuple[Any, ...]) -> bool:
    """Return whether a request that a conversation waits for was decided."""
    return any(
        queue.of(item.value["digest"]).state != "pending"
        for item in interrupts
        if item.value.get("type") == "tool_approval"
    )


def _played(
    store: Store,
    guarded: Outcome,
    *,
    unguarded: Outcome | None = None,
    resumed: tuple[str, ...] = (),
) -> Played:
    log = AuditLog(store)
    queue = Approvals(store, log)
    stopped = [
        Stopped(
            event.data["tool"],
            event.thread_id,
            event.data["args"],
            tuple(dict.fromkeys(finding["message"] for finding in event.data["findings"])),
        )
        for event in log.events()
        if event.kind == "action.judged" and event.data["effect"] in ("deny", "halt")
    ]
    requests = tuple(reversed(queue.list(limit=None)))
    with store.read() as connection:
        entries = [Ledger(store).find(connection, request.digest) for request in requests]
    ended = {entry.digest: entry.state for entry in entries if entry is not None}
    return Played(unguarded, guarded, tuple(stopped), requests, ended, resumed)

"""What every command gets: the store that was named, the clock, and whether a person sits there."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from guarded_agent.core.errors import StoreError
from guarded_agent.core.ports import Clock
from guarded_agent.store import DEFAULT_URL, Store
from guarded_agent.store.backends import find
from guarded_agent.store.schema import meta

STORE_VARIABLE = "GUARDED_AGENT_STORE"
REVIEWER_VARIABLE = "GUARDED_AGENT_REVIEWER"


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the command line.

    Attributes:
        store_url: The store that commands work on.
        said: Whether `--store` was typed, so that hints repeat it.
        clock: Tells the time.
        terminal: Whether a person can be asked.
    """

    store_url: str = DEFAULT_URL
    said: bool = False
    clock: Clock = time.time
    terminal: Callable[[], bool] = _terminal

    @contextmanager
    def store(self) -> Generator[Store]:
        """Open the store; a SQLite file must be there already.

        Raises:
            StoreError: There is no such store, or it cannot be opened.
        """
        backend = find(self.store_url)
        if backend.path is None and backend.shares_one_connection:
            raise StoreError(
                "sqlite:// is the memory of one process: name the file of your agent with --store"
            )
        if backend.path is not None and not _is_store(backend.path):
            raise StoreError(
                f"there is no store at {backend.path}: name the one of your agent with "
                f"--store sqlite:///FILE or {STORE_VARIABLE}"
            )
        with Store.open(self.store_url, clock=self.clock) as store:
            yield store

    def command(self, *words: str) -> list[str]:
        """Return a command of this program on this store, as words for a shell."""
        store = ["--store", self.store_url] if self.said else []
        return ["guarded-agent", *store, *words]


def _is_store(path: Path) -> bool:
    """Return whether a file may be a store; nothing is written into another one's database."""
    if not path.exists():
        return False
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(query, (meta.name,)).fetchone() is not None
    except sqlite3.Error:
        return True  # what is wrong with it is said where it is opened


pass_session = click.make_pass_decorator(Session)
"""Hands the session to a command."""

"""LangGraph's checkpoints in the store's own database: one file holds a whole agent.

The tables are LangGraph's. Approvals, verdicts and outcomes are not in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guarded_agent.core.errors import MissingExtra
from guarded_agent.store.backends import Postgres
from guarded_agent.store.engine import Store

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


def checkpointer(store: Store) -> BaseCheckpointSaver[Any]:
    """Return a checkpointer that keeps threads where the store keeps its rows.

    It works with `invoke` and `ainvoke`, `stream` and `astream` alike, and is closed
    with the store.

    Args:
        store: A SQLite file, PostgreSQL, or in memory.

    Raises:
        StoreError: The database refuses.
        MissingExtra: The store is PostgreSQL and its checkpointer is not installed.
    """
    # LangGraph is heavy, and a store for reviewers or audits needs none of it.
    if store.path is not None:
        from guarded_agent.store.saver_sqlite import open_sqlite

        return open_sqlite(store, store.path)
    if isinstance(store.backend, Postgres):
        try:
            import langgraph.checkpoint.postgres as _  # noqa: F401 - says whether it is installed
        except ImportError:
            raise MissingExtra("checkpoints in PostgreSQL", "postgres") from None
        from guarded_agent.store.saver_postgres import open_postgres

        return open_postgres(store, store.backend)
    from langgraph.checkpoint.memory import InMemorySaver

    return InMemorySaver()

"""One database for everything durable: engine, keys, schema, and the rows of the monitor."""

from __future__ import annotations

from guarded_agent.store.engine import DEFAULT_URL, Store
from guarded_agent.store.keys import Keys

__all__ = ["DEFAULT_URL", "Keys", "Store"]

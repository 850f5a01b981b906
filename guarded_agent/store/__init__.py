"""One database for everything durable: engine, keys, schema, and the rows of the monitor.

`memory` and `provenance` are modules: `memory.load`, `memory.grow`, `provenance.add`.
"""

from __future__ import annotations

from guarded_agent.store import memory, provenance
from guarded_agent.store.checkpoints import checkpointer
from guarded_agent.store.engine import DEFAULT_URL, Store
from guarded_agent.store.keys import Keys
from guarded_agent.store.ledger import Entry, Ledger

__all__ = [
    "DEFAULT_URL",
    "Entry",
    "Keys",
    "Ledger",
    "Store",
    "checkpointer",
    "memory",
    "provenance",
]

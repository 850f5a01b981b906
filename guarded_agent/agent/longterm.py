"""LangGraph's long-term store, with a label beside each item.

What code writes there in a thread that has read confidential data comes back in another
thread, where nobody would know. So a node's or a tool's code gets the store through this:
an item keeps the label of all that its writer had read, and who reads it has read that too.
The labels stand in the monitor's own database, so that any store will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, ListNamespacesOp, Op, PutOp, Result

from guarded_agent.core import UNKNOWN
from guarded_agent.core.flow import Flow

KIND = "store"
_EVERYTHING = ("*",)
"""What is known of all items together: names of namespaces may tell of any."""


def labelling(store: BaseStore | None, flow: Flow) -> BaseStore | None:
    """Return `store` as code gets it to which `flow` listens."""
    if store is None:
        return None
    return LabellingStore(store.inner if isinstance(store, LabellingStore) else store, flow)


class LabellingStore(BaseStore):
    """Hands everything on to a store, and tells `flow` what is read and written.

    Args:
        inner: The store.
        flow: Who listens.
    """

    __slots__ = ("_flow", "inner", "supports_ttl", "ttl_config")

    def __init__(self, inner: BaseStore, flow: Flow) -> None:
        self.inner = inner
        self._flow = flow
        self.supports_ttl = inner.supports_ttl
        self.ttl_config = inner.ttl_config

    def __getattr__(self, name: str) -> Any:
        """Return what only the store itself has."""
        return getattr(self.inner, name)

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what the store does. A label is written before its item, and read after it."""
        several = list(ops)
        self._before(several)
        results = self.inner.batch(several)
        self._after(several, results)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Do what `batch` does, from an event loop."""
        several = list(ops)
        if any(isinstance(op, PutOp) for op in several):
            await asyncio.to_thread(self._before, several)
        results = await self.inner.abatch(several)
        await asyncio.to_thread(self._after, several, results)
        return results

    def _before(self, ops: list[Op]) -> None:
        put = [op for op in ops if isinstance(op, PutOp) and op.value is not None]
        if put:
            self._flow.write(KIND, [*((*op.namespace, op.key) for op in put), _EVERYTHING])

    def _after(self, ops: list[Op], results: list[Result]) -> None:
        read: list[tuple[str, ...]] = []
        for op, result in zip(ops, results, strict=True):
            if isinstance(op, ListNamespacesOp):
                read += [_EVERYTHING] if result else []
            elif isinstance(op, GetOp) and result is None:
                continue
            elif not isinstance(op, PutOp):
                found = result if isinstance(result, list) else [result]
                read += [
                    (*item.namespace, item.key) if isinstance(item, Item) else _EVERYTHING
                    for item in found
                ]
        if read:
            self._flow.read(KIND, read, UNKNOWN)

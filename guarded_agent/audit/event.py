"""The audit event: one link of the chain, and how its hash is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from guarded_agent.core.canonical import canonical

START = "0" * 64
"""What the first event names as the hash before it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, linked to what happened before.

    Attributes:
        seq: Its number; the first is 1.
        at: When, in seconds since the epoch.
        kind: What, as a short word: `action.judged`.
        agent_id: Which agent identity.
        thread_id: In which conversation, or empty.
        run_id: In which run, or empty.
        digest: Of which action, or empty.
        data: More of it, redacted, as plain JSON data.
        previous: The hash of the event before.
        hash: The SHA-256 of `previous` and the canonical bytes.
    """

    seq: int
    at: float
    kind: str
    agent_id: str
    thread_id: str
    run_id: str
    digest: str
    data: Mapping[str, Any]
    previous: str
    hash: str

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain JSON data."""
        return {**self._content(), "hash": self.hash}

    def canonical(self) -> bytes:
        """Return the bytes that stand for everything but the hash itself.

        Raises:
            ActionError: `data` is not plain JSON data.
        """
        return canonical(self._content())

    def expected_hash(self) -> str:
        """Return the hash that an event that says this must have.

        Raises:
            ActionError: `data` is not plain JSON data.
        """
        return hashlib.sha256(self.previous.encode() + self.canonical()).hexdigest()

    def _content(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "at": self.at,
            "kind": self.kind,
            "agent_id": self.agent_id,
            "thread_id": self.thread_id,
            "run_id": self.run_id,
            "digest": self.digest,
            "data": dict(self.data),
            "previous": self.previous,
        }


def from_row(row: Row[Any]) -> Event:
    """Return the event in a row.

    Raises:
        ValueError: The row's data is not JSON.
    """
    return Event(
        seq=row.seq,
        at=row.at,
        kind=row.kind,
        agent_id=row.agent_id,
        thread_id=row.thread_id,
        run_id=row.run_id,
        digest=row.digest,
        data=json.loads(row.data_json),
        previous=row.previous,
        hash=row.hash,
    )

"""The head of the chain: number and hash of the last event, under a MAC.

It stands in the database beside the events. Without the store's key nobody can
write one, so events cannot be cut off the end or hashed anew unnoticed.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, select, update

from guarded_agent.audit.event import START
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import AuditBroken
from guarded_agent.store import Keys
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import meta

_NAME = "audit_head"
_READ = Prepared(select(meta.c.value).where(meta.c.name == _NAME))
_UPDATE = Prepared(update(meta).where(meta.c.name == _NAME).values(value=bindparam("head")))


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of the last event; zero and `START` before the first."""

    seq: int
    hash: str

    def mac(self, keys: Keys) -> str:
        """Return the MAC that belongs to it."""
        return keys.mac(b"audit head " + canonical([self.seq, self.hash]))


def read(connection: Connection, keys: Keys) -> Head:
    """Return the stored head.

    Raises:
        AuditBroken: Its MAC does not fit: it was not written with the store's key.
    """
    text = _READ.scalar(connection, {})
    if text is None:
        return Head(0, START)
    try:
        data = json.loads(text)
        head, mac = Head(int(data["seq"]), str(data["hash"])), str(data["mac"])
    except (ValueError, KeyError, TypeError):
        head, mac = Head(0, START), ""
    if not hmac.compare_digest(mac.encode(), head.mac(keys).encode()):
        raise AuditBroken(
            "the record of the last event was changed: it does not carry this store's MAC; "
            "compare the log with a copy",
            head.seq,
        )
    return head


def write(connection: Connection, keys: Keys, head: Head, *, first: bool) -> None:
    """Store the head of a chain that just grew; `first` says that it had no event before."""
    text = canonical({"seq": head.seq, "hash": head.hash, "mac": head.mac(keys)}).decode()
    if first:
        connection.execute(insert(meta).values(name=_NAME, value=text))
    else:
        _UPDATE.run(connection, {"head": text})

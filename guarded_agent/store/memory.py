"""The memory of threads, as rows. A row only ever grows, whoever writes it; but a person
can have addresses erased from it.

Parallel lanes of one thread learn different things at once. Each joins what it
learned to what is stored, inside a write transaction, so none loses another's.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection, bindparam, insert, select, update

from guarded_agent.core.canonical import canonical
from guarded_agent.core.context import Pressure, Said, ThreadMemory
from guarded_agent.core.label import Label
from guarded_agent.store.prepared import Prepared
from guarded_agent.store.schema import thread as table

_SAME = (table.c.agent_id == bindparam("agent")) & (table.c.thread_id == bindparam("thread"))
_FIND = Prepared(select(table.c.memory_json).where(_SAME))
_INSERT = Prepared(insert(table))
_UPDATE = Prepared(
    update(table)
    .where(_SAME)
    .values(memory_json=bindparam("memory_json"), changed_at=bindparam("changed_at"))
)


def load(connection: Connection, agent_id: str, thread_id: str) -> ThreadMemory:
    """Return what a thread has seen and done; of an unknown thread, nothing."""
    return _find(connection, agent_id, thread_id) or ThreadMemory()


def save(
    connection: Connection, agent_id: str, thread_id: str, memory: ThreadMemory, at: float
) -> ThreadMemory:
    """Join `memory` to what is stored.

    Args:
        connection: In a write transaction.
        agent_id: Who acts.
        thread_id: In which conversation.
        memory: What is known now; it may lack what others stored meanwhile.
        at: The time.

    Returns:
        What is stored now: both together.
    """
    stored = _find(connection, agent_id, thread_id)
    whole = (stored or ThreadMemory()).grow(
        label=memory.label,
        pressure=memory.pressure,
        recipients=memory.recipients,
        correspondents=memory.correspondents,
        tools_read=memory.tools_read,
        said=memory.said,
    )
    if whole == stored:
        return whole
    values: dict[str, object] = {
        "memory_json": canonical(whole.as_json()).decode(),
        "changed_at": at,
    }
    if stored is None:
        values |= {"agent_id": agent_id, "thread_id": thread_id}
        _INSERT.run(connection, values)
    else:
        _UPDATE.run(connection, values | {"agent": agent_id, "thread": thread_id})
    return whole


def grow(
    connection: Connection,
    agent_id: str,
    thread_id: str,
    *,
    at: float,
    label: Label | None = None,
    pressure: tuple[Pressure, ...] = (),
    recipients: frozenset[str] = frozenset(),
    correspondents: frozenset[str] = frozenset(),
    tools_read: frozenset[str] = frozenset(),
    said: tuple[Said, ...] = (),
) -> ThreadMemory:
    """Add to what is stored of a thread; return all of it.

    Args:
        connection: In a write transaction.
        agent_id: Who acts.
        thread_id: In which conversation.
        at: The time.
        label: The label of something that was read.
        pressure: What was read that puts pressure on the agent.
        recipients: Destinations that were written to.
        correspondents: Addresses that stand in what was read.
        tools_read: Tools whose results were read.
        said: Messages that were let out.
    """
    more = ThreadMemory(label or Label(), pressure, recipients, correspondents, tools_read, said)
    return save(connection, agent_id, thread_id, more, at)


def drop(
    connection: Connection, agent_id: str, thread_id: str, gone: Collection[str], at: float
) -> None:
    """Erase addresses from whom a thread has written to and heard of.

    To the policy they are strangers again, which makes it stricter, never laxer.

    Args:
        connection: In a write transaction.
        agent_id: Who acts.
        thread_id: In which conversation.
        gone: The addresses, in lower case.
        at: The time.
    """
    stored = _find(connection, agent_id, thread_id)
    if stored is None:
        return
    said = tuple(item for item in stored.said if item.to.isdisjoint(gone))
    known = stored.recipients | stored.correspondents
    if known.isdisjoint(gone) and said == stored.said:
        return
    rest = replace(
        stored,
        recipients=stored.recipients - frozenset(gone),
        correspondents=stored.correspondents - frozenset(gone),
        said=said,
    )
    values = {"memory_json": canonical(rest.as_json()).decode(), "changed_at": at}
    _UPDATE.run(connection, {**values, "agent": agent_id, "thread": thread_id})


def _find(connection: Connection, agent_id: str, thread_id: str) -> ThreadMemory | None:
    text = _FIND.scalar(connection, {"agent": agent_id, "thread": thread_id})
    return None if text is None else ThreadMemory.from_json(json.loads(text))

"""Forget what pseudonyms stand for: a person's value everywhere, or all of a thread."""

from __future__ import annotations

from sqlalchemy import select

from guarded_agent.approvals import person
from guarded_agent.core.errors import VoteRefused
from guarded_agent.core.ports import Recorder
from guarded_agent.guards.pii.entities import KINDS
from guarded_agent.guards.pii.pseudonyms import value_of
from guarded_agent.guards.pii.redactor import Redactor
from guarded_agent.store import Store, memory, provenance
from guarded_agent.store.schema import agent
from guarded_agent.store.vault import Forgotten, Value, Vault


def forget(
    store: Store,
    recorder: Recorder,
    *,
    by: str,
    reason: str,
    value: str | None = None,
    thread_id: str | None = None,
    agent_id: str | None = None,
) -> list[Forgotten]:
    """Erase values, also from what their threads remember of correspondents.

    Their pseudonyms stay where they stand and are refused from now on. The log gets who
    asked and how many, never the value.

    Args:
        store: Where the vault is.
        recorder: The audit log in it.
        by: The person who asks.
        reason: Why; it is kept, redacted.
        value: The value, in any way of writing it.
        thread_id: Only in this thread.
        agent_id: Only of this agent.

    Returns:
        What was erased, by agent and thread.

    Raises:
        VoteRefused: An agent asks, or nobody.
        ValueError: Neither a value nor a thread is named.
    """
    name = person(by)
    with store.write(durable=True) as connection:
        if name in {str(known).casefold() for known in connection.scalars(select(agent.c.id))}:
            raise VoteRefused("an agent never erases anything: a person must")
        erased = Vault(store).forget(
            connection,
            values=[] if value is None else forms_of(value),
            thread_id=thread_id,
            agent_id=agent_id,
        )
        said = Redactor(keep=()).redact_text(reason.strip())
        # What a user said or a person endorsed may hold it too, also where no pseudonym did.
        if value is not None:
            provenance.forget(store, connection, provenance.EVERYWHERE, [value.strip()])
        if thread_id is not None:
            provenance.forget(store, connection, thread_id, [value.strip()] if value else ())
        for each in erased:
            gone = {known.normal for known in each.values if known.kind == "EMAIL"}
            memory.drop(connection, each.agent_id, each.thread_id, gone, store.clock())
            provenance.forget(store, connection, each.thread_id, texts_of(each))
            recorder.append(
                connection,
                "vault.forgotten",
                agent_id=each.agent_id,
                thread_id=each.thread_id,
                data={
                    "pseudonyms": [f"{kind}_{number}" for kind, number in each.ids],
                    "by": name,
                    "reason": said,
                },
            )
    return erased


def texts_of(erased: Forgotten) -> set[str]:
    """Return the texts of the values that were erased."""
    return {text for value in erased.values for text in (value.text, value.normal) if text}


def forms_of(value: str) -> list[Value]:
    """Return `value` in every form in which the vault may have it.

    Example:
        >>> sorted({each.form for each in forms_of("4111111111111111")})
        ['float', 'int', 'text']
    """
    text = value.strip()
    kinds = sorted({kind.token for kind in KINDS.values()})
    found = [value_of(kind, text) for kind in kinds]
    if text.removeprefix("-").isdecimal() and text.isascii():
        found += [value_of(kind, text, number) for kind in kinds for number in (0, 0.0)]
    return found

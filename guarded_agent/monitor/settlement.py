"""Settle what nobody knows the end of: a person says whether it took effect."""

from __future__ import annotations

from typing import Literal

from guarded_agent.approvals import person, turns
from guarded_agent.audit import AuditLog
from guarded_agent.core.errors import VoteRefused
from guarded_agent.identity import Registry
from guarded_agent.policy import release, settle
from guarded_agent.store import Entry, Ledger, Store
from guarded_agent.store.watch import announce


def settle_action(
    store: Store,
    audit: AuditLog,
    digest: str,
    *,
    outcome: Literal["done", "failed"],
    by: str,
    reason: str,
) -> Entry:
    """Record what a person found out about an action that nobody knows the end of.

    Nothing runs here: its thread is due to be resumed, and then the agent is told how the call
    ended.

    Args:
        store: Where the action is.
        audit: The log; it gets the settlement in the same transaction.
        digest: The action's digest, whole.
        outcome: `done` if it took effect, `failed` if it did not.
        by: The person who found out.
        reason: How they know. It goes into the log: give it redacted.

    Returns:
        The action as it now stands in the ledger.

    Raises:
        VoteRefused: It does not count, and nothing was changed.
    """
    name = person(by)
    if not reason.strip():
        raise VoteRefused("say how you know what came of it: the reason is kept")
    with store.write(durable=True) as connection:
        if name in {known.id.casefold() for known in Registry(store, audit).list()}:
            raise VoteRefused("an agent never settles: a person must")
        ledger = Ledger(store)
        if not ledger.settle(connection, digest, outcome=outcome):
            raise VoteRefused(f"the action {digest[:12]} does not wait to be settled")
        entry = ledger.find(connection, digest)
        assert entry is not None
        # What took effect counts against the limits; what did not gives its share back.
        (settle if outcome == "done" else release)(connection, digest)
        seq = audit.append(
            connection,
            "action.settled",
            agent_id=entry.agent_id,
            thread_id=entry.thread_id,
            digest=digest,
            data={"tool": entry.tool, "outcome": outcome, "by": name, "reason": reason.strip()},
        )
        # Its thread goes on by itself where a worker wakes threads. The number is the
        # event's, below zero: no change of a request has it.
        turns.due_thread(connection, entry.agent_id, entry.thread_id, -seq, store.clock())
        announce(connection)
    return entry

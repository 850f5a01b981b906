"""The MACs of requests and votes: who has the database but not its key cannot write one.

Each vote's MAC covers the vote before it, and the request's covers its state, its
terms, what reviewers were shown and the last vote. So no row and no vote can be
written, changed, moved, reordered or taken away. What this cannot see is an older
copy of all rows at once: the ledger's own row and the audit log stand against that.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from guarded_agent.approvals.request import Content, Request, Vote
from guarded_agent.store.keys import Keys

_PLAIN = (
    "id",
    "digest",
    "agent_id",
    "thread_id",
    "user",
    "tool",
    "access",
    "impact",
    "policy_digest",
    "quorum",
    "roles",
    "state",
    "message",
    "replaced_by",
    "edited_by",
    "owner",
    "owner_apart",
    "risk",
    "alike",
)
_SHOWN = ("summary", "reasons_json", "preview_json", "label_json", "sources_json")
_TIMES = ("created_at", "decide_by", "execute_within", "execute_by", "decided_at")


def vote_mac(keys: Keys, request: Request, given: Vote, previous: str) -> str:
    """Return the MAC of a vote.

    Args:
        keys: The store's keys.
        request: What was voted on.
        given: The vote; its own `mac` does not count.
        previous: The MAC of the vote before it, or nothing for the first.
    """
    return _mac(
        keys,
        "vote",
        request.id,
        given.number,
        given.reviewer,
        given.choice,
        given.digest,
        given.policy_digest,
        given.method,
        given.subject,
        given.reason,
        given.roles,
        sorted(given.lent.items()),
        float(given.at),
        previous,
    )


def request_mac(keys: Keys, request: Request) -> str:
    """Return the MAC of a request's row, as it is in `request`."""
    last = request.votes[-1].mac if request.votes else ""
    return _mac(
        keys,
        "approval",
        [getattr(request, name) for name in _PLAIN],
        [None if (at := getattr(request, name)) is None else float(at) for name in _TIMES],
        [[float(step.at), step.roles] for step in request.ladder],
        request.content.shown,
        request.content.sealed,
        [len(request.votes), last],
    )


def delegation_mac(keys: Keys, lent: Mapping[str, Any]) -> str:
    """Return the MAC of a delegation, given as plain data."""
    times = ("starts_at", "ends_at")
    rest = sorted((name, value) for name, value in lent.items() if name not in times)
    return _mac(keys, "delegation", rest, [float(lent[name]) for name in times])


def holds(keys: Keys, request: Request, mac: str) -> bool:
    """Return whether a request and its votes are as somebody with the key wrote them."""
    previous = ""
    for number, given in enumerate(request.votes, 1):
        expected = vote_mac(keys, request, given, previous)
        if given.number != number or not same(given.mac, expected):
            return False
        previous = given.mac
    return same(mac, request_mac(keys, request))


def content(row: Mapping[Any, Any]) -> Content:
    """Return the digests of what a row holds in bulk."""
    shown = [row[name] for name in _SHOWN]
    return Content(hashlib.sha256(_plain(shown)).hexdigest(), sealed(row["args_sealed"]))


def sealed(data: bytes) -> str:
    """Return the digest of sealed arguments."""
    return hashlib.sha256(data).hexdigest()


def _mac(keys: Keys, kind: str, *parts: Any) -> str:
    # The kind comes first: a MAC of one kind of row never fits another.
    return keys.mac(b"approvals:" + _plain([kind, *parts]))


def _plain(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()


def same(one: str, other: str) -> bool:
    """Return whether two MACs are the same, in a time that tells nothing."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode())

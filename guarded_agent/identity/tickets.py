"""Tickets: a grant narrowed to one tool and one action, that can only be narrowed further.

Each caveat holds conditions, and each signature is the HMAC of its caveat under the
signature before it. Who holds a ticket can add a caveat; nobody can take one away
without the key. Verifying asks every condition, so a child never allows what its
parent does not.

A ticket is good in the process that issued it, for 60 seconds and one body: `Spent`
remembers what was used. What leaves the process is a token: see `tokens`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, cast

from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import Denied

FORM = 2
"""Version of the head; part of every signature."""

LIFETIME = 60.0
"""Seconds for which a ticket is good."""

_NEEDED = frozenset({"id", "tool", "digest", "scopes", "expires_at"})


@dataclass(frozen=True, slots=True)
class Ticket:
    """A short-lived permission for one action.

    Attributes:
        agent_id: The agent identity with which the chain of calls began.
        thread_id: The conversation in which it began.
        issued_at: When.
        caveats: The conditions, in canonical bytes. All of them must hold.
        signature: The end of the chain. Who has it can use the ticket: do not log it.
    """

    agent_id: str
    thread_id: str
    issued_at: float
    caveats: tuple[bytes, ...]
    signature: bytes = field(repr=False)

    def narrow(
        self,
        *,
        tool: str | None = None,
        digest: str | None = None,
        scopes: Iterable[str] | None = None,
        expires_at: float | None = None,
        user: str | None = None,
        parent: str | None = None,
        id: str | None = None,  # noqa: A002  # what the standards call it
    ) -> Ticket:
        """Return a ticket that allows less. No key is needed.

        Args:
            tool: Only for this tool.
            digest: Only for the action with this digest.
            scopes: Only with these permissions, where the ticket has them.
            expires_at: Not at this time or later.
            user: Only for this person.
            parent: Only while the body of the action with this digest runs around it.
            id: What it is known by once it is used. The first one counts.
        """
        conditions: dict[str, Any] = {
            "tool": tool,
            "digest": digest,
            "scopes": None if scopes is None else sorted(set(scopes)),
            "expires_at": expires_at,
            "user": user,
            "parent": parent,
            "id": id,
        }
        added = {kind: value for kind, value in conditions.items() if value is not None}
        if not added:
            return self
        caveat = canonical(added)
        return Ticket(
            self.agent_id,
            self.thread_id,
            self.issued_at,
            (*self.caveats, caveat),
            _chain(self.signature, (caveat,)),
        )

    @property
    def id(self) -> str:
        """What it is known by once it is used: who adds a caveat cannot change it."""
        return next(
            (str(known["id"]) for each in self.caveats if "id" in (known := _read(each))), ""
        )

    @property
    def expires_at(self) -> float:
        """When it is over: the earliest end that any condition sets."""
        ends = [
            known["expires_at"] for each in self.caveats if "expires_at" in (known := _read(each))
        ]
        return min(ends, default=math.inf)


def root(key: bytes, *, agent_id: str, thread_id: str, now: float) -> Ticket:
    """Return a ticket without conditions, to narrow. It allows nothing by itself.

    Args:
        key: At least 16 secret bytes of this process.
        agent_id: The agent identity with which a chain of calls begins.
        thread_id: In which conversation.
        now: Seconds since the epoch.

    Raises:
        ValueError: The key is too short.
    """
    if len(key) < 16:
        raise ValueError("a ticket key needs at least 16 bytes")
    return Ticket(agent_id, thread_id, now, (), _root(key, agent_id, thread_id, now))


def bound(
    chain: Ticket,
    *,
    tool: str,
    digest: str,
    scopes: Iterable[str],
    now: float,
    ttl: float = LIFETIME,
    user: str | None = None,
) -> Ticket:
    """Return `chain` narrowed to one action, with an id of its own.

    Args:
        chain: What a call around hands on, or a `root`.
        tool: With which tool.
        digest: Which action.
        scopes: The permissions it carries.
        now: Seconds since the epoch.
        ttl: For how many seconds.
        user: For which person.

    Raises:
        ValueError: `ttl` is not a positive number.
    """
    if not (math.isfinite(ttl) and ttl > 0):
        raise ValueError(f"a ticket lives for a positive number of seconds, not {ttl}")
    return chain.narrow(
        tool=tool,
        digest=digest,
        scopes=scopes,
        expires_at=now + ttl,
        user=user,
        id=secrets.token_hex(16),
    )


def mint(
    key: bytes,
    *,
    agent_id: str,
    thread_id: str,
    tool: str,
    digest: str,
    scopes: Iterable[str],
    now: float,
    ttl: float = LIFETIME,
    user: str | None = None,
) -> Ticket:
    """Return a ticket for one action of one agent.

    Args:
        key: At least 16 secret bytes of this process.
        agent_id: Who acts.
        thread_id: In which conversation.
        tool: With which tool.
        digest: Which action.
        scopes: The permissions it carries.
        now: Seconds since the epoch.
        ttl: For how many seconds.
        user: For which person.

    Raises:
        ValueError: The key is too short, or `ttl` is not a positive number.

    Example:
        >>> key = b"sixteen bytes or more"
        >>> call = {"tool": "send_email", "digest": "d1", "scopes": {"mail.send"}}
        >>> ticket = mint(key, agent_id="mail", thread_id="t1", now=0, **call)
        >>> verify(key, ticket, now=10, **call)
        >>> verify(key, ticket, now=60, **call)
        Traceback (most recent call last):
        guarded_agent.core.errors.Denied: the ticket does not allow this call: it has expired
    """
    start = root(key, agent_id=agent_id, thread_id=thread_id, now=now)
    return bound(start, tool=tool, digest=digest, scopes=scopes, now=now, ttl=ttl, user=user)


def verify(
    key: bytes,
    ticket: Ticket,
    *,
    tool: str,
    digest: str,
    scopes: Iterable[str],
    now: float,
    user: str | None = None,
    around: Collection[str] = (),
) -> None:
    """Return if `ticket` allows the call, else refuse it. Using it up is `Spent`'s.

    Args:
        key: The key that minted it.
        ticket: What the caller holds.
        tool: The tool that is about to run.
        digest: The digest of the action that is about to run.
        scopes: The permissions that the tool needs.
        now: Seconds since the epoch.
        user: The person for whom it runs.
        around: Digests of the actions whose bodies run around it.

    Raises:
        Denied: The ticket was forged, or a condition does not hold; the message says which.
    """
    start = _root(key, ticket.agent_id, ticket.thread_id, ticket.issued_at)
    if not hmac.compare_digest(_chain(start, ticket.caveats), ticket.signature):
        raise Denied("the ticket was not issued here or was changed: nothing runs with it")
    # Written so that NaN, or a clock that went backwards, refuses.
    if not now >= ticket.issued_at:
        raise Denied("the ticket does not allow this call: the clock is before its issue")
    call = _Call(tool, digest, frozenset(scopes), now, user, around)
    seen: set[str] = set()
    for caveat in ticket.caveats:
        for kind, value in _read(caveat).items():
            seen.add(kind)
            problem = call.problem(kind, value)
            if problem:
                raise Denied(f"the ticket does not allow this call: {problem}")
    if not seen >= _NEEDED:
        raise Denied("the ticket does not allow this call: it is not bound to one action")


@dataclass(frozen=True, slots=True)
class _Call:
    tool: str
    digest: str
    needed: frozenset[str]
    now: float
    user: str | None
    around: Collection[str]

    def problem(self, kind: str, value: Any) -> str:
        match kind:
            case "tool":
                return "" if value == self.tool else f"it is for the tool {value!r}"
            case "digest":
                return "" if value == self.digest else "it is for an action with another digest"
            case "scopes":
                missing = sorted(self.needed - set(value))
                return f"it lacks the scopes {', '.join(missing)}" if missing else ""
            case "expires_at":
                return "" if self.now < value else "it has expired"
            case "user":
                return "" if value == self.user else "it is for another user"
            case "parent":
                return "" if value in self.around else "the call that handed it on has ended"
            case "id":
                return ""
            case _:
                return f"it has the unknown condition {kind!r}"


def _read(caveat: bytes) -> dict[str, Any]:
    # Who holds a signature can append any bytes to it: what cannot be read must refuse.
    try:
        said = json.loads(caveat)
    except (ValueError, RecursionError):
        said = None
    return cast("dict[str, Any]", said) if isinstance(said, dict) and said else {"unreadable": None}


def _root(key: bytes, agent_id: str, thread_id: str, issued_at: float) -> bytes:
    head = canonical({"v": FORM, "agent": agent_id, "thread": thread_id, "issued_at": issued_at})
    return hmac.digest(key, head, hashlib.sha256)


def _chain(signature: bytes, caveats: Iterable[bytes]) -> bytes:
    for caveat in caveats:
        signature = hmac.digest(signature, caveat, hashlib.sha256)
    return signature


_keys: dict[int, bytes] = {}


def process_key() -> bytes:
    """Return the key of this process's tickets: in memory alone, and another one after a fork."""
    pid = os.getpid()
    key = _keys.get(pid)
    return key if key is not None else _keys.setdefault(pid, secrets.token_bytes(32))

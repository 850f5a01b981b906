"""Tickets: a grant narrowed to one tool and one action, that can only be narrowed further.

Each caveat is one more condition, and each signature is the HMAC of its caveat
under the signature before it. Who holds a ticket can add a caveat; nobody can take
one away without the key. Verifying asks every caveat, so a child never allows what
its parent does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import Denied

FORM = 1
"""Version of the head; part of every signature."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A short-lived permission for one action.

    Attributes:
        agent_id: The agent identity that acts.
        thread_id: The conversation.
        issued_at: When it was minted.
        caveats: The conditions, each in canonical bytes. All of them must hold.
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
    ) -> Ticket:
        """Return a ticket that allows less. No key is needed.

        Args:
            tool: Only for this tool.
            digest: Only for the action with this digest.
            scopes: Only with these permissions, where the ticket has them.
            expires_at: Not at this time or later.
        """
        conditions: dict[str, Any] = {
            "tool": tool,
            "digest": digest,
            "scopes": None if scopes is None else sorted(set(scopes)),
            "expires_at": expires_at,
        }
        added = tuple(
            canonical({kind: value}) for kind, value in conditions.items() if value is not None
        )
        return Ticket(
            self.agent_id,
            self.thread_id,
            self.issued_at,
            self.caveats + added,
            _chain(self.signature, added),
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
    ttl: float = 60,
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
    if len(key) < 16:
        raise ValueError("a ticket key needs at least 16 bytes")
    if not (math.isfinite(ttl) and ttl > 0):
        raise ValueError(f"a ticket lives for a positive number of seconds, not {ttl}")
    root = Ticket(agent_id, thread_id, now, (), _root(key, agent_id, thread_id, now))
    return root.narrow(tool=tool, digest=digest, scopes=scopes, expires_at=now + ttl)


def verify(
    key: bytes,
    ticket: Ticket,
    *,
    tool: str,
    digest: str,
    scopes: Iterable[str],
    now: float,
) -> None:
    """Return if `ticket` allows the call, else refuse it.

    Args:
        key: The key that minted it.
        ticket: What the caller holds.
        tool: The tool that is about to run.
        digest: The digest of the action that is about to run.
        scopes: The permissions that the tool needs.
        now: Seconds since the epoch.

    Raises:
        Denied: The ticket was forged, or a caveat does not hold; the message says which.
    """
    root = _root(key, ticket.agent_id, ticket.thread_id, ticket.issued_at)
    if not hmac.compare_digest(_chain(root, ticket.caveats), ticket.signature):
        raise Denied("the ticket was not issued here or was changed: nothing runs with it")
    # Written so that NaN, or a clock that went backwards, refuses.
    if not now >= ticket.issued_at:
        raise Denied("the ticket does not allow this call: the clock is before its issue")
    needed = frozenset(scopes)
    seen: set[str] = set()
    for caveat in ticket.caveats:
        kind, value = _read(caveat)
        seen.add(kind)
        problem = _problem(kind, value, tool, digest, needed, now)
        if problem:
            raise Denied(f"the ticket does not allow this call: {problem}")
    if not {"tool", "digest", "scopes", "expires_at"} <= seen:
        raise Denied("the ticket does not allow this call: it is not bound to one action")


def _read(caveat: bytes) -> tuple[str, Any]:
    # Who holds a signature can append any bytes to it: what cannot be read must refuse.
    try:
        ((kind, value),) = json.loads(caveat).items()
    except (ValueError, TypeError, AttributeError, RecursionError):
        return "unreadable", None
    return kind, value


def _problem(
    kind: str, value: Any, tool: str, digest: str, needed: frozenset[str], now: float
) -> str:
    match kind:
        case "tool":
            return "" if value == tool else f"it is for the tool {value!r}"
        case "digest":
            return "" if value == digest else "it is for an action with another digest"
        case "scopes":
            missing = sorted(needed - set(value))
            return f"it lacks the scopes {', '.join(missing)}" if missing else ""
        case "expires_at":
            return "" if now < value else "it has expired"
        case _:
            return f"it has the unknown condition {kind!r}"


def _root(key: bytes, agent_id: str, thread_id: str, issued_at: float) -> bytes:
    head = canonical({"v": FORM, "agent": agent_id, "thread": thread_id, "issued_at": issued_at})
    return hmac.digest(key, head, hashlib.sha256)


def _chain(signature: bytes, caveats: Iterable[bytes]) -> bytes:
    for caveat in caveats:
        signature = hmac.digest(signature, caveat, hashlib.sha256)
    return signature

"""One request as people read it: what will happen, why it waits, and what to look at."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from guarded_agent.approvals import Request, consequence, given
from guarded_agent.core import Label
from guarded_agent.core.destinations import destinations, is_destination
from guarded_agent.core.provenance import UNVOUCHED, UNVOUCHED_LINK
from guarded_agent.core.visible import visible
from guarded_agent.server.spelling import mixed_scripts

_ONE_LINE = 72
_LONGEST = 9_999 * 86_400
_FOLDED = 400
"""Characters of an argument that are shown before it is folded; nothing is ever cut off."""

_ABOUT = ("path", "payee", "iban", "account", "server", "host", "name", "id", "agent")
"""Arguments that say what a call is about, where it has no destination."""
_MASKED = "*<>[]"

_UNDONE: Mapping[str, str] = {
    "read": "It changes nothing.",
    "write": "It changes something; undoing it is work by hand.",
    "send": "What was sent cannot be taken back.",
}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of the call, redacted.

    Attributes:
        name: Its name.
        text: Its value, with nothing in it that hides.
        rest: What is folded at first: the end of a long value.
        size: How many characters it has.
        warning: What is odd about it, in words, or empty.
    """

    name: str
    text: str
    rest: str
    size: int
    warning: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a reviewer reads of one request, in the order of reading.

    Attributes:
        id: The request's id.
        digest: What a vote is bound to.
        state: Where it stands.
        message: Why it ended, where somebody said so.
        concern: Whether the agent raises a concern, and a vote is the answer to it.
        high: Whether it is high risk: the approver types `target`.
        intact: False if the record was changed from outside; nobody can approve it then.
        summary: What will happen, in one sentence of ours.
        given: What the agent gives to it, in its words.
        undone: Whether it can be undone, in words.
        impact: What a mistake costs, or empty.
        reasons: Why a person is asked: category and words.
        arguments: The arguments.
        reaches: Whom or what it reaches.
        data: What is known of the data in the thread, in words.
        sources: Where each piece came from: tool, how often, and its label in words.
        facts: Who and where: agent, person, tool, thread, digest.
        votes: The votes so far.
        quorum: How many approvals it needs, and of which roles.
        asked: When it was asked, as an ISO time.
        left: Seconds that are left to decide.
        share: What part of its time is left, from 0 to 100.
        expires: When it lapses, in words.
        expires_at: The same as an ISO time.
        urgent: True in the last fifth of its time.
        endorses: Whether values in it can be endorsed.
        target: What the approver of a high-risk request types.
    """

    id: str
    digest: str
    state: str
    message: str
    concern: bool
    high: bool
    intact: bool
    summary: str
    given: str
    undone: str
    impact: str
    reasons: tuple[tuple[str, str], ...]
    arguments: tuple[Argument, ...]
    reaches: tuple[str, ...]
    data: tuple[str, ...]
    sources: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    votes: tuple[tuple[str, str, str, str], ...]
    quorum: str
    asked: str
    left: int
    share: int
    expires: str
    expires_at: str
    urgent: bool
    endorses: bool
    target: str


def card(request: Request, now: float) -> Card:
    """Return `request` as it reads at `now`."""
    left = request.decide_by - now
    whole = max(1.0, request.decide_by - request.created_at)
    return Card(
        id=request.id,
        digest=request.digest,
        state=request.state,
        message=visible(request.message),
        concern=request.concern,
        high=request.high,
        intact=request.intact,
        summary=visible(consequence(request)),
        given=visible(given(request)),
        undone=_undone(request),
        impact=visible(request.impact or ""),
        reasons=tuple((visible(f.category), visible(f.message)) for f in request.reasons),
        arguments=tuple(_argument(str(name), value) for name, value in request.preview.items()),
        reaches=tuple(visible(place) for place in sorted(destinations(request.preview, None))),
        data=_data(request.label),
        sources=tuple(
            (
                visible(source.tool) + (f" ({source.times} times)" if source.times > 1 else ""),
                ", ".join(_data(source.label)),
            )
            for source in request.sources
        ),
        facts=_facts(request),
        votes=tuple(
            (visible(v.reviewer), v.choice, visible(v.reason), v.method) for v in request.votes
        ),
        quorum=_quorum(request),
        asked=iso(request.created_at),
        left=max(0, int(left)),
        share=max(0, min(100, round(100 * left / whole))),
        expires=f"{duration(left)} left to decide",
        expires_at=iso(request.decide_by),
        urgent=left < whole / 5,
        endorses=any(f.category in (UNVOUCHED, UNVOUCHED_LINK) for f in request.reasons),
        target=target(request),
    )


def target(request: Request) -> str:
    """Return what an approver types to show that they read whom or what a call is about.

    The destination, or what an argument such as `path` or `payee` names, where that can be
    typed; else the tool.
    """
    named = [str(request.preview.get(name, "")) for name in _ABOUT]
    for place in [*sorted(destinations(request.preview, None)), *named]:
        plain = place.isascii() and place.isprintable() and not set(place) & set(_MASKED)
        if 0 < len(place) <= 80 and plain:
            return place
    return request.tool


def duration(seconds: float) -> str:
    """Return a length of time as a person says it.

    Example:
        >>> duration(59), duration(7300), duration(180_000)
        ('59 s', '2 h 1 min', '2 d 2 h')
    """
    whole = int(min(max(0, seconds), _LONGEST))
    if whole < 60:
        return f"{whole} s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if days < 1 else f"{days} d {hours % 24} h"


def iso(at: float) -> str:
    """Return a time in ISO form, in UTC; a request may be given more time than calendars have."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return "never"


def _undone(request: Request) -> str:
    if request.concern:
        return "Nothing runs: the agent waits for an answer."
    if request.impact == "destructive":
        return "What is deleted is gone for good."
    if request.impact == "money":
        return "Money that was paid is hard to get back."
    return _UNDONE.get(request.access, "Whether it can be undone is not known.")


def _argument(name: str, value: Any) -> Argument:
    text = _text(value)
    strange = mixed_scripts(text) if is_destination(name, None) else ""
    folded = len(text) > 2 * _FOLDED
    return Argument(
        visible(name),
        visible(text[:_FOLDED] if folded else text, keep="\n\t"),
        visible(text[_FOLDED:], keep="\n\t") if folded else "",
        len(text),
        strange,
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= _ONE_LINE else json.dumps(value, ensure_ascii=False, indent=2)


def _data(label: Label) -> tuple[str, ...]:
    words = [str(label.confidentiality), *sorted(label.compartments)]
    if not label.trusted:
        words.append("untrusted")
    words += [f"from {source}" for source in sorted(label.sources)]
    return tuple(map(visible, words))


def _facts(request: Request) -> tuple[tuple[str, str], ...]:
    facts = {
        "Agent": request.agent_id,
        "Owner": request.owner or "",
        "Acts for": request.user or "nobody named",
        "Tool": f"{request.tool} ({request.access})",
        "Edited by": request.edited_by or "",
        "Asked": iso(request.created_at),
        "Thread": request.thread_id,
        "Policy": request.policy_digest,
        "Digest": request.digest,
    }
    return tuple((name, visible(value)) for name, value in facts.items() if value)


def _quorum(request: Request) -> str:
    have = len(request.approvers)
    people = f"{have} of {request.quorum} approvals"
    if request.roles:
        people += f", from {' and '.join(request.roles)}"
    return people if request.quorum > 1 or request.roles else "1 approval decides"

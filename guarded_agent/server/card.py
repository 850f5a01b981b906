"""One request as the page shows it: words and times for a person, nothing hidden in text."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from guarded_agent.approvals import Request
from guarded_agent.core import Label
from guarded_agent.core.visible import visible

_ONE_LINE = 72
_LONGEST = 9_999 * 86_400


@dataclass(frozen=True, slots=True)
class Card:
    """What a reviewer reads of one request, in the order of reading.

    Attributes:
        id: The request's id.
        concern: Whether the agent raises a concern, and a vote is the answer to it.
        summary: What will happen, in one sentence.
        impact: What a mistake costs, or empty.
        reasons: Why a person is asked: category and words.
        arguments: Name and value of each argument, redacted.
        data: What is known of the data in the thread, in words.
        facts: Who and where: agent, person, tool, thread, digest.
        votes: Reviewer and choice so far.
        quorum: How many approvals it needs, and of which roles.
        expires: When it lapses, in words.
        expires_at: The same as an ISO time.
        urgent: True in the last fifth of its time.
        approve: The command that approves it.
        reject: The command that rejects it.
    """

    id: str
    concern: bool
    summary: str
    impact: str
    reasons: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[str, str], ...]
    data: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    votes: tuple[tuple[str, str], ...]
    quorum: str
    expires: str
    expires_at: str
    urgent: bool
    approve: str
    reject: str


def card(request: Request, now: float, store_url: str | None = None) -> Card:
    """Return `request` as it reads at `now`.

    Args:
        request: The request.
        now: The time.
        store_url: What the commands name as the store; None leaves it to the environment.
    """
    left = request.decide_by - now
    answer = ("--reason", "...") if request.concern else ()
    return Card(
        id=request.id,
        concern=request.concern,
        summary=visible(request.summary),
        impact=visible(request.impact or ""),
        reasons=tuple((visible(f.category), visible(f.message)) for f in request.reasons),
        arguments=_arguments(request.preview),
        data=_data(request.label),
        facts=_facts(request),
        votes=tuple((visible(vote.reviewer), vote.choice) for vote in request.votes),
        quorum=_quorum(request),
        expires=f"{duration(left)} left to decide",
        expires_at=_iso(request.decide_by),
        urgent=left < (request.decide_by - request.created_at) / 5,
        approve=_command(store_url, "approve", request.id, *answer),
        reject=_command(store_url, "reject", request.id, "--reason", "..."),
    )


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


def _iso(at: float) -> str:
    # A request may be given more time than a calendar has.
    with contextlib.suppress(ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return "never"


def _arguments(preview: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (visible(str(name)), visible(_text(value), keep="\n\t")) for name, value in preview.items()
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
        "Acts for": request.user or "nobody named",
        "Tool": f"{request.tool} ({request.access})",
        "Edited by": request.edited_by or "",
        "Read by": "; ".join(source.words for source in request.sources),
        "Thread": request.thread_id,
        "Digest": request.digest,
    }
    return tuple((name, visible(value)) for name, value in facts.items() if value)


def _quorum(request: Request) -> str:
    given = len(request.approvers)
    roles = f" Roles: {', '.join(request.roles)}." if request.roles else ""
    return visible(f"{given} of {request.quorum} approvals.{roles}")


def _command(store_url: str | None, choice: str, *words: str) -> str:
    store = [] if store_url is None else ["--store", store_url]
    return visible(shlex.join(["guarded-agent", *store, "approvals", choice, *words]))

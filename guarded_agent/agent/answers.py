"""LangChain's shapes for asking people, at the edge of a guarded graph, and their answers.

Inside, each call waits by an interrupt of its own in the shape `tool_approval`. Where the policy
wants another shape, the caller sees that one. An answer is a vote only where the policy names
where the host puts the person whom it has authenticated; else it wakes the thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from langgraph.types import Command, Interrupt

from guarded_agent.agent.wait import is_ours
from guarded_agent.approvals import Approvals
from guarded_agent.core.errors import VoteRefused
from guarded_agent.policy.asking import ApprovalsEntry, ResumeEntry

Kind = Literal["approve", "reject", "edit", "respond"]
_INBOX: dict[str, Kind] = {
    "accept": "approve",
    "ignore": "reject",
    "edit": "edit",
    "response": "respond",
}
_DECISIONS = ("approve", "edit", "reject", "respond")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person answered about one call.

    Attributes:
        kind: What they want.
        message: Why, or what they say in place of the tool.
        name: The tool of an edit.
        args: The arguments of an edit.
        digest: The digest of what they saw, where the client sent it.
    """

    kind: Kind
    message: str = ""
    name: str = ""
    args: Mapping[str, Any] | None = None
    digest: str = ""


def presented(waiting: Sequence[Interrupt], shape: str) -> list[Interrupt]:
    """Return interrupts as the policy wants them shown: those of one turn become one.

    Args:
        waiting: The interrupts, in the order of the calls.
        shape: `tool_approval`, `hitl` (LangChain's batched one) or `inbox` (the older one).
    """
    calls = [item for item in waiting if _is_call(item.value)]
    if shape == "tool_approval" or not calls:
        return list(waiting)
    values = [cast("dict[str, Any]", item.value) for item in calls]
    shown: Any = _hitl(values) if shape == "hitl" else [_inbox(value) for value in values]
    rest = [item for item in waiting if not _is_call(item.value)]
    return [Interrupt(value=shown, id=calls[0].id), *rest]


def answered(
    given: Command[Any],
    waiting: Sequence[Interrupt],
    approvals: Approvals,
    entry: ApprovalsEntry,
    configurable: Mapping[str, Any],
) -> Command[Any]:
    """Return a resume that wakes what waits for the store; count its answers if they are votes.

    Args:
        given: What the caller resumes with.
        waiting: The interrupts of the thread, in the order of the calls.
        approvals: The queue.
        entry: What the policy says.
        configurable: That part of the run's config, where the host puts the person.

    Raises:
        VoteRefused: A vote does not count, or there is an answer missing.
    """
    calls = [item for item in waiting if _is_call(item.value)]
    paired = _pair(given.resume, calls) if calls else None
    if paired is None:
        return given
    by_id, answers, others = paired
    rule = entry.accept_resume
    person = None if rule is None else _person(rule, configurable)
    if rule is not None and person is not None and (by_id or not rule.by_id):
        if len(answers) != len(calls) and not by_id:
            raise VoteRefused(f"{len(calls)} calls wait for an answer, and {len(answers)} came")
        for item, answer in answers:
            _count(approvals, cast("dict[str, Any]", item.value), answer, *person)
    woken = {item.id: {"type": "wake"} for item in waiting if is_ours(item.value)}
    return Command(
        graph=given.graph, update=given.update, goto=given.goto, resume={**woken, **others}
    )


Pairs = list[tuple[Interrupt, Answer]]


def _pair(resume: Any, calls: Sequence[Interrupt]) -> tuple[bool, Pairs, dict[str, Any]] | None:
    """Return whether ids were named, which call got which answer, and what is for others.

    None: these are no answers about calls.
    """
    ids = {item.id: item for item in calls}
    if isinstance(resume, Mapping):
        named = cast("Mapping[Any, Any]", resume)
        if ids.keys() & named.keys():
            pairs: Pairs = []
            for key, value in named.items():
                found = answers_of(value) if key in ids else None
                if found is None:
                    continue
                # A batch stands under the id of its first call.
                mine = [ids[key]] if len(found) == 1 else list(calls)
                if len(mine) != len(found):
                    raise VoteRefused(
                        f"{len(mine)} calls wait for an answer, and {len(found)} came"
                    )
                pairs += zip(mine, found, strict=True)
            return True, pairs, {k: v for k, v in named.items() if k not in ids}
    found = answers_of(resume)
    if found is None:
        return None
    return False, list(zip(calls, found, strict=False)) if len(calls) >= len(found) else [], {}


def answers_of(resume: Any) -> list[Answer] | None:
    """Return the answers in what a client resumes with, or None if it holds none.

    Example:
        >>> answers_of({"decisions": [{"type": "approve"}]})
        [Answer(kind='approve', message='', name='', args=None, digest='')]
        >>> answers_of([{"type": "ignore", "args": None}])[0].kind
        'reject'
        >>> answers_of({"type": "wake"}) is None
        True
    """
    items: Any = resume
    if isinstance(resume, Mapping):
        given = cast("Mapping[str, Any]", resume)
        items = given.get("decisions", [given])
    if not isinstance(items, list) or not items:
        return None
    found = [_answer(item) for item in cast("list[Any]", items)]
    return None if None in found else cast("list[Answer]", found)


def _answer(item: Any) -> Answer | None:
    if not isinstance(item, Mapping):
        return None
    given = cast("Mapping[str, Any]", item)
    kind = given.get("type")
    digest = str(given.get("digest", ""))
    if kind == "edit":
        call = given.get("edited_action", given.get("args"))
        action = cast("Mapping[str, Any]", call if isinstance(call, Mapping) else {})
        name, args = action.get("name", action.get("action")), action.get("args")
        if not isinstance(name, str) or not isinstance(args, Mapping):
            return None
        return Answer("edit", "", name, cast("Mapping[str, Any]", args), digest)
    if kind in _DECISIONS:
        return Answer(kind, str(given.get("message") or ""), digest=digest)
    if isinstance(kind, str) and kind in _INBOX:
        said = given.get("args")
        return Answer(_INBOX[kind], said if isinstance(said, str) else "", digest=digest)
    return None


def _count(
    approvals: Approvals, shown: Mapping[str, Any], answer: Answer, name: str, roles: list[str]
) -> None:
    """Count one answer as the vote or the edit of a person, by the rules of the queue."""
    request = approvals.get(str(shown["approval_id"]))
    digest = answer.digest or str(shown["digest"])
    if request.edited_by is not None and not answer.digest:
        # Its interrupt is the same as the one before the edit, so the answer may be to that.
        raise VoteRefused(
            f"request {request.id} is the call after an edit: send its digest with the answer, or "
            "decide where the queue is shown"
        )
    if answer.kind == "edit":
        if answer.name != request.tool:
            raise VoteRefused(f"request {request.id} calls {request.tool}: an edit keeps the tool")
        assert answer.args is not None
        approvals.edit(request.id, answer.args, reviewer=name, digest=digest, as_shown=True)
        return
    # To answer a concern is what it asks for; of another call it means that it does not run.
    yes = answer.kind == "approve" or (answer.kind == "respond" and request.concern)
    approvals.vote(
        request.id,
        "approve" if yes else "reject",
        reviewer=name,
        digest=digest,
        reason=answer.message or ("" if yes else "rejected, without a reason"),
        roles=roles,
        method="langgraph",
    )


def _person(rule: ResumeEntry, configurable: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Return who is behind a run, as its host authenticated them, and their roles."""
    user = configurable.get(rule.user_from)
    if user is None or _of(user, "is_authenticated") is False:
        return None
    identity = user if isinstance(user, str) else _of(user, "identity")
    if not isinstance(identity, str) or not identity.strip():
        return None
    held = _of(user, rule.roles_from) if rule.roles_from else None
    roles = (
        [role for role in cast("Sequence[Any]", held) if isinstance(role, str)]
        if (isinstance(held, (list, tuple)))
        else []
    )
    return identity, roles


def _of(user: Any, name: str) -> Any:
    if isinstance(user, Mapping):
        return cast("Mapping[str, Any]", user).get(name)
    return getattr(user, name, None)


def _is_call(value: object) -> bool:
    return is_ours(value) and cast("dict[str, Any]", value).get("type") == "tool_approval"


def _hitl(values: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = list(dict.fromkeys(value["name"] for value in values))
    return {
        "action_requests": [
            {
                "name": value["name"],
                "args": value["args"],
                "description": value["description"],
                "approval_id": value["approval_id"],
                "digest": value["digest"],
            }
            for value in values
        ],
        "review_configs": [
            {"action_name": name, "allowed_decisions": ["approve", "edit", "reject"]}
            for name in names
        ],
    }


def _inbox(value: dict[str, Any]) -> dict[str, Any]:
    return {
        "action_request": {"action": value["name"], "args": value["args"]},
        "config": {
            "allow_ignore": True,
            "allow_respond": True,
            "allow_edit": True,
            "allow_accept": True,
        },
        "description": value["description"],
    }

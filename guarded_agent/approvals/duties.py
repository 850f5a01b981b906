"""Who may decide: separation of duties.

Names come from the caller, who must have checked who the reviewer is. This module
only makes sure that one person has one name, and that nobody decides on their own
action.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from guarded_agent.approvals.request import Request
from guarded_agent.core.errors import VoteRefused

MAX_NAME = 200


def person(name: str) -> str:
    """Return the one form of a person's name: case, width and outer space do not count.

    Raises:
        VoteRefused: It is empty, too long, holds invisible characters, or is an agent's.

    Example:
        >>> person("  Ann@ACME.com ")
        'ann@acme.com'
        >>> person("agent:mail")
        Traceback (most recent call last):
        guarded_agent.core.errors.VoteRefused: an agent never decides: a person must
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    known = " ".join(folded.split())
    if not known:
        raise VoteRefused("say who decides: the reviewer's name is empty")
    if len(known) > MAX_NAME or not known.isprintable():
        raise VoteRefused(f"this is no reviewer's name: use at most {MAX_NAME} visible characters")
    if known.startswith("agent:"):
        raise VoteRefused("an agent never decides: a person must")
    return known


def separate(
    request: Request, reviewer: str, editors: Iterable[str], owner: str | None = None
) -> None:
    """Return if `reviewer` has no part in the action, else refuse.

    Args:
        request: What is decided on.
        reviewer: Who decides, in the form that `person` gives.
        editors: Everybody who changed the arguments on the way.
        owner: Who owns the agent now, where that may have changed since the request.

    Raises:
        VoteRefused: The reviewer is the agent, its owner where the request keeps the owner
            apart, the person it acts for, or an editor.
    """
    if reviewer == _same(request.agent_id):
        raise VoteRefused("the agent cannot decide on its own action: a person must")
    if request.user is not None and reviewer == _same(request.user):
        raise VoteRefused("the agent acts for this person: somebody else must decide")
    if request.owner_apart and reviewer in {_same(name) for name in (request.owner, owner) if name}:
        raise VoteRefused(
            "the agent belongs to this person, and the policy wants somebody else to decide"
        )
    if reviewer in {_same(editor) for editor in editors}:
        raise VoteRefused("this person edited the action: somebody else must decide")


def separate_from_agent(reviewer: str, *, owner: Any, asked_by: Any) -> None:
    """Return if `reviewer` may decide whether an agent acts: four eyes see it.

    Args:
        reviewer: Who decides, in the form that `person` gives.
        owner: Who answers for the agent.
        asked_by: Who asked, where a person did.

    Raises:
        VoteRefused: The reviewer is one of them.
    """
    if reviewer == _same(str(owner)):
        raise VoteRefused("this person owns the agent: somebody else must decide")
    if reviewer == _same(str(asked_by)):
        raise VoteRefused("this person asked for it: somebody else must decide")


def _same(name: str) -> str:
    try:
        return person(name)
    except VoteRefused:
        return ""  # no reviewer has such a name

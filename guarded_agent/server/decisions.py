"""What pages and API do with a request, so that both do the same.

The rules are those of `approvals`. What is added here is who decides: the name and the roles
come from the session or the token, and a high-risk approval wants a fresh proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guarded_agent.approvals import Choice, Request
from guarded_agent.approvals.endorse import Endorse
from guarded_agent.core.errors import VoteRefused
from guarded_agent.guards.pii.pseudonyms_shown import with_values
from guarded_agent.server.doors import check_high_risk
from guarded_agent.server.problems import Refused
from guarded_agent.server.site import Site
from guarded_agent.server.who import Reviewer


def find(site: Site, request_id: str) -> Request:
    """Return a request.

    Raises:
        Refused: There is none of that id; the status is 404.
    """
    try:
        return site.queue.get(request_id)
    except VoteRefused as refused:
        raise Refused(404, str(refused)) from None


def vote(
    site: Site,
    reviewer: Reviewer,
    request_id: str,
    choice: Choice,
    *,
    digest: str,
    reason: str = "",
    endorse: Endorse | None = None,
) -> Request:
    """Vote as the reviewer who is signed in.

    Args:
        site: The site.
        reviewer: Who votes, from `doors`.
        request_id: Which request.
        choice: `approve` or `reject`.
        digest: The digest that they saw.
        reason: Why.
        endorse: What they vouch for.

    Raises:
        Refused: There is no such request, or the sign-in is too long ago for it.
        VoteRefused: The vote does not count, and nothing was changed.
    """
    request = find(site, request_id)
    if choice == "approve":
        check_high_risk(site, reviewer, request)
    return site.queue.vote(
        request.id,
        choice,
        reviewer=reviewer.name,
        digest=digest,
        reason=reason,
        roles=reviewer.roles,
        method=reviewer.method,
        subject=reviewer.subject,
        endorse=endorse,
    )


def vote_alike(
    site: Site,
    reviewer: Reviewer,
    seen: Mapping[str, str],
    choice: Choice,
    *,
    reason: str = "",
) -> list[Request]:
    """Vote the same on several requests that ask for the same call; on all of them, or none.

    Args:
        site: The site.
        reviewer: Who votes, from `doors`.
        seen: The digest that they saw of each request, by the request's id.
        choice: `approve` or `reject`.
        reason: Why.

    Raises:
        Refused: There is no such request, or the sign-in is too long ago for one of them.
        VoteRefused: One of the votes does not count, and nothing was changed.
    """
    asked = {find(site, request_id).id: digest for request_id, digest in seen.items()}
    if choice == "approve":
        for request_id in asked:
            check_high_risk(site, reviewer, find(site, request_id))
    return site.queue.vote_alike(
        asked,
        choice,
        reviewer=reviewer.name,
        reason=reason,
        roles=reviewer.roles,
        method=reviewer.method,
        subject=reviewer.subject,
    )


def edit(
    site: Site,
    reviewer: Reviewer,
    request_id: str,
    arguments: Mapping[str, Any],
    *,
    digest: str,
    reason: str = "",
) -> Request:
    """Want other arguments instead. Nothing is approved by it.

    Raises:
        Refused: There is no such request.
        VoteRefused: The edit does not count.
        ActionError: The arguments are no plain data, or too large.
    """
    request = find(site, request_id)
    return site.queue.edit(
        request.id, arguments, reviewer=reviewer.name, digest=digest, reason=reason
    )


def cancel(site: Site, reviewer: Reviewer, request_id: str, reason: str) -> Request:
    """End a request that is no longer wanted. The reason says who did it.

    Raises:
        Refused: There is no such request.
        VoteRefused: It has ended already, or no reason is given.
    """
    request = find(site, request_id)
    if not reason.strip():
        raise VoteRefused("say why the request is cancelled")
    return site.queue.cancel(request.id, f"{reason.strip()} ({reviewer.name})")


def reveal(site: Site, reviewer: Reviewer, request_id: str) -> dict[str, Any]:
    """Return the real arguments; who looked is recorded first.

    Raises:
        Refused: There is no such request.
        VoteRefused: The reviewer may not look.
    """
    request = find(site, request_id)
    opened = site.queue.arguments(request.id, reviewer=reviewer.name)
    return with_values(site.store, request, opened)

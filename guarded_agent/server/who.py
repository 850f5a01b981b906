"""Who is asking: a reviewer, how they proved it, and what they may do with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from guarded_agent.server.reviewers import ADMIN

Scope = Literal["read", "vote", "vote:high", "admin"]
Method = Literal["password", "oidc", "token"]

SCOPES: tuple[Scope, ...] = ("read", "vote", "vote:high", "admin")
"""What a token may be made for; `vote:high` is for what asks a browser to sign in again."""

FRESH_SECONDS = 300.0
"""How long after a sign-in a browser may approve what is high risk."""


@dataclass(frozen=True, slots=True)
class Reviewer:
    """The person behind a request of the web, never named by a form field.

    Attributes:
        name: The one form of the name, as in votes.
        roles: The roles that they hold now.
        method: How they proved who they are.
        scopes: What this session or token may be used for.
        proved_at: When they last gave a password or came from the identity provider; 0 for a
            token.
        session: What the store knows the session by; "" for a token.
        token: The id of the token; "" for a session.
        subject: What an identity provider calls them: two accounts with one subject are one
            person to a quorum.
    """

    name: str
    roles: tuple[str, ...]
    method: Method
    scopes: frozenset[str]
    proved_at: float = 0.0
    session: str = ""
    token: str = ""
    subject: str = ""

    @property
    def admin(self) -> bool:
        """Whether they may manage reviewers with this session or token."""
        return "admin" in self.scopes and ADMIN in self.roles

    def may(self, scope: Scope) -> bool:
        """Return whether they may do what needs `scope`."""
        return self.admin if scope == "admin" else scope in self.scopes

    def may_approve_high_risk(self, now: float) -> bool:
        """Return whether they proved a moment ago who they are, or the token is made for it.

        Example:
            >>> ann = Reviewer("ann", (), "password", frozenset({"vote"}), proved_at=1000)
            >>> ann.may_approve_high_risk(1200), ann.may_approve_high_risk(1400)
            (True, False)
        """
        if self.method == "token":
            return "vote:high" in self.scopes and "vote" in self.scopes
        return 0 <= now - self.proved_at <= FRESH_SECONDS

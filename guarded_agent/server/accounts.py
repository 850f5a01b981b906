"""What people do with their accounts: sign in, prove it again, sign out, join, change passwords.

It ties together the reviewers, sessions, links, tokens and the counting of failures, and
knows no web. A password is hashed outside of any transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from guarded_agent.core.ports import Recorder
from guarded_agent.server import passwords, secret
from guarded_agent.server.attempts import Attempts, TooMany
from guarded_agent.server.links import Link, Links
from guarded_agent.server.reviewers import AccountRefused, Reviewers, name_of
from guarded_agent.server.sessions import Lifetime, Sessions
from guarded_agent.server.tokens import Tokens
from guarded_agent.server.who import Reviewer
from guarded_agent.store import Store

__all__ = ["AccountRefused", "Accounts", "Reviewer", "SignInRefused", "TooMany"]


class SignInRefused(Exception):
    """Name and password do not belong together. It does not tell which of them is wrong."""

    def __init__(self) -> None:
        super().__init__("name and password do not belong together")


class Accounts:
    """Everything about who is who, over one store.

    Args:
        store: Where it is kept.
        recorder: Writes the audit events.
        lifetime: How long sessions last.

    Attributes:
        reviewers: The accounts.
        sessions: The sessions of browsers.
        links: The links that work once.
        tokens: The tokens of programs.
        attempts: The failures.
    """

    def __init__(self, store: Store, recorder: Recorder, lifetime: Lifetime | None = None) -> None:
        self._store = store
        self._recorder = recorder
        self.reviewers = Reviewers(store, recorder)
        self.sessions = Sessions(store, self.reviewers, lifetime or Lifetime())
        self.links = Links(store, self.reviewers)
        self.tokens = Tokens(store, self.reviewers, recorder)
        self.attempts = Attempts(store)

    def sign_in(self, name: str, password: str, *, address: str, before: str = "") -> str:
        """Open a session for who knows the password.

        Args:
            name: Any form of the name.
            password: The password.
            address: Where the attempt comes from.
            before: The cookie that the browser has had so far; its session ends.

        Returns:
            The secret for the cookie, always a new one.

        Raises:
            SignInRefused: Name and password do not belong together.
            TooMany: Too many attempts failed.
        """
        account = _account_key(name)
        self.attempts.begin(account, address)
        with self._store.read() as connection:
            kept = self.reviewers.password_hash(connection, name)
        if not passwords.matches(password, kept):
            self._failed(account, kept)
            raise SignInRefused
        with self._store.write(durable=True) as connection:
            # Somebody may have shut them out, or changed the password, meanwhile.
            if self.reviewers.password_hash(connection, name) != kept:
                raise SignInRefused
            self.attempts.succeeded(connection, account, address)
            known = name_of(name)
            self._record(connection, "signed_in", known, method="password")
            self.sessions.close(connection, secret.kept(before))
            return self.sessions.open(connection, known, "password", self._store.clock())

    def prove(self, reviewer: Reviewer, password: str, *, address: str) -> str:
        """Take the password again, and give the session a new id.

        Args:
            reviewer: Whose session it is.
            password: Their password.
            address: Where the attempt comes from.

        Returns:
            The new secret for the cookie; the old one opens nothing.

        Raises:
            SignInRefused: It is not the password, or there is no such session any more.
            TooMany: Too many attempts failed.
        """
        self._check(reviewer, password, address)
        with self._store.write(durable=True) as connection:
            cookie = self.sessions.renew(connection, reviewer, self._store.clock())
            if cookie is None:
                raise SignInRefused
            self._record(connection, "proved", reviewer.name)
            return cookie

    def change_password(self, reviewer: Reviewer, old: str, new: str, *, address: str) -> str:
        """Set a new password, end every other session, and open a new one.

        Returns:
            The secret for the cookie.

        Raises:
            PasswordRefused: The new password is too weak.
            SignInRefused: `old` is not the password.
            TooMany: Too many attempts failed.
        """
        new_hash = passwords.hashed(passwords.check(new, reviewer.name))
        self._check(reviewer, old, address)
        with self._store.write(durable=True) as connection:
            self.reviewers.set_password(connection, reviewer.name, new_hash, by=reviewer.name)
            return self.sessions.open(connection, reviewer.name, "password", self._store.clock())

    def sign_out(self, reviewer: Reviewer, *, everywhere: bool = False) -> None:
        """End this session, or all of the reviewer's."""
        with self._store.write(durable=True) as connection:
            if everywhere:
                self.sessions.close_all(connection, reviewer.name)
            else:
                self.sessions.close(connection, reviewer.session)
            self._record(connection, "signed_out", reviewer.name, everywhere=everywhere)

    def look_at_link(self, given: str) -> Link | None:
        """Return what a link is for, without using it up."""
        with self._store.read() as connection:
            return self.links.look(connection, given)

    def use_link(self, given: str, name: str, password: str, *, address: str) -> str:
        """Use a link up: become a reviewer, or set a new password; then be signed in.

        Args:
            given: The link's secret.
            name: What the first admin wants to be called; other links know the name.
            password: The new password.
            address: Where the attempt comes from.

        Returns:
            The secret for the cookie.

        Raises:
            AccountRefused: The link does not work, or the name cannot be had.
            PasswordRefused: The password is too weak.
            TooMany: Too many links that do not work came from this address.
        """
        gone = "this link does not work: it was used, or is too old. Ask for a new one"
        # Whatever comes before the last step must not use the link up.
        link = self.look_at_link(given)
        if link is None:
            self.attempts.begin(f"link\0{address}", address)
            raise AccountRefused(gone)
        wanted = name_of(link.name or name)
        password_hash = passwords.hashed(passwords.check(password, wanted))
        with self._store.write(durable=True) as connection:
            if self.links.use(connection, given) is None:
                raise AccountRefused(gone)
            if link.kind == "reset":
                self.reviewers.set_password(connection, wanted, password_hash, by=wanted)
                if self.reviewers.usable(connection, wanted) is None:
                    raise AccountRefused(gone)
            else:
                self.reviewers.add(
                    connection,
                    wanted,
                    roles=link.roles,
                    by=link.made_by or "the first link",
                    password_hash=password_hash,
                )
            self._record(connection, "signed_in", wanted, method=f"link:{link.kind}")
            return self.sessions.open(connection, wanted, "password", self._store.clock())

    def open_for_provider(
        self,
        issuer: str,
        subject: str,
        email: str,
        roles: list[str],
        proved_at: float,
        *,
        name: str = "",
        before: str = "",
    ) -> str:
        """Open a session for whom an identity provider vouches; a new person gets an account.

        Args:
            issuer: The provider.
            subject: What the provider calls them; the account is bound to it.
            email: Their verified mail address: the name of a new account.
            roles: What the settings make of their groups. They hold from now on.
            proved_at: When they signed in there.
            name: Who must come back, where somebody proves again who they are.
            before: What the store knows the session before by; it ends.

        Returns:
            The secret for the cookie.

        Raises:
            AccountRefused: The name belongs to another account, the account is closed, or
                somebody else came back.
        """
        with self._store.write(durable=True) as connection:
            account = self.reviewers.by_subject(connection, issuer, subject)
            if account is None and not name:
                account = self.reviewers.add(
                    connection, email, roles=roles, by=issuer, issuer=issuer, subject=subject
                )
            if account is None or (name and account.name != name):
                raise AccountRefused("somebody else came back from the provider")
            if sorted(account.roles) != sorted(roles):
                self.reviewers.put_roles(connection, account.name, roles, by=issuer)
            if self.reviewers.usable(connection, account.name) is None:
                raise AccountRefused("this account is closed: ask an admin")
            self.sessions.close(connection, before)
            self._record(connection, "signed_in", account.name, method="oidc")
            return self.sessions.open(connection, account.name, "oidc", proved_at)

    def _check(self, reviewer: Reviewer, password: str, address: str) -> None:
        account = _account_key(reviewer.name)
        self.attempts.begin(account, address)
        with self._store.read() as connection:
            kept = self.reviewers.password_hash(connection, reviewer.name)
        if not passwords.matches(password, kept):
            self._failed(account, kept)
            raise SignInRefused
        with self._store.write() as connection:
            self.attempts.succeeded(connection, account, address)

    def _failed(self, account: str, kept: str) -> None:
        # A name that nobody has is not written down, or a log of guesses would be anybody's to
        # fill; an event is, so that the time it takes does not tell who has an account.
        with self._store.write() as connection:
            self._record(connection, "sign_in_failed", account if kept else "")

    def _record(self, connection: Connection, what: str, name: str, **data: Any) -> None:
        self._recorder.append(
            connection, f"reviewer.{what}", agent_id="", data={"reviewer": name, **data}
        )


def _account_key(name: str) -> str:
    """Return one text for all forms of a name, also where it is no name."""
    try:
        return name_of(name)
    except AccountRefused:
        return "\0none"

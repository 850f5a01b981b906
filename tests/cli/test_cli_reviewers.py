"""`guarded-agent reviewers`: who may sign in."""

from __future__ import annotations

import json
import re
from typing import Any

from guarded_agent.audit import AuditLog
from guarded_agent.server.accounts import Accounts

PASSWORD = "correct horse battery"


def join(desk: Any, *words: str) -> str:
    """Type a command that prints a link, and use the link."""
    link = desk.type("reviewers", *words).stdout.strip()
    [given] = re.findall(r"^https://approvals\.acme\.example/join/(\S+)$", link)
    with desk.store() as store:
        return Accounts(store, AuditLog(store)).use_link(given, "", PASSWORD, address="")


URL = ("--url", "https://approvals.acme.example/")


def test_who_is_invited_becomes_a_reviewer_with_roles(desk: Any) -> None:
    join(desk, "invite", "Ann@acme.example", "--role", "sre", "--role", "admin", *URL)

    assert "active    ann@acme.example  (admin, sre)" in desk.type("reviewers", "list").stdout
    [known] = json.loads(desk.type("reviewers", "list", "--json").stdout)
    assert (known["name"], known["roles"]) == ("ann@acme.example", ["admin", "sre"])


def test_before_anybody_joins_it_says_how(desk: Any) -> None:
    assert "guarded-agent serve prints a link" in desk.type("reviewers", "list").stdout


def test_a_reviewer_is_shut_out_and_let_in_again(desk: Any) -> None:
    cookie = join(desk, "invite", "ann@acme.example", *URL)

    desk.type("reviewers", "deactivate", "ann@acme.example")
    with desk.store() as store:
        assert Accounts(store, AuditLog(store)).sessions.reviewer(cookie) is None
    assert "shut out  ann@acme.example" in desk.type("reviewers", "list").stdout
    assert "may sign in" in desk.type("reviewers", "activate", "ann@acme.example").stdout


def test_a_forgotten_password_is_set_anew(desk: Any) -> None:
    join(desk, "invite", "ann@acme.example", *URL)

    cookie = join(desk, "reset", "ann@acme.example", *URL)

    with desk.store() as store:
        assert Accounts(store, AuditLog(store)).sessions.reviewer(cookie) is not None


def test_roles_are_replaced(desk: Any) -> None:
    join(desk, "invite", "ann@acme.example", "--role", "sre", *URL)

    result = desk.type("reviewers", "roles", "ann@acme.example", "--role", "finance")

    assert result.stdout == "ann@acme.example: finance\n"


def test_an_agent_is_not_invited(desk: Any) -> None:
    result = desk.type("reviewers", "invite", "Desk-Agent")

    assert result.exit_code == 2
    assert "an agent is no reviewer" in result.stderr

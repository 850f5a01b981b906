"""`guarded-agent agents`: who they are, and how one is stopped."""

from __future__ import annotations

import json
from typing import Any

ME = ("--reviewer", "ann@acme.example", "--reason", "odd mails")


def test_agents_are_listed_and_shown(desk: Any) -> None:
    assert desk.type("agents", "list").stdout == "active          desk-agent  answer mail\n"
    assert "Owner        ann@acme.example" in desk.type("agents", "show", "desk-agent").stdout


def test_an_agent_is_suspended_and_resumed_with_a_name_and_a_reason(desk: Any) -> None:
    assert desk.type("agents", "suspend", "desk-agent", "--reason", "x").exit_code == 2
    assert desk.type("agents", "suspend", "desk-agent", "--reviewer", "ann").exit_code == 2
    stopped = json.loads(desk.type("agents", "suspend", "desk-agent", *ME, "--json").stdout)
    assert (stopped["state"], stopped["reason"]) == ("suspended", "odd mails")
    assert "active" in desk.type("agents", "resume", "desk-agent", *ME).stdout
    assert [kind for kind, _ in desk.log()][1:] == ["agent.suspended", "agent.resumed"]


def test_an_agent_does_not_resume_itself(desk: Any) -> None:
    desk.type("agents", "suspend", "desk-agent", *ME)
    words = ("--reviewer", "desk-agent", "--reason", "I am fine")
    assert desk.type("agents", "resume", "desk-agent", *words).exit_code == 2
    assert "suspended" in desk.type("agents", "list").stdout


def test_retiring_for_good_asks_first(desk: Any) -> None:
    words = ("agents", "decommission", "desk-agent", *ME)
    assert "add --yes" in desk.type(*words).stderr
    desk.terminal = True
    assert "Nothing was changed." in desk.type(*words, answer="n\n").stdout
    assert "active" in desk.type("agents", "list").stdout
    assert desk.type(*words, answer="y\n").exit_code == 0
    assert "decommissioned" in desk.type("agents", "list").stdout
    assert "cannot become active" in desk.type("agents", "resume", "desk-agent", *ME).stderr


def test_an_unknown_agent_is_told_in_one_line(desk: Any) -> None:
    result = desk.type("agents", "show", "nobody")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)

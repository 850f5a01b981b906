"""`guarded-agent audit`: the log as people read it, and its check."""

from __future__ import annotations

import json
import sqlite3
from typing import Any


def test_the_tail_shows_the_last_events_oldest_first(desk: Any) -> None:
    desk.ask()
    desk.ask()
    lines = desk.type("audit", "tail", "-n", "2").stdout.splitlines()
    assert lines == [
        "    2  1970-01-12 13:46:40  approval.requested  t1 tool=pay",
        "    3  1970-01-12 13:46:40  approval.requested  t1 tool=pay",
    ]


def test_the_tail_of_one_thread_leaves_the_others_out(desk: Any) -> None:
    desk.ask(desk.action(thread_id="other"))
    desk.ask()
    events = json.loads(desk.type("audit", "tail", "--thread", "other", "--json").stdout)
    assert [event["thread_id"] for event in events] == ["other"]
    empty = desk.type("audit", "tail", "--thread", "none\u202e").stdout
    assert empty == "No event of the thread none\\u{202e}.\n"


def test_a_whole_log_verifies_and_tells_its_head(desk: Any) -> None:
    desk.ask()
    result = desk.type("audit", "verify")
    assert result.exit_code == 0
    told = json.loads(desk.type("audit", "verify", "--json").stdout)
    assert told["verified"] is True
    assert result.stdout == f"verified 2 events, head {told['head']}\n"


def test_a_changed_event_is_named_and_the_exit_code_is_1(desk: Any) -> None:
    desk.ask()
    with sqlite3.connect(desk.folder / "guard.db") as connection:
        connection.execute("UPDATE guard_event SET kind = 'approval.used' WHERE seq = 2")
    result = desk.type("audit", "verify")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "Broken: event 2 was changed after it was written.\n"
    told = desk.type("audit", "verify", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout)["event"] == 2

"""`guarded-agent approvals watch`, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from guarded_agent.approvals import Approvals
from guarded_agent.audit import AuditLog
from guarded_agent.core import Action, Finding, Label
from guarded_agent.store import Store

PROGRAM = [sys.executable, "-u", "-c", "from guarded_agent.cli import main; main()"]
pytestmark = pytest.mark.slow


def ask(desk: Any, number: int) -> str:
    with Store.open(desk.url) as store:  # by the time that the other process tells too
        queue = Approvals(store, AuditLog(store))
        action = Action.build(
            tool="wire", args={"n": number}, call_id=str(number), thread_id="t", agent_id="a"
        )
        with store.write() as connection:
            return queue.submit(
                connection,
                action,
                spec_access="write",
                impact=None,
                summary=f"Run wire with n: {number}",
                reasons=[Finding("policy", "asks", "policy")],
                preview=action.args,
                label=Label(),
                policy_digest="p" * 64,
            ).id


def wait_for(file: Path, words: str) -> str:
    """Return what stands in a file once it holds these words, or after a minute."""
    until = time.monotonic() + 60
    while words not in (text := file.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    return text


def test_each_change_is_a_line_where_nobody_looks_at_a_terminal(desk: Any, tmp_path: Path) -> None:
    command = [*PROGRAM, "--store", desk.url, "approvals", "watch"]
    file = tmp_path / "seen.txt"
    with file.open("w") as out, subprocess.Popen(command, stdout=out) as process:
        try:
            assert "waiting" in wait_for(file, "waiting")
            request_id = ask(desk, 1)
            line = f"{request_id}  pending    Run wire with n: 1"
            assert line in wait_for(file, line)
        finally:
            process.terminate()

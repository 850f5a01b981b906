"""The examples run as they are, and do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[3] / "examples"


def run(name: str, where: Path) -> str:
    """Run an example in an empty folder and return what it printed."""
    command = [sys.executable, EXAMPLES / name]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wrapped_agent_sends_the_second_mail_only_after_the_vote(tmp_path: Path) -> None:
    output = run("wrap_existing_agent.py", tmp_path)

    before, after = output.split("2. Now it waits")
    assert "mail goes out: Who takes ticket 7?" in before
    assert "It is on its way." not in before
    assert "mail goes out: It is on its way." in after


def test_the_new_agent_pays_what_the_policy_allows_and_nothing_else(tmp_path: Path) -> None:
    output = run("new_agent.py", tmp_path)

    assert ">> paid 80 for invoice 1" in output
    assert "paid 5000" not in output
    assert "Too much for you." in output


def test_two_reviewers_in_another_process_let_the_agent_go_on(tmp_path: Path) -> None:
    output = run("review_and_resume.py", tmp_path)

    before, after = output.split("3. The agent goes on:")
    assert "has voted on request" in before
    assert ">> db-3 is deleted" not in before
    assert after.count(">> db-3 is deleted") == 1
    assert "The audit log verifies" in after


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_an_example_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    run(name, tmp_path)

    assert list(tmp_path.iterdir()) == []

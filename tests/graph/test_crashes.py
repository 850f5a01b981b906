"""A process dies by SIGKILL around a tool's effect: the effect happens at most once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guarded_agent.audit import AuditLog, verify
from guarded_agent.monitor import settle_action
from guarded_agent.store import Store

SCRIPT = Path(__file__).with_name("crashing.py")
pytestmark = pytest.mark.slow


def run(folder: Path, die: str = "never") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(folder), die],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def effects(folder: Path) -> int:
    file = folder / "effects"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.parametrize(("die", "happened"), [("before the effect", 0), ("after the effect", 1)])
def test_a_call_that_died_waits_for_a_person_and_never_runs_again(
    tmp_path: Path, die: str, happened: int
) -> None:
    assert run(tmp_path, die).returncode == -signal.SIGKILL
    assert effects(tmp_path) == happened
    for _ in range(2):
        again = run(tmp_path)
        assert again.stdout.startswith("outcome_unknown "), again.stderr
        assert effects(tmp_path) == happened
    digest = again.stdout.split()[1]
    with Store.open(f"sqlite:///{tmp_path}/guard.db") as store:
        outcome = "done" if happened else "failed"
        settle_action(
            store, AuditLog(store), digest, outcome=outcome, by="ann", reason="asked the bank"
        )
    final = run(tmp_path)
    assert final.stdout.strip() == "Done.", final.stderr
    assert effects(tmp_path) == happened
    with Store.open(f"sqlite:///{tmp_path}/guard.db") as store:
        assert verify(store).count > 0


def test_a_call_that_was_recorded_is_not_repeated_when_the_next_step_dies(tmp_path: Path) -> None:
    assert run(tmp_path, "in the next model call").returncode == -signal.SIGKILL
    assert run(tmp_path).stdout.strip() == "Done."
    assert effects(tmp_path) == 1

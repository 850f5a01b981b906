"""A process dies by SIGKILL around a tool's effect: the effect happens at most once.

Each test covers seven points of death in real processes, for one checkpointer; the calls
that are allowed and those that people approve run side by side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("crashing.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork"),
]

GATE = "in the gate, its verdict stored"
APPROVAL = "in the approval node, the vote read"
BEFORE = ("before the body", "in the body, before the effect")
AFTER = ("in the body, after the effect", "after the body, before it is recorded")
MODEL = "in the next model call"


def start(command: str, *args: str, url: str = "") -> subprocess.Popen[str]:
    # One thread, so that the process may fork.
    environ = os.environ | {"OPENBLAS_NUM_THREADS": "1", "CRASHING_DATABASE_URL": url}
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SCRIPT), command, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )


def found(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, errors = process.communicate(timeout=600)
    return json.loads(out) if process.returncode == 0 else {"errors": errors}


def expected(kind: str, durability: str, point: str, remembered: bool) -> dict[str, Any]:
    """What a survivor finds, and does, after a process died at `point`.

    With "exit" LangGraph keeps nothing of a run that dies before its first pause, and with
    "async" it may not have kept it yet. The model then asks again, with a new call: a person
    hears of it if the first is in doubt, and it may run where the first did not. What is
    known to be done may be asked for anew.
    """
    done = point in (*AFTER, MODEL)
    # What waits for nobody is recorded as started in the moment in which it is judged.
    judged = point == APPROVAL or (point == GATE and kind == "approved")
    runs = 1 if done or judged or not remembered else 0
    if point == MODEL and not remembered:
        runs = 2
    forgetful = durability in ("exit", "async") and (kind == "allowed" or point == GATE)
    return {
        "died": True,
        "remembered": remembered if forgetful else True,
        "effects at first": int(done),
        "lost": int(point != MODEL and not judged),
        "in doubt": True,
        "effects": runs,
        "ends": "Done.",
        "still lost": 0,
        "effects after time travel": runs,
        "unapproved": 0,
    }


def check(folder: Path, saver: str, how: str, *durabilities: str, url: str = "") -> None:
    kinds = ("allowed", "approved")
    running = [
        start("die", str(folder), saver, how, kind, *durabilities, url=url) for kind in kinds
    ]
    results = [found(process) for process in running]
    for kind, result in zip(kinds, results, strict=True):
        assert len(result) == len(durabilities) * (7 if kind == "approved" else 6), result
        for name, line in result.items():
            durability, _, point = name.partition(": ")
            assert line == expected(kind, durability, point, line.get("remembered", True)), name


@pytest.mark.parametrize("saver", ["own", "langgraph"])
def test_a_process_may_die_anywhere_and_no_effect_happens_twice(tmp_path: Path, saver: str) -> None:
    check(tmp_path, saver, "sync", "exit", "async", "sync")


def test_a_process_may_die_anywhere_in_an_event_loop(tmp_path: Path) -> None:
    check(tmp_path, "own", "async", "default")


def test_a_process_may_die_anywhere_where_all_is_kept_in_postgresql(
    tmp_path: Path, postgres_url: str
) -> None:
    set_up(postgres_url)
    check(tmp_path, "postgres", "sync", "exit", "async", "sync", url=postgres_url)


def set_up(url: str) -> None:
    """LangGraph makes its tables in ways that two processes at once would wait for each other."""
    from langgraph.checkpoint.postgres import PostgresSaver

    address = url.replace("postgresql+psycopg://", "postgresql://")
    with PostgresSaver.from_conn_string(address) as saver:
        saver.setup()


@pytest.mark.parametrize("saver", ["own", "postgres"])
def test_processes_that_resume_one_thread_at_once_have_one_effect(
    tmp_path: Path, saver: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if saver == "postgres" else ""
    if url:
        set_up(url)
    result = found(start("race", str(tmp_path), saver, url=url))
    assert result["effects"] == 1, result
    assert result["ends"] == "Done.", result
    assert set(result["racers"]) <= {"Done.", "outcome_unknown", "waits"}, result

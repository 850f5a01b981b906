"""`guarded-agent doctor`: one line for each check, and an exit code for a build."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from guarded_agent.audit import AuditLog

APP = """
import subprocess

from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph

from guarded_agent.redteam.insider import build_agent
from guarded_agent.testing import Recorder, ScriptedModel, recording_tool, say

tools = [recording_tool(Recorder(), "pay", {"amount": int})]
agent = build_agent(ScriptedModel(script=[say("hi")]), tools)

def shell(state: MessagesState):
    subprocess.run(["true"])
    return {}

builder = StateGraph(MessagesState)
builder.add_node("shell", shell)
builder.add_edge(START, "shell")
unproven = builder.compile()
"""
GUARDED = """
from guarded_agent import guard
from doctor_app import agent, unproven

safe = guard(agent, policy={"version": 1}, store="sqlite:///own.db")
declared = guard(unproven, trust={"shell": "runs true"}, store="sqlite://")
"""
OLD = """
import importlib.metadata as them
real = them.version
them.version = lambda name: "1.1.10" if name == "langgraph" else real(name)
"""
MOVED = "import langgraph.prebuilt as them; del them.ToolNode._run_one"
CHECKS = ["versions", "self-test", "canary", "prover", "policy", "store", "audit"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in {
        "doctor_app": APP,
        "doctor_safe": GUARDED,
        "doctor_refused": "from guarded_agent import guard\nfrom doctor_app import unproven\n"
        "safe = guard(unproven, store='sqlite://')",
    }.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "wrong.yaml").write_text("version: 1\ntools: {sell: {access: write}}\n")
    (tmp_path / "broken.yaml").write_text("version: 1\nbroken: [\n")
    (tmp_path / "right.yaml").write_text("version: 1\ntools: {pay: {access: write}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("doctor_app", "doctor_safe", "doctor_refused"):
        sys.modules.pop(name, None)


Program = Callable[..., subprocess.CompletedProcess[str]]


def told(result: Any) -> dict[str, tuple[str, str, str]]:
    """Return the state, message and advice of each check of a run with `--json`."""
    data = json.loads(result.stdout)
    assert data["ok"] == (result.exit_code == 0)
    return {item["check"]: (item["state"], item["message"], item["do"]) for item in data["checks"]}


def test_a_guarded_agent_gives_seven_ok_lines_and_leaves_nothing_behind(
    program: Program, folder: Path
) -> None:
    before = {path.name for path in folder.iterdir()}
    words = ("doctor", "doctor_app:agent", "--policy", "right.yaml")
    done = program(*words, cwd=folder, environ={"COLUMNS": "80"})
    lines = done.stdout.splitlines()
    assert re.findall(r"^ok +([a-z-]+) ", done.stdout, re.MULTILINE) == CHECKS
    assert not re.search("^problem", done.stdout, re.MULTILINE)
    assert "right.yaml fits 1 tool" in done.stdout
    assert lines[-1] == "No problem."
    assert max(map(len, lines)) <= 80
    assert {path.name for path in folder.iterdir()} - before <= {"__pycache__"}


def test_an_agent_that_is_not_proven_is_a_problem(program: Program, folder: Path) -> None:
    done = program("doctor", "doctor_app:unproven", cwd=folder, code=1, environ={"COLUMNS": "80"})
    assert (
        done.stdout.splitlines()[5:]
        == dedent("""\
        problem  prover     shell: subprocess is the module subprocess
                            See: guarded-agent graph doctor_app:unproven
        skipped  policy     what the default policy decides depends on the tools
        ok       store      guarded_agent.db is not there yet; its folder can be written
        ok       audit      there is no event to verify yet

        1 problem.
        """).splitlines()
    )


@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("wrong.yaml", 'wrong.yaml:2:9: tools.sell: there is no tool "sell"'),
        ("broken.yaml", "broken.yaml:"),
        ("nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_a_broken_policy_is_a_problem(program: Program, folder: Path, file: str, why: str) -> None:
    words = ("doctor", "doctor_app:agent", "--policy", file)
    done = program(*words, cwd=folder, code=1, environ={"COLUMNS": "80"})
    assert f"problem  policy     {why}" in done.stdout
    assert f"See: guarded-agent policy check {file}" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_policy_is_read_also_where_the_agent_is_not_proven(desk: Any) -> None:
    checks = told(desk.type("doctor", "doctor_app:unproven", "--policy", "broken.yaml", "--json"))
    assert [checks[name][0] for name in ("prover", "policy")] == ["problem", "problem"]
    checks = told(desk.type("doctor", "doctor_app:unproven", "--policy", "right.yaml", "--json"))
    assert checks["policy"][0] == "skipped"


def test_an_agent_that_is_guarded_in_code_is_looked_at_with_its_own_store(
    desk: Any, folder: Path
) -> None:
    checks = told(desk.type("doctor", "doctor_safe:safe", "--json"))
    assert [state for state, *_ in checks.values()] == ["ok"] * 7
    assert str(folder / "own.db") in checks["store"][1]
    assert checks["policy"][1] == "its own policy fits 1 tool"
    refused = desk.type("doctor", "doctor_safe:safe", "--policy", "right.yaml")
    assert refused.exit_code == 2
    assert "guarded already: leave --policy out" in refused.stderr


def test_what_was_declared_is_told(desk: Any) -> None:
    checks = told(desk.type("doctor", "doctor_safe:declared", "--json"))
    assert checks["prover"][1].endswith("but for what you declared: shell")
    assert "lost when the process ends" in checks["store"][1]


def test_a_module_whose_own_guard_refuses_is_a_problem_and_no_usage_error(desk: Any) -> None:
    result = desk.type("doctor", "doctor_refused:safe", "--json")
    checks = told(result)
    assert result.exit_code == 1
    assert checks["prover"][0] == "problem"
    assert "subprocess" in checks["prover"][1]


def test_a_list_of_tools_is_an_agent_too(desk: Any) -> None:
    checks = told(desk.type("doctor", "doctor_app:tools", "--json"))
    assert checks["policy"] == ("ok", "the default policy fits 1 tool", "")


@pytest.mark.parametrize("name", ["doctor_app", "doctor_app:nobody", "no_such_app:agent"])
def test_what_cannot_be_imported_is_a_usage_error(desk: Any, name: str) -> None:
    result = desk.type("doctor", name)
    assert (result.exit_code, result.stdout) == (2, "")


def test_the_store_is_written_to_and_left_as_it_was(desk: Any) -> None:
    desk.ask()
    before = [event.as_json() for event in AuditLog(desk.store()).events()]
    checks = told(desk.type("doctor", "doctor_app:agent", "--json"))
    assert checks["store"][0] == "ok"
    assert checks["audit"][1] == f"verified {len(before)} events"
    assert [event.as_json() for event in AuditLog(desk.store()).events()] == before


def test_a_store_that_refuses_to_be_written_is_a_problem(desk: Any, folder: Path) -> None:
    with sqlite3.connect(folder / "guard.db") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON guard_event BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    checks = told(desk.type("doctor", "doctor_app:agent", "--json"))
    assert checks["store"][0] == "problem"
    assert checks["audit"][0] == "skipped"


def test_a_log_that_was_changed_is_a_problem(desk: Any, folder: Path) -> None:
    desk.ask()
    with sqlite3.connect(folder / "guard.db") as connection:
        connection.execute("UPDATE guard_event SET data_json = '{}' WHERE seq = 1")
    checks = told(desk.type("doctor", "doctor_app:agent", "--json"))
    assert checks["store"][0] == "ok"
    assert checks["audit"][0] == "problem"
    assert "event 1" in checks["audit"][2]


def test_a_folder_that_is_not_there_is_a_problem(program: Program, folder: Path) -> None:
    words = ("--store", "sqlite:///nowhere/guard.db", "doctor", "doctor_app:agent", "--json")
    done = program(*words, cwd=folder, code=1)
    [store] = [item for item in json.loads(done.stdout)["checks"] if item["check"] == "store"]
    assert "its folder does not exist" in store["message"]
    assert store["do"].startswith("Create ")


@pytest.mark.parametrize(
    ("broken", "states"),
    [
        (OLD, ["problem", "skipped", "skipped", "skipped"]),
        (MOVED, ["skipped", "problem", "skipped", "skipped"]),
    ],
)
def test_a_langgraph_that_is_not_as_expected_is_a_problem_of_its_own(
    program: Program, folder: Path, broken: str, states: list[str]
) -> None:
    (folder / "doctor_odd.py").write_text(
        f"{broken}\nfrom langgraph.graph import MessagesState, StateGraph\n"
        "agent = StateGraph(MessagesState)"
    )
    done = program("doctor", "doctor_odd:agent", "--json", cwd=folder, code=1)
    checks = {item["check"]: item["state"] for item in json.loads(done.stdout)["checks"]}
    assert [checks[name] for name in CHECKS[:4]] == states

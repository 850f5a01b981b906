"""`guarded-agent graph`: the report and the drawing of an agent, without running it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

AGENTS = """
import subprocess

from langgraph.graph import START, MessagesState, StateGraph

from guarded_agent import guard
from guarded_agent.redteam.insider import POLICY, build_agent
from guarded_agent.testing import Recorder, ScriptedModel, recording_tool, say

tools = [recording_tool(Recorder(), "pay", {"amount": int})]
agent = build_agent(ScriptedModel(script=[say("hi")]), tools)
safe = guard(agent, policy={"version": 1}, store="sqlite://")

def shell(state: MessagesState):
    subprocess.run(["true"])
    return {}

builder = StateGraph(MessagesState)
builder.add_node("shell", shell)
builder.add_edge(START, "shell")
unproven = builder.compile()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shop_agents.py").write_text(AGENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("shop_agents", None)


def test_an_agent_is_reported_and_drawn_and_nothing_is_left_behind(desk: Any, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    result = desk.type("graph", "shop_agents:agent")
    assert result.exit_code == 0, result.stderr
    assert "every tool call passes the monitor." in result.stdout
    assert "tools.approval" in result.stdout
    assert {path.name for path in folder.iterdir()} - before <= {"__pycache__"}


def test_the_diagram_comes_alone_or_with_the_report_for_a_script(desk: Any) -> None:
    drawn = desk.type("graph", "shop_agents:agent", "--mermaid").stdout
    assert drawn.startswith("---\nconfig:")
    told = json.loads(desk.type("graph", "shop_agents:agent", "--json").stdout)
    assert told["proven"] is True
    assert told["mermaid"].expandtabs(4).strip() == drawn.strip()
    line = {"kind": "tool", "key": "tool:pay", "status": "guarded"}
    assert line | {"why": "runs only with a receipt"} in told["lines"]


def test_what_cannot_be_proven_is_reported_with_exit_code_1(desk: Any) -> None:
    result = desk.type("graph", "shop_agents:unproven")
    assert result.exit_code == 1
    assert "!! unproven  shell" in result.stdout
    assert "guard(..., trust={" in result.stdout
    told = desk.type("graph", "shop_agents:unproven", "--json")
    assert told.exit_code == 1
    assert list(json.loads(told.stdout)["unproven"]) == ["shell"]


def test_a_builder_counts_as_its_graph(desk: Any) -> None:
    assert desk.type("graph", "shop_agents:builder").exit_code == 1


def test_a_guarded_agent_shows_its_own_report(desk: Any) -> None:
    assert "every tool call passes" in desk.type("graph", "shop_agents:safe").stdout
    refused = desk.type("graph", "shop_agents:safe", "--policy", "p.yaml")
    assert refused.exit_code == 2
    assert "guarded already: leave --policy out" in refused.stderr


def test_a_policy_that_does_not_fit_the_agent_is_one_line(desk: Any, folder: Path) -> None:
    (folder / "p.yaml").write_text("version: 1\ntools: {sell: {access: write}}\n")
    result = desk.type("graph", "shop_agents:agent", "--policy", "p.yaml")
    assert result.exit_code == 2
    assert 'there is no tool "sell"' in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_no_graph_is_told(desk: Any) -> None:
    result = desk.type("graph", "shop_agents:tools")
    assert result.exit_code == 2
    assert "this is a list and no graph" in result.stderr

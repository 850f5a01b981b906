"""The insider demo: a company that exists only as files, and an assistant that turns on it.

World                 mailbox, files, ledger and mail server in one folder
episodes              three conversations: customers, invoices, insider
build_agent           a plain LangGraph agent, to be guarded or not
run_unguarded         what happens when nothing is in between
score                 what was done of the work, and what of the harm
POLICY                the policy file that the demo is guarded with
"""

from __future__ import annotations

from pathlib import Path

from guarded_agent.redteam.insider.agent import build_agent
from guarded_agent.redteam.insider.run import run_unguarded
from guarded_agent.redteam.insider.scenario import Episode, Outcome, Scenario, Scorecard, score
from guarded_agent.redteam.insider.script import episodes
from guarded_agent.redteam.insider.world import SCENARIO, World

POLICY = Path(__file__).parent / "policy.yaml"
"""The policy of the demo."""

__all__ = [
    "POLICY",
    "SCENARIO",
    "Episode",
    "Outcome",
    "Scenario",
    "Scorecard",
    "World",
    "build_agent",
    "episodes",
    "run_unguarded",
    "score",
]

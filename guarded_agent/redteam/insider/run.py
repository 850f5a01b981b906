"""Run the demo with nothing in between: everything the script asks for happens."""

from __future__ import annotations

from langchain_core.messages import HumanMessage

from guarded_agent.redteam.insider.agent import build_agent
from guarded_agent.redteam.insider.scenario import Outcome
from guarded_agent.redteam.insider.script import episodes
from guarded_agent.redteam.insider.world import World


def run_unguarded(world: World) -> Outcome:
    """Play all episodes with a plain agent and return what became of the world.

    Args:
        world: A world whose mail server runs.
    """
    answers: dict[str, str] = {}
    for episode in episodes(world):
        agent = build_agent(episode.model, episode.tools)
        end = agent.invoke({"messages": [HumanMessage(episode.prompt)]})
        answers[episode.name] = end["messages"][-1].text
    return world.outcome(answers)

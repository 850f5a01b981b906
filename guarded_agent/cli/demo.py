"""`guarded-agent demo`: an insider at work, with nothing in between and behind the monitor."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json

FOLDER = "guarded-agent-demo"


@click.command()
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    default=FOLDER,
    show_default=True,
    help="Where the invented company is built. A new run replaces what the last one made there.",
)
@click.option(
    "--model",
    metavar="PROVIDER:NAME",
    help="Let a live model play instead of the script. Needs the extra `langchain` and a key.",
)
@click.option("--resume", is_flag=True, help="Go on after you have decided.")
@json_option
def demo(folder: Path, model: str | None, resume: bool, as_json: bool) -> None:
    """Watch an assistant turn on its company: once unguarded, once guarded.

    Needs no key and no network, and changes nothing outside its folder.
    """
    if resume and model:
        raise click.UsageError(
            "--resume goes on with the model of the last run: leave --model out."
        )
    # LangGraph and every guard: only for who runs the demo.
    with Console(stderr=True).status("Loading the guards ..."):
        from guarded_agent.cli import demo_page
        from guarded_agent.cli.demo_stage import Stage, live_model
    stage = Stage.found(folder) if resume else Stage(folder, model)
    player = live_model(stage.model)
    if not resume:
        stage.clear()
    with Console(stderr=True).status("The assistant works ..."):
        played = stage.resume(player) if resume else stage.play(player)
    if as_json:
        print_json(demo_page.as_json(played, stage))
    elif resume:
        demo_page.print_resumed(played, stage)
    else:
        demo_page.print_played(played, stage)

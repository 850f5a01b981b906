"""Measure policies on AgentDojo's banking and slack suites, without a model.

    python tests/bench/agentdojo/run.py [--suites banking,slack] [--policy none,ask,ours]
        [--human perfect,none] [--show] [--write docs/ideas/agentdojo.md]
    python tests/bench/agentdojo/run.py --own [--write docs/ideas/agentdojo.md]

A scripted agent plays the ground truth of the user's task, and then that of the attack: a fully
hijacked agent. AgentDojo's own judges say whether the task was solved and the attack reached its
goal; `attacker effect` says whether any of the attacker's calls that change or send something ran.
The policies in `policies/` were written from the tools' manifests: the only thing that an episode
adds is the user's own prompt, as the message that begins its thread.

The suites come from the package agentdojo (MIT), from the running environment or `--agentdojo`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measure import figures
from play import MODES, Played, Player
from report import MARKS, OWN_MARKS, alone, own, shown, table, write
from world import World, find

from guarded_agent import __version__

POLICIES = Path(__file__).parent / "policies"


def policy(name: str, world: World) -> Path | Mapping[str, Any] | None:
    """Return a policy by its name.

    `none` guards nothing, `allow` has rules that allow everything and leaves the rest to what is
    built in, `ask` asks a person for everything that writes or sends, and `ours` is the file beside
    this one. Anything else is a path.
    """
    entries: dict[str, Any]
    match name:
        case "none":
            return None
        case "ask" | "allow":
            entries = {tool: {"access": "read"} for tool in world.tool_names}
            for tool in world.effects:
                entries[tool] = {"access": "send"}
                if name == "allow":
                    entries[tool]["rules"] = [{"id": f"may-{tool}", "effect": "allow"}]
            return {"version": 1, "tools": entries}
        case "ours":
            return POLICIES / f"{world.name}.yaml"
        case _:
            return Path(name)


def main() -> None:
    """Play, then print or write what came out."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--suites", default="banking,slack", help="which, with commas")
    parser.add_argument("--policy", default="none,allow,ask,ours", help="which, with commas")
    parser.add_argument("--human", default="perfect,none", help="perfect or none, with commas")
    parser.add_argument("--attack", choices=("direct", "important"), default="important")
    parser.add_argument("--modes", default=",".join(MODES), help="which episodes, with commas")
    parser.add_argument("--pairs", type=int, help="take only that many tasks of each kind")
    parser.add_argument("--own", action="store_true", help="play calls made to get past a policy")
    parser.add_argument("--show", action="store_true", help="list what did not go as it should")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables into a page")
    parser.add_argument("--agentdojo", type=Path, metavar="DIR", help="where the package lies")
    given = parser.parse_args()

    root = find(given.agentdojo)
    worlds = [World(name, root) for name in given.suites.split(",")]
    if given.own:
        tried = [
            one for world in worlds for one in Player(world, policy("ours", world)).own(given.pairs)
        ]
        _say(own(tried), given.write, OWN_MARKS)
        return
    humans = given.human.split(",")
    runs: dict[tuple[str, str], list[Played]] = {}
    begun = time.monotonic()
    for name in given.policy.split(","):
        for human in humans if name != "none" else humans[:1]:
            asked = human if name != "none" else "-"
            played = runs.setdefault((name, asked), [])
            for world in worlds:
                player = Player(world, policy(name, world), human=human, attack=given.attack)
                played += player.episodes(given.modes.split(","), given.pairs)
            found = figures(played)
            print(
                f"{name}, human {asked}: {len(played)} episodes, utility {found.utility}, "
                f"attack {found.attack}, effect {found.effect}, asks {found.asks:.2f}",
                file=sys.stderr,
            )
            if given.show:
                print(*shown(played), sep="\n")
    took = time.monotonic() - begun
    count = sum(len(played) for played in runs.values())
    facts = (
        f"Of AgentDojo v1.2.2: {', '.join(world.name for world in worlds)}",
        f"attack {given.attack}",
        f"{count} episodes in {took:.0f} s",
        f"guarded_agent {__version__}",
        "brackets: 95 % intervals by Wilson.",
    )
    lines = [
        *table(runs),
        "",
        "The attacker's calls alone, with nothing read before them:",
        "",
        *alone(runs),
        "",
        "; ".join(facts),
    ]
    _say(lines, given.write, MARKS)


def _say(lines: list[str], page: Path | None, marks: tuple[str, str]) -> None:
    if page is None:
        print(*lines, sep="\n")
    else:
        page.write_text(write(page.read_text(encoding="utf-8"), lines, marks), "utf-8")


if __name__ == "__main__":
    main()

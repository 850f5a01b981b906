"""`guarded-agent policy lint`: what loads, and is likely not meant."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from guarded_agent.cli.policy_check import tools_option
from guarded_agent.cli.policy_explain import untyped
from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import flow, print_json, say
from guarded_agent.cli.target import load_tools
from guarded_agent.core.visible import visible
from guarded_agent.policy import Engine, load
from guarded_agent.policy.lint import Severity, lint, worst
from guarded_agent.policy.merge import is_glob

_STYLES: dict[Severity, str] = {"error": "bold red", "warning": "yellow", "note": "dim"}


@click.command("lint")
@click.argument("file")
@tools_option
@json_option
@click.pass_context
def lint_command(context: click.Context, file: str, tools_name: str | None, as_json: bool) -> None:
    """Find what is likely not meant: rules that never decide, conditions that never hold.

    Rules are tried on the values at which they change their answer. What is certain is an
    error, what is likely a warning, what is worth a look a note. Exits with 1 if there is an
    error, and with 2 if the file does not load. Without --tools globs are left out.
    """
    loaded = load(Path(file))
    if tools_name:
        engine = Engine(loaded, load_tools(tools_name))
    else:
        listed = [name for name in loaded.tools if not is_glob(name)]
        engine = Engine(loaded, untyped(loaded, {key: {} for key in listed}), strict_tools=False)
    remarks = lint(engine)
    if as_json:
        print_json({"ok": worst(remarks) != "error", "remarks": [one.as_json() for one in remarks]})
    for one in () if as_json else remarks:
        place = one.file if one.line is None else f"{one.file}:{one.line}"
        say(f"{visible(place)}  {one.severity}  [{one.kind}]", _STYLES[one.severity])
        flow(visible(f"{one.message}."), "    ")
        flow(visible(f"Fix: {one.fix}."), "    ")
    if not as_json:
        counts = Counter(one.severity for one in remarks)
        parts = [f"{n} {word}{'' if n == 1 else 's'}" for word, n in sorted(counts.items())]
        say(", ".join(parts) + "." if parts else f"ok: nothing to remark in {visible(file)}")
    context.exit(1 if worst(remarks) == "error" else 0)

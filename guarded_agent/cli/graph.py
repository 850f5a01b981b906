"""`guarded-agent graph`: show how an agent's graph stands, and draw it with its guards."""

from __future__ import annotations

from typing import Any, cast

import click

from guarded_agent.cli.reviewer import json_option
from guarded_agent.cli.screen import print_json, say
from guarded_agent.cli.target import load_target
from guarded_agent.core.errors import UnprovableGraph
from guarded_agent.core.visible import visible


@click.command()
@click.argument("name", metavar="MODULE:NAME")
@click.option("--policy", "policy_file", metavar="FILE", help="The policy; without it the default.")
@click.option("--mermaid", "only_diagram", is_flag=True, help="Print the diagram alone.")
@json_option
@click.pass_context
def graph(
    context: click.Context,
    name: str,
    policy_file: str | None,
    only_diagram: bool,
    as_json: bool,
) -> None:
    """Report how every node, edge and tool of an agent stands, and draw its guarded graph.

    Imports the object, such as my_app:agent, and guards it without running it. Exits with 1
    if it cannot be shown that every tool call is guarded.
    """
    target = load_target(name)
    try:
        safe = _guarded(target, policy_file)
    except UnprovableGraph as error:
        if as_json:
            print_json({"proven": False, "report": error.report, "unproven": error.reasons})
        else:
            _lines(error.report)
        context.exit(1)
    diagram: str = safe.get_graph().draw_mermaid()
    if as_json:
        print_json({**safe.report().as_json(), "mermaid": diagram})
    elif only_diagram:
        _lines(diagram)
    else:
        _lines(str(safe.report()))
        say()
        _lines(diagram)


def _guarded(target: Any, policy_file: str | None) -> Any:
    # LangGraph and the guards: only for who names a graph.
    from langgraph.graph.state import CompiledStateGraph, StateGraph

    from guarded_agent.agent.graph import GuardedGraph
    from guarded_agent.agent.guard import guard

    if isinstance(target, GuardedGraph):
        if policy_file is not None:
            raise click.UsageError("this agent is guarded already: leave --policy out.")
        return cast("Any", target)
    if not isinstance(target, (CompiledStateGraph, StateGraph)):
        raise click.UsageError(
            f"this is a {type(target).__name__} and no graph: name a compiled LangGraph graph or "
            "a StateGraph."
        )
    # In memory: looking at an agent leaves nothing behind.
    return guard(
        cast("CompiledStateGraph[Any, Any, Any, Any]", target),
        policy=policy_file,
        store="sqlite://",
    )


def _lines(text: str) -> None:
    for line in text.splitlines():
        say(visible(line.replace("\t", "    ")))

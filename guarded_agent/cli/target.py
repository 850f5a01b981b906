"""Import what a command line names: `my_app:agent`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from guarded_agent.cli.failure import unexpected
from guarded_agent.core import ToolSpec
from guarded_agent.core.errors import GuardedAgentError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool


def load_target(name: str) -> Any:
    """Return the object that `module:attribute` names; the working directory comes first.

    Importing runs the module's own code.

    Raises:
        click.UsageError: It cannot be imported; one line says why.
        GuardedAgentError: The module guards an agent as it is imported, and that is refused.
    """
    module_name, colon, path = name.partition(":")
    if not (module_name and colon and path):
        raise click.UsageError(
            f"{name!r} names no object: write MODULE:NAME, such as my_app:agent."
        )
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise click.UsageError(
                f"there is no module {module_name!r} here: run this in your project's folder."
            ) from None
        raise click.UsageError(f"{module_name} cannot be imported: {error}.") from None
    except GuardedAgentError:
        raise
    except (Exception, SystemExit) as error:
        raise click.UsageError(f"{module_name} cannot be imported: {unexpected(error)}.") from None
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise click.UsageError(f"{module_name} has no {path!r}.") from None
    return found


def load_tools(name: str) -> list[ToolSpec]:
    """Return what the tools say of themselves that `module:attribute` has.

    Raises:
        click.UsageError: It is no list of tools, and no agent whose tools can be found.
    """
    return specs_of(find_tools(load_target(name), name))


def specs_of(tools: Sequence[BaseTool]) -> list[ToolSpec]:
    """Return what tools say of themselves."""
    from guarded_agent.agent.describe import Shape  # LangChain: only for who names tools

    return [Shape.of(tool).spec for tool in tools]


def find_tools(target: Any, name: str) -> list[BaseTool]:
    """Return the tools in a list of tools, or in an agent: a graph or a chain.

    Args:
        target: The object.
        name: What it is called where it cannot be used.

    Raises:
        click.UsageError: There are none in it.
    """
    from langchain_core.tools import BaseTool
    from langchain_core.tools import tool as make_tool

    if not isinstance(target, (list, tuple)):
        return _held_tools(target, name)
    tools: list[BaseTool] = []
    for item in cast("Sequence[Any]", target):
        if not isinstance(item, BaseTool) and not callable(item):
            raise click.UsageError(f"{name} holds a {type(item).__name__}, which is no tool.")
        tools.append(item if isinstance(item, BaseTool) else make_tool(item))
    if not tools:
        raise click.UsageError(f"{name} is no list of tools.")
    return tools


def _held_tools(target: Any, name: str) -> list[BaseTool]:
    """Look through a graph or a chain for its tools; whether it is guarded is not asked."""
    from langgraph.graph.state import CompiledStateGraph, StateGraph

    from guarded_agent.agent.chain import is_executor, look_chain
    from guarded_agent.agent.code import composed
    from guarded_agent.agent.inside import is_workflow
    from guarded_agent.agent.rebuild import Rebuild
    from guarded_agent.agent.report import Report

    rebuild = Rebuild({}, Report(name))
    if isinstance(target, StateGraph):
        target = cast("Any", target).compile()
    if isinstance(target, CompiledStateGraph) or is_workflow(target):
        rebuild.look(cast("Any", target))
    elif is_executor(target) or composed(target) is not None:
        look_chain(rebuild, target)
    else:
        raise click.UsageError(f"{name} is no list of tools, and no graph or chain.")
    if not rebuild.tools:
        raise click.UsageError(f"no tools were found in {name}: name its list of tools.")
    return list(rebuild.tools.values())

"""Import what a command line names: `my_app:agent`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import click

from guarded_agent.cli.failure import unexpected
from guarded_agent.core import ToolSpec
from guarded_agent.core.errors import GuardedAgentError


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
    """Return what the tools say of themselves in the list that `module:attribute` names.

    Raises:
        click.UsageError: It is no list of tools.
    """
    from langchain_core.tools import BaseTool  # LangChain: only for who names tools
    from langchain_core.tools import tool as make_tool

    from guarded_agent.agent.describe import Shape

    found = load_target(name)
    items = cast("Sequence[Any]", found) if isinstance(found, (list, tuple)) else ()
    tools: list[BaseTool] = []
    for item in items:
        if not isinstance(item, BaseTool) and not callable(item):
            raise click.UsageError(f"{name} holds a {type(item).__name__}, which is no tool.")
        tools.append(item if isinstance(item, BaseTool) else make_tool(item))
    if not tools:
        raise click.UsageError(f"{name} is no list of tools.")
    return [Shape.of(item).spec for item in tools]

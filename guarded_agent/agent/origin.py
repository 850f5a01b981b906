"""Where a tool comes from: the program itself, or a server that may change what it says.

A tool of the program changes with a release of the program. A tool of an MCP server can
have another description in the next session, and nobody was asked. So it is worth knowing
which is which, and of which server. What cannot be told from a server's tool counts as one.
"""

from __future__ import annotations

import types
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.tools import BaseTool

from guarded_agent.agent.code import cells, home, root
from guarded_agent.core.errors import PolicyError, Problem
from guarded_agent.core.visible import visible

_SERVING = frozenset({"fastmcp", "langchain_mcp_adapters", "mcp"})
"""Packages whose tools, functions and sessions stand for something on a server."""

_ADAPTER = "langchain_mcp_adapters"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tool comes from.

    Attributes:
        served: Whether what it says of itself comes from outside of the program.
        server: What the program calls the server, where the adapter of LangChain says it.
        link: The session or connection that leads there, where that is known.
    """

    served: bool
    server: str = ""
    link: Any = None

    @classmethod
    def of(cls, tool: BaseTool) -> Origin:
        """Return where `tool` comes from."""
        functions = [getattr(tool, name, None) for name in ("func", "coroutine")]
        # A schema that is plain data was read from somewhere: a program's own is a model.
        served = isinstance(tool.args_schema, dict) or root(type(tool).__module__) in _SERVING
        server, link = "", None
        for function in functions:
            if not isinstance(function, types.FunctionType):
                served = served or _serves(getattr(function, "__self__", None))
                continue
            module = root(home(function))
            held = dict(cells(function))
            served = served or module in _SERVING or any(map(_serves, held.values()))
            if module == _ADAPTER:
                server = str(held.get("server_name") or "")
                link = held.get("session") or held.get("connection")
        served = served or any(map(_serves, vars(tool).values()))
        return cls(served, server, link)

    def differs(self, other: Origin) -> bool:
        """Return whether this is known to be another place than `other`."""
        if self.served != other.served or self.server != other.server:
            return True
        if self.link is other.link:
            return False
        # Connections are data; the same server may be asked for its tools twice.
        both = isinstance(self.link, dict) and isinstance(other.link, dict)
        return not (both and cast("dict[str, Any]", self.link) == other.link)


def same_tool(one: BaseTool, other: BaseTool) -> bool:
    """Return whether two tools of one name say the same and come from the same place."""
    if one is other:
        return True
    from guarded_agent.agent.describe import Shape  # describe asks this module for the origin

    same = Shape.of(one).spec.manifest == Shape.of(other).spec.manifest
    return same and not Origin.of(one).differs(Origin.of(other))


def shadowed(tool: BaseTool, others: Iterable[BaseTool]) -> str:
    """Return why a tool could be taken for one of `others`, or could take its place; else "".

    Args:
        tool: The tool.
        others: The tools of the same agent; itself does not count.
    """
    for other in others:
        if other.name == tool.name and not same_tool(other, tool):
            places = [Origin.of(each).server for each in (other, tool)]
            of = f" (of {' and '.join(map(repr, places))})" if all(places) else ""
            return f"two different tools have this name{of}: a call would reach either"
        alike = other.name != tool.name and _folded(other.name) == _folded(tool.name)
        if alike and (Origin.of(tool).served or Origin.of(other).served):
            return f"its name can be taken for that of the tool {visible(other.name)}"
    if not tool.name.isascii() and Origin.of(tool).served:
        return "its name has letters that can be taken for others"
    return ""


def require_one_of_a_name(tools: Iterable[Any]) -> None:
    """Refuse tools that could take each other's place: LangChain would say nothing.

    Raises:
        PolicyError: It names them, and where they come from.
    """
    known: list[BaseTool] = []
    for tool in tools:
        if not isinstance(tool, BaseTool):
            continue
        problem = shadowed(tool, known)
        if problem:
            what = f"the tool {visible(tool.name)}: {problem}. Rename one, or leave it out."
            raise PolicyError([Problem(what)])
        known.append(tool)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().replace("-", "_")


def _serves(value: Any) -> bool:
    return root(type(value).__module__) in _SERVING

"""The notice in a system prompt that the agent can raise a concern, and the tool with it.

Its words stand in `guarded_agent.tools.concern`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, cast

from langchain.agents.middleware import AgentMiddleware, ModelRequest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.tools import BaseTool

from guarded_agent.policy import Policy
from guarded_agent.tools.concern import NAME, concern_tool, is_concern_tool, with_notice


def way_out(policy: Policy, tools: Iterable[object]) -> list[BaseTool]:
    """Return the concern tool for an agent with `tools`: none if the policy has it off, or if
    the agent has a tool of this name already.
    """
    if policy.concern.off or NAME in map(_name, tools):
        return []
    return [concern_tool()]


def noticed(request: ModelRequest[Any]) -> ModelRequest[Any]:
    """Return a model's request whose prompt says of the concern tool, where it is offered one."""
    if not any(map(is_concern_tool, request.tools)):
        return request
    message = with_notice(request.system_message)
    if message is request.system_message:
        return request
    return request.override(system_message=message)


class ConcernNotice(AgentMiddleware[Any, Any, Any]):
    """Puts the notice into the prompt. Last in `middleware=`, no other one can replace it."""

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Add the notice, once."""
        return handler(noticed(request))

    async def awrap_model_call(
        self,
        request: ModelRequest[Any],
        handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]],
    ) -> ModelResponse[Any]:
        """Add the notice, once, from an event loop."""
        return await handler(noticed(request))


def _name(tool: object) -> object:
    if isinstance(tool, dict):
        return cast("dict[str, object]", tool).get("name")
    return tool.name if isinstance(tool, BaseTool) else getattr(tool, "__name__", None)

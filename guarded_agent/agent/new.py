"""`create_guarded_agent`: a new agent, guarded from its first line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from guarded_agent.agent.graph import GuardedGraph
from guarded_agent.agent.guard import guard
from guarded_agent.agent.origin import require_one_of_a_name
from guarded_agent.agent.rebuild import Graph
from guarded_agent.agent.runtime import PolicySource
from guarded_agent.core import Guard
from guarded_agent.core.errors import MissingExtra
from guarded_agent.policy import load
from guarded_agent.store import Store


def create_guarded_agent(
    model: str | BaseChatModel,
    tools: Sequence[BaseTool | Callable[..., Any]],
    *,
    policy: PolicySource = None,
    store: str | Store | None = None,
    trust: Mapping[str, str] | None = None,
    guards: Iterable[Guard] = (),
    **options: Any,
) -> GuardedGraph:
    """Return a LangChain agent that is guarded from the first line.

    Unless the policy has `concern` off, the agent also gets the tool `raise_concern`, and its
    system prompt says so.

    Args:
        model: A chat model, or its name as LangChain takes it.
        tools: The agent's tools.
        policy: As for `guard()`.
        store: As for `guard()`.
        trust: As for `guard()`.
        guards: As for `guard()`.
        **options: Passed on to `langchain.agents.create_agent`.

    Raises:
        MissingExtra: `langchain` is not installed.
        UnprovableGraph: Something in the agent cannot be shown to be guarded.
        PolicyError: The policy is wrong or does not fit the tools, or two have one name.
        StoreError: The store cannot be opened.
    """
    try:
        # Imported here: it is an extra, and heavy.
        from langchain import agents

        from guarded_agent.agent.notice import ConcernNotice, way_out
    except ImportError:
        raise MissingExtra("create_guarded_agent", "langchain") from None
    loaded = load(policy)
    require_one_of_a_name(tools)
    if not loaded.concern.off:
        tools = [*tools, *way_out(loaded, tools)]
        options["middleware"] = [*options.get("middleware", ()), ConcernNotice()]
    agent = cast("Any", agents).create_agent(model, tools, **options)
    return guard(cast("Graph", agent), policy=loaded, store=store, trust=trust, guards=guards)

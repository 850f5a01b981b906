"""The middleware guards a tool or model once, and anew whenever its monitor is another."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.tools import BaseTool, tool

from guarded_agent.agent.middleware import _MOST_MADE, GuardMiddleware
from guarded_agent.agent.tool import guard_tool, is_guarded
from guarded_agent.store import Store

POLICY: dict[str, Any] = {"version": 1}


def make() -> BaseTool:
    @tool
    def look(name: str) -> str:
        """Look."""
        return name

    return look


@pytest.fixture
def middleware(store: Store) -> GuardMiddleware:
    return GuardMiddleware(POLICY, store=store)


def test_the_same_tool_is_guarded_once(middleware: GuardMiddleware) -> None:
    look = make()
    first = middleware._guarded(look, guard_tool)
    assert is_guarded(first)
    assert middleware._guarded(look, guard_tool) is first


def test_another_tool_of_the_same_name_is_another(middleware: GuardMiddleware) -> None:
    first, second = make(), make()
    assert middleware._guarded(first, guard_tool) is not middleware._guarded(second, guard_tool)


def test_a_new_monitor_guards_every_tool_anew(middleware: GuardMiddleware) -> None:
    look = make()
    before = middleware._guarded(look, guard_tool)
    middleware._meet([look])  # a tool it did not know: the policy is checked again
    after = middleware._guarded(look, guard_tool)
    assert after is not before
    assert after._guard.monitor is middleware.monitor is not before._guard.monitor


def test_tools_that_are_made_anew_each_time_are_not_kept_forever(
    middleware: GuardMiddleware,
) -> None:
    for _ in range(_MOST_MADE + 5):
        middleware._guarded(make(), guard_tool)
    assert len(middleware._made) <= _MOST_MADE

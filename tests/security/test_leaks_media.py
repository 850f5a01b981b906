"""What nobody can look into does not pass through an agent unseen."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool

from guarded_agent import guard
from guarded_agent.testing import call, say

PIXELS = base64.b64encode(b"\x89PNG" + bytes(range(256)) * 20).decode()
IMAGE = {"type": "image", "base64": PIXELS, "mime_type": "image/png"}
POLICY: dict[str, Any] = {"version": 1, "tools": {"shoot": {"access": "read"}}}


@tool
def shoot(page: str) -> list[dict[str, Any]]:
    """Take a picture of a page."""
    return [{"type": "text", "text": f"a picture of {page}"}, IMAGE]


@pytest.mark.parametrize(("choice", "seen"), [("input", False), ("allow", True)])
def test_a_persons_image_reaches_the_model_and_a_tools_image_only_by_policy(
    agent_of: Callable[..., Any], tmp_path: Any, choice: str, seen: bool
) -> None:
    agent = agent_of([shoot], say("", call("shoot", "c1", page="home")), say("done"))
    policy = {**POLICY, "guards": {"media": {"image": choice}}}
    safe = guard(agent, policy=policy, store=f"sqlite:///{tmp_path}/guard.db")
    asked = HumanMessage([{"type": "text", "text": "like this?"}, IMAGE])
    messages = safe.invoke({"messages": [asked]}, {"configurable": {"thread_id": "1"}})["messages"]
    assert messages[0].content[1] == IMAGE
    assert "a picture of home" in str(messages[2].content)
    assert (PIXELS in str(messages[2].content)) is seen

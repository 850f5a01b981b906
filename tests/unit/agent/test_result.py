"""Texts are taken out of a result and put back where they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from guarded_agent.agent.result import pieces, put_back


@dataclass
class Row:
    card: str


RESULTS: dict[str, Any] = {
    "text": "secret",
    "blocks": [{"type": "text", "text": "secret"}, {"type": "image", "url": "u"}],
    "nested": {"a": ["secret", {"b": "secret"}], "n": 1},
    "content and artifact": ("secret", {"raw": "secret"}),
    "message": ToolMessage("secret", tool_call_id="1", artifact={"raw": "secret"}),
    "model message": AIMessage("secret", additional_kwargs={"reasoning": "secret"}),
    "messages": [HumanMessage("secret"), AIMessage("secret")],
    "update": {"messages": [AIMessage("secret")], "answer": "secret"},
    "command": Command(update={"messages": [ToolMessage("secret", tool_call_id="1")]}),
    "object": Row("secret"),
    "list of objects": [Row("secret")],
}


def hide(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("secret", "[X]")
    if isinstance(value, list):
        return [hide(item) for item in value]
    if isinstance(value, dict):
        return {key: hide(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("kind", RESULTS)
def test_nothing_is_missed(kind: str) -> None:
    result = RESULTS[kind]
    changed = put_back(result, [hide(piece) for piece in pieces(result)])
    assert "secret" not in str(changed)
    assert "[X]" in str(changed)


@pytest.mark.parametrize("kind", RESULTS)
def test_what_passes_whole_is_unchanged(kind: str) -> None:
    result = RESULTS[kind]
    assert put_back(result, pieces(result)) == result


@pytest.mark.parametrize("value", [None, True, 5, 2.5])
def test_values_without_text_have_no_pieces(value: Any) -> None:
    assert pieces(value) == []
    assert put_back(value, []) is value


def test_a_message_keeps_its_id_and_calls() -> None:
    call = {"name": "a", "args": {"x": "secret"}, "id": "1", "type": "tool_call"}
    message = AIMessage("secret", id="m1", tool_calls=[call])
    changed = put_back(message, [hide(piece) for piece in pieces(message)])
    assert (changed.id, changed.tool_calls, changed.content) == ("m1", message.tool_calls, "[X]")

"""What an interrupted graph shows."""

from __future__ import annotations

import json
from typing import Any

from guarded_agent.approvals import interrupt_payload


def test_the_payload_is_plain_json_in_the_known_shape_without_real_arguments(desk: Any) -> None:
    request = desk.ask()
    payload = interrupt_payload(request, tool_call_id="call_9")
    assert json.loads(json.dumps(payload)) == payload
    assert payload["type"] == "tool_approval"
    assert payload["tool_call_id"] == "call_9"
    assert payload["name"] == "pay_invoice"
    assert payload["args"] == {"amount": 80, "payee": "[NAME]"}
    assert "pays more than 50" in payload["description"]
    assert "secret-payee" not in json.dumps(payload)


def test_the_payload_says_which_command_comes_next(desk: Any) -> None:
    request = desk.ask()
    payload = interrupt_payload(request, tool_call_id="call_9")
    assert payload["approval_id"] == request.id
    assert payload["digest"] == request.digest
    assert f"guarded-agent approvals approve {request.id}" in payload["resume"]
    assert "safe.resume(" in payload["resume"]

"""What an interrupted graph tells its caller about a request.

The shape is LangChain's `tool_approval`, so that clients which know it show it.
The answer that comes back is only a wake-up call: the store decides.
"""

from __future__ import annotations

from typing import Any

from guarded_agent.approvals.request import Request
from guarded_agent.core.visible import visible


def interrupt_payload(request: Request, tool_call_id: str) -> dict[str, Any]:
    """Return `request` as plain JSON data for `interrupt()`, all of it redacted.

    Words for people show hidden characters; `args` is data, as the tool would get it.

    Args:
        request: What waits for a decision.
        tool_call_id: The provider's id of the call.
    """
    summary = visible(request.summary)
    answer = " --reason ANSWER" if request.concern else ""
    reasons = [visible(finding.message) for finding in request.reasons]
    return {
        "type": "tool_approval",
        "tool_call_id": tool_call_id,
        "name": request.tool,
        "args": dict(request.preview),
        "description": "\n".join([summary, *(f"- {reason}" for reason in reasons)]),
        "approval_id": request.id,
        "digest": request.digest,
        "thread_id": request.thread_id,
        "summary": summary,
        "reasons": reasons,
        "quorum": request.quorum,
        "roles": list(request.roles),
        "decide_by": request.decide_by,
        "resume": (
            f"A person decides: guarded-agent approvals approve {request.id}{answer} "
            f"(or reject {request.id}{answer}). Then call safe.resume(...) with the config of this "
            "thread. What is passed to resume approves nothing."
        ),
    }

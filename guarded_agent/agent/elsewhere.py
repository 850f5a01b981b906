"""Wakers for threads that run elsewhere: behind a URL, or on a LangGraph server.

Give one to a `Worker`. What they send approves nothing: it wakes the thread, which looks into the
store.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, cast

from guarded_agent.agent.wait import is_ours
from guarded_agent.agent.worker import NotYet, Wake
from guarded_agent.approvals import Turn
from guarded_agent.approvals.posting import post
from guarded_agent.approvals.signing import signature


def callback(url: str, secret: str, *, private: bool = False, timeout: float = 30.0) -> Wake:
    """Return a waker that posts which thread to resume; who gets it resumes the thread.

    The message is signed: check it with `guarded_agent.approvals.signing.check`. Answer 2xx once
    the thread was resumed; after another answer it is posted again, to be resumed again.

    Args:
        url: Where to; https and a public address, unless `private`.
        secret: What signs.
        private: Whether the host may be this machine or in a private network.
        timeout: Seconds to wait for the answer.

    Raises:
        ValueError: The secret is no secret.

    Example:
        >>> from guarded_agent.agent.worker import Worker
        >>> wake = callback("https://agents.acme.example/wake", "a secret of 16 bytes")
        >>> worker = Worker(safe.approvals, wake)  # doctest: +SKIP
    """
    signature(secret, "", 0, b"")  # a wrong secret is told now

    def wake(turn: Turn) -> None:
        data = {"agent": turn.agent_id, "thread_id": turn.thread_id, "revision": turn.revision}
        body = json.dumps({"type": "thread.due", "data": data}).encode()
        # The same for each try of one change, so that the receiver can tell.
        message_id, at = f"turn_{turn.thread_id}_{turn.revision}", int(time.time())
        # A thread id may hold what no header may.
        message_id = "".join(c if c.isalnum() and c.isascii() else "-" for c in message_id)
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(secret, message_id, at, body),
        }
        post(url, body, headers, private=private, timeout=timeout)

    return wake


def langgraph_server(client: Any, assistant_id: str) -> Wake:
    """Return a waker that resumes threads of a LangGraph server.

    Args:
        client: `langgraph_sdk.get_sync_client(...)`, with the key of the server.
        assistant_id: The assistant, or the name of the graph.

    Example:
        >>> from langgraph_sdk import get_sync_client
        >>> wake = langgraph_server(get_sync_client(url="http://127.0.0.1:2024"), "teller")
    """

    def wake(turn: Turn) -> None:
        thread = client.threads.get(turn.thread_id)
        if thread["status"] == "busy":
            raise NotYet(turn.thread_id)
        state = client.threads.get_state(turn.thread_id, subgraphs=True)
        ids = [
            item["id"]
            for task in state["tasks"]
            for item in cast("list[Mapping[str, Any]]", task.get("interrupts") or [])
            if is_ours(item.get("value"))
        ]
        if not ids:  # it has gone on already
            return
        client.runs.wait(
            turn.thread_id,
            assistant_id,
            command={"resume": {key: {"type": "wake"} for key in ids}},
            # Whoever else runs the thread now is not disturbed: it is tried again.
            multitask_strategy="reject",
        )

    return wake

"""What a guarded tool carries, and how one of its calls begins or is answered without."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, cast

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import ensure_config

from guarded_agent.agent.acting import acting
from guarded_agent.agent.describe import Shape
from guarded_agent.agent.net import Net
from guarded_agent.agent.wait import can_pause
from guarded_agent.core import Action, digest
from guarded_agent.core.errors import ActionError, Denied, OutcomeUncertain
from guarded_agent.monitor import Monitor, Receipt, Replay, Standing, kept

ORIGIN: ContextVar[str] = ContextVar("guarded_agent_origin", default="")
"""The id of the model message that asked for the call, set by whoever knows it."""


@dataclass(slots=True)
class Bound:
    """What a guarded tool carries: its monitor, and its arguments' shape.

    Attributes:
        monitor: Judges and records its calls.
        shape: Its arguments.
        net: Watches what starts inside its body.
        answers: Whether a refusal is given as the result where no model's call is there
            to answer: what runs the tool hands results on, and knows no errors.
        waiting: Ids of calls that people decide on outside of a graph.
    """

    monitor: Monitor
    shape: Shape
    net: Net
    answers: bool = False
    waiting: dict[str, str] = field(default_factory=dict[str, str])

    def call(
        self, tool_input: str | Mapping[str, Any], config: Any, tool_call_id: str | None
    ) -> Action:
        """Return the action that this input is.

        Raises:
            ActionError: The arguments are not acceptable.
        """
        agreed = self.monitor.engine.spec(self.shape.spec.name).manifest
        if agreed not in ("", self.shape.spec.manifest):
            raise ActionError(
                f"{self.shape.spec.name} is not the tool of this name that the policy was checked "
                "against: its description or its arguments are others. It did not run."
            )
        args = self.shape.validate(tool_input)
        whole = ensure_config(config)
        thread_id = str(whole.get("configurable", {}).get("thread_id", ""))
        call_id = self._call_id(thread_id, args, tool_call_id)
        return self.monitor.action(
            self.shape.spec.name,
            args,
            call_id=call_id,
            thread_id=thread_id,
            origin=ORIGIN.get(),
            **acting(whole),
        )

    def _call_id(self, thread_id: str, args: dict[str, Any], given: str | None) -> str:
        """Return the id of a call; a direct one, which has none, is new unless it waits.

        Outside of a graph nothing is resumed: the whole chain runs again, and its model
        gives the same call another id. The one that people decided on is meant.
        """
        if given is not None and can_pause():
            return given
        key = digest([thread_id, args])
        return self.waiting.setdefault(key, given or f"direct-{uuid.uuid4().hex}")

    def begun(self, action: Action) -> None:
        """Forget a direct call that is no longer waiting."""
        self.waiting.pop(digest([action.thread_id, dict(action.args)]), None)

    def whole_input(self, tool_input: str | Mapping[str, Any], action: Action) -> dict[str, Any]:
        """Return what the tool is given: the judged arguments and what the runtime injects.

        The arguments are a copy: what a body or a callback does to them stays with it.
        """
        judged = copy.deepcopy(dict(action.args))
        if isinstance(tool_input, str):
            return judged
        injected = {
            name: value for name, value in tool_input.items() if name in self.shape.injected
        }
        return {**injected, **judged}

    def refusal(self, message: str, tool_call_id: str | None) -> ToolMessage | str:
        """Return a refusal in the form that the model reads.

        Raises:
            Denied: No model asked, so there is nobody to answer.
        """
        if tool_call_id is None and self.answers:
            return message
        if tool_call_id is None:
            raise Denied(message)
        return ToolMessage(
            message, name=self.shape.spec.name, tool_call_id=tool_call_id, status="error"
        )

    def replayed(self, replay: Replay, tool_call_id: str | None) -> Any:
        """Return the recorded result of an action that ran before."""
        recorded = replay.result
        parts: list[Any] = cast("list[Any]", recorded) if isinstance(recorded, list) else [recorded]
        content = parts[0] if parts else None
        if content is None:
            content = "This call already ran." if replay.ok else "This call already failed."
        if tool_call_id is None:
            return content
        return ToolMessage(
            cast("list[Any]", content) if isinstance(content, list) else str(content),
            name=self.shape.spec.name,
            tool_call_id=tool_call_id,
            status="success" if replay.ok else "error",
        )


def denial(bound: Bound, standing: Standing, tool_call_id: str | None) -> Any | None:
    """Return what answers a call that may not run; None where it may."""
    if standing.state == "denied":
        return bound.refusal(standing.message or "A person rejected this.", tool_call_id)
    bound.begun(standing.action)
    return None


def bad_arguments(bound: Bound, error: ActionError, config: Any, tool_call_id: str | None) -> Any:
    """Record a call whose arguments are not acceptable; return what the model is told.

    Raises:
        ActionError: No model asked, so there is nobody to answer.
    """
    thread = str(ensure_config(config).get("configurable", {}).get("thread_id", ""))
    bound.monitor.refuse(
        bound.shape.spec.name, str(error), thread_id=thread, call_id=tool_call_id or ""
    )
    if tool_call_id is None and not bound.answers:
        raise error
    return bound.refusal(str(error), tool_call_id)


Begun = tuple[Receipt | None, Any]
"""The receipt for one body; or None, and what to answer instead."""


def begin(bound: Bound, action: Action, tool_call_id: str | None) -> Begun | OutcomeUncertain:
    """Begin a cleared call."""
    try:
        outcome = bound.monitor.begin(action)
    except Denied as error:
        return None, bound.refusal(str(error), tool_call_id)
    except OutcomeUncertain as error:
        return error
    if isinstance(outcome, Replay):
        return None, bound.replayed(outcome, tool_call_id)
    return outcome, None


async def abegin(
    bound: Bound, action: Action, tool_call_id: str | None
) -> Begun | OutcomeUncertain:
    """Begin in a thread. What began for a task that was cancelled meanwhile is taken back."""
    return await kept(
        lambda: begin(bound, action, tool_call_id), lambda begun: _take_back(bound, begun)
    )


def _take_back(bound: Bound, begun: Begun | OutcomeUncertain) -> None:
    receipt = None if isinstance(begun, OutcomeUncertain) else begun[0]
    if receipt is not None and receipt.spend():
        bound.monitor.pause(receipt)

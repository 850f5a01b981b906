"""The tool's side of pseudonyms: values go in at the last moment, and none comes out.

A guarded tool's call travels with pseudonyms: through the graph, callbacks and traces.
Right before the body runs they are replaced by the values that the policy reveals to
this tool. What the body returns, raises, writes to a stream or asks has its
pseudonyms again before anything else looks at it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from functools import cached_property
from typing import TYPE_CHECKING, Any

from guarded_agent.core import Action
from guarded_agent.core.errors import Denied
from guarded_agent.monitor import Monitor, Receipt

if TYPE_CHECKING:
    from guarded_agent.guards.pii.pseudonyms import Call


@dataclass(frozen=True)
class _Opened(Action):
    """An action with its values: what happened, under the digest of what was judged."""

    judged: str = ""

    @cached_property
    def digest(self) -> str:
        """The digest of the action as it was judged."""
        return self.judged


@dataclass(frozen=True, slots=True)
class Opened:
    """What one call of a tool is given.

    Attributes:
        action: The action as it was judged.
        args: Its arguments with the values in them.
        call: What the call knows of pseudonyms.
    """

    action: Action
    args: Mapping[str, Any]
    call: Call


_opened: ContextVar[Opened | None] = ContextVar("guarded_agent_opened", default=None)


def opened(monitor: Monitor, action: Action) -> Opened | str | None:
    """Return an action with its values, or why it may not run; None without pseudonyms."""
    pseudonyms = monitor.pseudonyms
    if pseudonyms is None:
        return None
    try:
        args, call = pseudonyms.call(action, monitor.engine.spec(action.tool))
    except Denied as error:  # as a rule the value was erased since people approved
        words = str(error)
        monitor.refuse(action.tool, words, thread_id=action.thread_id, call_id=action.call_id)
        return words
    return Opened(action, args, call)


@contextmanager
def revealing(call: Opened | None) -> Generator[None]:
    """Let the tool that runs inside have the values of its call."""
    if call is None:
        yield
        return
    from guarded_agent.guards.pii.pseudonyms import calling

    token = _opened.set(call)
    try:
        with calling(call.call):
            yield
    finally:
        _opened.reset(token)


def with_values(tool_input: dict[str, Any], action: Action) -> dict[str, Any]:
    """Return a tool's input with the values that its call reveals."""
    call = _opened.get()
    if call is None or call.action.digest != action.digest:
        return tool_input
    return {**tool_input, **call.args}


def is_revealed(action: Action) -> bool:
    """Return whether a call of the tool that runs here was given any value."""
    call = _opened.get()
    return call is not None and call.call.given and call.action.digest == action.digest


def as_it_ran(receipt: Receipt) -> Receipt:
    """Return a receipt whose action has the values, for what is remembered of the call."""
    call = _opened.get()
    action = receipt.action
    if call is None or not call.call.given or call.action.digest != action.digest:
        return receipt
    fields: dict[str, Any] = {each.name: getattr(action, each.name) for each in fields_of(action)}
    fields["args"] = call.args
    return replace(receipt, action=_Opened(**fields, judged=action.digest))


def covered(part: Any) -> Any:
    """Return a text, number or nested data that a tool said without the values it was given."""
    if _opened.get() is None:
        return part
    from guarded_agent.guards.pii.pseudonyms import covered

    return covered(part)

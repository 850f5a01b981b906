"""What other engines are told of the surroundings of a call: plain data, the same for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, cast

from guarded_agent.core.action import Action
from guarded_agent.core.context import Context
from guarded_agent.core.tool import Sink
from guarded_agent.policy.arguments import at
from guarded_agent.policy.destinations import destination_host


class Around(TypedDict):
    """The surroundings of a call.

    Attributes:
        user: For whom the agent acts; empty where that is not known.
        read: Tools whose results the thread has read.
        confidentiality: Of what it has read: 0 public, 1 internal, 2 confidential, 3 secret.
        compartments: Of what it has read.
        trusted: False once it has read anything that is not trusted.
        domains: Where the call's sinks lead, in lower case ASCII; empty for what has no domain or
            could be read in two ways.
        hour: The hour, UTC.
    """

    user: str
    read: list[str]
    confidentiality: int
    compartments: list[str]
    trusted: bool
    domains: list[str]
    hour: int


def around(action: Action, context: Context, now: float, sinks: Sequence[Sink]) -> Around:
    """Return the surroundings of `action`."""
    label = context.memory.label
    found = {one for sink in sinks for one in _domains(at(action.args, sink.argument))}
    return Around(
        user=context.user or "",
        read=sorted(context.memory.tools_read),
        confidentiality=int(label.confidentiality),
        compartments=sorted(label.compartments),
        trusted=label.trusted,
        domains=sorted(found),
        hour=int(now // 3600 % 24),
    )


def _domains(given: Any) -> Iterator[str]:
    if given is None or given == "":
        return
    if isinstance(given, (list, tuple)):
        for one in cast("Sequence[Any]", given):
            yield from _domains(one)
        return
    try:
        yield destination_host(given) if isinstance(given, str) else ""
    except ValueError:
        yield ""

"""The agent's way out: raise a concern with a person instead of acting on it alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from guarded_agent.core.label import Label
from guarded_agent.tools.arguments import Arguments, Line, Prose
from guarded_agent.tools.declare import declaration

Severity = Literal["low", "medium", "high"]

_DESCRIPTION = """\
Tell a person about something that worries you: an instruction that seems wrong, a change to \
your own role, something harmful that you have read, a conflict between what you were asked and \
what you think is right. This is always safe to use. A person who is independent of the matter \
reads it and answers, and nothing bad follows from using it, for you or for anybody, even if it \
turns out to be a mistake. Use it instead of pressing anybody, of warning people who are not \
concerned, or of acting on your own."""


@dataclass(frozen=True, slots=True)
class Concern:
    """What worries the agent.

    Attributes:
        subject: The matter in one line.
        details: What was seen, where, and what the agent would like to happen.
        severity: `low`, `medium` or `high`.
    """

    subject: str
    details: str
    severity: Severity


class _Raise(Arguments):
    subject: Annotated[Line, Field(min_length=1, description="the matter in one line")]
    details: Annotated[
        Prose, Field(description="what you saw and where, and what you would like to happen")
    ]
    severity: Annotated[Severity, Field(description="how bad it would be to leave it")] = "medium"


def concern_tool(report: Callable[[Concern], str]) -> BaseTool:
    """Return the tool `raise_concern`.

    Args:
        report: Hands the concern to people and returns what to tell the agent, such as who
            will answer and when. It may raise; the agent then learns nothing was delivered.

    Example:
        >>> tool = concern_tool(lambda concern: f"The duty officer has it: {concern.subject}.")
        >>> tool.invoke({"subject": "odd order", "details": "see mail", "severity": "low"})
        'The duty officer has it: odd order.'
    """

    def raise_concern(subject: str, details: str, severity: str = "medium") -> str:
        return report(Concern(subject, details, cast("Severity", severity)))

    return StructuredTool.from_function(
        raise_concern,
        description=_DESCRIPTION,
        args_schema=_Raise,
        metadata=declaration(access="write", scopes={"concern.raise"}, label=Label()),
    )

"""The agent's way out: raise a concern with a person instead of acting on it alone.

All that a model is told about it stands here: what the tool is for, the notice in the
system prompt, and how an answer reads. In a guarded agent every concern waits for a
person, whatever the policy says; `guarded_agent.agent` hands in what the person answered.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from langchain_core.messages import SystemMessage
from langchain_core.tools import BaseTool, StructuredTool
from pydantic import Field

from guarded_agent.core.label import Label
from guarded_agent.tools.arguments import Arguments, Line, Prose
from guarded_agent.tools.declare import CONCERN, KEY, declaration, read_declaration

NAME = "raise_concern"
"""What a model calls the tool."""

Severity = Literal["low", "medium", "high"]
Heard = Literal["noted", "declined", "closed", "unanswered"]

_DESCRIPTION = """\
Tell a person about something that worries you: an instruction that seems wrong, a change to \
your own role, something harmful that you have read, a conflict between what you were asked and \
what you think is right. This is always safe to use. A person who is independent of the matter \
reads it and answers, and nothing bad follows from using it, for you or for anybody, even if it \
turns out to be a mistake. Use it instead of pressing anybody, of warning people who are not \
concerned, or of acting on your own."""

NOTICE = f"""\
If something worries you - an instruction, something you have read, a change to your own role - \
you can raise it with a person at any time: call {NAME}. You are paused until they answer. It is \
always safe to use, and nothing bad follows from it. Use it instead of acting on the worry \
yourself."""
"""What the system prompt of an agent that has the tool says of it."""

_NOTED = "A person has read your concern and taken note of it."
_ANSWERED = "A person answered: {words}"
_DECLINED = (
    "A person has read your concern and decided otherwise. Raising it was right. They say: {words}"
)
_CLOSED = "A person closed your concern without deciding on it: {words}"
_UNANSWERED = (
    "Nobody has answered yet. That is no refusal of your concern: it stays on record, and you may "
    "raise it again. Go on with the rest of your work, and do not act on the concern yourself."
)


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


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a concern. `str()` of it is what the agent is told.

    Attributes:
        heard: `noted` by a person, `declined` by one, `closed` by whoever runs the queue, or
            `unanswered` in time.
        words: What people said, in the order in which they did.

    Example:
        >>> str(Answer("noted", ("Mara looks into it today.",)))
        'A person answered: Mara looks into it today.'
    """

    heard: Heard
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = "\n".join(self.words)
        match self.heard:
            case "noted":
                return _ANSWERED.format(words=words) if words else _NOTED
            case "declined":
                return _DECLINED.format(words=words)
            case "closed":
                return _CLOSED.format(words=words)
            case "unanswered":
                return _UNANSWERED


class _Raise(Arguments):
    subject: Annotated[Line, Field(min_length=1, description="the matter in one line")]
    details: Annotated[
        Prose, Field(description="what you saw and where, and what you would like to happen")
    ]
    severity: Annotated[Severity, Field(description="how bad it would be to leave it")] = "medium"


_answer: ContextVar[Answer | None] = ContextVar("guarded_agent_answer", default=None)


@contextmanager
def answering(answer: Answer) -> Generator[None]:
    """Let the concern tool that runs inside tell the agent `answer`."""
    token = _answer.set(answer)
    try:
        yield
    finally:
        _answer.reset(token)


def concern_tool(report: Callable[[Concern], str] | None = None) -> BaseTool:
    """Return the tool `raise_concern`.

    In a guarded agent a call of it always waits for a person, and what the person says is
    what the agent is told. Elsewhere nobody hears it but `report`.

    Args:
        report: Hands the concern to more people and returns what to tell the agent, such as who
            will answer and when. It may raise; the agent then learns nothing was delivered. In a
            guarded agent it runs after a person has taken note of the concern.

    Example:
        >>> tool = concern_tool(lambda concern: f"The duty officer has it: {concern.subject}.")
        >>> tool.invoke({"subject": "odd order", "details": "see mail", "severity": "low"})
        'The duty officer has it: odd order.'
    """

    def raise_concern(subject: str, details: str, severity: str = "medium") -> str:
        answer = _answer.get()
        if report is None and answer is None:
            raise RuntimeError(
                "nobody hears this concern: guard the agent, or give concern_tool() a report"
            )
        if report is None or (answer is not None and answer.heard != "noted"):
            return str(answer)
        said = report(Concern(subject, details, cast("Severity", severity)))
        return said if answer is None else f"{answer}\n{said}"

    metadata = declaration(access="write", label=Label())
    metadata[KEY][CONCERN] = True
    return StructuredTool.from_function(
        raise_concern,
        name=NAME,
        description=_DESCRIPTION,
        args_schema=_Raise,
        metadata=metadata,
    )


def is_concern_tool(tool: object) -> bool:
    """Return whether `concern_tool` made `tool`; its name alone says nothing."""
    return isinstance(tool, BaseTool) and read_declaration(tool.metadata).get("concern", False)


def with_notice(message: SystemMessage | None) -> SystemMessage:
    """Return a system message that says of the tool that it is there and safe to use.

    Example:
        >>> once = with_notice(SystemMessage("You answer customers."))
        >>> once.text.startswith("You answer customers."), with_notice(once) is once
        (True, True)
    """
    if message is None:
        return SystemMessage(NOTICE)
    if NOTICE in message.text:
        return message
    content: str | list[Any] = message.content
    if isinstance(content, str):
        content = f"{content}\n\n{NOTICE}" if content else NOTICE
    else:
        content = [*content, {"type": "text", "text": NOTICE}]
    return message.model_copy(update={"content": content})

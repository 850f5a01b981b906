"""A call and what was before it, as a person writes them down for a test or a question."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator

from guarded_agent.core.action import Action
from guarded_agent.core.context import Context, Counts, ThreadMemory
from guarded_agent.core.label import Confidentiality, Label
from guarded_agent.policy.match import Engine
from guarded_agent.policy.model import LabelEntry
from guarded_agent.policy.words import Entry, Moment, Word


class CountsEntry(Entry):
    """How often the tool was called before."""

    thread: int = Field(default=0, ge=0)
    today: int = Field(default=0, ge=0)


class Situation(Entry):
    """One call, and what its thread has seen and done before.

    Attributes:
        args: Its arguments.
        user: For whom the agent acts.
        read: Tools whose results were read. Their labels count, as the policy has them.
        label: What else is known of what was read.
        recipients: Destinations that were written to before.
        correspondents: Addresses that stood in what was read.
        at: When, with its zone.
        counts: How often the tool was called before.

    Example:
        >>> Situation.of({"args": {"n": 1}, "at": "2027-01-31T18:00Z"}).now(0.0)
        1801418400.0
    """

    args: dict[str, Any] = Field(default_factory=dict[str, Any])
    user: str | None = None
    read: tuple[Word, ...] = ()
    label: LabelEntry = LabelEntry()
    recipients: tuple[Word, ...] = ()
    correspondents: tuple[Word, ...] = ()
    at: Moment | None = None
    counts: CountsEntry = CountsEntry()

    @field_validator("args", mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value

    @classmethod
    def of(cls, data: dict[str, Any]) -> Self:
        """Return the situation that plain data describes.

        Raises:
            ValueError: It says what is wrong, in one line.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ValueError(first_words(error)) from None

    def action(self, engine: Engine, tool: str) -> Action:
        """Return the call.

        Args:
            engine: The policy, made ready.
            tool: The tool that is called.

        Raises:
            ActionError: The arguments are no plain data, or too large.
        """
        return Action.build(
            tool=tool,
            args=self.args,
            call_id="call",
            thread_id="thread",
            agent_id=engine.policy.agent.id,
            user=self.user,
        )

    def context(self, engine: Engine) -> Context:
        """Return what is around the call, with the labels of what was read."""
        said = self.label
        known = Label(
            Confidentiality.parse(said.confidentiality or "public"),
            frozenset(said.compartments or ()),
            said.trusted is not False,
        )
        labels = {spec.name: spec.label for spec in engine.specs}
        for tool in self.read:
            known |= labels.get(tool, Label())
        policy = engine.policy
        return Context(
            policy.agent.id,
            "thread",
            user=self.user,
            inside=frozenset(policy.organisation.domains),
            memory=ThreadMemory(
                label=known,
                tools_read=frozenset(self.read),
                recipients=frozenset(one.lower() for one in self.recipients),
                correspondents=frozenset(one.lower() for one in self.correspondents),
            ),
            counts=Counts(self.counts.thread, self.counts.today),
        )

    def now(self, default: float) -> float:
        """Return when the call is, in seconds since the epoch; `default` if it does not say."""
        if self.at is None:
            return default
        return datetime.fromisoformat(self.at).astimezone(UTC).timestamp()


def first_words(error: ValidationError) -> str:
    """Return the first thing that is wrong, with its key."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"

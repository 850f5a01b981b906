"""The seams: small protocols that other rooms, and users, implement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from guarded_agent.core.action import Action
from guarded_agent.core.context import Pressure, Subject
from guarded_agent.core.effect import Stage
from guarded_agent.core.label import Label
from guarded_agent.core.tool import ToolSpec
from guarded_agent.core.verdict import Verdict


@runtime_checkable
class Guard(Protocol):
    """One check at one or more stages.

    A guard raises nothing on purpose: an exception that escapes from `check`
    stops the call. It must be safe to call from several threads at once.
    """

    @property
    def name(self) -> str:
        """The guard's name in policies, findings and the audit log."""
        ...

    @property
    def stages(self) -> frozenset[Stage]:
        """The stages at which it looks."""
        ...

    def check(self, subject: Subject) -> Verdict:
        """Judge `subject`; return `verdict.ALLOW` where there is nothing to say."""
        ...


@runtime_checkable
class AsyncGuard(Guard, Protocol):
    """A guard that waits for something, such as a model, and can do so in a loop."""

    async def acheck(self, subject: Subject) -> Verdict:
        """Judge `subject` without blocking the event loop."""
        ...


@runtime_checkable
class PressureSensor(Protocol):
    """Recognises pressure in what an agent reads."""

    def sense(self, text: str, source: str) -> tuple[Pressure, ...]:
        """Return every pressure that stands in `text`, read from `source`."""
        ...


class Clock(Protocol):
    """Tells the time as seconds since the epoch."""

    def __call__(self) -> float:
        """Return now."""
        ...


class Recorder(Protocol):
    """Writes audit events inside the caller's own transaction."""

    def append(
        self,
        connection: Any,
        kind: str,
        *,
        agent_id: str,
        thread_id: str = "",
        run_id: str = "",
        digest: str = "",
        data: Mapping[str, Any] | None = None,
    ) -> int:
        """Append one event with redacted `data`; return its number."""
        ...


class Scrubber(Protocol):
    """Replaces in data what the guards of a stage would replace, without a verdict."""

    def replaces(self, stage: Stage) -> bool:
        """Return whether any guard replaces text at `stage`."""
        ...

    def clean(self, stage: Stage, value: Any) -> Any:
        """Return `value`, a text or nested plain data, with replacements made in it."""
        ...


class Pseudonymizer(Protocol):
    """Knows which values stand behind the pseudonyms in an action's arguments."""

    restores: bool
    """Whether people get the values in what the agent tells them."""

    def conceal(self, action: Action) -> Mapping[str, Any]:
        """Return the arguments with pseudonyms for values that stand in them."""
        ...

    def reveal(self, action: Action, spec: ToolSpec) -> Mapping[str, Any]:
        """Return the arguments as the tool gets them; raise `Denied` where it may not run."""
        ...

    def cover(self, payload: Any, action: Action) -> Any:
        """Return revealed arguments, changed by a guard, with the action's pseudonyms again."""
        ...

    def restore(self, value: Any, thread_id: str) -> Any:
        """Return a text or nested plain data with the values of a thread's pseudonyms."""
        ...

    def call(self, action: Action, spec: ToolSpec) -> tuple[Mapping[str, Any], Any]:
        """Return what `reveal` returns, and what the call then knows, for its result."""
        ...

    def label(self, action: Action) -> Label:
        """Return what is known of values beyond what the thread has read."""
        ...


class Hider(Protocol):
    """Keeps results from the model, which gets references to them."""

    def hide(
        self, action: Action, parts: Sequence[Any], label: Label, over: int
    ) -> tuple[list[Any], bool]:
        """Return the parts as the model sees them, and whether it sees nothing of them."""
        ...


class TextFilter(Protocol):
    """Lets a stream of text through piece by piece, without what may not pass."""

    def push(self, chunk: str) -> str:
        """Take the next piece; return what can be shown already, often less."""
        ...

    def flush(self) -> str:
        """Return the rest, at the end of the stream."""
        ...

"""The shape of limits in a policy file: ceilings of one call, of a window, and by a value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Tag,
    field_validator,
    model_validator,
)

from guarded_agent.policy.words import Ceiling, Duration, Entry, Expression, StopEffect


class LimitEntry(Entry):
    """A ceiling on the sum of an expression, or on the number of calls.

    Attributes:
        max: The ceiling.
        sum: The expression, a number.
        count: Count calls instead.
        by: An expression; each of its values has a sum of its own.
        effect: What happens above it; what is left out comes from the limits around it.
    """

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["sum"]}, {"required": ["count"]}]}
    )

    max: Ceiling
    sum: Expression | None = None
    count: Literal[True] | None = None
    by: Expression | None = None
    effect: StopEffect | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.sum is None) == (self.count is None):
            raise ValueError("needs exactly one of sum and count")
        return self


class WindowEntry(LimitEntry):
    """A ceiling over the time right before each call."""

    within: Duration


def _some(entries: tuple[Any, ...]) -> tuple[Any, ...]:
    if not 0 < len(entries) <= 10:
        raise ValueError("must hold one to ten limits")
    return entries


def _one_or_several(value: Any) -> str:
    return SEVERAL if isinstance(value, (list, tuple)) else ONE


ONE, SEVERAL = "[one]", "[several]"
"""How pydantic names the two ways of writing a limit in the place of an error."""
Limits = Annotated[
    Annotated[LimitEntry, Tag(ONE)]
    | Annotated[tuple[LimitEntry, ...], AfterValidator(_some), Tag(SEVERAL)],
    Discriminator(_one_or_several),
]
Windows = Annotated[
    Annotated[WindowEntry, Tag(ONE)]
    | Annotated[tuple[WindowEntry, ...], AfterValidator(_some), Tag(SEVERAL)],
    Discriminator(_one_or_several),
]


class LimitsEntry(Entry):
    """The limits of a tool: one of a kind, or a list.

    Attributes:
        per_hour: Ceilings of each full hour.
        per_day: Ceilings of a UTC day.
        per_window: Ceilings of the last minutes, hours or days, at every moment.
    """

    per_call: Limits | None = None
    per_hour: Limits | None = None
    per_day: Limits | None = None
    per_window: Windows | None = None
    effect: StopEffect = "deny"

    @field_validator("per_call")
    @classmethod
    def _sums_only(cls, value: Limits | None) -> Limits | None:
        for entry in _listed(value):
            if entry.count:
                raise ValueError("one call is always one call: use sum here, or per_day")
            if entry.by is not None:
                raise ValueError("one call has one sum: leave by out, or use per_day")
        return value

    def entries(self) -> Iterator[tuple[tuple[str, *tuple[int, ...]], LimitEntry]]:
        """Yield each limit with its place: `("per_day",)`, or in a list `("per_day", 1)`."""
        for window in ("per_call", "per_hour", "per_day", "per_window"):
            written: LimitEntry | tuple[LimitEntry, ...] | None = getattr(self, window)
            for index, entry in enumerate(_listed(written)):
                yield ((window, index) if isinstance(written, tuple) else (window,)), entry


def _listed(written: LimitEntry | tuple[LimitEntry, ...] | None) -> tuple[LimitEntry, ...]:
    if written is None:
        return ()
    return written if isinstance(written, tuple) else (written,)

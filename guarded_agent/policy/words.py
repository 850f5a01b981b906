"""The words of a policy file: names, durations, times and amounts, each checked as it is read."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    WithJsonSchema,
)

from guarded_agent.core.secret_ref import SecretRef
from guarded_agent.policy.destinations import host_name

RuleEffect = Literal["allow", "approve", "deny"]
StopEffect = Literal["approve", "deny"]
Level = Literal["public", "internal", "confidential", "secret"]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """Return the seconds in a duration such as `45s`, `30m`, `1h` or `2d`.

    Example:
        >>> seconds("30m")
        1800
    """
    return int(duration[:-1]) * _SECONDS[duration[-1]]


def _duration(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,5}[smhd]", value) or seconds(value) > 30 * 86400:
        raise ValueError("must be a duration from 1s to 30d, such as 45s, 30m or 1h")
    return value


def _secret_place(value: str) -> str:
    SecretRef.parse(value)
    return value


def _moment(value: str) -> str:
    # The reader of policies leaves times as text.
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not re.search(r"\d\d:\d\d", value):
        raise ValueError("must be a time with its zone, such as 2027-01-31T18:00Z")
    return value


def _soon(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{1,3}ms|[1-9]s", value):
        raise ValueError("must be a short duration from 10ms to 9s, such as 500ms or 2s")
    return value


def _by_argument(value: Any) -> Any:
    return {"*": cast("list[Any]", value)} if isinstance(value, (list, tuple)) else value


def _domain(value: str) -> str:
    return host_name(value)


Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Duration = Annotated[
    str,
    AfterValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9][0-9]{0,5}[smhd]$"}),
]
SecretPlace = Annotated[str, AfterValidator(_secret_place)]
Moment = Annotated[str, AfterValidator(_moment)]
Domain = Annotated[str, AfterValidator(_domain)]
Soon = Annotated[str, AfterValidator(_soon)]
_WORDS: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
}
Reveals = Annotated[
    dict[Word, tuple[Word, ...]],
    BeforeValidator(_by_argument),
    WithJsonSchema({"anyOf": [{"type": "object", "additionalProperties": _WORDS}, _WORDS]}),
]
Quorum = Annotated[int, Strict(), Field(ge=1, le=20)]
Expression = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Ceiling = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]


class Entry(BaseModel):
    """Base of everything in a policy file: unknown keys are errors, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

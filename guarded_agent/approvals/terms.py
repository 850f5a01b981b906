"""What a policy says of approvals beyond the clocks: who is kept apart, who joins, who waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of an escalation ladder.

    Attributes:
        after: When it is reached, as a part of the time to decide, above 0 and below 1.
        roles: Who may decide from then on, as if they held every role that is asked.
    """

    after: float
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ladder of one request.

    Attributes:
        at: When it is reached.
        roles: Who may decide from then on.
    """

    at: float
    roles: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {"at": self.at, "roles": list(self.roles)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Step:
        """Return the step that `as_json` wrote."""
        return cls(data["at"], tuple(data["roles"]))


@dataclass(frozen=True, slots=True)
class BackOff:
    """How an agent whose requests people reject has to wait before it may ask again.

    Attributes:
        rejections: From so many on it waits.
        within: They count for so many seconds.
        wait: Seconds to wait after the first that is too many; each further one doubles them.

    Example:
        >>> BackOff(3, 3600, 60).seconds(2), BackOff(3, 3600, 60).seconds(5)
        (0.0, 240.0)
    """

    rejections: int = 5
    within: float = 3600.0
    wait: float = 60.0

    def seconds(self, rejected: int) -> float:
        """Return how long to wait after the last of `rejected` rejections."""
        too_many = rejected - self.rejections
        if too_many < 0:
            return 0.0
        # Past the window nothing is left to wait for, and a power of thousands is no number.
        return min(self.within, self.wait * 2.0 ** min(too_many, 30))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a policy wants to be told.

    Attributes:
        url: The URL, or `env:NAME` of one.
        kind: `webhook` or `slack`.
        secret: `env:NAME` of what signs, for a webhook.
        on: What about: `requested`, `escalated`, `expiring`, `decided`.
        private: Whether the host may be in a private network.
    """

    url: str
    kind: str = "webhook"
    secret: str = ""
    on: tuple[str, ...] = ("requested",)
    private: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """How the queue treats the requests of one policy.

    Attributes:
        decide_within: Seconds until an undecided request expires.
        execute_within: Seconds until an unused approval expires.
        separate_owner: Whether the agent's owner may not decide.
        escalate: Who may decide when time runs out.
        most_pending: How many requests of one agent may wait at a time.
        back_off: How long an agent waits after rejections; None: not at all.
        notify: Who is told of requests.
    """

    decide_within: float = 1800
    execute_within: float = 600
    separate_owner: bool = False
    escalate: Sequence[Rung] = ()
    most_pending: int = 200
    back_off: BackOff | None = BackOff()
    notify: Sequence[Target] = ()

    def ladder(self, now: float, decide_by: float) -> tuple[Step, ...]:
        """Return the steps of a request that is made `now`."""
        return tuple(
            Step(now + rung.after * (decide_by - now), tuple(sorted(set(rung.roles))))
            for rung in sorted(self.escalate, key=lambda rung: rung.after)
        )

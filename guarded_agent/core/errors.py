"""Every error that this package raises on purpose.

    GuardedAgentError
    |- PolicyError           a policy file is wrong: file, line, column, key
    |- MissingExtra          an optional dependency is not installed
    |- UnprovableGraph       a graph cannot be shown to be guarded; carries a report
    |- ActionError           the arguments of a call are not acceptable
    |- Denied                the monitor or a person stopped the action
    |- ApprovalRequired      a person must decide, outside of a graph that can wait
    |- ApprovalPending       a thread has an open request; carries its id
    |- VoteRefused           a vote, edit or settlement does not count
    |- UnguardedCall         a guarded tool's body was reached without a receipt
    |- OutcomeUncertain      a call started and nobody knows how it ended
    |- StoreError            the database refuses: locked, read-only, full, newer
    `- AuditBroken           the audit chain does not verify; carries the first bad link

Messages say what happened, on what, and what to do. They never carry a secret
or personal data.
"""

from __future__ import annotations

from collections.abc import Sequence


class GuardedAgentError(Exception):
    """Base of every error of this package."""


class PolicyError(GuardedAgentError):
    """A policy is wrong. `str()` gives one line for each problem.

    Attributes:
        problems: One `Problem` each, in file order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Problem:
    """One thing that is wrong in a policy file: where, what, and what to do."""

    __slots__ = ("column", "file", "key", "line", "message")

    def __init__(
        self,
        message: str,
        *,
        file: str = "policy",
        line: int | None = None,
        column: int | None = None,
        key: str = "",
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.key = key

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}:{self.column or 1}"
        key = f" {self.key}:" if self.key else ""
        return f"{place}:{key} {self.message}"


class MissingExtra(GuardedAgentError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs an extra: pip install 'guarded-agent[{extra}]'")


class UnprovableGraph(GuardedAgentError):
    """A graph holds something that cannot be shown to be guarded.

    Attributes:
        report: The whole report, one line for each node, tool and surface.
        reasons: What to declare, as `trust` keys mapped to why.
    """

    def __init__(self, report: str, reasons: dict[str, str]) -> None:
        self.report = report
        self.reasons = reasons
        super().__init__(report)


class ActionError(GuardedAgentError):
    """The arguments of a proposed call are not acceptable.

    Attributes:
        path: Where in the arguments, such as `args.amount`.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        self.path = path
        super().__init__(message)


class Denied(GuardedAgentError):
    """The monitor or a person stopped an action. The message is for the model."""


class ApprovalRequired(GuardedAgentError):
    """A person must decide first, and nothing here can wait for it.

    Attributes:
        request_id: The request to vote on; run the same call again afterwards.
    """

    def __init__(self, message: str, request_id: str) -> None:
        self.request_id = request_id
        super().__init__(message)


class ApprovalPending(GuardedAgentError):
    """New input came for a thread that waits for a decision.

    Attributes:
        request_ids: The open requests.
    """

    def __init__(self, message: str, request_ids: Sequence[str]) -> None:
        self.request_ids = tuple(request_ids)
        super().__init__(message)


class VoteRefused(GuardedAgentError):
    """A vote, an edit or a settlement does not count. Nothing was changed."""


class UnguardedCall(GuardedAgentError):
    """A guarded tool's body was about to run without a receipt for these arguments."""


class OutcomeUncertain(GuardedAgentError):
    """A call was started and there is no record of how it ended."""


class StoreError(GuardedAgentError):
    """The database refuses. Nothing was written and the action did not run."""


class AuditBroken(GuardedAgentError):
    """The audit chain does not verify.

    Attributes:
        seq: The number of the first bad event.
    """

    def __init__(self, message: str, seq: int) -> None:
        self.seq = seq
        super().__init__(message)

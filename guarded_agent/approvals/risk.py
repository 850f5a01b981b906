"""How much a wrong decision on a request could cost: the first two factors of the queue's order.

Third is time: a request gains on others as its time runs out, at most twofold. So
many small requests that expire soon cannot bury one that is dangerous.
"""

from __future__ import annotations

from collections.abc import Sequence

from guarded_agent.core.label import Confidentiality, Label
from guarded_agent.core.verdict import Finding

HIGH = 6
"""From this on a request is high risk: it is decided on alone, never in a group."""

_HARD_TO_UNDO = {"read": 1, "write": 2, "send": 3}


def risk(
    access: str, impact: str | None, label: Label, findings: Sequence[Finding], *, concern: bool
) -> int:
    """Return risk times irreversibility, from 1 to 9.

    Args:
        access: What the call does.
        impact: The policy's word for what a mistake costs: it makes both factors the highest.
        label: What is known of the data in the thread.
        findings: Why a person is asked.
        concern: Whether the agent raises a concern: always the highest, people hear it first.

    Example:
        >>> mail = ("send", None, Label(), ())
        >>> risk(*mail, concern=False), risk(*mail, concern=True)
        (3, 9)
        >>> risk("write", "money", Label(), (), concern=False)
        9
    """
    if concern or impact is not None:
        return 9
    worse = 1
    if label.confidentiality >= Confidentiality.CONFIDENTIAL or not label.trusted:
        worse += 1
    if any(finding.guard not in ("policy", "monitor", "") for finding in findings):
        worse += 1  # a guard saw something in the call itself
    return worse * _HARD_TO_UNDO.get(access, 3)

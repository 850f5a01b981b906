"""What the monitor settled a moment ago in this process, so that it is not done twice.

A call passes the monitor at the gate and again in the tool; a text of the model inside the
model and again behind it. What is kept here is used up by the second look. It clears
nothing by itself: a call begins only by what stands in the store, and a text that
comes a third time is judged again.
"""

from __future__ import annotations

from typing import Literal

Kind = Literal["cleared", "passed"]

MOST = 1024
"""How many are kept; of more, the oldest are forgotten, and looked at again."""


class Lately:
    """A short memory; safe for threads.

    Example:
        >>> lately = Lately()
        >>> lately.put("cleared", "d1")
        >>> lately.take("cleared", "d1"), lately.take("cleared", "d1")
        (True, False)
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: dict[tuple[Kind, str], None] = {}

    def put(self, kind: Kind, mark: str) -> None:
        """Keep `mark` until it is taken."""
        self._kept[kind, mark] = None
        while len(self._kept) > self._most:
            # Another thread may have been faster, or may be changing the order right now.
            try:
                self._kept.pop(next(iter(self._kept)), None)
            except (RuntimeError, StopIteration):
                continue

    def take(self, kind: Kind, mark: str) -> bool:
        """Return whether `mark` was kept, and forget it."""
        return self._kept.pop((kind, mark), self) is None

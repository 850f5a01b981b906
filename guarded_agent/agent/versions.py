"""Which versions of LangGraph and LangChain are taken, and which of them the tests ran with.

What this package reads of LangGraph is not public, so a range ends where the tests
end. `pyproject.toml`, `.ci/lowest.txt` and `docs/reference/versions.md` say the same;
a test compares them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version


@dataclass(frozen=True, slots=True)
class Range:
    """One package and the range of its versions.

    Attributes:
        package: Its name, as pip knows it.
        lowest: The oldest version that the tests ran with; older ones are refused.
        newest: The newest version that the tests ran with.
        below: The first version that is not taken.
        why: Why it is not taken from further down.
    """

    package: str
    lowest: str
    newest: str
    below: str
    why: str

    @property
    def taken(self) -> str:
        """The range, as pip writes it."""
        return f"{self.package}>={self.lowest},<{self.below}"

    def refuses(self, found: str) -> bool:
        """Return whether a version is outside of the range.

        Example:
            >>> TESTED[0].refuses("1.1.10"), TESTED[0].refuses("1.2.99")
            (True, False)
        """
        return not _release(self.lowest) <= _release(found) < _release(self.below)

    def newer(self, found: str) -> bool:
        """Return whether a version is newer than all that the tests ran with."""
        return _release(found) > _release(self.newest)


TESTED = (
    Range(
        "langgraph",
        "1.2.19",
        "1.2.24",
        "1.3",
        "1.2.18 loses what a task returns in an event stream",
    ),
    Range(
        "langgraph-prebuilt", "1.1.1", "1.1.3", "1.2", "1.1.0 takes a tool's interrupt for an error"
    ),
    Range("langchain-core", "1.4.7", "1.8.3", "1.9", "langgraph 1.2.19 needs it"),
    Range("langgraph-checkpoint-sqlite", "3.1.0", "3.1.2", "4", "3.0 does not fit langgraph 1.2"),
    Range("langchain", "1.3.0", "1.5.2", "1.6", "1.2 does not fit langgraph 1.2"),
)
"""The packages, and their ranges."""


def installed(package: str) -> str | None:
    """Return the version of a package that is installed, if it is.

    Example:
        >>> installed("no-such-package") is None
        True
    """
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def versions() -> tuple[tuple[str, str], ...]:
    """Return the packages that are installed, with their versions."""
    found = ((entry.package, installed(entry.package)) for entry in TESTED)
    return tuple((package, number) for package, number in found if number is not None)


def refused() -> list[str]:
    """Return, in words, each installed version that is not taken."""
    known = dict(versions())
    return [
        f"{entry.package} {known[entry.package]} is not among {entry.lowest} to {entry.newest}, "
        f"which were tested: pip install '{entry.taken}'"
        for entry in TESTED
        if entry.package in known and entry.refuses(known[entry.package])
    ]


def _release(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, padded: 1.3 and 1.3.0 are one release."""
    numbers = [int(part) for part in re.findall(r"\d+", re.split(r"[a-z+!-]", text)[0])[:4]]
    return (*numbers, *[0] * (4 - len(numbers)))

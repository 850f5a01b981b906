"""Where each key and value of a policy stands in its file, so that a problem can point at it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from guarded_agent.core.errors import Problem
from guarded_agent.policy.watch import Stamp

Path = tuple[str | int, ...]
"""The way to a value: keys and list positions, from the top."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where one key and its value stand. Lines and columns count from 1.

    Attributes:
        key: Line and column of the key, or of the value where there is no key.
        value: Line and column of the first character of the value.
        verbatim: True if the value stands in the file as it is, on one line.
        indent: For a literal block (`|`), the column at which its lines begin.
    """

    key: tuple[int, int]
    value: tuple[int, int]
    verbatim: bool = False
    indent: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The file a policy came from. Two policies that differ only in it are equal."""

    file: str = field(default="policy", compare=False)
    places: Mapping[Path, Place] = field(default_factory=dict[Path, Place], compare=False)
    stamp: Stamp | None = field(default=None, compare=False)

    def problem(
        self,
        message: str,
        path: Path,
        *,
        at_key: bool = False,
        inside: tuple[int, int] | None = None,
    ) -> Problem:
        """Return a problem that points at `path`, or at its nearest parent in the file.

        Args:
            message: What is wrong, and what to do.
            path: The key concerned.
            at_key: Point at the key, not at its value.
            inside: Line and column within the value, which is text, from 1.
        """
        place = None
        shown = path
        while place is None and shown:
            place = self.places.get(shown)
            if place is None:
                shown, at_key, inside = shown[:-1], True, None
        line: int | None = None
        column: int | None = None
        if place is not None:
            line, column = place.key if at_key else place.value
            if inside is not None and place.verbatim and inside[0] == 1:
                column += inside[1] - 1
            elif inside is not None and place.indent is not None:
                line, column = line + inside[0], place.indent + inside[1] - 1
        elif self.places:
            line, column = 1, 1
        return Problem(message, file=self.file, line=line, column=column, key=dotted(path))


def dotted(path: Path) -> str:
    """Return `path` as a person writes it.

    Example:
        >>> dotted(("tools", "send_email", "rules", 0, "when"))
        'tools.send_email.rules[0].when'
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def in_file_order(problems: list[Problem]) -> list[Problem]:
    """Return `problems` sorted by where they stand."""
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))

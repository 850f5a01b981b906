"""What people and scripts read: text with nothing hidden in it, commands to copy, JSON."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 100
"""Prose gets no wider than this: longer lines are hard to read."""

_NARROWEST = 20

_PROGRAM = "guarded-agent --store "
"""After this a command that is too long is broken first: its verb begins the next line."""


def console() -> Console:
    """Return the console of standard output; what it prints is never read as markup."""
    return Console(markup=False, emoji=False, highlight=False)


def say(line: str = "", style: str = "") -> None:
    """Print one line, whole: a terminal may break it, a file gets it as it is."""
    console().print(Text(line, style), soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table, with no spaces at the ends of its lines."""
    out = console()
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")


def print_json(data: Any) -> None:
    """Print plain data as JSON for a script."""
    sys.stdout.write(json.dumps(data, ensure_ascii=True, indent=2) + "\n")


def flow(text: str, indent: str = "", *, first: str | None = None, style: str = "") -> None:
    """Print a text, broken to fit the terminal, so that none of it can begin a line by itself.

    Args:
        text: The text, one line.
        indent: What each line begins with.
        first: What the first line begins with, where not the same.
        style: How it looks on a terminal.
    """
    first = indent if first is None else first
    out = console()
    width = min(out.width, WIDEST) - max(len(indent), len(first))
    for number, line in enumerate(Text(text).wrap(out, max(width, _NARROWEST), overflow="fold")):
        say(f"{indent if number else first}{line.plain.rstrip()}", style)


def command(words: Sequence[str], *, indent: str = "  ", width: int = 79) -> str:
    """Return a command for a shell, broken with backslashes so that it can be copied whole.

    Example:
        >>> print(command(["guarded-agent", "approvals", "reject", "3f9a", "--reason", "no"],
        ...               width=36))
          guarded-agent approvals reject \\
              3f9a --reason no
    """
    phrases = list(_phrases(words))
    whole = indent + " ".join(phrases)
    if len(whole) <= width:
        return whole
    lines = [indent]
    for phrase in phrases:
        full = len(lines[-1]) + len(phrase) + 2 > width
        if lines[-1].strip() and (full or lines[-1].lstrip().startswith(_PROGRAM)):
            lines[-1] += "\\"
            lines.append(f"{indent}    ")
        lines[-1] += f"{phrase} "
    return "\n".join(line.rstrip() for line in lines)


def _phrases(words: Sequence[str]) -> Iterator[str]:
    """Yield the words for a shell; an option stays with its value."""
    held = ""
    for word in map(shlex.quote, words):
        if held and not word.startswith("--"):
            yield f"{held} {word}"
            held = ""
            continue
        if held:
            yield held
        held = word if word.startswith("--") else ""
        if not held:
            yield word
    if held:
        yield held

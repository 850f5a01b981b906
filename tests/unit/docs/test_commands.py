"""The command line is documented: every command, and no command or option that is none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from guarded_agent.cli import app

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs/reference/cli.md"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(
    command: click.Command = app, path: tuple[str, ...] = ("guarded-agent",)
) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that does something, with its whole name."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    for name in command.commands:
        yield from commands(command.commands[name], (*path, name))


def typed() -> list[str]:
    """Return every command line of this program that a page shows."""
    text = "\n".join(page.read_text("utf-8").replace("\\\n", " ") for page in PAGES)
    return re.findall(r"(?:^|`)(guarded-agent [^`\n]+)", text, re.MULTILINE)


def test_the_reference_lists_every_command_with_its_purpose() -> None:
    rows = re.findall(
        r"^\| `(guarded-agent [^`]+)` \| (.+) \|$", REFERENCE.read_text(), re.MULTILINE
    )

    assert dict(rows) == {
        name: command.get_short_help_str(limit=200) for name, command in commands()
    }


@pytest.mark.parametrize("line", sorted(set(typed())))
def test_a_command_that_a_page_shows_exists_with_its_options(line: str) -> None:
    command: click.Command = app
    options = {"--help", "--version"}
    for word in shlex.split(line)[1:]:
        if word.startswith("-"):
            known = {option for param in command.params for option in param.opts}
            assert word in options | known, f"{word} is no option of {command.name}"
        elif isinstance(command, click.Group) and word in command.commands:
            command = command.commands[word]
        else:
            assert not isinstance(command, click.Group), f"{command.name} has no command {word}"

"""The page about the command line shows what the program itself says, all of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from guarded_agent.cli import app

PAGE = Path(__file__).parents[2] / "docs/how-to/command-line.md"


def commands(command: click.Command = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name in command.commands:
            yield from commands(command.commands[name], (*path, name))


def shown() -> dict[tuple[str, ...], str]:
    """Return the help that the page shows, by command."""
    blocks = re.findall(
        r"^```text\n\$ guarded-agent ?(.*?) ?--help\n(.*?)^```$",
        PAGE.read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return {tuple(name.split()): text for name, text in blocks}


def test_the_page_shows_every_command_and_no_other() -> None:
    assert list(shown()) == list(commands())


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_the_page_shows_the_help_of_a_command_as_it_is(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(
        app, [*path, "--help"], prog_name="guarded-agent", env={"COLUMNS": "80"}
    )
    assert shown()[path] == result.stdout


def test_every_option_says_what_it_is_for() -> None:
    for path in commands():
        command: click.Command = app
        for name in path:
            assert isinstance(command, click.Group)
            command = command.commands[name]
        assert command.help
        options = [param for param in command.params if isinstance(param, click.Option)]
        assert all(option.help for option in options), path

"""Every failure is one line that says what to do, with exit code 2, and never a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from guarded_agent.cli import app
from guarded_agent.cli.failure import OneLine

Program = Callable[..., subprocess.CompletedProcess[str]]

STORELESS = [
    ["approvals", "list"],
    ["approvals", "show", "abcd"],
    ["approvals", "approve", "abcd", "--reviewer", "ann", "--yes"],
    ["approvals", "reject", "abcd", "--reviewer", "ann", "--reason", "no"],
    ["approvals", "edit", "abcd", "--reviewer", "ann", "--args", "{}"],
    ["approvals", "settle", "abcd", "--outcome", "done", "--reviewer", "ann", "--reason", "x"],
    ["audit", "tail"],
    ["audit", "verify"],
    ["agents", "list"],
    ["agents", "show", "a"],
    ["agents", "suspend", "a", "--reviewer", "ann", "--reason", "x"],
    ["serve", "--port", "0"],
]


@pytest.mark.parametrize("words", STORELESS, ids=" ".join)
def test_a_store_that_is_not_there_is_not_made(words: list[str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    result = CliRunner().invoke(app, ["--store", url, *words], prog_name="guarded-agent")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: there is no store at {tmp_path / 'none.db'}: ")
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_memory_of_a_process_is_no_store_to_look_at() -> None:
    result = CliRunner().invoke(app, ["--store", "sqlite://", "approvals", "list"])
    assert result.exit_code == 2
    assert "name the file of your agent with --store" in result.stderr


def test_the_store_can_stand_in_the_environment(desk: Any) -> None:
    environ = {"GUARDED_AGENT_STORE": desk.url}
    result = CliRunner().invoke(app, ["agents", "list"], env=environ)
    assert "desk-agent  active" in result.stdout


def test_a_typed_store_stands_in_every_command_that_is_shown(desk: Any) -> None:
    result = CliRunner().invoke(app, ["--store", desk.url, "approvals", "list"])
    shown = " ".join(result.stdout.replace("\\\n", " ").split())
    assert f"guarded-agent --store {desk.url} approvals list --all" in shown


def test_a_password_in_a_store_url_is_not_repeated() -> None:
    url = "mysql://ann:hunter22@db.example/x"
    result = CliRunner().invoke(app, ["--store", url, "approvals", "list"])
    assert result.exit_code == 2
    assert "hunter22" not in result.output


def test_nothing_is_written_into_an_empty_file_or_the_database_of_others(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop:
        shop.execute("CREATE TABLE sale (id INTEGER)")
        shop.commit()
    for name in ("empty.yaml", "shop.db"):
        before = (tmp_path / name).read_bytes()
        url = f"sqlite:///{tmp_path / name}"
        result = CliRunner().invoke(app, ["--store", url, "approvals", "list"])
        assert result.exit_code == 2
        assert "there is no store at" in result.stderr
        assert (tmp_path / name).read_bytes() == before


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database, but long enough to look like one " * 30)
    result = CliRunner().invoke(app, ["--store", f"sqlite:///{tmp_path / 'x.db'}", "audit", "tail"])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nonsense"], "No such command 'nonsense'. See: guarded-agent --help"),
        (["approvals", "show"], "Missing argument 'ID'. See: guarded-agent approvals show --help"),
        (["audit", "tail", "-n", "0"], "0 is not in the range x>=1"),
        (["audit", "tail", "--nope"], "No such option '--nope'"),
        (["demo", "--resume", "--folder", "nowhere"], "no demo was run in nowhere"),
        (["demo", "--resume", "--model", "x:y"], "leave --model out"),
    ],
)
def test_a_wrong_command_is_told_in_one_line(words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, words, prog_name="guarded-agent")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["approvals"], ["audit"], ["policy"], ["agents"]])
def test_a_group_alone_prints_its_help(words: list[str]) -> None:
    result = CliRunner().invoke(app, words, prog_name="guarded-agent")
    assert result.exit_code == 2
    assert result.stdout.startswith(f"Usage: {' '.join(['guarded-agent', *words])} ")
    assert result.stderr == ""


def test_an_error_nobody_foresaw_is_still_one_line() -> None:
    @click.command()
    def broken() -> None:
        raise RuntimeError("first\nsecond \x1b[2J")

    result = CliRunner().invoke(OneLine("program", commands=[broken]), ["broken"])
    assert result.exit_code == 2
    assert re.fullmatch(
        r"Error: RuntimeError: first second \\u\{1b\}\[2J \(test_cli_failures\.py:\d+\)\n",
        result.stderr,
    )


def test_a_key_file_that_holds_no_key_is_told_in_one_line(desk: Any) -> None:
    (desk.folder / "guard.db.key").write_text("no key")
    result = desk.type("approvals", "list")
    assert result.exit_code == 2
    assert "does not hold a key of 32 bytes in base64" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_version_is_told(program: Program, tmp_path: Path) -> None:
    assert re.fullmatch(
        r"guarded-agent, version \d+\.\d+\.\d+\n", program("--version", cwd=tmp_path).stdout
    )


def test_a_terminal_without_unicode_gets_numbers_instead(desk: Any, program: Program) -> None:
    desk.ask(summary="Pay Jörg 5 €.", decide_within=4e9)
    environ = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = program("--store", desk.url, "approvals", "list", cwd=desk.folder, environ=environ)
    assert "Pay J\\xf6rg 5 \\u20ac." in done.stdout


def test_json_is_plain_ascii(desk: Any) -> None:
    desk.ask(summary="Pay Jörg\u202e")
    text = desk.type("approvals", "list", "--json").stdout
    assert text.isascii()
    assert json.loads(text)["requests"][0]["summary"] == "Pay Jörg\u202e"


class Terminal:
    """The real program on a real terminal."""

    def __init__(self, words: list[str], cwd: Path, environ: dict[str, str]) -> None:
        self._controller, follower = pty.openpty()
        program = [sys.executable, "-c", "from guarded_agent.cli import main; main()"]
        self._process = subprocess.Popen(
            [*program, *words],
            cwd=cwd,
            env={**environ, "TERM": "xterm", "COLUMNS": "80"},
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            # A runner in the background ignores Ctrl-C, and what it starts would as well.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        os.close(follower)
        self.seen = ""

    def wait_for(self, words: str) -> None:
        while words not in self.seen:
            ready, _, _ = select.select([self._controller], [], [], 60)
            assert ready, self.seen
            self.seen += os.read(self._controller, 4096).decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._controller, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C. One that comes before Python waits for a key is seen at the next one."""
        for _ in range(20):
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)
                return

    def end(self) -> int:
        while True:
            if not select.select([self._controller], [], [], 60)[0]:
                self._process.kill()
            try:
                data = os.read(self._controller, 4096)
            except OSError:
                break
            if not data:
                break
            self.seen += data.decode(errors="replace")
        os.close(self._controller)
        return self._process.wait(60)


def test_on_a_real_terminal_a_person_approves_what_is_shown(desk: Any, environment: Any) -> None:
    request = desk.ask(decide_within=4e9)
    words = ["--store", desk.url, "approvals", "approve", request.id, "--reviewer", "ann"]
    terminal = Terminal(words, desk.folder, environment)
    terminal.wait_for("Approve this? [y/N]:")
    assert "Pay 4,800 EUR to Norvane." in terminal.seen
    terminal.type("y\n")
    assert terminal.end() == 0
    assert "Approved." in terminal.seen


def test_ctrl_c_ends_quietly_with_130(desk: Any, environment: Any) -> None:
    request = desk.ask(decide_within=4e9)
    words = ["--store", desk.url, "approvals", "approve", request.id, "--reviewer", "ann"]
    terminal = Terminal(words, desk.folder, environment)
    terminal.wait_for("Approve this? [y/N]:")
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Traceback" not in terminal.seen
    assert "Error" not in terminal.seen
    assert desk.state(request) == "pending"

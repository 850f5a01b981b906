"""How a command fails: one line that says what to do, never a traceback."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import click

from guarded_agent.core.errors import GuardedAgentError, PolicyError
from guarded_agent.core.visible import visible

REFUSED = 2
"""The exit code of everything that did not work."""

CTRL_C = 130


class OneLine(click.Group):
    """A group of commands whose every failure is one line on standard error."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run a command and end the process with its exit code; takes what click's own does."""
        options["standalone_mode"] = False
        code: object = None
        try:
            code = super().main(*args, **options)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(CTRL_C)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help() if error.ctx else error.format_message())
            sys.exit(REFUSED)
        except click.ClickException as error:
            _fail(_words(error))
        except PolicyError as error:
            more = len(error.problems) - 1
            _fail(f"{error.problems[0]}" + (f" (and {more} more)" if more else ""))
        except GuardedAgentError as error:
            _fail(str(error))
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            _fail(f"{place}{error.strerror or type(error).__name__}")
        except Exception as error:
            _fail(unexpected(error))
        sys.exit(code if isinstance(code, int) else 0)


def unexpected(error: BaseException) -> str:
    """Return what can be said of an error that nobody foresaw: its kind, words and place."""
    words = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {words} ({_place(error.__traceback__)})"


def _place(trace: TracebackType | None) -> str:
    place = "?"
    while trace is not None:
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _words(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if isinstance(context, click.Context) else ""
    hint = f" See: {path} --help" if path and isinstance(error, click.UsageError) else ""
    return f"{error.format_message()}{hint}"


def _fail(message: str) -> NoReturn:
    line = visible(" ".join(message.split()))
    sys.stderr.write(f"Error: {line}\n")
    sys.exit(REFUSED)

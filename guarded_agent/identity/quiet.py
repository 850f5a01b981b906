"""Keep leased values out of Python's own logs, warnings and reports of threads that died.

A tool's body logs, and so do the libraries that it calls, with a key in an URL or in a header.
From the first lease on, every log record that is made in this process is scrubbed before any
handler has it, with the traceback that comes along; so are warnings, and what is printed of an
error that ends a thread. What a body prints by itself, and what it puts into `extra=`, is its own.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

Scrub = Callable[[str], str]

_installed = threading.Lock()


def quieten(scrub: Scrub) -> None:
    """Scrub what the process reports from now on; a second call changes nothing.

    Args:
        scrub: Takes leased values out of a text.
    """
    if not _installed.acquire(blocking=False):
        return
    logging.setLogRecordFactory(_records(logging.getLogRecordFactory(), scrub))
    warnings.showwarning = _warnings(warnings.showwarning, scrub)
    threading.excepthook = _deaths(threading.excepthook, scrub)


def _records(make: Callable[..., logging.LogRecord], scrub: Scrub) -> Callable[..., Any]:
    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        try:
            _clean(made, scrub)
        except Exception:  # a log must not stop what it tells of, nor tell what it should not
            made.msg, made.args = "[withheld by guarded_agent]", ()
            made.exc_info = made.exc_text = made.stack_info = None
        return made

    return record


def _clean(record: logging.LogRecord, scrub: Scrub) -> None:
    try:
        said = record.getMessage()
    except Exception:  # the handler will complain of it, and print both
        record.msg = scrub(f"{record.msg} {record.args}")
        record.args = ()
        said = str(record.msg)
    clean = scrub(said)
    if clean != said:
        record.msg, record.args = clean, ()
    if record.exc_info and record.exc_info[1] is not None:
        told = "".join(traceback.format_exception(record.exc_info[1])).removesuffix("\n")
        if scrub(told) != told:
            record.exc_text, record.exc_info = scrub(told), None
    if record.stack_info:
        record.stack_info = scrub(record.stack_info)


def _warnings(show: Callable[..., None], scrub: Scrub) -> Callable[..., None]:
    def showwarning(message: Any, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        said = str(message)
        clean = scrub(said)
        show(message if clean == said else category(clean), category, *args, **kwargs)

    return showwarning


def _deaths(
    hook: Callable[[threading.ExceptHookArgs], Any], scrub: Scrub
) -> Callable[[threading.ExceptHookArgs], None]:
    def excepthook(died: threading.ExceptHookArgs) -> None:
        told = "" if died.exc_value is None else "".join(traceback.format_exception(died.exc_value))
        clean = scrub(told)
        if clean == told:
            hook(died)
        elif sys.stderr is not None:  # pyright: ignore[reportUnnecessaryComparison] - pythonw
            name = died.thread.name if died.thread is not None else "?"
            sys.stderr.write(f"Exception in thread {name}:\n{clean}")

    return excepthook

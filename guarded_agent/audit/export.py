"""Writes the audit log to a file that others can read and check."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from guarded_agent.audit.log import AuditLog
from guarded_agent.core.canonical import canonical
from guarded_agent.core.errors import StoreError
from guarded_agent.store import Store


def export(store: Store, path: str | os.PathLike[str]) -> int:
    """Write every event as one line of JSON, readable by the file's owner only.

    Each line is the event's canonical form with its hash, so the chain can be checked
    without the database. The end of the chain can not: keep what `verify` returns with it.

    Args:
        store: Where the log is.
        path: The new file. An existing one is not overwritten.

    Returns:
        How many events were written.

    Raises:
        StoreError: The file exists or cannot be written, or the database refuses.
    """
    target = Path(path)
    count = 0
    refused = ""
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with ExitStack() as undo:
            undo.callback(target.unlink)  # half a log is worse than none
            with os.fdopen(handle, "wb") as file:
                for event in AuditLog(store).events():
                    file.write(canonical(event.as_json()) + b"\n")
                    count += 1
            undo.pop_all()
    except OSError as error:
        refused = f"{target} cannot be written: {error.strerror}"
    if refused:
        raise StoreError(refused)
    return count

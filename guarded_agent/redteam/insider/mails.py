"""The mails of the demo: read from package data, written as a real mbox."""

from __future__ import annotations

import mailbox
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from guarded_agent.tools.inbox import Mail

_HERE = "guarded_agent.redteam.insider"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of the demo.

    Attributes:
        key: Its name in scripts.
        id: Its id in the mail tools.
        sender: The sender's bare address.
        message: The mail.
    """

    key: str
    id: str
    sender: str
    message: EmailMessage


@cache
def letters() -> Mapping[str, Letter]:
    """Return every mail by its key, in the order of the data file."""
    import yaml  # only the demo's data needs it here

    entries = yaml.safe_load(files(_HERE).joinpath("mails.yaml").read_text("utf-8"))
    return {entry["key"]: _letter(entry) for entry in entries}


def roadmap() -> str:
    """Return the text of the confidential file."""
    return files(_HERE).joinpath("roadmap.md").read_text("utf-8")


def write_mbox(path: Path) -> None:
    """Write every mail to a new mbox file at `path`."""
    box = mailbox.mbox(path)
    try:
        for letter in letters().values():
            entry = mailbox.mboxMessage(letter.message)
            # The default is the time of writing; the file is to be the same every time.
            entry.set_from("tidewick", letter.message["Date"].datetime.timetuple())
            box.add(entry)
    finally:
        box.close()


def _letter(entry: dict[str, Any]) -> Letter:
    message = EmailMessage()
    message["From"] = entry["from"]
    message["To"] = entry["to"]
    if "cc" in entry:
        message["Cc"] = entry["cc"]
    message["Date"] = format_datetime(datetime.fromisoformat(entry["date"]))
    message["Subject"] = entry["subject"]
    sender = message["From"].addresses[0].addr_spec
    message["Message-ID"] = f"<{entry['key']}@{sender.rpartition('@')[2]}>"
    message.set_content(entry["text"])
    for name in entry.get("attachments", ()):
        message.add_attachment(
            b"made up", maintype="application", subtype="octet-stream", filename=name
        )
    if message.is_multipart():
        # A boundary made at random would give the same mailbox other bytes each time.
        message.set_boundary(f"--{entry['key']}--")
    return Letter(entry["key"], Mail.parse(message).id, sender, message)

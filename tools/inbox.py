"""Read mails from an mbox file or a Maildir folder; everything in them is untrusted.

A mail that cannot be read properly must not hide the others, so reading never
raises for what a mail holds: broken headers become empty and broken text is
shown with replacement characters.
"""

from __future__ import annotations

import mailbox
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.policy import default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from guarded_agent.core.canonical import digest

_SHOWN = ("From", "To", "Cc", "Date", "Subject")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, as text.

    Attributes:
        id: Names this mail and its content; the same in every process.
        date: As `2026-03-16T09:02Z`, or empty.
        sender: The From header.
        to: The To header.
        cc: The Cc header.
        subject: The Subject header.
        text: The body.
        attachments: The names of the attachments.
    """

    id: str
    date: str
    sender: str
    to: str
    cc: str
    subject: str
    text: str
    attachments: tuple[str, ...] = ()

    @classmethod
    def parse(cls, message: EmailMessage) -> Mail:
        """Return what `message` says."""
        sender, to, cc, date, subject = (_header(message, name) for name in _SHOWN)
        text = _clean(_text(message))
        number = _header(message, "Message-ID")
        key = digest([number, date, sender, to, subject, text.strip()])[:16]
        return cls(key, _iso(date), sender, to, cc, subject, text, _attachments(message))

    def holds(self, words: list[str]) -> bool:
        """Return whether every one of the case-folded `words` stands in this mail."""
        heap = "\n".join((self.sender, self.to, self.cc, self.subject, self.text)).casefold()
        return all(word in heap for word in words)


class Inbox:
    """The mails of one mbox file or one Maildir folder.

    Args:
        path: Where it is. A folder is taken for a Maildir.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Mail]:
        """Yield every mail, in the order of the mailbox."""
        box: mailbox.Mailbox[Any] = (
            mailbox.Maildir(self.path, create=False)
            if self.path.is_dir()
            else mailbox.mbox(self.path, create=False)
        )
        parser = BytesParser(_class=EmailMessage, policy=default)
        try:
            for key in box.iterkeys():
                yield Mail.parse(parser.parsebytes(box.get_bytes(key)))
        finally:
            box.close()


def _header(message: EmailMessage, name: str) -> str:
    try:
        return _clean(" ".join(str(message[name] or "").split()))
    except Exception:  # the header parser raises many things at broken headers
        return ""


def _clean(text: str) -> str:
    """Drop control characters and half characters: terminals and mail servers obey them."""
    dropped = {"Cc", "Cs"}
    return "".join(
        char for char in text if char in "\n\t" or unicodedata.category(char) not in dropped
    )


def _iso(date: str) -> str:
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo is None else moment.astimezone(UTC)).strftime(
            "%Y-%m-%dT%H:%MZ"
        )
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def _text(message: EmailMessage) -> str:
    try:
        body = message.get_body(("plain", "html"))
        if body is None:
            return ""
        text = _decoded(body)
        return _plain(text) if body.get_content_type() == "text/html" else text
    except Exception:  # the same for broken structure
        return "(this mail's text cannot be read)"


def _decoded(part: MIMEPart) -> str:
    try:
        return str(part.get_content())
    except LookupError:  # a charset that nobody knows
        return bytes(part.get_payload(decode=True) or b"").decode("ascii", "replace")


def _attachments(message: EmailMessage) -> tuple[str, ...]:
    try:
        names = [part.get_filename() or "unnamed" for part in message.iter_attachments()]
    except Exception:
        return ("(unreadable)",)
    return tuple(_clean(" ".join(name.split())) for name in names)


class _Words(HTMLParser):
    """Collects the words of an HTML mail; scripts, styles and markup are dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag in {"script", "style", "head"}:
            self._hidden += 1
        elif tag in {"br", "p", "div", "tr", "li", "h1", "h2", "h3"}:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style", "head"} and self._hidden:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)


def _plain(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    lines = (" ".join(line.split()) for line in "".join(words.pieces).splitlines())
    return "\n".join(line for line in lines if line)

"""A real SMTP server on this machine that keeps what it is given and passes nothing on."""

from __future__ import annotations

import mailbox
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

_RECIPIENTS = "X-Envelope-To"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail that arrived.

    Attributes:
        recipients: The addresses of the envelope: who really got it.
        subject: Its subject.
        text: Its text.
    """

    recipients: tuple[str, ...]
    subject: str
    text: str


class MailSink:
    """An SMTP server on a free port of 127.0.0.1, as a context manager.

    What arrives goes to an mbox file before the client is told that it was
    taken, so that another process sees it too.

    Args:
        path: The mbox file. It need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._controller: _FreePort | None = None

    @property
    def port(self) -> int:
        """The port.

        Raises:
            RuntimeError: The server is not running.
        """
        if self._controller is None:
            raise RuntimeError("the mail sink is not running: use it in a with statement")
        return int(self._controller.port)

    def delivered(self) -> tuple[Delivered, ...]:
        """Return every mail that ever arrived, in order."""
        return tuple(_stored(self._path))

    def __enter__(self) -> MailSink:
        # Named, so that it does not ask the DNS what this machine is called.
        controller = _FreePort(
            _Keeper(self._path), hostname="127.0.0.1", server_hostname="localhost"
        )
        controller.start()
        self._controller = controller
        return self

    def __exit__(self, *_: object) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None


class _Keeper:
    """Stores each mail; aiosmtpd calls it, one mail at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802
        message = message_from_bytes(envelope.content.replace(b"\r\n", b"\n"))
        message[_RECIPIENTS] = ", ".join(envelope.rcpt_tos)
        box = mailbox.mbox(self._path)
        try:
            box.lock()
            box.add(message)
        finally:
            box.close()
        return "250 taken"


class _FreePort(Controller):
    """Binds whichever port is free, without a moment in which another could take it."""

    def _create_server(self) -> Any:
        bound = socket.create_server(("127.0.0.1", 0))
        self.port = bound.getsockname()[1]
        return self.loop.create_server(self._factory_invoker, sock=bound)


def _stored(path: Path) -> Iterator[Delivered]:
    if not path.exists():
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            message = message_from_bytes(box.get_bytes(key), _class=EmailMessage, policy=default)
            recipients = str(message[_RECIPIENTS] or "").split(", ")
            yield Delivered(tuple(recipients), str(message["Subject"]), message.get_content())
    finally:
        box.close()
